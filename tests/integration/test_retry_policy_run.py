"""The retry policy under a real Airflow: what its task runner asks, and what its database says of the next try."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import NetworkError, TokenCapError
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.examples import needs_retry_policies
from tests.integration.support import connection_to, start_airflow
from tests.patience import PATIENCE_SECONDS

pytestmark = needs_retry_policies

DAG_FILE = """
from datetime import UTC, datetime, timedelta
from airflow.sdk import DAG, task
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.waiting import bounds
from airflow_provider_yeastar.policies.retry import YeastarRetryPolicy
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor

bounds.retry_delay = lambda attempt, chance: 3600.0  # a wait ends with its first failure
REPORT = {"report_type": "queueperformance", "period": "2026-11-20", "parameters": {"queue_id_list": [1]}}
RETRIES = {"retries": 3, "retry_delay": timedelta(hours=1), "retry_policy": YeastarRetryPolicy()}
with DAG("retrying", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=RETRIES):
    YeastarCallReportOperator(
        task_id="deferred", yeastar_conn_id="full", destination="@OUT@/", wait_timeout=60, deferrable=True, **REPORT
    )
    YeastarCallReportOperator(
        task_id="on_worker", yeastar_conn_id="away", destination="@OUT@/", wait_timeout=60, **REPORT
    )
    YeastarCallReportOperator(task_id="operator", yeastar_conn_id="wrong", destination="@OUT@/", **REPORT)
    YeastarCallReportSensor(task_id="soft_sensor", yeastar_conn_id="wrong", soft_fail=True, **REPORT)

    @task
    def with_hook():
        with YeastarHook("wrong").get_conn() as client:
            client.get_information()

    @task
    def others():
        raise ValueError("no error of ours")

    with_hook()
    others()
"""


@pytest.fixture(scope="module")
def full() -> Iterator[PbxSimulator]:
    """A PBX whose tokens are all taken, for good."""
    with PbxSimulator(SimulatorSettings(token_cap=0)) as pbx:
        yield pbx


@pytest.fixture(scope="module")
def right() -> Iterator[PbxSimulator]:
    with PbxSimulator() as pbx:
        yield pbx


@pytest.fixture(scope="module")
def output(
    airflow_home: Path, full: PbxSimulator, right: PbxSimulator, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """What Airflow prints until it has nothing more to do but wait for the next try of some of the tasks."""
    home = tmp_path_factory.mktemp("retrying")
    dags = home / "dags"
    dags.mkdir()
    (dags / "retrying.py").write_text(DAG_FILE.replace("@OUT@", str(home / "out")))
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_FULL": connection_to(full),
        "AIRFLOW_CONN_AWAY": connection_to(right, port=1),
        "AIRFLOW_CONN_WRONG": connection_to(right, password="wrong"),
        "AIRFLOW__YEASTAR__STATE_DIR": str(home / "state"),
    }
    seen = ""
    with start_airflow(airflow_home, environment, "dags", "test", "retrying", "2026-11-21") as process:
        guard = threading.Timer(PATIENCE_SECONDS, process.kill)
        guard.start()
        assert process.stdout is not None
        for line in process.stdout:
            seen += line
            if "No tasks to run" in line:
                break
        process.kill()
        guard.cancel()
    assert "No tasks to run" in seen, seen
    return seen


@pytest.mark.parametrize(
    ("task", "seconds", "reason"),
    [
        ("deferred", TokenCapError.default_retry_after, "WaitTimeoutError"),
        ("on_worker", NetworkError.default_retry_after, "WaitTimeoutError"),
        ("others", None, None),
    ],
)
def test_what_may_pass_is_tried_again_when_its_cause_says(
    task: str, seconds: float | None, reason: str | None, output: str, airflow_home: Path
) -> None:
    """The last cause before a time-out counts; where no cause tells, ``retry_delay`` is left alone."""
    state, delay, why = recorded(airflow_home, task)

    assert (state, delay) == ("up_for_retry", seconds), output
    assert (why or "").partition(":")[0] == (reason or "")


@pytest.mark.parametrize("task", ["operator", "soft_sensor", "with_hook"])
def test_what_no_retry_can_mend_fails_at_its_first_try(task: str, output: str, airflow_home: Path) -> None:
    assert recorded(airflow_home, task) == ("failed", None, None), output


def test_one_wrong_secret_was_tried_once(output: str, right: PbxSimulator) -> None:
    assert len(right.calls("get_token")) == 1, output


def recorded(home: Path, task: str) -> tuple[str, float | None, str | None]:
    """Return what Airflow has recorded of a task: its state, and the delay and the reason that a policy gave."""
    query = "SELECT state, retry_delay_override, retry_reason FROM task_instance WHERE dag_id = ? AND task_id = ?"
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        (row,) = database.execute(query, ("retrying", task)).fetchall()
    return row
