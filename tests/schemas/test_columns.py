"""Types by name, and the tables of columns."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.report.catalogue import REPORT_TYPES
from airflow_provider_yeastar.schemas.columns import COLUMN_TYPES, type_of_key
from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("new_calls", "integer"),
        ("Answered", "integer"),
        ("answered_rate", "percent"),
        ("sla", "percent"),
        ("total_hold_time", "duration"),
        ("ring_duration", "duration"),
        ("call_cost", "decimal"),
        ("login_time", "text"),
        ("time", "text"),
        ("caller", "text"),
        ("callee_number", "text"),
        ("agent_id", "text"),
        ("total_number", "text"),
        ("mood", "text"),
        ("总计", "text"),
    ],
)
def test_an_undeclared_column_is_typed_by_its_name(key: str, kind: str) -> None:
    assert type_of_key(key) == kind


def test_every_built_in_report_has_its_columns() -> None:
    assert set(REPORT_COLUMNS) == set(REPORT_TYPES)


@pytest.mark.parametrize("report_type", REPORT_COLUMNS)
def test_columns_are_named_once_and_completely(report_type: str) -> None:
    columns = REPORT_COLUMNS[report_type]
    keys = [column.key for column in columns]
    assert len(set(keys)) == len(keys)
    assert all(
        column.name and column.type in COLUMN_TYPES and column.source in {"D", "L", "I", "U"} for column in columns
    )
    assert {column.number_key for column in columns if column.number_key} <= set(keys)


@pytest.mark.parametrize("report_type", REPORT_COLUMNS)
def test_numbers_that_are_names_are_text(report_type: str) -> None:
    endings = ("num", "number", "_id", "caller", "callee", "pin")
    named = [column for column in REPORT_COLUMNS[report_type] if column.key.endswith(endings)]
    assert {column.type for column in named} <= {"text"}
