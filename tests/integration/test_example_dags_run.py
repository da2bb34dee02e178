"""The example DAG as a whole: Airflow runs it in a process of its own, against a simulated PBX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_provider_yeastar.simulator import PbxSimulator

ROOT = Path(__file__).parent.parent.parent
DAG_ID = "yeastar_nightly_warehouse_load"
RUN_DATE = "2026-11-23"
SECONDS = 180


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home with a database, for all runs of this module."""
    home = tmp_path_factory.mktemp("airflow")
    done = airflow(home, {}, "db", "migrate")
    assert done.returncode == 0, done.stdout
    return home


def airflow(home: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        # The package need not be installed to be tested.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env={**os.environ, **settings, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def run_example(home: Path, pbx: PbxSimulator) -> subprocess.CompletedProcess[str]:
    connection = {
        "conn_type": "yeastar",
        "schema": pbx.scheme,
        "host": pbx.host,
        "port": pbx.port,
        "login": pbx.client_id,
        "password": pbx.client_secret,
        "extra": {"timezone": pbx.settings.timezone},
    }
    environment = {
        "AIRFLOW_CONN_YEASTAR_DEFAULT": json.dumps(connection),
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
