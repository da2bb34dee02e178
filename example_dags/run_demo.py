"""Run the example DAG under a real Airflow against a simulated PBX, and tell what happened: ``make demo``.

Scheduler, triggerer, DAG processor and API server of Airflow 3 run beside the simulator, on free loopback ports and in
an ``AIRFLOW_HOME`` of their own, which is removed in the end. When anything fails it is kept, the log of the failed
task is shown, and the exit code is 1. All that was started is stopped, also on Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

DAG_ID = "yeastar_nightly_warehouse_load"
EVENT_DAG_ID = "yeastar_event_driven"
FETCHES = ("fetch_queues", "fetch_agents")
TABLES: Mapping[str, tuple[str, ...]] = {
    "queueperformance": ("day", "queue", "queue_number", "total_calls", "answered", "missed", "abandoned"),
    "queueagentperformance": ("day", "queue", "agent", "agent_number", "total_calls", "answered", "missed"),
}
START_SECONDS = 120
RUN_SECONDS = 180
STOP_SECONDS = 10
POLL_SECONDS = 0.5

T = TypeVar("T")


class DemoError(Exception):
    """The demonstration came to nothing; the text says why."""


@dataclass
class Service:
    """A process that runs until it is stopped, with all processes that it starts, as a group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def must_run(self) -> None:
        if self.process.poll() is not None:
            raise DemoError(f"{self.name} ended with exit code {self.process.returncode}:\n{tail(self.log)}")


@dataclass
class Demo:
    """Where the demonstration runs, and what of it runs."""

    home: Path
    api: str
    environment: dict[str, str]
    services: list[Service] = field(default_factory=list)

    @contextmanager
    def running(self, name: str, *arguments: str) -> Iterator[Service]:
        """Run ``python -m …`` meanwhile."""
        log = self.home / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        service = Service(name, process, log)
        self.services.append(service)
        try:
            yield service
        finally:
            self.services.remove(service)
            stop(process)

    def wait_for(self, what: str, seconds: float, look: Callable[[], T | None]) -> T:
        """Look until there is something, while all services run."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for service in self.services:
                service.must_run()
            if (found := look()) is not None:
                return found
            time.sleep(POLL_SECONDS)
        raise DemoError(f"{what}: not within {seconds} seconds")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call Airflow's REST API, with POST if there is a body."""
        request = urllib.request.Request(
            f"{self.api}/api/v2/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise DemoError(f"Airflow answered {error.code} to {path}: {error.read().decode()[:500]}") from None


def main() -> int:
    """Run the demonstration.

    :return: the exit code.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    started = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="yeastar-demo-"))
    demo = prepare(home)
    try:
        with ExitStack() as stack:
            try:
                run_all(demo, stack)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not keep anything running
                for service in demo.services:
                    signal_group(service.process, signal.SIGTERM)  # all at once; the stack waits for each
    except DemoError as error:
        print(f"\nFailed after {time.monotonic() - started:.0f} s. {error}\nAll logs are in {home}", file=sys.stderr)
        return 1
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    shutil.rmtree(home)
    print(f"\nDone in {time.monotonic() - started:.0f} s; everything is stopped, {home} is removed.")
    return 0


def prepare(home: Path) -> Demo:
    """Make an environment in which Airflow knows nothing of the user's own."""
    port = free_port()
    api = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "YEASTAR_"))}
    settings = {
        "CORE__DAGS_FOLDER": str(Path(__file__).resolve().parent),
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
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
    }
    environment |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
    return Demo(home, api, environment | {"AIRFLOW_HOME": str(home)})


def run_all(demo: Demo, stack: ExitStack) -> None:
    """Start everything, run the DAG, run it again."""
    connection = start_pbx(demo, stack)
    start_airflow(demo, stack)
    test_connection(demo)
    run_id = demo.wait_for("A run of the DAG", START_SECONDS, lambda: first_run(demo))
    print(f"Run {run_id} was due, and the scheduler started it")
    seconds = wait_for_success(demo, run_id)
    print(f"  succeeded after {seconds:.0f} s")
    for task_id in FETCHES:
        tell_fetch(demo, run_id, task_id, connection["extra"]["timezone"])
    tell_event(demo)
    before = {table: show_rows(demo, table) for table in TABLES}

    print("\nThe same run again")
    demo.ask(f"dags/{DAG_ID}/dagRuns/{run_id}/clear", {"dry_run": False, "only_failed": False})
    seconds = wait_for_success(demo, run_id)
    print(f"  succeeded after {seconds:.0f} s")
    for table, (rows, loaded_at) in before.items():
        rows_now, loaded_now = count_rows(demo, table)
        if rows_now != rows or loaded_now <= loaded_at:
            raise DemoError(f"{table} had {rows} rows of {loaded_at} and has {rows_now} of {loaded_now}.")
        print(f"  {table}: still {rows} rows, replaced at {loaded_now:%H:%M:%S} UTC")


def start_pbx(demo: Demo, stack: ExitStack) -> dict[str, Any]:
    """Start the simulator and give Airflow its connection."""
    simulator = stack.enter_context(demo.running("simulator", "airflow_provider_yeastar.simulator", "--port", "0"))

    def announced() -> str | None:
        found = re.search(r"^export AIRFLOW_CONN_YEASTAR_DEFAULT='(.*)'$", simulator.log.read_text(), re.MULTILINE)
        return found and found[1]

    text = demo.wait_for("The simulator's address", START_SECONDS, announced)
    connection: dict[str, Any] = json.loads(text)
    demo.environment["AIRFLOW_CONN_YEASTAR_DEFAULT"] = text
    demo.environment["YEASTAR_TIMEZONE"] = connection["extra"]["timezone"]
    print(f"Simulated PBX at {connection['schema']}://{connection['host']}:{connection['port']}")
    return connection


def start_airflow(demo: Demo, stack: ExitStack) -> None:
    """Make the database, start Airflow's parts, wait until all are well."""
    with demo.running("migration", "airflow", "db", "migrate") as migration:
        code = migration.process.wait(timeout=START_SECONDS)
    if code:
        raise DemoError(f"The database cannot be made:\n{tail(migration.log)}")
    # Their log servers would listen on all addresses; the API server reads the log files where they are.
    for part, *options in (
        ("api-server",),
        ("scheduler", "--skip-serve-logs"),
        ("triggerer", "--skip-serve-logs"),
        ("dag-processor",),
    ):
        stack.enter_context(demo.running(part, "airflow", part, *options))
    demo.wait_for("Airflow's start", START_SECONDS, lambda: is_healthy(demo))
    print(f"Airflow {demo.ask('version')['version']} at {demo.api}, home {demo.home}")


def is_healthy(demo: Demo) -> bool | None:
    """Whether every part of Airflow says that it is well; None for not yet."""
    try:
        health = demo.ask("monitor/health")
    except (OSError, DemoError):
        return None
    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    return all((health.get(part) or {}).get("status") == "healthy" for part in parts) or None


def test_connection(demo: Demo) -> None:
    """Press the test button."""
    result = demo.ask("connections/test", {"connection_id": "yeastar_default", "conn_type": "yeastar"})
    if not result["status"]:
        raise DemoError(f"The test of the connection failed: {result['message']}")
    print(f"Connection tested: {result['message']}")


def first_run(demo: Demo) -> str | None:
    """The oldest run of the DAG, as soon as there is one."""
    errors = demo.ask("importErrors")["import_errors"]
    if errors:
        raise DemoError(f"The DAG cannot be imported:\n{errors[0]['stack_trace']}")
    with suppress(DemoError):  # not found while the DAG is not parsed
        runs = demo.ask(f"dags/{DAG_ID}/dagRuns?order_by=run_after&limit=1")["dag_runs"]
        return runs[0]["dag_run_id"] if runs else None
    return None


def wait_for_success(demo: Demo, run_id: str) -> float:
    """Wait for the end of a run; the seconds that it took.

    :raises DemoError: when a task failed; it shows the task's log.
    """
    began = time.monotonic()

    def ended() -> bool | None:
        tasks = demo.ask(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")["task_instances"]
        for task in tasks:
            if task["state"] == "failed":
                raise DemoError(f"Task {task['task_id']} failed:\n{task_log(demo, task['task_id'])}")
        state = demo.ask(f"dags/{DAG_ID}/dagRuns/{run_id}")["state"]
        if state == "failed":
            raise DemoError(f"The run failed: { ({task['task_id']: task['state'] for task in tasks}) }")
        return state == "success" or None

    demo.wait_for("The end of the run", RUN_SECONDS, ended)
    return time.monotonic() - began


def tell_fetch(demo: Demo, run_id: str, task_id: str, timezone: str) -> None:
    """Say what a fetching task did, by the record that it left, and that it did wait in the triggerer."""
    report = demo.ask(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/report")["value"]
    if not any(".trigger." in path.name for path in log_files(demo, task_id)):
        raise DemoError(f"{task_id} did not wait in the triggerer.")
    print(f"{task_id}: {report['report_type']} from {report['start_time']} to {report['end_time']} ({timezone})")
    print(f"  report requested  {report['requested_at']}, by the triggerer")
    print(f"  event received    {report['ready_at']}: {report['file']}")
    print(f"  downloaded        {report['downloaded_at']}: {report['bytes']} bytes, SHA-256 {report['sha256'][:16]}…")
    print(f"  path              {report['path']}")


def tell_event(demo: Demo) -> None:
    """Say which files the event-driven DAG has fetched of those that the PBX announced meanwhile."""

    def fetched() -> list[str] | None:
        paths: list[str] = []
        for run in demo.ask(f"dags/{EVENT_DAG_ID}/dagRuns?state=success")["dag_runs"]:
            task = f"dags/{EVENT_DAG_ID}/dagRuns/{run['dag_run_id']}/taskInstances/fetch_announced"
            paths += demo.ask(f"{task}/xcomEntries/return_value")["value"]
        return paths or None

    for path in demo.wait_for(f"A run of {EVENT_DAG_ID}", RUN_SECONDS, fetched):
        print(f"{EVENT_DAG_ID}: fetched upon the PBX's event {Path(path).name}")


def show_rows(demo: Demo, table: str) -> tuple[int, Any]:
    """Print a table of the warehouse.

    :return: how many rows there are, and when the newest was loaded.
    """
    columns = TABLES[table]
    rows = query(demo, f"SELECT {', '.join(columns)} FROM {table} ORDER BY ALL")
    lines = [columns, *([f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\nTable {table}, {len(rows)} rows")
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return count_rows(demo, table)


def count_rows(demo: Demo, table: str) -> tuple[int, Any]:
    """How many rows a table has, and when the newest was loaded."""
    ((rows, loaded_at),) = query(demo, f"SELECT count(*), max(loaded_at) FROM {table}")
    return rows, loaded_at


def query(demo: Demo, statement: str) -> list[tuple[Any, ...]]:
    """Ask the warehouse that the DAG filled."""
    import duckdb

    with duckdb.connect(str(demo.home / "yeastar_warehouse.duckdb"), read_only=True) as db:
        return db.execute(statement).fetchall()


def log_files(demo: Demo, task_id: str) -> list[Path]:
    """The log files of a task, the triggerer's among them, oldest first."""
    found = (demo.home / "logs").glob(f"dag_id={DAG_ID}/run_id=*/task_id={task_id}/*")
    return sorted(found, key=lambda path: path.stat().st_mtime)


def task_log(demo: Demo, task_id: str) -> str:
    """What a task logged, in lines a person can read."""
    lines: list[str] = []
    for path in log_files(demo, task_id):
        for line in path.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                record = {"event": line}
            errors = [f"{part.get('exc_type')}: {part.get('exc_value')}" for part in record.get("error_detail") or ()]
            lines += [f"  {record.get('level', '')}: {record.get('event', '')}", *(f"    {text}" for text in errors)]
    return "\n".join(lines[-60:])


def tail(log: Path) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


def free_port() -> int:
    """A port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its group: politely, and what is left after the deadline by force."""
    signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process and all that it started, as far as they still run."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    sys.exit(main())
