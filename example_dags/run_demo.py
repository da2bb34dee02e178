"""Run the example DAG under a real Airflow against a simulated PBX, and tell what happened: ``make demo``.

When anything fails its ``AIRFLOW_HOME`` is kept, the log of the failed task is shown, and the exit code is 1.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from example_dags.local_airflow import RUN_SECONDS, LocalAirflow, local_airflow
from example_dags.local_processes import STOP_SECONDS, LocalAirflowError

DAG_ID = "yeastar_files_then_duckdb"
EVENT_DAG_ID = "yeastar_event_driven"
FETCHES = ("fetch_queues", "fetch_agents")
TABLES: Mapping[str, tuple[str, ...]] = {
    "queueperformance": ("day", "queue", "queue_number", "total_calls", "answered", "missed", "abandoned"),
    "queueagentperformance": ("day", "queue", "agent", "agent_number", "total_calls", "answered", "missed"),
}


def main() -> int:
    """Run the demonstration.

    :return: the exit code.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIOWrapper, in a program
    started = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="yeastar-demo-"))
    try:
        with local_airflow(home, DAG_ID, EVENT_DAG_ID) as airflow:
            run_all(airflow)
    except LocalAirflowError as error:
        print(f"\nFailed after {time.monotonic() - started:.0f} s. {error}\nAll logs are in {home}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit) as stopped:
        remove(home)
        print(f"\nBroken off; everything is stopped, {home} is removed.", file=sys.stderr)
        return 130 if isinstance(stopped, KeyboardInterrupt) else 143
    except BaseException:
        remove(home)
        raise
    remove(home)
    print(f"\nDone in {time.monotonic() - started:.0f} s; everything is stopped, {home} is removed.")
    return 0


def remove(home: Path) -> None:
    """Remove a directory in which processes that were killed a moment ago may still finish what they write."""
    deadline = time.monotonic() + STOP_SECONDS
    while home.exists() and time.monotonic() < deadline:
        shutil.rmtree(home, ignore_errors=True)
    if home.exists():
        shutil.rmtree(home)  # tells why it stays


def run_all(airflow: LocalAirflow) -> None:
    """Start everything, run the DAG, run it again."""
    connection = airflow.start_pbx()
    print(f"Simulated PBX at {connection['schema']}://{connection['host']}:{connection['port']}")
    airflow.start_airflow()
    print(f"Airflow {airflow.ask('version')['version']} at {airflow.api}, home {airflow.home}")
    test_connection(airflow)
    run_id = airflow.wait_for_run()
    print(f"Run {run_id} was due, and the scheduler started it")
    seconds = airflow.wait_for_success(run_id)
    print(f"  succeeded after {seconds:.0f} s")
    for task_id in FETCHES:
        tell_fetch(airflow, run_id, task_id, connection["extra"]["timezone"])
    tell_event(airflow)
    before = {table: show_rows(airflow, table) for table in TABLES}

    print("\nThe same run again")
    airflow.ask(f"dags/{DAG_ID}/dagRuns/{run_id}/clear", {"dry_run": False, "only_failed": False})
    seconds = airflow.wait_for_success(run_id)
    print(f"  succeeded after {seconds:.0f} s")
    for table, (rows, loaded_at) in before.items():
        rows_now, loaded_now = count_rows(airflow, table)
        if rows_now != rows or loaded_now <= loaded_at:
            raise LocalAirflowError(f"{table} had {rows} rows of {loaded_at} and has {rows_now} of {loaded_now}.")
        print(f"  {table}: still {rows} rows, replaced at {loaded_now:%H:%M:%S} UTC")


def test_connection(airflow: LocalAirflow) -> None:
    """Press the test button."""
    result = airflow.ask("connections/test", {"connection_id": "yeastar_default", "conn_type": "yeastar"})
    if not result["status"]:
        raise LocalAirflowError(f"The test of the connection failed: {result['message']}")
    print(f"Connection tested: {result['message']}")


def tell_fetch(airflow: LocalAirflow, run_id: str, task_id: str, timezone: str) -> None:
    """Say what a fetching task did, by the record that it left, and that it did wait in the triggerer."""
    report = airflow.ask(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/report")["value"]
    if not any(".trigger." in path.name for path in airflow.log_files(task_id)):
        raise LocalAirflowError(f"{task_id} did not wait in the triggerer.")
    print(f"{task_id}: {report['report_type']} from {report['start_time']} to {report['end_time']} ({timezone})")
    print(f"  report requested  {report['requested_at']}, by the triggerer")
    print(f"  event received    {report['ready_at']}: {report['file']}")
    print(f"  identified by     {report['identified_by']}: the connection is `exclusive`, so its events are believed")
    print(f"  downloaded        {report['downloaded_at']}: {report['bytes']} bytes, SHA-256 {report['sha256'][:16]}…")
    print(f"  path              {report['path']}")


def tell_event(airflow: LocalAirflow) -> None:
    """Say which files the event-driven DAG has fetched of those that the PBX announced meanwhile."""

    def fetched() -> list[str] | None:
        paths: list[str] = []
        for run in airflow.ask(f"dags/{EVENT_DAG_ID}/dagRuns?state=success")["dag_runs"]:
            task = f"dags/{EVENT_DAG_ID}/dagRuns/{run['dag_run_id']}/taskInstances/fetch_announced"
            paths += airflow.ask(f"{task}/xcomEntries/return_value")["value"]
        return paths or None

    for path in airflow.wait_for(f"A run of {EVENT_DAG_ID}", RUN_SECONDS, fetched):
        print(f"{EVENT_DAG_ID}: fetched upon the PBX's event {Path(path).name}")


def show_rows(airflow: LocalAirflow, table: str) -> tuple[int, Any]:
    """Print a table of the warehouse.

    :return: how many rows there are, and when the newest was loaded.
    """
    columns = TABLES[table]
    rows = query(airflow, f"SELECT {', '.join(columns)} FROM {table} ORDER BY ALL")
    lines = [columns, *([f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\nTable {table}, {len(rows)} rows")
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return count_rows(airflow, table)


def count_rows(airflow: LocalAirflow, table: str) -> tuple[int, Any]:
    """How many rows a table has, and when the newest was loaded."""
    ((rows, loaded_at),) = query(airflow, f"SELECT count(*), max(loaded_at) FROM {table}")
    return rows, loaded_at


def query(airflow: LocalAirflow, statement: str) -> list[tuple[Any, ...]]:
    """Ask the warehouse that the DAG filled."""
    import duckdb

    with duckdb.connect(str(airflow.home / "yeastar_warehouse.duckdb"), read_only=True) as db:
        return db.execute(statement).fetchall()


if __name__ == "__main__":
    sys.exit(main())
