"""Killed means killed: a task in a process of its own gets SIGTERM while it waits, whatever it waits for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import (
    ROOT,
    airflow,
    connection_to,
    know_the_past,
    line_at,
    occupied_turn,
    settings_for,
    start_airflow,
)
from tests.patience import PATIENCE_SECONDS

DAG_FILE = """
from datetime import UTC, datetime, timedelta
from airflow_provider_yeastar.compat import DAG
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor

REPORT = {"report_type": "queueperformance", "period": "2026-11-20", "parameters": {"queue_id_list": [1]}}
with DAG("killed", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    OPERATOR = YeastarCallReportOperator(task_id="operator", destination=@OUT@, **REPORT)
    SYNCHRONOUS = YeastarCallReportOperator(
        task_id="synchronous", destination=@OUT@, asynchronous=False, **REPORT
    )
    SENSOR = YeastarCallReportSensor(task_id="sensor", **REPORT)
    RECORDINGS = YeastarRecordingsOperator(
        task_id="recordings", period="2026-11-20", concurrency=3, destination=@OUT@
    )
for deferrable in (False, True):
    with DAG(f"overtime_{deferrable}", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        YeastarCallReportOperator(
            task_id="operator", destination=@OUT@, execution_timeout=timedelta(seconds=6),
            deferrable=deferrable, **REPORT
        )
"""
AS_AIRFLOW_3_DOES = """
import logging, signal, sys
from unittest.mock import Mock
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
tasks = {"operator": OPERATOR, "synchronous": SYNCHRONOUS, "sensor": SENSOR, "recordings": RECORDINGS}
task = tasks[sys.argv[1]]
signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
type(task).execute.__wrapped__(task, {"ti": Mock(try_number=1)})
print("the task has succeeded")
"""
KILL_SECONDS = 60
"""Far more than a process needs to end on a busy machine, and far less than all that a task may wait for here."""
CALL_SECONDS = 600
FAILED = ("Task received SIGTERM signal", "The task was killed while it waited", "The task was killed while it fetched")

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def environment(yeastar_pbx: PbxSimulator, tmp_path: Path, out: Path) -> dict[str, str]:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "killed.py").write_text(DAG_FILE.replace("@OUT@", repr(f"{out}/")))
    know_the_past(yeastar_pbx, tmp_path / "state")
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(yeastar_pbx, extra={"exclusive": True, "timeout": CALL_SECONDS}),
        "AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path / "state"),
    }


@pytest.fixture
def start_under_airflow(airflow_home: Path, environment: dict[str, str]) -> Start:
    """Starts a task with Airflow's own handler of SIGTERM."""
    return lambda task: start_airflow(airflow_home, environment, "tasks", "test", "killed", task, "2026-11-21")


@pytest.fixture
def start(environment: dict[str, str], out: Path) -> Start:
    """Starts a task with a handler that does what that of Airflow 3 does: it calls ``on_kill``, and that is all."""
    program = DAG_FILE.replace("@OUT@", repr(f"{out}/")) + AS_AIRFLOW_3_DOES
    return lambda task: subprocess.Popen(
        [sys.executable, "-c", program, task],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill(process: subprocess.Popen[str], *, with_process: bool) -> None:
    """Send SIGTERM; the task is to fail in time, its process too or, with what Airflow does at its own end, later."""
    guard = threading.Timer(KILL_SECONDS, process.kill)
    process.send_signal(signal.SIGTERM)
    guard.start()
    assert process.stdout is not None
    seen = ""
    while not any(words in seen for words in FAILED):
        line = process.stdout.readline()
        assert line, f"the task did not end within {KILL_SECONDS} s:\n{seen}"
        seen += line
    if not with_process:
        guard.cancel()
    process.communicate(timeout=PATIENCE_SECONDS)
    guard.cancel()
    if with_process:
        assert process.returncode == 1, "the task had to be killed, or succeeded"


def leaves_nothing(pbx: PbxSimulator, out: Path, state_dir: Path) -> None:
    assert [path for path in out.rglob("*") if path.suffix in (".csv", ".wav", ".ndjson")] == []
    pbx.wait_until(lambda pbx: pbx.sockets == 0)
    assert line_at(settings_for(pbx), state_dir).tickets == ()


@pytest.mark.parametrize("task", ["operator", "sensor"])
def test_under_airflow_while_it_waits_for_the_event(
    start_under_airflow: Start, yeastar_pbx: PbxSimulator, task: str, out: Path, tmp_path: Path
) -> None:
    yeastar_pbx.hold_reports()

    with start_under_airflow(task) as process:
        yeastar_pbx.wait_until(lambda pbx: pbx.busy and pbx.subscribers == 1, PATIENCE_SECONDS)
        kill(process, with_process=False)

    leaves_nothing(yeastar_pbx, out, tmp_path / "state")


@pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
def test_execution_timeout_ends_it_alike_on_the_worker_and_deferred(
    airflow_home: Path,
    environment: dict[str, str],
    yeastar_pbx: PbxSimulator,
    deferrable: bool,
    out: Path,
    tmp_path: Path,
) -> None:
    yeastar_pbx.hold_reports()

    # `tasks test` of Airflow 2 cannot defer such a task, and that of 3.0 leaves it alone when its trigger has fired.
    done = airflow(airflow_home, environment, "dags", "test", f"overtime_{deferrable}", "2026-11-21")

    assert "AirflowTaskTimeout" in done.stdout
    asked = [call.query["is_async"] for call in yeastar_pbx.calls("call_report/download")]
    assert asked.count("1") == 1
    leaves_nothing(yeastar_pbx, out, tmp_path / "state")


@pytest.mark.parametrize(
    ("task", "endpoint"),
    [
        ("operator", "get_token"),
        ("operator", "system/information"),
        ("operator", "subscribe"),
        ("operator", "call_report/download"),
        ("synchronous", "call_report/download"),
        ("recordings", "recording/search"),
        ("recordings", "recording/download"),
    ],
)
def test_while_a_call_hangs(
    start: Start, yeastar_pbx: PbxSimulator, task: str, endpoint: str, out: Path, tmp_path: Path
) -> None:
    yeastar_pbx.faults.add(Fault("delay", endpoint, 3600))

    with start(task) as process:
        yeastar_pbx.wait_until(lambda pbx: bool(pbx.calls(endpoint)), PATIENCE_SECONDS)
        kill(process, with_process=True)

    leaves_nothing(yeastar_pbx, out, tmp_path / "state")


def test_while_another_process_has_the_turn(start: Start, yeastar_pbx: PbxSimulator, out: Path, tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    with occupied_turn(state_dir):
        with start("operator") as process:
            assert process.stdout is not None
            assert any("Waiting for the turn" in line for line in process.stdout)
            kill(process, with_process=True)

        line = line_at(settings_for(yeastar_pbx), state_dir)

    assert yeastar_pbx.calls("call_report/download") == []
    assert [ticket.member for ticket in line.tickets] == ["somebody else"]
