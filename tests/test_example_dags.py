"""The example DAGs: they parse anywhere; the DuckDB load replaces what it loaded, and notices what differs."""

from __future__ import annotations

import socket
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import duckdb
import pytest
from airflow.triggers import base

from airflow_provider_yeastar.readers import ReportLayoutError
from airflow_provider_yeastar.triggers.report_event import YeastarReportEventTrigger
from tests.examples import EXAMPLES, import_example, report_file

NAME = "yeastar_nightly_warehouse_load"
EVENT_DRIVEN = "yeastar_event_driven"
DAY = "2026-11-22"
REPORT = "Queue,Total Calls,Answered Rate,Waiting\nSales<6400>,4,50.00%,00:01:00\nSupport<6401>,3,33.33%,00:00:20\n"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return import_example(NAME)


@pytest.fixture
def warehouse(tmp_path: Path) -> str:
    return str(tmp_path / "warehouse.duckdb")


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    return report_file(tmp_path, REPORT)


def rows(warehouse: str, columns: str = "queue, total_calls") -> list[tuple[Any, ...]]:
    with duckdb.connect(warehouse) as db:
        return db.execute(f"SELECT {columns} FROM queueperformance ORDER BY ALL").fetchall()


def change(warehouse: str, statement: str) -> None:
    with duckdb.connect(warehouse) as db:
        db.execute(statement)


# --- the DAGs ---


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_parses_without_a_connection_or_a_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was opened while the DAG was parsed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    dag = getattr(import_example(name), name)()
    assert dag.dag_id == name
    assert dag.tasks
    assert dag.doc_md
    assert "yeastar" in dag.tags


@pytest.mark.parametrize(
    ("today", "count"),
    [(date(2025, 1, 31), 0), (date(2025, 2, 1), 1), (date(2025, 12, 31), 11), (date(2026, 1, 1), 12)],
    ids=str,
)
def test_only_months_that_are_over_are_backfilled(today: date, count: int) -> None:
    months = import_example("yeastar_backfill_by_month").months_of(2025, today)
    assert months == [f"2025-{month:02d}" for month in range(1, count + 1)]


def test_months_are_backfilled_one_at_a_time() -> None:
    dag = import_example("yeastar_backfill_by_month").yeastar_backfill_by_month()
    assert dag.get_task("fetch_month").max_active_tis_per_dag == 1


def test_both_reports_are_fetched_by_deferring_and_loaded_before_they_are_checked(example: ModuleType) -> None:
    dag = getattr(example, NAME)()
    assert dag.get_task("fetch_queues").deferrable
    assert dag.get_task("fetch_agents").deferrable
    assert {"fetch_queues", "fetch_agents"} <= dag.get_task("load_reports").upstream_task_ids
    assert "load_reports" in dag.get_task("check_reports").upstream_task_ids


def test_two_runs_never_write_at_the_same_time(example: ModuleType) -> None:
    assert getattr(example, NAME)().max_active_runs == 1


def test_the_event_driven_dag_watches_a_pbx_and_does_no_harm_to_airflow_2() -> None:
    example = import_example(EVENT_DRIVEN)

    if not hasattr(base, "BaseEventTrigger"):
        assert not hasattr(example, EVENT_DRIVEN)
        return
    (watcher,) = example.finished_reports.watchers
    assert isinstance(watcher.trigger, YeastarReportEventTrigger)
    assert getattr(example, EVENT_DRIVEN)().dag_id == EVENT_DRIVEN


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", datetime(2026, 11, 23, 3, tzinfo=UTC), "2026-11-22"),
        ("UTC", datetime(2026, 11, 23, tzinfo=UTC), "2026-11-22"),
        ("Asia/Shanghai", datetime(2026, 11, 22, 19, tzinfo=UTC), "2026-11-22"),
        ("America/New_York", datetime(2026, 11, 23, 8, tzinfo=UTC), "2026-11-22"),
        ("America/New_York", datetime(2026, 11, 23, 3, tzinfo=UTC), "2026-11-21"),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-28"),
    ],
    ids=["at 3", "at midnight", "at 3 in Shanghai", "at 3 in New York", "at 22 in New York", "at 3 in summer's first"],
)
def test_yesterday_is_counted_by_the_clock_of_the_pbx(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, zone: str, moment: datetime, day: str
) -> None:
    monkeypatch.setattr(example, "PBX_TIMEZONE", zone)
    assert example.yesterday(SimpleNamespace(logical_date=moment)) == day


def test_a_run_without_a_logical_date_is_counted_from_when_it_was_due(example: ModuleType) -> None:
    run = SimpleNamespace(logical_date=None, run_after=datetime(2026, 11, 23, 14, tzinfo=UTC))
    assert example.yesterday(run) == "2026-11-22"


# --- loading ---


def test_rows_are_loaded_with_typed_values_and_their_origin(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    assert example.load(warehouse, DAY, report) == 2
    assert rows(warehouse, "pbx, report, day, file, queue, queue_number, total_calls, answered_rate, waiting") == [
        ("SN1", "queueperformance", date(2026, 11, 22), report["path"], "Sales", "6400", 4.0, 50.0, 60.0),
        ("SN1", "queueperformance", date(2026, 11, 22), report["path"], "Support", "6401", 3.0, 33.33, 20.0),
    ]


def test_to_load_again_replaces_and_never_duplicates(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    example.load(warehouse, DAY, report)
    Path(report["path"]).write_text(REPORT.replace("Sales<6400>,4", "Sales<6400>,9"), encoding="utf-8")
    example.load(warehouse, DAY, report)
    assert rows(warehouse) == [("Sales", 9.0), ("Support", 3.0)]


def test_other_days_and_other_pbxs_stay(example: ModuleType, warehouse: str, report: dict[str, Any]) -> None:
    example.load(warehouse, DAY, report)
    example.load(warehouse, "2026-11-21", report)
    example.load(warehouse, DAY, report | {"serial_number": "SN2"})
    example.load(warehouse, DAY, report)
    assert len(rows(warehouse)) == 6


def test_a_report_without_rows_takes_the_old_ones_away(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    example.load(warehouse, DAY, report)
    Path(report["path"]).write_text(REPORT.splitlines()[0], encoding="utf-8")
    assert example.load(warehouse, DAY, report) == 0
    assert rows(warehouse, "day") == []
    example.check(warehouse, DAY, report)


def test_a_total_row_is_not_loaded(example: ModuleType, warehouse: str, report: dict[str, Any]) -> None:
    Path(report["path"]).write_text(REPORT + "Total,7,,\n", encoding="utf-8")
    assert example.load(warehouse, DAY, report) == 2


def test_a_load_that_fails_half_way_leaves_the_old_rows(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    example.load(warehouse, DAY, report)
    Path(report["path"]).write_text(REPORT.replace("Support<6401>,3", "Support<6401>,many"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"queueperformance_2026-11-22\.csv: .*'many'"):
        example.load(warehouse, DAY, report)
    assert rows(warehouse) == [("Sales", 4.0), ("Support", 3.0)]


def test_a_day_by_another_clock_than_the_schedules_is_not_loaded(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"22\.csv is of days in America/New_York, .* YEASTAR_TIMEZONE is UTC"):
        example.load(warehouse, DAY, report | {"timezone": "America/New_York"})
    assert not Path(warehouse).exists()


def test_a_column_that_is_new_or_blank_today_does_no_harm(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    example.load(warehouse, "2026-11-21", report)
    Path(report["path"]).write_text("Queue,Total Calls,Waiting,SLA\nSales<6400>,4,-,80%\n", encoding="utf-8")
    example.load(warehouse, DAY, report)
    example.check(warehouse, DAY, report)
    assert rows(warehouse, "day, waiting, sla")[-1] == (date(2026, 11, 22), None, 80.0)


def test_a_file_that_cannot_be_read_changes_nothing(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    example.load(warehouse, DAY, report)
    Path(report["path"]).write_text("1,2,3\n", encoding="utf-8")
    with pytest.raises(ReportLayoutError, match=r"queueperformance_2026-11-22\.csv"):
        example.load(warehouse, DAY, report)
    assert len(rows(warehouse)) == 2


# --- checking ---


def test_what_was_loaded_passes_the_check(example: ModuleType, warehouse: str, report: dict[str, Any]) -> None:
    example.load(warehouse, "2026-11-21", report)
    example.load(warehouse, DAY, report)
    example.check(warehouse, DAY, report)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM queueperformance WHERE queue = 'Sales'", "rows is 2 in the file and 1"),
        ("INSERT INTO queueperformance SELECT * FROM queueperformance", "rows is 2 in the file and 4"),
        ("UPDATE queueperformance SET total_calls = total_calls + 1", "Total Calls is 7 in the file and 9.0"),
        ("UPDATE queueperformance SET waiting = NULL", "Waiting is 80 in the file and None"),
        ("UPDATE queueperformance SET day = '2026-11-20'", "rows is 2 in the file and 0"),
    ],
    ids=["a row is missing", "rows are there twice", "a figure differs", "figures are missing", "another day"],
)
def test_a_table_that_was_tampered_with_fails_the_check_and_names_the_file(
    example: ModuleType, warehouse: str, report: dict[str, Any], statement: str, what: str
) -> None:
    example.load(warehouse, DAY, report)
    change(warehouse, statement)
    with pytest.raises(ValueError, match=what) as caught:
        example.check(warehouse, DAY, report)
    assert report["path"] in str(caught.value)


def test_a_table_that_lost_a_column_fails_the_check_and_names_the_file(
    example: ModuleType, warehouse: str, report: dict[str, Any]
) -> None:
    example.load(warehouse, DAY, report)
    change(warehouse, "ALTER TABLE queueperformance DROP COLUMN waiting")
    with pytest.raises(ValueError, match=r"queueperformance_2026-11-22\.csv: .*waiting"):
        example.check(warehouse, DAY, report)
