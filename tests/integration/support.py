"""What the integration tests share: connections to a simulated PBX, a wait at it, Airflow's command line."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import TaskDeferred
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.login.entry import LoginEntry
from airflow_provider_yeastar.pbx.login.stored import StoredLogin
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import Entry
from airflow_provider_yeastar.pbx.state.line import LEASE_SECONDS, Line
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds, FinishedReport
from airflow_provider_yeastar.pbx.waiting.job_ledger import vouch_for_past
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.patience import PATIENCE_SECONDS

QUEUE_REPORT: dict[str, Any] = {
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": "1,2,3"},
}


ROOT = Path(__file__).parent.parent.parent


def connection_to(pbx: PbxSimulator, **changes: Any) -> str:
    """Return an Airflow connection to a simulated PBX, as JSON."""
    fields = {
        "conn_type": "yeastar",
        "schema": pbx.scheme,
        "host": pbx.host,
        "port": pbx.port,
        "login": pbx.client_id,
        "password": pbx.client_secret,
        "extra": {"timezone": pbx.settings.timezone, "exclusive": True},
    }
    return json.dumps(fields | changes)


def connect(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Make a simulated PBX `yeastar_default`."""
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, **changes))


def start_airflow(home: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start Airflow's command line in a process and a home of its own; its output is one text."""
    if arguments[:2] == ("dags", "test") and version("apache-airflow").startswith("3.0."):
        # It takes DAGs (3.0.1) and assets (3.0.6, apache/airflow#51644) from its database, not from the DAG's file.
        airflow(home, environment, "dags", "reserialize")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        # The package need not be installed to be tested.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    inherited = dict(os.environ)
    # What runs there runs in tests of this process too, and to trace all of Airflow takes minutes.
    inherited.pop("COVERAGE_PROCESS_CONFIG", None)
    return subprocess.Popen(
        [sys.executable, "-m", "airflow", *arguments],
        env={**inherited, **settings, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def airflow(home: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Airflow's command line to its end; what it prints comes back as one text."""
    with start_airflow(home, environment, *arguments) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def settings_for(pbx: PbxSimulator, **changes: Any) -> PbxSettings:
    """Return the settings with which a client reaches a simulated PBX."""
    settings = PbxSettings(
        pbx.host,
        pbx.client_id,
        pbx.client_secret,
        port=pbx.port,
        scheme=pbx.scheme,
        timezone=pbx.settings.timezone,
        timeout=10,
        exclusive=True,  # nobody else makes reports at a simulator of one's own
    )
    return replace(settings, **changes)


@dataclass
class Wait:
    """One wait for a report, as a trigger or an operator does it.

    :param past_is_known: whether the state knows that no report was requested before the test.
    """

    pbx: PbxSimulator
    state_dir: Path
    settings: dict[str, Any] = field(default_factory=dict)
    state_url: str = ""
    past_is_known: bool = True

    def client(self, **changes: Any) -> PbxClient:
        if self.past_is_known:
            know_the_past(self.pbx, self.state_dir, self.state_url)
        return PbxClient(
            settings_for(self.pbx, **self.settings | changes), state=open_state(self.state_url, self.state_dir)
        )

    async def start(
        self,
        *,
        wait_timeout: float = 60,
        queue_timeout: float = 60,
        own_seconds: float | None = None,
        request: dict[str, Any] | None = None,
    ) -> FinishedReport:
        now = time.time()
        bounds = Bounds(now + queue_timeout, wait_timeout, now + own_seconds if own_seconds else None)
        with self.client() as client:
            return await client.wait_for_report(build_request(**request or QUEUE_REPORT), bounds)

    def run(self, **options: Any) -> FinishedReport:
        return asyncio.run(self.start(**options))

    def fetch(self, report: FinishedReport) -> bytes:
        with self.client() as client, closing(asyncio.run(client.open_file(report.url))) as stream:
            return b"".join(stream.chunks)


def know_the_past(pbx: PbxSimulator, state_dir: Path, state_url: str = "") -> None:
    """Let a state know that no report was requested at a simulated PBX before it: the test has just got it."""
    vouch_for_past(open_state(state_url, state_dir), pbx.settings.serial_number)


@contextmanager
def listening() -> Iterator[threading.Event]:
    """Tell when a trigger listens. The PBX knows it sooner: a socket that is cut in between was never the trigger's."""
    log, begun = logging.getLogger("airflow_provider_yeastar.pbx.waiting.report_watch"), threading.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg.startswith("Listening to events"):
                begun.set()

    ear, level = Ear(logging.INFO), log.level
    log.addHandler(ear)
    log.setLevel(logging.INFO)
    try:
        yield begun
    finally:
        log.setLevel(level)
        log.removeHandler(ear)


@contextmanager
def occupied_turn(state_dir: Path) -> Iterator[None]:
    """Let somebody else hold the turn at a simulated PBX, and renew the lease as often as its holder would."""
    state, name = open_state("", state_dir), f"{SimulatorSettings().serial_number}/turn"

    def attend(*tickets: str) -> None:
        def renewed(entry: Entry | None, now: float) -> Entry:
            return Line.from_entry(entry).attended(now, "somebody else", tickets).to_entry(entry)

        state.update(name, renewed, keep_seconds=60)

    def renew() -> None:
        while not over.wait(LEASE_SECONDS / 5):
            attend("1")

    over = threading.Event()
    renewing = threading.Thread(target=renew)
    attend("1")
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        attend()


def line_at(settings: PbxSettings, state_dir: Path) -> Line:
    """Return who waits for the turn at a PBX."""
    return Line.from_entry(open_state("", state_dir).read(f"{SimulatorSettings().serial_number}/turn"))


def login_at(settings: PbxSettings, state_dir: Path) -> LoginEntry:
    """Return the login that the processes which share a state directory have at a PBX."""
    entry = LoginEntry(settings, open_state("", state_dir), StoredLogin.of(settings, None))
    entry.locate()
    return entry


class Run:
    """One try of a task as Airflow runs it, through the triggerer where it defers; the first of three by default.

    :param task: the operator.
    :param context: what its context holds beside the task instance.
    """

    dag_id = "nightly"
    run_id = "scheduled__2026-11-21"
    map_index = -1
    try_number = 1
    max_tries = 2

    def __init__(self, task: Any, **context: Any) -> None:
        self.task = task
        self.task_id = task.task_id
        self.context = context
        self.xcoms: dict[str, Any] = {}
        self.triggers: list[Any] = []
        self.events: list[Any] = []

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = json.loads(json.dumps(value))

    def to_the_end(self) -> Any:
        """Return what the task returns."""
        context: Any = {"ti": self, **self.context}
        resume = partial(self.task.execute, context)
        while True:
            try:
                return resume()
            except TaskDeferred as deferred:
                self.triggers.append(deferred.trigger.serialize()[1])
                again = type(deferred.trigger)(**json.loads(json.dumps(self.triggers[-1])))
                self.events.append(asyncio.run(fire(again)))
                # Sensors have a say in what leaves them.
                event = {"event": self.events[-1]}
                resume = partial(self.task.resume_execution, deferred.method_name, event, context)


async def fire(trigger: Any) -> Any:
    """Run a trigger to its end; return the payload of its one event, as the database would give it back."""
    (event,) = [event async for event in trigger.run()]
    return json.loads(json.dumps(event.payload))


def run_task(task: Any, **context: Any) -> tuple[Any, dict[str, Any]]:
    """Run a task; return its value and its other XComs."""
    run = Run(task, **context)
    return run.to_the_end(), run.xcoms


def outlet_events() -> Any:
    """What Airflow puts into a task's context for the events of its outlets."""
    try:
        module = importlib.import_module("airflow.sdk.execution_time.context")
    except ImportError:  # Airflow 2
        module = importlib.import_module("airflow.utils.context")
    return module.OutletEventAccessors()
