"""Every night: yesterday's queue reports of a PBX, as files and as rows in a DuckDB warehouse.

The reports ``queueperformance`` and ``queueagentperformance`` are fetched as CSV, loaded into a table each, and what
was loaded is compared with the file. Rows belong to a PBX, a report and a day; to run a day again replaces its rows.

Needs ``pip install airflow-provider-yeastar duckdb`` and the connection ``yeastar_default``. Before the first run:

- Give the PBX's time zone, an IANA name such as ``Europe/Berlin``, to the connection (``timezone``) and to Airflow's
  environment (``YEASTAR_TIMEZONE``): the one says when the PBX's day begins and ends, the other when the DAG is due.
- Set your queues (names, dialled numbers or internal ids) in ``params`` below, or for one run when it is triggered.
- ``YEASTAR_REPORTS`` and ``YEASTAR_WAREHOUSE`` say where files and tables go. A path on a local disk serves where all
  tasks run on one machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder
WAREHOUSE = os.environ.get("YEASTAR_WAREHOUSE", f"{AIRFLOW_HOME}/yeastar_warehouse.duckdb")
PBX_TIMEZONE = os.environ.get("YEASTAR_TIMEZONE", "UTC")


def yesterday(dag_run: Any) -> str:
    """The day before the run, by the PBX's clock.

    Counted from the run's own moment, which :class:`CronTriggerTimetable` makes the same thing in Airflow 2 and 3: of a
    plain cron string, Airflow 2 makes a run named after the day before. A run that is triggered by hand in Airflow 3
    may have no logical date.
    """
    moment = dag_run.logical_date or dag_run.run_after
    return (moment.astimezone(ZoneInfo(PBX_TIMEZONE)) - timedelta(days=1)).date().isoformat()


@contextmanager
def opened(warehouse: str, file: str, *, read_only: bool = False) -> Iterator[DuckDBPyConnection]:
    """Open the warehouse for what a file says; an error of the warehouse then names the file."""
    import duckdb

    try:
        with duckdb.connect(warehouse, read_only=read_only) as db:
            yield db
    except duckdb.Error as error:
        raise ValueError(f"{file}: {error}") from error


def compare_zones(report: dict[str, Any]) -> None:
    """Make sure that the report's day is the schedule's: a day that is not over yet would lack its last hours.

    :raises ValueError: when the two have different time zones; it names the file.
    """
    if report["timezone"] != PBX_TIMEZONE:
        raise ValueError(
            f"{report['path']} is of days in {report['timezone']}, but YEASTAR_TIMEZONE is {PBX_TIMEZONE}. "
            "Set the connection's `timezone` and YEASTAR_TIMEZONE to the PBX's zone."
        )


def load(warehouse: str, day: str, report: dict[str, Any]) -> int:
    """Put a file's rows in the place of those that the table has of the same PBX, report and day.

    :raises ValueError: when they cannot be; it names the file.
    """
    from airflow_provider_yeastar.readers import read_report

    compare_zones(report)
    table = report["report_type"]
    columns = [column for column in read_report(report["path"]).columns if column.kind != "blank"]
    names = ["pbx", "report", "day", "file", "sha256", "loaded_at", *(f'"{column.name}"' for column in columns)]
    key = (report["serial_number"], table, day)
    origin = (report["path"], report["sha256"], datetime.now(UTC).replace(tzinfo=None))
    rows = [(*key, *origin, *values) for values in zip(*(column.values for column in columns), strict=True)]
    with opened(warehouse, report["path"]) as db:
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (pbx VARCHAR NOT NULL, report VARCHAR NOT NULL, day DATE NOT NULL,"
            " file VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, loaded_at TIMESTAMP NOT NULL)"
        )
        for column in columns:
            kind = "DOUBLE" if column.is_number else "VARCHAR"
            db.execute(f'ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "{column.name}" {kind}')
        db.begin()  # what fails from here on leaves the old rows
        db.execute(f"DELETE FROM {table} WHERE pbx = ? AND report = ? AND day = ?", key)
        if rows:
            db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)
        db.commit()
    return len(rows)


def check(warehouse: str, day: str, report: dict[str, Any]) -> None:
    """Compare the number of rows and the sum of each column of numbers, in the table and in the file.

    :raises ValueError: when they differ; it names the file.
    """
    from airflow_provider_yeastar.readers import read_report

    table = report["report_type"]
    in_file = read_report(report["path"])
    numbers = [column for column in in_file.columns if column.is_number]
    sums = "".join(f', sum(TRY_CAST("{column.name}" AS DOUBLE))' for column in numbers)
    with opened(warehouse, report["path"], read_only=True) as db:
        query = f"SELECT count(*){sums} FROM {table} WHERE pbx = ? AND report = ? AND day = ?"
        found = db.execute(query, (report["serial_number"], table, day)).fetchone() or ()
    expected = [len(in_file.rows), *(sum(value or 0 for value in column.values) for column in numbers)]
    for name, wanted, loaded in zip(["rows", *(column.header for column in numbers)], expected, found, strict=True):
        if abs(wanted - (loaded or 0)) > 1e-6:
            raise ValueError(f"{report['path']}: {name} is {wanted} in the file and {loaded} in the table {table}.")


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone=PBX_TIMEZONE),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # a DuckDB file has one writer at a time
    default_args={"retries": 2},
    params={"queue_id_list": "1,2", "queue_id": "1"},
    user_defined_macros={"yesterday": yesterday},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_nightly_warehouse_load() -> None:
    """Fetch two reports, load both, check both."""
    day = "{{ yesterday(dag_run) }}"
    # on_empty: unknown ids are answered with a report without rows, which would be a hole in the warehouse.
    queues = YeastarCallReportOperator(
        task_id="fetch_queues",
        report_type="queueperformance",
        period=day,
        parameters={"queue_id_list": "{{ params.queue_id_list }}"},
        destination=f"{REPORTS}/{day}/",
        on_empty="fail",
        deferrable=True,
    )
    agents = YeastarCallReportOperator(
        task_id="fetch_agents",
        report_type="queueagentperformance",
        period=day,
        parameters={"queue_id": "{{ params.queue_id }}"},
        destination=f"{REPORTS}/{day}/",
        on_empty="fail",
        deferrable=True,
    )

    @task
    def load_reports(day: str, reports: list[dict[str, Any]]) -> dict[str, int]:
        return {report["report_type"]: load(WAREHOUSE, day, report) for report in reports}

    @task
    def check_reports(day: str, reports: list[dict[str, Any]]) -> None:
        for report in reports:
            check(WAREHOUSE, day, report)

    reports = [queues.output["report"], agents.output["report"]]
    load_reports(day, reports) >> check_reports(day, reports)


yeastar_nightly_warehouse_load()
