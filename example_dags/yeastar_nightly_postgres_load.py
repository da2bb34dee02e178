"""Every night: yesterday's queue report of a PBX, as a file and as rows in PostgreSQL.

Rows belong to a PBX, a report and a day; to run a day again replaces its rows. They are replaced and compared with the
file in one transaction: a load that does not agree with its file changes nothing.

Needs ``pip install airflow-provider-yeastar apache-airflow-providers-postgres`` and the connections ``yeastar_default``
and ``warehouse`` (type Postgres). Set your queues in ``params`` below.

Before the first run, set ``YEASTAR_TIMEZONE`` in Airflow's environment, and ``timezone`` in the PBX's connection, to
the PBX's time zone, an IANA name such as ``Europe/Berlin``: they say which day was yesterday.
"""

from __future__ import annotations

import json
import os
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder
PBX_TIMEZONE = os.environ.get("YEASTAR_TIMEZONE", "UTC")
YESTERDAY = "{{ ((dag_run.logical_date or dag_run.run_after).astimezone(pbx_zone) - macros.timedelta(days=1)) | ds }}"


def compare_zones(report: dict[str, Any]) -> None:
    """Make sure that the report's day is the schedule's: a day that is not over yet would lack its last hours.

    :raises ValueError: when the two have different time zones; it names the file.
    """
    if report["timezone"] != PBX_TIMEZONE:
        raise ValueError(
            f"{report['path']} is of days in {report['timezone']}, but YEASTAR_TIMEZONE is {PBX_TIMEZONE}. "
            "Set the connection's `timezone` and YEASTAR_TIMEZONE to the PBX's zone."
        )


def load(cursor: Any, day: str, report: dict[str, Any]) -> int:
    """Put a file's rows in the place of those that the table has of the same PBX, report and day.

    :param cursor: of PostgreSQL, by any driver that follows Python's DB-API.
    :raises ValueError: when the file is of another zone's day.
    """
    from airflow_provider_yeastar.readers import read_report

    compare_zones(report)
    table = report["report_type"]
    columns = [column for column in read_report(report["path"]).columns if column.kind != "blank"]
    names = [column.name for column in columns]
    origin = {"pbx": report["serial_number"], "report": table, "day": day}
    origin |= {"file": report["path"], "sha256": report["sha256"], "loaded_at": datetime.now(UTC).isoformat()}
    values = zip(*(column.values for column in columns), strict=True)
    rows = [origin | dict(zip(names, row, strict=True)) for row in values]
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {table} (pbx text NOT NULL, report text NOT NULL, day date NOT NULL,"
        " file text NOT NULL, sha256 text NOT NULL, loaded_at timestamptz NOT NULL)"
    )
    for column in columns:
        kind = "double precision" if column.is_number else "text"
        cursor.execute(f'ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "{column.name}" {kind}')
    cursor.execute(f"DELETE FROM {table} WHERE pbx = %(pbx)s AND report = %(report)s AND day = %(day)s", origin)
    # One statement for all rows, in which PostgreSQL makes of each value what its column is.
    rows_of_table = f"json_populate_recordset(NULL::{table}, %s::json)"
    cursor.execute(f"INSERT INTO {table} SELECT * FROM {rows_of_table}", (json.dumps(rows),))
    return len(rows)


def check(cursor: Any, day: str, report: dict[str, Any]) -> None:
    """Compare the number of rows and the sum of each column of numbers, in the table and in the file.

    :raises ValueError: when they differ; it names the file.
    """
    from airflow_provider_yeastar.readers import read_report

    table = report["report_type"]
    in_file = read_report(report["path"])
    numbers = [column for column in in_file.columns if column.is_number]
    sums = "".join(f', sum("{column.name}"::double precision)' for column in numbers)
    query = f"SELECT count(*){sums} FROM {table} WHERE pbx = %s AND report = %s AND day = %s"
    cursor.execute(query, (report["serial_number"], table, day))
    expected = [len(in_file.rows), *(sum(value or 0 for value in column.values) for column in numbers)]
    headers = ["rows", *(column.header for column in numbers)]
    for name, wanted, loaded in zip(headers, expected, cursor.fetchone(), strict=True):
        if abs(wanted - (loaded or 0)) > 1e-6:
            raise ValueError(f"{report['path']}: {name} is {wanted} in the file and {loaded} in the table {table}.")


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone=PBX_TIMEZONE),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # two loads of one day at once would double its rows
    default_args={"retries": 2},
    params={"queue_id_list": "1,2"},
    user_defined_macros={"pbx_zone": ZoneInfo(PBX_TIMEZONE)},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_nightly_postgres_load() -> None:
    """Fetch the report, then load and check it."""
    fetch = YeastarCallReportOperator(
        task_id="fetch_queues",
        report_type="queueperformance",
        period=YESTERDAY,
        parameters={"queue_id_list": "{{ params.queue_id_list }}"},
        destination=f"{REPORTS}/{YESTERDAY}/",
        on_empty="fail",  # unknown ids are answered without rows, which would be a hole in the warehouse
        deferrable=True,
    )

    @task
    def load_report(day: str, report: dict[str, Any]) -> int:
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        with closing(PostgresHook("warehouse").get_conn()) as connection:
            cursor = connection.cursor()
            rows = load(cursor, day, report)
            check(cursor, day, report)
            connection.commit()
        return rows

    load_report(YESTERDAY, fetch.output["report"])


yeastar_nightly_postgres_load()
