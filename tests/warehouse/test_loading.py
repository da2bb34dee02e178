"""A period in a table: whole or as before, on every database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.exceptions import DestinationError, FewerRowsError, SchemaError, TaskKilledError
from airflow_provider_yeastar.schemas.schema import Schema
from airflow_provider_yeastar.warehouse.loading import load_period, look_at_table
from airflow_provider_yeastar.warehouse.rules import Shrink
from tests.warehouse.loads import ROWS, TABLE, a_load, table

AT_ONCE: dict[str, Any] = {"until": 0.0, "killed": lambda: False}


class TestOneLoad:
    def test_rows_are_there_with_their_types_and_origin(self, engine: sa.engine.Engine) -> None:
        loaded = load_period(engine, a_load(ROWS))

        assert (loaded.rows, loaded.replaced, loaded.changed, loaded.others) == (2, 0, True, 0)
        found = table(engine, "queue, calls, rate, pbx_serial_number, report, selection, source_sha256, dag_run_id")
        same = ("SN1", "queueperformance", "s1", "a" * 64, "scheduled__2026-11-23")
        assert found == sorted([("Sales", 4, 77.14, *same), ("Продажи : '\"%s", None, 50.0, *same)], key=repr)
        figures = table(engine, "calls, charge, time, period_start")
        ((_, charge, moment, begins),) = [row for row in figures if row[0] == 4]
        assert float(charge) == 1.1
        assert str(moment).startswith("2026-11-22 08:00:00")
        assert str(begins).startswith("2026-11-22 00:00:00")

    def test_again_replaces_that_pbx_report_period_and_selection_alone(self, engine: sa.engine.Engine) -> None:
        others = [
            {"pbx_serial_number": "SN2"},
            {"report": "ivr"},
            {"selection": "s2"},
            {"period_start": datetime(2026, 11, 21), "period_end": datetime(2026, 11, 21, 23, 59, 59)},
        ]
        for other in others:
            load_period(engine, a_load(ROWS[:1], **other))
        load_period(engine, a_load(ROWS))
        loaded = load_period(engine, a_load([{"queue": "New", "calls": 1}, {"queue": "Newer", "calls": 2}]))

        assert (loaded.replaced, loaded.others) == (2, 1)
        assert table(engine) == [("New", 1), ("Newer", 2)] + [("Sales", 4)] * len(others)

    def test_a_whole_period_is_replaced_whatever_its_selection(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS[:1], selection="s2"))
        load_period(engine, a_load(ROWS[:1], replace="period"))
        assert table(engine, "selection") == [("s1",)]

    def test_no_rows_make_a_table_all_the_same(self, engine: sa.engine.Engine) -> None:
        assert load_period(engine, a_load([])).rows == 0
        assert table(engine) == []

    def test_many_rows_come_in_batches_and_are_counted(self, engine: sa.engine.Engine) -> None:
        rows = [{"queue": f"Q{number}", "calls": number} for number in range(5_001)]
        assert load_period(engine, a_load(rows)).rows == 5_001
        assert table(engine, "count(*), sum(calls)") == [(5_001, 5_000 * 5_001 // 2)]

    def test_an_equal_answer_is_left_alone_where_only_changes_count(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS))
        again = load_period(engine, a_load(ROWS, only_changes=True, dag_run_id="later"))
        changed = load_period(engine, a_load(ROWS, only_changes=True, source_sha256="b" * 64, dag_run_id="later"))

        assert (again.changed, changed.changed) == (False, True)
        assert table(engine, "dag_run_id") == [("later",), ("later",)]

    def test_rows_of_another_kind_in_the_table_are_refused(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS, report="cdr v1.0"))

        with pytest.raises(SchemaError, match=r"holds rows of cdr v1\.0, and a row of cdr v2\.0 is something else"):
            load_period(engine, a_load(ROWS, report="cdr v2.0", apart_from=("cdr v1.0",)))

        assert len(table(engine)) == len(ROWS)
        assert load_period(engine, a_load(ROWS, report="cdr v1.0", apart_from=("cdr v2.0",))).rows == len(ROWS)


class TestColumns:
    NEW = Schema.of(None, {"queue": "text", "calls": "integer", "order": "integer", "Größe (MB)": "integer"})

    def test_a_new_column_is_added(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS))
        load_period(engine, a_load([{"queue": "x", "order": 1, "Größe (MB)": 2}] * 2, row_schema=self.NEW))
        with engine.connect() as connection:
            quoted = sa.table(TABLE, sa.column("queue"), sa.column("order"), sa.column("größe_mb"), sa.column("rate"))
            assert set(map(tuple, connection.execute(sa.select(quoted)))) == {("x", 1, 2, None)}

    def test_drop_leaves_it_out(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS))
        load_period(engine, a_load([{"queue": "x", "order": 1}] * 2, row_schema=self.NEW, on_schema_change="drop"))
        with pytest.raises(sa.exc.DBAPIError):
            table(engine, "größe_mb")
        assert table(engine, "queue") == [("x",), ("x",)]

    def test_freeze_refuses_it_and_changes_nothing(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS))
        with pytest.raises(SchemaError, match=r"lacks order, größe_mb and has charge, rate, time, which the report"):
            load_period(engine, a_load([{"queue": "x"}] * 2, row_schema=self.NEW, on_schema_change="freeze"))
        assert ("Sales", 4) in table(engine)

    @pytest.mark.parametrize(
        ("before", "now", "value"),
        [("integer", "text", "0302"), ("percent", "text", "1.10"), ("integer", "decimal", 1.5)],
        ids=["a number loses its zeros", "a version its last one", "a decimal is rounded"],
    )
    def test_a_column_whose_type_changes_the_values_is_refused(
        self, engine: sa.engine.Engine, before: str, now: str, value: Any
    ) -> None:
        if engine.dialect.name == "sqlite" and now == "decimal":
            pytest.skip("SQLite rounds nothing: its columns take any value")
        load_period(engine, a_load([{"queue": "Sales", "calls": 4}], row_schema=Schema.of(None, {"calls": before})))

        with pytest.raises(SchemaError, match=f"keeps the column calls as another type than {now}"):
            load_period(engine, a_load([{"calls": None}, {"calls": value}], row_schema=Schema.of(None, {"calls": now})))

        assert [int(calls) for (calls,) in table(engine, "calls")] == [4]

    def test_a_table_of_someone_else_is_refused(self, engine: sa.engine.Engine) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text(f"CREATE TABLE {TABLE} (queue VARCHAR(9))"))
        with pytest.raises(SchemaError, match="was not made by this operator"):
            look_at_table(engine, TABLE, None, **AT_ONCE)
        with pytest.raises(SchemaError, match="was not made by this operator"):
            load_period(engine, a_load(ROWS))


class TestNeverMoreByLess:
    @pytest.mark.parametrize(
        ("rows", "changes", "words"),
        [
            ([], {}, "holds 2 rows, and the PBX's answer 0"),
            (ROWS[:1], {"oldest_call": lambda: datetime(2026, 11, 22, 12)}, "holds 2 rows, and the PBX's answer 1"),
            (ROWS[:1], {"oldest_call": lambda: None}, "answer 1"),
            (ROWS[:1], {"shrink": Shrink(tolerance=0.4)}, "more than `shrink_tolerance` 0.4 would go"),
        ],
        ids=["nothing", "older than the oldest call", "no calls at all", "beyond the tolerance"],
    )
    def test_fewer_rows_are_refused_and_the_old_ones_stay(
        self, engine: sa.engine.Engine, rows: list[dict[str, Any]], changes: dict[str, Any], words: str
    ) -> None:
        load_period(engine, a_load(ROWS))
        with pytest.raises(FewerRowsError, match=words):
            load_period(engine, a_load(rows, **changes))
        assert len(table(engine)) == 2
        assert load_period(engine, a_load(rows, **changes | {"shrink": Shrink(allowed=True)})).rows == len(rows)
        assert len(table(engine)) == len(rows)

    @pytest.mark.parametrize("shrink", [Shrink(), Shrink(tolerance=0.5)], ids=repr)
    def test_fewer_rows_for_another_reason_replace_more(self, engine: sa.engine.Engine, shrink: Shrink) -> None:
        load_period(engine, a_load(ROWS))
        assert load_period(engine, a_load(ROWS[:1], shrink=shrink)).rows == 1


class TestWhatFails:
    def test_a_killed_task_leaves_the_old_rows(self, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS))
        with pytest.raises(TaskKilledError):
            load_period(engine, a_load(ROWS[::-1], killed=lambda: True))
        assert ("Sales", 4) in table(engine)

    def test_a_value_that_the_column_does_not_take_leaves_the_old_rows(self, engine: sa.engine.Engine) -> None:
        if engine.dialect.name == "sqlite":
            pytest.skip("SQLite's columns take any value")
        too_long = "x" * 300
        load_period(engine, a_load(ROWS))
        with pytest.raises(DestinationError, match=f"The table {TABLE} cannot be loaded") as caught:
            load_period(engine, a_load(ROWS, dag_run_id=None if engine.dialect.name == "duckdb" else too_long))
        assert too_long not in str(caught.value)
        assert ("Sales", 4) in table(engine)

    def test_a_database_that_is_not_there_is_said_without_a_password(self) -> None:
        pytest.importorskip("psycopg2")
        nowhere = sa.create_engine("postgresql+psycopg2://airflow:secret-word@127.0.0.1:1/db")
        with pytest.raises(DestinationError, match="refused") as caught:
            look_at_table(nowhere, TABLE, None, **AT_ONCE)
        assert "secret-word" not in str(caught.value)
