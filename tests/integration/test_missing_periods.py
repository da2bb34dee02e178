"""Days that a table or a folder lacks, and the tasks that fill them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.operators.missing_periods import YeastarMissingPeriodsOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from tests.integration.support import Run

REPORT = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1, 2]}}
TABLE = {"sql_conn_id": "warehouse", "table": "queues"}
# Eleven in the evening in London; in Berlin the 21st has begun.
MOMENT = datetime(2026, 11, 20, 23, tzinfo=UTC)


def run(task: Any, moment: datetime = MOMENT) -> Any:
    dag_run = SimpleNamespace(run_id="run", run_after=moment)
    return Run(task, dag_run=dag_run, data_interval_end=moment).to_the_end()


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    file = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    return f"sqlite:///{file}"


def missing(**changes: Any) -> list[str]:
    arguments: dict[str, Any] = {"task_id": "missing", "days": 4, **REPORT}
    days: list[str] = run(YeastarMissingPeriodsOperator(**arguments | changes))
    return days


def load(period: str | None = None, **window: str) -> None:
    run(YeastarReportToSqlOperator(task_id="load", period=period, **window, **REPORT, **TABLE))


def test_without_a_table_all_days_are_missing_by_the_pbx_s_clock(pbx: PbxSimulator, warehouse: str) -> None:
    assert missing(**TABLE) == ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]


def test_four_nights_off_are_filled_in_one_run(pbx: PbxSimulator, warehouse: str) -> None:
    load("2026-11-18")
    load("2026-11")  # a month is no day of it
    load(start_time="2026-11-17T12:00:00", end_time="2026-11-18T12:00:00")  # nor are halves of two days

    days = missing(**TABLE)
    assert days == ["2026-11-17", "2026-11-19", "2026-11-20"]
    for day in days:
        load(day)
    assert missing(**TABLE) == []
    assert missing(**TABLE, parameters={"queue_id_list": [1]}) == [
        "2026-11-17",
        "2026-11-18",
        "2026-11-19",
        "2026-11-20",
    ]


def test_a_day_with_few_rows_is_thin(pbx: PbxSimulator, warehouse: str) -> None:
    for day in missing(**TABLE):
        load(day)
    engine = sa.create_engine(warehouse, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM queues WHERE period_start LIKE '2026-11-19%' AND queue_num = '6400'"))
    engine.dispose()

    assert missing(**TABLE, thin=0.6) == ["2026-11-19"]
    assert missing(**TABLE, thin=0.5) == []


def test_days_are_counted_from_what_a_run_has(pbx: PbxSimulator, warehouse: str) -> None:
    """The context of a run for an asset or a partition has no moment of its own."""
    of_the_run = SimpleNamespace(run_id="run", data_interval_end=MOMENT, run_after=datetime(2026, 12, 1, tzinfo=UTC))
    task = YeastarMissingPeriodsOperator(task_id="missing", days=1, **REPORT, **TABLE)

    assert Run(task, dag_run=of_the_run).to_the_end() == ["2026-11-20"]


@pytest.mark.parametrize("folder", ["rows/", "{period}/"])
def test_a_folder_lacks_the_days_without_their_file(pbx: PbxSimulator, tmp_path: Path, folder: str) -> None:
    for day in ("2026-11-18", "2026-11-20"):
        place = f"{tmp_path}/{folder}".replace("{period}", day)
        run(YeastarCallReportRowsOperator(task_id="rows", period=day, destination=place, **REPORT))

    assert missing(destination=f"{tmp_path}/{folder}", file_format="ndjson") == ["2026-11-17", "2026-11-19"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "table or a folder"),
        ({**TABLE, "destination": "/data/"}, "table or a folder"),
        ({**TABLE, "days": 0}, "above 0"),
        ({**TABLE, "thin": 2}, "from 0 to 1"),
        ({**TABLE, "report_type": "queueperformence"}, "queueperformance"),
    ],
    ids=["nowhere", "both", "no days", "thin", "report"],
)
def test_a_mistake_is_refused_when_the_dag_is_parsed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        YeastarMissingPeriodsOperator(**{"task_id": "missing", **REPORT, **changes})
