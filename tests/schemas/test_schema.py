"""Rows made to fit a schema, and what is told of what does not."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.exceptions import SchemaError
from airflow_provider_yeastar.files.rows import encoded_rows
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.rows import flattened_rows
from airflow_provider_yeastar.schemas.arrow import arrow_columns
from airflow_provider_yeastar.schemas.calls import CALL_SCHEMAS
from airflow_provider_yeastar.schemas.columns import COLUMN_TYPES
from airflow_provider_yeastar.schemas.protection import Protection
from airflow_provider_yeastar.schemas.result import ReportRows
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows, check_schema_arguments

MISSED = Schema.of("unreturnmisscall")
MINE = Schema.of(None, {"queue": "text", "calls": "integer"}, label="my_report_3")


def fitted(rows: list[dict[str, Any]], schema: Schema = MINE, **options: Any) -> SchemaRows:
    return SchemaRows(rows, schema, **options)


class TestValues:
    def test_every_row_has_every_column_in_the_schema_s_order(self) -> None:
        rows = fitted([{"calls": 1}, {"queue": "Sales"}])
        assert [list(row.items()) for row in rows] == [
            [("queue", None), ("calls", 1)],
            [("queue", "Sales"), ("calls", None)],
        ]

    @pytest.mark.parametrize("nothing", [None, "", " ", "-", "--", "\N{EN DASH}", float("nan"), "NaN"])
    def test_what_means_nothing_is_no_value(self, nothing: object) -> None:
        assert list(fitted([{"queue": "x", "calls": nothing}])) == [{"queue": "x", "calls": None}]

    def test_a_value_that_does_not_fit_is_named_with_what_to_do(self) -> None:
        with pytest.raises(SchemaError, match=r"calls of the report my_report_3 is integer, and holds 'x+….*columns="):
            list(fitted([{"calls": "x" * 500}]))

    def test_calls_have_no_argument_for_columns_and_may_leave_one_out(self) -> None:
        rows = [{"new_id": "1", "timestamp": "soon"}]
        schema = CALL_SCHEMAS["v1.0"]
        with pytest.raises(SchemaError, match=r'holds .soon.*Leave it out with protect=\{"timestamp": "drop"\}'):
            list(fitted(rows, schema))

        (row,) = fitted(rows, schema, protection=Protection({"timestamp": "drop"}))
        assert row["new_id"] == "1"
        assert "timestamp" not in row

    def test_a_caller_may_know_better(self) -> None:
        schema = Schema.of("queueperformance", {"average_waiting_time": "decimal", "mood": "text"})
        (row,) = fitted([{"average_waiting_time": 17.94, "mood": 7}], schema)
        assert (row["average_waiting_time"], row["mood"]) == (17.94, "7")
        assert not fitted([{"mood": 7}], schema).drift.unknown

    @pytest.mark.parametrize(
        ("display", "text"),
        [
            (DisplayFormat("DD/MM/YYYY", "hh:mm:ss"), "05/11/2026 20:00:00"),
            (DisplayFormat("MM-DD-YYYY", "hh:mm:ss AM"), "11-05-2026 08:00:00 PM"),
        ],
    )
    def test_times_are_read_in_the_display_format_of_the_pbx(self, display: DisplayFormat, text: str) -> None:
        (row,) = fitted([{"time": text}], MISSED, display=lambda: display)
        assert row["time"] == "2026-11-05T20:00:00"

    def test_a_time_of_which_day_and_month_are_not_known_is_refused(self) -> None:
        with pytest.raises(SchemaError, match="time of the report unreturnmisscall is timestamp"):
            list(fitted([{"time": "05/11/2026 20:00:00"}], MISSED))


class TestDrift:
    ROWS = [{"queue": "Sales", "calls": 1}, {"queue": "Support", "calls": 2, "new_rate": "5%", "mood": 1}]  # noqa: RUF012

    def test_an_unknown_column_is_kept_typed_by_name_and_told(self) -> None:
        rows = fitted(self.ROWS)
        assert rows.drift.unknown == ("new_rate", "mood")
        assert list(rows)[1] == {"queue": "Support", "calls": 2, "new_rate": 5.0, "mood": "1"}

    def test_drop_leaves_it_out_and_tells_of_it(self) -> None:
        rows = fitted(self.ROWS, on_schema_change="drop")
        assert rows.drift.unknown == ("new_rate", "mood")
        assert [column.key for column in rows.columns] == ["queue", "calls"]

    @pytest.mark.parametrize(
        ("rows", "words"), [(ROWS, "new_rate, mood"), ([{"queue": "x"}], "no longer: calls")], ids=["new", "vanished"]
    )
    def test_freeze_refuses_it(self, rows: list[dict[str, Any]], words: str) -> None:
        with pytest.raises(SchemaError, match=words):
            fitted(rows, on_schema_change="freeze")

    def test_of_many_columns_the_first_are_told_and_all_are_kept(self) -> None:
        rows = [{f"new_{number}": 1 for number in range(3_000)}]

        with pytest.raises(SchemaError, match=r"new_0, new_1, .*, new_49, … and 2950 more \(") as error:
            fitted(rows, on_schema_change="freeze")
        assert len(str(error.value)) < 1_000
        found = fitted(rows)
        assert found.drift.told[-2:] == ["new_49", "… and 2950 more"]
        assert len(found.drift.unknown) == 3_000

    def test_an_empty_report_has_lost_no_column(self) -> None:
        assert fitted([], on_schema_change="freeze").count == 0

    @pytest.mark.parametrize(
        ("change", "columns", "words"),
        [("keep", None, "evolve, freeze, drop"), ("drop", {"a": "int"}, "'int'"), ("drop", ["a"], "no mapping")],
    )
    def test_arguments_that_mean_nothing_are_refused(self, change: str, columns: Any, words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words):
            check_schema_arguments(change, columns)


class TestProtection:
    def test_numbers_are_hidden_before_anyone_sees_a_row(self) -> None:
        hidden = Protection({"call_from": "hmac", "call_to": "mask", "did_number": "drop"}, "a secret of some length")
        answer = [
            {"call_from": number, "call_to": "6400", "did_number": "030", "call_from_name": "x"} for number in ("1", 1)
        ]
        rows = fitted(answer, MISSED, protection=hidden)

        first, second = list(rows)
        assert first["call_from"] == second["call_from"] != "1"
        assert len(str(first["call_from"])) == 64
        assert first["call_to"] == "*400"
        assert "did_number" not in first
        assert first["call_from_name"] != "x"

    @pytest.mark.parametrize("way", ["hmac", "mask", "drop"])
    def test_a_number_is_nowhere_in_columns_that_are_not_declared(self, way: str) -> None:
        number = "3055501001"
        calls = [
            {"call_from": f"Ann<{number}>", "call_from_number": number, "mood": "good"},
            {"call_from": int(number)},
        ]
        answer = flattened_rows(
            [
                {"call_from": "1001", "detail": calls, "recall_from": "x"},
                {"call_from": "1001", "origin": {"legs": [calls, None], "call_from": number}, "kinds": ["a", 1]},
                {"call_from": "1001", "last": {"call_from_name": number}, "origin": number[:-3]},
            ]
        )

        rows = fitted(answer, MISSED, protection=Protection({"call_from": way}, "a secret of some length"))

        assert number not in str(list(rows)) + str(rows.sparse()) + str(list(rows.batches(arrow_columns)))
        assert number[:-3] in str(list(rows))
        assert {row["recall_from"] for row in rows} == {"x", None}
        assert {row["kinds"] for row in rows} == {'["a", 1]', None}

    def test_a_hidden_column_is_text(self) -> None:
        rows = fitted([{"calls": 12}], protection=Protection({"calls": "mask"}))
        assert [(column.key, column.type) for column in rows.columns] == [("queue", "text"), ("calls", "text")]
        assert list(rows) == [{"queue": None, "calls": "**"}]


_NIGHT = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "queue": st.sampled_from(["Sales", "", "0302", 1001, None]),
            "queue_num": st.sampled_from(["6400", 6400, "0302", None]),
            "total_calls": st.one_of(st.none(), st.integers(0, 99), st.just("12")),
            "answered_rate": st.one_of(st.none(), st.sampled_from([77.14, 100, "50.00%", "-"])),
            "average_waiting_time": st.one_of(st.none(), st.integers(0, 99), st.just("00:00:17")),
            "new_calls": st.integers(0, 9),
            "mood": st.sampled_from(["good", 1, None]),
        },
    ),
    max_size=4,
)


@given(st.lists(_NIGHT, min_size=2, max_size=5))
def test_files_of_all_nights_are_one_table(nights: list[list[dict[str, Any]]]) -> None:
    tables = [ReportRows(SchemaRows(night, Schema.of("queueperformance"))).to_arrow() for night in nights]
    types: dict[str, str] = {}
    for table in tables:
        for field in table.schema:
            assert types.setdefault(field.name, str(field.type)) == str(field.type)
    declared = [column.key for column in Schema.of("queueperformance").columns]
    assert all(table.schema.names[: len(declared)] == declared for table in tables)


def test_duckdb_takes_rows_in_one_line() -> None:
    calls = ReportRows(fitted([{"queue": "Sales", "calls": 3}, {"queue": "Support", "calls": 4}])).to_arrow()
    with duckdb.connect() as db:
        db.register("calls", calls)
        assert db.execute("SELECT sum(calls) FROM calls").fetchall() == [(7,)]


def test_rows_in_memory_have_the_keys_that_were_sent() -> None:
    rows = ReportRows(fitted([{"calls": "3", "mood": 1}]))
    assert rows == [{"calls": 3, "mood": "1"}]
    assert rows.unknown_columns == ("mood",)
    assert list(rows.to_pandas().columns) == ["queue", "calls", "mood"]
    assert json.loads(b"".join(encoded_rows(rows.columns, rows, "ndjson"))) == {"queue": None, "calls": 3, "mood": "1"}


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([1.0, 2.5, -0.0, float("nan")]),
    st.sampled_from(["x", " x", "-", "", "1", "NaN", "ü\0", "\ud800", "50.00%", "00:00:17", "2026/02/30 08:00:00"]),
    st.sampled_from(["2026/11/22 08:00:00", "2026-11-22T20:00:00", "2026.11.22 08:00:00 PM", "2026/11/22 08:00:00\n"]),
)


@given(
    st.sampled_from(COLUMN_TYPES),
    st.one_of(st.lists(_VALUES), st.lists(st.text(max_size=3)), st.lists(st.datetimes().map(str))),
)
def test_a_value_is_the_same_alone_and_among_others(kind: str, values: list[Any]) -> None:
    """Batches of one type are converted all at once, or looked up."""
    schema = Schema.of(None, {"a": kind})

    def converted(rows: list[dict[str, Any]]) -> Any:
        try:
            return [repr(row["a"]) for row in fitted(rows, schema)]
        except SchemaError:
            return SchemaError

    alone = [converted([{"a": value}]) for value in values]
    expected = SchemaError if SchemaError in alone else [value for found in alone for value in found]
    assert converted([{"a": value} for value in values]) == expected
