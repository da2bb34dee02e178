"""The example DAGs as a whole: Airflow runs them in a process of its own, against a simulated PBX."""

from __future__ import annotations

import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import ROOT, airflow, connection_to

RUN_DATE = "2026-11-23"


def run_example(home: Path, pbx: PbxSimulator, dag_id: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(pbx),
        "YEASTAR_TIMEZONE": pbx.settings.timezone,
        "YEASTAR_WAREHOUSE": str(home / "warehouse.duckdb"),
    }
    return airflow(home, environment, "dags", "test", dag_id, RUN_DATE, *options)


def table(home: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        return db.execute(f"SELECT pbx, day, queue_number, total_calls FROM {name} ORDER BY ALL").fetchall()


def test_a_run_loads_the_day_before_and_a_second_run_replaces_it(airflow_home: Path, yeastar_pbx: PbxSimulator) -> None:
    done = run_example(airflow_home, yeastar_pbx, "yeastar_nightly_warehouse_load")
    assert done.returncode == 0, done.stdout
    queues, agents = table(airflow_home, "queueperformance"), table(airflow_home, "queueagentperformance")
    assert [row[:3] for row in queues] == [
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6400"),
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6401"),
    ]
    assert {row[1] for row in agents} == {date(2026, 11, 22)}
    assert len(list((airflow_home / "yeastar_reports" / "2026-11-22").glob("*.csv"))) == 2

    done = run_example(airflow_home, yeastar_pbx, "yeastar_nightly_warehouse_load")
    assert done.returncode == 0, done.stdout
    assert table(airflow_home, "queueperformance") == queues
    assert table(airflow_home, "queueagentperformance") == agents
    assert len(list((airflow_home / "yeastar_reports" / "2026-11-22").glob("*.csv"))) == 2


def test_every_queue_of_the_pbx_has_its_file(airflow_home: Path, yeastar_pbx: PbxSimulator) -> None:
    done = run_example(airflow_home, yeastar_pbx, "yeastar_all_queues")

    assert done.returncode == 0, done.stdout
    files = list((airflow_home / "yeastar_reports" / "all_queues" / "2026-11-22").iterdir())
    assert {number for file in files for number in re.findall(r"<(64\d\d)>", file.read_text("utf-8-sig"))} == {
        queue.number for queue in yeastar_pbx.settings.directory.queues
    }
    assert len(files) == 3


def test_a_year_is_backfilled_by_month(airflow_home: Path, yeastar_pbx: PbxSimulator) -> None:
    chosen = ("--conf", '{"year": 2025, "queues": "Sales,6401"}')
    done = run_example(airflow_home, yeastar_pbx, "yeastar_backfill_by_month", *chosen)

    assert done.returncode == 0, done.stdout
    files = {path.name[:-13]: path for path in (airflow_home / "yeastar_reports" / "backfill" / "2025").iterdir()}
    assert sorted(files) == [f"queueperformanceactivity_2025-{month:02d}" for month in range(1, 13)]
    # A header, and each day for each of the two queues.
    assert len(files["queueperformanceactivity_2025-02"].read_text().splitlines()) == 1 + 28 * 2
