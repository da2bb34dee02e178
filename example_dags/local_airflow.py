"""A real Airflow 3 beside a simulated PBX, for ``make demo`` and for the tests of the web UI.

Scheduler, triggerer, DAG processor and API server run on free loopback ports and in an ``AIRFLOW_HOME`` of their own,
with one DAG file. All that was started is stopped at the end, also on Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.waiting.job_ledger import vouch_for_past
from airflow_provider_yeastar.simulator import SimulatorSettings
from example_dags.local_processes import LocalAirflowError, Service, free_port, signal_group, stop, tail

START_SECONDS = 120
RUN_SECONDS = 180
POLL_SECONDS = 0.5

T = TypeVar("T")


@dataclass
class LocalAirflow:
    """Where it runs, which DAG it has, and what of it runs; made by :func:`local_airflow`."""

    rest: ClassVar[str] = "api/v2"
    health: ClassVar[str] = "monitor/health"
    parts: ClassVar[tuple[str, ...]] = ("metadatabase", "scheduler", "triggerer", "dag_processor")

    home: Path
    api: str
    dag_id: str
    environment: dict[str, str]
    stack: ExitStack
    services: list[Service] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"}, repr=False)

    def start(self, name: str, *arguments: str, **environment: str) -> Service:
        """Run ``python -m …`` to the end, with further variables in its environment."""
        log = self.home / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.stack.callback(stop, process)
        service = Service(name, process, log)
        self.services.append(service)
        return service

    def wait_for(self, what: str, seconds: float, look: Callable[[], T | None]) -> T:
        """Look until there is something, while all services run."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for service in self.services:
                service.must_run()
            if (found := look()) is not None:
                return found
            time.sleep(POLL_SECONDS)  # Airflow's REST API has nothing that could be waited for
        raise LocalAirflowError(f"{what}: not within {seconds} seconds")

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """Call Airflow's REST API, with POST if there is a body and no other method."""
        return self._call(f"{self.rest}/{path}", body, method)

    def _call(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}/{path}", data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.loads(response.read() or "null")  # what is deleted leaves nothing to tell
        except urllib.error.HTTPError as error:
            text = error.read().decode()[:500]
            raise LocalAirflowError(f"Airflow answered {error.code} to {path}: {text}") from None

    def start_pbx(self) -> dict[str, Any]:
        """Start the simulator and give Airflow its connection, ``yeastar_default``.

        Nobody can have requested a report there before, so the shared state is told that its past is known.

        :return: the connection's fields.
        """
        simulator = self.start("simulator", "airflow_provider_yeastar.simulator", "--port", "0")

        def announced() -> str | None:
            found = re.search(r"^export AIRFLOW_CONN_YEASTAR_DEFAULT='(.*)'$", simulator.log.read_text(), re.MULTILINE)
            return found and found[1]

        text = self.wait_for("The simulator's address", START_SECONDS, announced)
        connection: dict[str, Any] = json.loads(text)
        self.environment["AIRFLOW_CONN_YEASTAR_DEFAULT"] = text
        self.environment["YEASTAR_TIMEZONE"] = connection["extra"]["timezone"]
        vouch_for_past(open_state("", self.home / "yeastar"), SimulatorSettings().serial_number)
        return connection

    def start_airflow(self) -> None:
        """Make the database, start Airflow's parts, wait until all are well."""
        migration = self.start("migration", "airflow", "db", "migrate")
        code = migration.process.wait(timeout=START_SECONDS)
        if code:
            raise LocalAirflowError(f"The database cannot be made:\n{tail(migration.log)}")
        self.services.remove(migration)
        self.start_parts()

    def start_parts(self) -> None:
        """Start scheduler, triggerer, DAG processor and API server, and wait until all are well."""
        # Their log servers would listen on all addresses; the API server reads the log files where they are.
        self.start("api-server", "airflow", "api-server")
        self.start("triggerer", "airflow", "triggerer", "--skip-serve-logs")
        self.start("dag-processor", "airflow", "dag-processor")
        # A task that is started before the API server answers fails, and its retry hides why.
        self.wait_for("The API server's start", START_SECONDS, self._health)
        # All are admins, and yet Airflow 3.1 wants to see who asks.
        self.headers["Authorization"] = f"Bearer {self._call('auth/token')['access_token']}"
        self.start("scheduler", "airflow", "scheduler", "--skip-serve-logs")
        self.wait_for("Airflow's start", START_SECONDS, self.is_healthy)

    def _health(self) -> dict[str, Any] | None:
        """What each part of Airflow says of itself; None while the API server does not answer."""
        try:
            health: dict[str, Any] = self.ask(self.health)
        except (OSError, LocalAirflowError):
            return None
        return health

    def is_healthy(self) -> bool | None:
        """Tell whether all parts are well; None while they are not."""
        health = self._health() or {}
        return all((health.get(part) or {}).get("status") == "healthy" for part in self.parts) or None

    def wait_for_run(self) -> str:
        """Wait for the scheduler to start the run that is due; its id."""
        return self.wait_for("A run of the DAG", START_SECONDS, self._first_run)

    def _first_run(self) -> str | None:
        errors = self.ask("importErrors")["import_errors"]
        if errors:
            raise LocalAirflowError(f"The DAG cannot be imported:\n{errors[0]['stack_trace']}")
        with suppress(LocalAirflowError):  # not found while the DAG is not parsed
            runs = self.ask(f"dags/{self.dag_id}/dagRuns?order_by=start_date&limit=1")["dag_runs"]
            return runs[0]["dag_run_id"] if runs else None
        return None

    def wait_for_success(self, run_id: str) -> float:
        """Wait for the end of a run; the seconds that it took.

        :raises LocalAirflowError: when a task failed; it shows the task's log.
        """
        began = time.monotonic()
        self.wait_for("The end of the run", RUN_SECONDS, lambda: self._has_succeeded(run_id))
        return time.monotonic() - began

    def _has_succeeded(self, run_id: str) -> bool | None:
        run = f"dags/{self.dag_id}/dagRuns/{run_id}"
        tasks = self.ask(f"{run}/taskInstances")["task_instances"]
        for task in tasks:
            if task["state"] == "failed":
                raise LocalAirflowError(f"Task {task['task_id']} failed:\n{self.task_log(task['task_id'])}")
        state = self.ask(run)["state"]
        if state == "failed":
            raise LocalAirflowError(f"The run failed: { ({task['task_id']: task['state'] for task in tasks}) }")
        return state == "success" or None

    def log_files(self, task_id: str) -> list[Path]:
        """The log files of a task, the triggerer's among them, oldest first."""
        found = (self.home / "logs").glob(f"dag_id={self.dag_id}/run_id=*/task_id={task_id}/*")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def task_log(self, task_id: str) -> str:
        """What a task logged, in lines a person can read."""
        lines: list[str] = []
        for path in self.log_files(task_id):
            for line in path.read_text(errors="replace").splitlines():
                lines += readable(line)
        return "\n".join(lines[-60:])


@contextmanager
def local_airflow(
    home: Path, dag_id: str, *more: str, kind: type[LocalAirflow] = LocalAirflow
) -> Iterator[LocalAirflow]:
    """Prepare an Airflow that knows nothing of the user's own, and stop in the end what was started.

    :param home: an empty directory for its AIRFLOW_HOME.
    :param dag_id: the example that is waited for; it lies beside this file, under its own name.
    :param more: examples that run as well; the others would fail for want of what they connect to.
    :param kind: how it is started and asked.
    """
    api = f"http://127.0.0.1:{free_port()}"
    (home / "dags").mkdir()
    for name in (dag_id, *more):
        shutil.copy(Path(__file__).with_name(f"{name}.py"), home / "dags")
    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.getsignal(number))
        airflow = kind(home, api, dag_id, environment_for(home, api), stack)
        try:
            yield airflow
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not keep anything running
            for service in airflow.services:
                signal_group(service.process, signal.SIGTERM)  # all at once; the stack waits for each


def environment_for(home: Path, api: str) -> dict[str, str]:
    """The environment of all processes: this one's, without what is set there for another Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "YEASTAR_"))}
    settings = {
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "2",
        "CORE__TEST_CONNECTION": "Enabled",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        # How late a worker may notice that a task's process has ended, also of one that deferred; 5 seconds by default.
        # The trigger holds its event back for so long, as the scheduler would see a contradiction otherwise.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "API__HOST": "127.0.0.1",
        "API__PORT": api.rpartition(":")[2],
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
    }
    return kept | {f"AIRFLOW__{name}": value for name, value in settings.items()} | {"AIRFLOW_HOME": str(home)}


def readable(line: str) -> list[str]:
    """A line of a log file as lines a person can read."""
    try:
        record = json.loads(line)
    except ValueError:
        record = {"event": line}
    errors = [f"{part.get('exc_type')}: {part.get('exc_value')}" for part in record.get("error_detail") or ()]
    return [f"  {record.get('level', '')}: {record.get('event', '')}", *(f"    {text}" for text in errors)]
