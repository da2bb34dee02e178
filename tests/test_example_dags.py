"""The example DAGs: they parse anywhere, and are put together as they say."""

from __future__ import annotations

import socket
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.triggers import base

from airflow_provider_yeastar.compat import AirflowSkipException, Asset
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import FileExpiredError
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from airflow_provider_yeastar.triggers.call_event import YeastarCallEventTrigger
from airflow_provider_yeastar.triggers.report_event import YeastarReportEventTrigger
from tests.examples import EXAMPLES, FOLDER, PARTITIONS, import_example, needs_partitions
from tests.integration.support import outlet_events

EVENT_DRIVEN = "yeastar_event_driven"


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


@pytest.mark.parametrize("name", ["yeastar_nightly_warehouse_load", "yeastar_nightly_postgres_load"])
def test_a_nightly_load_is_short_and_loads_by_the_operator(name: str) -> None:
    dag = getattr(import_example(name), name)()
    assert {type(task) for task in dag.tasks} == {YeastarReportToSqlOperator}
    assert len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 40


def test_calls_are_loaded_short_and_by_the_operator() -> None:
    (task,) = import_example("yeastar_nightly_calls_postgres").yeastar_nightly_calls_postgres().tasks
    assert isinstance(task, YeastarCdrToSqlOperator)
    assert len((FOLDER / "yeastar_nightly_calls_postgres.py").read_text(encoding="utf-8").splitlines()) < 40


def test_a_duckdb_file_has_one_writer_at_a_time() -> None:
    dag = import_example("yeastar_nightly_warehouse_load").yeastar_nightly_warehouse_load()
    first, second = dag.topological_sort()
    assert second.task_id in first.downstream_task_ids
    assert dag.max_active_runs == 1


def test_missing_days_are_loaded_one_at_a_time_by_the_same_request() -> None:
    dag = import_example("yeastar_missing_days").yeastar_missing_days()
    assert dag.get_task("load_day").max_active_tis_per_dag == 1
    assert dag.get_task("find_missing_days").table == "queue_performance"


def test_one_expired_file_keeps_no_other_from_being_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    example = import_example(EVENT_DRIVEN)
    if not hasattr(example, EVENT_DRIVEN):
        pytest.skip("assets are watched from Airflow 3 on")
    fetched: list[str] = []

    def download(self: YeastarHook, url: str, destination: str) -> str:
        if url == "gone":
            raise FileExpiredError("The file is no longer served")
        fetched.append(url)
        return destination

    monkeypatch.setattr(YeastarHook, "download_file", download)
    payloads = [{"yeastar_conn_id": "pbx", "download_resource_url": url} for url in ("gone", "there")]
    events = {"asset": [SimpleNamespace(extra={"payload": payload}) for payload in payloads]}
    task = getattr(example, EVENT_DRIVEN)().get_task("fetch_announced")

    with pytest.raises(ExceptionGroup, match="1 of 2 reports"):
        task.python_callable(triggering_asset_events=events)
    assert fetched == ["there"]


def test_the_event_driven_dag_watches_a_pbx_and_does_no_harm_to_airflow_2() -> None:
    example = import_example(EVENT_DRIVEN)

    if not hasattr(base, "BaseEventTrigger"):
        assert not hasattr(example, EVENT_DRIVEN)
        return
    (watcher,) = example.finished_reports.watchers
    assert isinstance(watcher.trigger, YeastarReportEventTrigger)
    assert getattr(example, EVENT_DRIVEN)().dag_id == EVENT_DRIVEN


SITES = "yeastar_sites_then_warehouse"


def test_the_dag_of_all_sites_does_no_harm_to_airflow_before_3_3() -> None:
    assert hasattr(import_example(SITES), SITES) == PARTITIONS


@needs_partitions
class TestAllSites:
    def test_a_day_runs_once_all_sites_have_told_of_it(self) -> None:
        example = import_example(SITES)
        condition = getattr(example, SITES)().timetable.asset_condition

        assert type(condition).__name__ == "AssetAll"
        assert [asset.name for asset in condition.objects] == [f"{site}_queues" for site in example.SITES]

    @pytest.mark.parametrize(
        ("changed", "days"),
        [([True, False, True], ["2026-11-22T00:00:00", "2026-11-20T00:00:00"]), ([False] * 3, None)],
        ids=["some", "none"],
    )
    def test_a_site_tells_of_the_days_that_changed(self, changed: list[bool], days: list[str] | None) -> None:
        asset = Asset("berlin")
        task = import_example(SITES).site_dag("yeastar_berlin", asset).get_task("tell_days")
        events = outlet_events()
        report = {
            "periods": [
                {"period_start": f"2026-11-{day}T00:00:00", "changed": change}
                for day, change in zip((22, 21, 20), changed, strict=True)
            ]
        }

        if days is None:
            with pytest.raises(AirflowSkipException):
                task.python_callable(report, outlet_events=events)
            return
        task.python_callable(report, outlet_events=events)
        assert events[asset].partition_keys == set(days)


def test_calls_are_watched_and_a_busy_hour_is_no_thousand_runs() -> None:
    example = import_example("yeastar_calls_as_they_end")

    if not hasattr(base, "BaseEventTrigger"):
        assert not hasattr(example, "yeastar_calls_as_they_end")
        return
    (watcher,) = example.ended_calls.watchers
    assert isinstance(watcher.trigger, YeastarCallEventTrigger)
    assert (watcher.trigger.max_calls, watcher.trigger.max_seconds) == (10_000, 60)
    assert example.yeastar_calls_as_they_end().max_active_runs == 1
