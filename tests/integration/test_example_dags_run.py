"""The example DAG as a whole: Airflow runs it in a process of its own, against a simulated PBX."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import ROOT, airflow, connection_to

DAG_ID = "yeastar_nightly_warehouse_load"
RUN_DATE = "2026-11-23"


def run_example(home: Path, pbx: PbxSimulator) -> subprocess.CompletedProcess[str]:
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(pbx),
        "YEASTAR_TIMEZONE": pbx.settings.timezone,
        "YEASTAR_WAREHOUSE": str(home / "warehouse.duckdb"),
    }
    return airflow(home, environment, "dags", "test", DAG_ID, RUN_DATE)


def table(home: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        return db.execute(f"SELECT pbx, day, queue_number, total_calls FROM {name} ORDER BY ALL").fetchall()


def test_a_run_loads_the_day_before_and_a_second_run_replaces_it(airflow_home: Path, yeastar_pbx: PbxSimulator) -> None:
    done = run_example(airflow_home, yeastar_pbx)
    assert done.returncode == 0, done.stdout
    queues, agents = table(airflow_home, "queueperformance"), table(airflow_home, "queueagentperformance")
    assert [row[:3] for row in queues] == [
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6400"),
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6401"),
    ]
    assert {row[1] for row in agents} == {date(2026, 11, 22)}
    assert len(list((airflow_home / "yeastar_reports" / "2026-11-22").glob("*.csv"))) == 2

    done = run_example(airflow_home, yeastar_pbx)
    assert done.returncode == 0, done.stdout
    assert table(airflow_home, "queueperformance") == queues
    assert table(airflow_home, "queueagentperformance") == agents
    assert len(list((airflow_home / "yeastar_reports" / "2026-11-22").glob("*.csv"))) == 2
