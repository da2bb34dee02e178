"""Names of columns, changes of tables, fewer rows in place of more: decided without a database."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.exceptions import FewerRowsError, SchemaError
from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS
from airflow_provider_yeastar.warehouse.rules import (
    MAX_NAME_BYTES,
    ColumnChange,
    Shrink,
    column_changes,
    refuse_fewer_rows,
    sql_names,
)
from airflow_provider_yeastar.warehouse.tables import ORIGIN


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["Total Calls"], ["total_calls"]),
        (["report", "selection"], ["report_2", "selection_2"]),
        (["a b", "a_b", "A-B"], ["a_b", "a_b_2", "a_b_3"]),
        (["2nd"], ["_2nd"]),
        (["%", ""], ["column", "column_2"]),
        (["x" * 70, "x" * 71], ["x" * 63, "x" * 61 + "_2"]),
        (["Ж" * 40], ["ж" * 31]),
        (["order", "group"], ["order", "group"]),
    ],
    ids=["words", "names of origin", "collisions", "a digit first", "nothing left", "too long", "Cyrillic", "reserved"],
)
def test_a_key_becomes_a_name_that_databases_take(keys: list[str], names: list[str]) -> None:
    assert list(sql_names(keys, ORIGIN).values()) == names


@given(st.lists(st.text(max_size=100), unique=True, max_size=8))
def test_names_are_short_and_differ(keys: list[str]) -> None:
    names = list(sql_names(keys, ORIGIN).values())
    assert len({*names, *ORIGIN}) == len(keys) + len(ORIGIN)
    assert all(0 < len(name.encode()) <= MAX_NAME_BYTES for name in names)


@pytest.mark.parametrize("report_type", REPORT_COLUMNS)
def test_columns_of_built_in_reports_keep_the_vendor_s_names(report_type: str) -> None:
    keys = [column.key for column in REPORT_COLUMNS[report_type]]
    assert sql_names(keys, ORIGIN) == {key: key for key in keys}


WANTED = ["queue", "calls"]


@pytest.mark.parametrize(
    ("on_schema_change", "there", "change"),
    [
        ("evolve", [*ORIGIN, "queue", "old"], ColumnChange(added=("calls",))),
        ("drop", [*ORIGIN, "queue", "old"], ColumnChange(left_out=("calls",))),
        ("freeze", [*ORIGIN, "queue", "calls"], ColumnChange()),
    ],
)
def test_columns_that_a_table_lacks(on_schema_change: str, there: list[str], change: ColumnChange) -> None:
    assert column_changes("t", WANTED, there, ORIGIN, on_schema_change) == change


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([*ORIGIN, "queue"], "t lacks calls"),
        ([*ORIGIN, *WANTED, "old"], "t has old"),
        ([*ORIGIN, "queue", "old"], "lacks calls and has old"),
        (["queue", "calls"], "was not made by this operator"),
    ],
    ids=["new", "vanished", "both", "another's"],
)
def test_a_frozen_table_takes_no_difference(there: list[str], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        column_changes("t", WANTED, there, ORIGIN, "freeze")


BEGINS = datetime(2026, 11, 22)


@given(
    old=st.integers(0, 20),
    new=st.integers(0, 20),
    oldest=st.sampled_from([None, datetime(2026, 1, 1), BEGINS, datetime(2026, 11, 22, 0, 0, 1)]),
    allowed=st.booleans(),
    tolerance=st.sampled_from([None, 0.0, 0.5, 1.0]),
)
def test_fewer_rows_replace_more_only_by_the_rule(
    old: int, new: int, oldest: datetime | None, allowed: bool, tolerance: float | None
) -> None:
    forgotten = oldest is None or oldest > BEGINS
    too_many = tolerance is not None and old - new > tolerance * old
    refused = new < old and not allowed and (new == 0 or forgotten or too_many)
    asked: list[int] = []

    def oldest_call() -> datetime | None:
        asked.append(1)
        return oldest

    counts = f"holds {old} {'row' if old == 1 else 'rows'}, and the PBX's answer {new}"
    with pytest.raises(FewerRowsError, match=counts) if refused else nullcontext():
        refuse_fewer_rows("The day", old, new, BEGINS, Shrink(allowed, tolerance), oldest_call)
    if new >= old or allowed or new == 0:
        assert not asked
