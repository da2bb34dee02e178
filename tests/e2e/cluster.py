"""An Airflow of several hosts on one machine: processes that share neither directory nor memory.

Metadata is in PostgreSQL, the queue of Celery and the provider's state are in Redis. A host is a directory of its own:
``AIRFLOW_HOME``, temporary files, logs, a copy of the DAGs.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from example_dags.local_airflow import LocalAirflow, environment_for, readable
from example_dags.local_processes import LocalAirflowError, Service, free_port, signal_group
from tests.integration.peers import PostgresServer
from tests.pbx.state.redis_server import RedisServer

START_SECONDS = 300
NIGHT_SECONDS = 300
WORKERS = ("host-1", "host-2")
TRIGGERERS = ("host-3", "host-4")
_MARK = "YEASTAR_E2E_CLUSTER"
_ENDED = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Dags:
    """What an Airflow runs.

    :param folder: of the DAG files; each host gets a copy.
    :param ids: of the DAGs in them.
    """

    folder: Path
    ids: frozenset[str]


NIGHTS = Dags(Path(__file__).parent / "dags", frozenset({"night", "nightly"}))


@dataclass
class Cluster(LocalAirflow):
    """Two workers, two triggerers, one each of the other parts; made by :func:`running_cluster`.

    :param dags: what it runs.
    :param metadata: the server of Airflow's own database.
    :param mark: value of a variable that all its processes have in their environment.
    """

    dags: Dags = field(kw_only=True)
    metadata: PostgresServer = field(kw_only=True)
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    running: dict[str, Service] = field(default_factory=dict)

    def start_on(self, host: str, name: str, *arguments: str, **environment: str) -> Service:
        """Run a part of Airflow on a host; its name is that of the part, or the host's where there are several."""
        home = self.home / host
        if not home.exists():
            (home / "tmp").mkdir(parents=True)
            shutil.copytree(self.dags.folder, home / "dags")
        own = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            _MARK: self.mark,
        }
        self.running[name] = service = self.start(name, "airflow", *arguments, **own, **environment)
        return service

    def start_worker(self, host: str, **environment: str) -> None:
        """Start a Celery worker that takes what is for its host, and what is for any."""
        (self.home / host / "airflow-worker.pid").unlink(missing_ok=True)
        worker = ("celery", "worker", "--skip-serve-logs", "--without-gossip", "--without-mingle")
        where = ("--celery-hostname", f"{host}@%h", "--queues", f"{host},default", "--concurrency", "4")
        self.start_on(host, host, *worker, *where, **environment)

    def start_triggerer(self, host: str) -> None:
        """Start a triggerer."""
        self.start_on(host, host, "triggerer", "--skip-serve-logs")

    def start_scheduler(self) -> None:
        """Start the scheduler."""
        self.start_on("control", "scheduler", "scheduler", "--skip-serve-logs")

    def start_parts(self) -> None:
        """Start all parts at once, as no DAG runs before a person unpauses it, and wait until all are well."""
        self.start_on("control", "api-server", "api-server")
        self.start_on("control", "dag-processor", "dag-processor")
        self.start_scheduler()
        for host in TRIGGERERS:
            self.start_triggerer(host)
        for host in WORKERS:
            self.start_worker(host)
        self.wait_for("The API server's start", START_SECONDS, self._health)
        self.headers["Authorization"] = f"Bearer {self._call('auth/token')['access_token']}"
        self.wait_for("Airflow's start", START_SECONDS, self.is_healthy)
        self.wait_for("The DAGs", START_SECONDS, self._has_dags)

    def _has_dags(self) -> bool | None:
        errors = self.ask("importErrors")["import_errors"]
        if errors:
            raise LocalAirflowError(f"The DAGs cannot be imported:\n{errors[0]['stack_trace']}")
        return {dag["dag_id"] for dag in self.ask("dags")["dags"]} >= self.dags.ids or None

    def kill(self, name: str, *, children: bool) -> None:
        """End a part with SIGKILL, at once; its children go on, or end with it.

        :param name: of the part, or of the host.
        """
        killed = self.family(name) if children else self.family(name)[:1]
        service = self.running.pop(name)
        self.services.remove(service)
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        service.process.wait()

    def family(self, name: str) -> list[psutil.Process]:
        """The process of a part and, after it, all that it started and that still run.

        :param name: of the part, or of the host.
        """
        main = psutil.Process(self.running[name].process.pid)
        return [main, *main.children(recursive=True)]

    def sweep(self) -> None:
        """End what is left of the cluster, wherever it was inherited to; each by its id."""
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.environ().get(_MARK) == self.mark:
                    process.kill()

    # --- what people do in the web UI ---------------------------------------------------------------------------------

    def set_connection(self, conn_id: str, fields: Mapping[str, Any]) -> None:
        """Make a connection, or change it."""
        body = {"connection_id": conn_id, **fields, "extra": json.dumps(fields.get("extra", {}))}
        with suppress(LocalAirflowError):
            self.ask(f"connections/{conn_id}", method="DELETE")
        self.ask("connections", body)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run."""
        self.ask(f"dags/{dag_id}", {"is_paused": False}, "PATCH")

    def run(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Trigger a run; its id."""
        return str(self.ask(f"dags/{dag_id}/dagRuns", {"conf": conf, "logical_date": None})["dag_run_id"])

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool) -> None:
        """Let tasks of a run be done once more."""
        body = {"dag_run_id": run_id, "dry_run": False, "only_failed": only_failed, "reset_dag_runs": True}
        self.ask(f"dags/{dag_id}/clearTaskInstances", body)

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        found = self.ask(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000")["task_instances"]
        return [task for task in found if task["map_index"] >= 0 or task["task_id"] == "plan"]

    def states(self, dag_id: str, run_id: str, task_id: str) -> Counter[str]:
        """How many instances of a task are in which state."""
        return Counter(task["state"] for task in self.tasks(dag_id, run_id) if task["task_id"] == task_id)

    def wait_for_state(self, dag_id: str, run_id: str, task_id: str, state: str, count: int = 1) -> None:
        """Wait until that many instances of a task are in a state."""

        def holds() -> bool | None:
            return self.states(dag_id, run_id, task_id)[state] >= count or None

        self.wait_for(f"{count} {task_id} {state}", NIGHT_SECONDS, holds)

    def wait_for_end(self, dag_id: str, run_id: str, seconds: float = NIGHT_SECONDS) -> str:
        """Wait for the end of a run; its state."""

        def state() -> str | None:
            found = str(self.ask(f"dags/{dag_id}/dagRuns/{run_id}")["state"])
            return found if found in _ENDED else None

        try:
            return str(self.wait_for(f"The end of {run_id}", seconds, state))
        except LocalAirflowError as error:
            raise LocalAirflowError(f"{error}\n{self.story(dag_id, run_id)}") from None

    def story(self, dag_id: str, run_id: str) -> str:
        """What became of the tasks of a run, and the ends of the logs of those that did not succeed."""
        lines = []
        for task in self.tasks(dag_id, run_id):
            lines.append(f"{task['task_id']}[{task['map_index']}] {task['state']}, try {task['try_number']}")
            if task["state"] != "success":
                lines += self._log_of(dag_id, run_id, task)
        return "\n".join(lines)

    def _log_of(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> list[str]:
        folder = f"*/logs/dag_id={dag_id}/run_id={run_id}/task_id={task['task_id']}/map_index={task['map_index']}/*"
        files = sorted((path for path in self.home.glob(folder) if path.is_file()), key=os.path.getmtime)
        lines = [line for path in files for line in path.read_text(errors="replace").splitlines()[-15:]]
        return [text for line in lines for text in readable(line)]


def state_url(broker: RedisServer) -> str:
    """Where the provider's state is: beside the queue of Celery, in the second database."""
    return broker.url.replace("/0", "/1")


def _settings(metadata: PostgresServer, broker: RedisServer) -> dict[str, str]:
    """Settings of all hosts. What is lost is noticed within seconds, where Airflow's defaults are minutes."""
    settings = {
        "CORE__EXECUTOR": "CeleryExecutor",
        "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        # What a run needs is there when a person unpauses its DAG.
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "CORE__PARALLELISM": "32",
        "CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
        "CELERY__BROKER_URL": broker.url,
        "CELERY__RESULT_BACKEND": f"db+postgresql://airflow@127.0.0.1:{metadata.port}/postgres",
        "CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow@127.0.0.1:{metadata.port}/postgres",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        # A task that Redis has forgotten is sent again. One that only waits for a slot must not fail for it.
        "SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
        "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
        "SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "50",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
        "YEASTAR__STATE_URL": state_url(broker),
    }
    # One night is due, and no further one becomes due while the tests run.
    night = f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"
    return {f"AIRFLOW__{name}": value for name, value in settings.items()} | {"NIGHT": night}


@contextmanager
def running_cluster(home: Path, dags: Dags, metadata: PostgresServer, broker: RedisServer) -> Iterator[Cluster]:
    """Start an Airflow of four hosts, and end all that it started.

    :param home: an empty directory; each host has one below it.
    :param dags: what it runs.
    :param metadata: for Airflow alone.
    :param broker: of Celery; the provider's state is there too, see :func:`state_url`.
    """
    api = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        environment = environment_for(home, api) | _settings(metadata, broker)
        cluster = Cluster(home, api, "nightly", environment, stack, dags=dags, metadata=metadata)
        stack.callback(cluster.sweep)
        try:
            cluster.start_airflow()
            yield cluster
        finally:
            for service in cluster.services:
                signal_group(service.process, signal.SIGTERM)  # all at once; the stack waits for each
