"""Once: a year of a report, month by month, a row for each day.

A month at a time keeps each request small enough for the PBX, and a month that failed is run again by itself. Trigger
it with the year and the queues (names, dialled numbers or internal ids, with commas between them)::

    airflow dags trigger yeastar_backfill_by_month --conf '{"year": 2025, "queues": "Sales,6401"}'

What a PBX recorded with firmware x.21.0.66 or older is read with ``"api_version": "v1.0"``, from x.21.0.117 on with
``v2.0``; the wrong version finds no rows.

Needs ``pip install airflow-provider-yeastar`` and the connection ``yeastar_default``.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder


def months_of(year: int, today: date) -> list[str]:
    """The months of a year that are over, as periods of a report.

    :param today: where it is today in the latest of all time zones: a month is over once it is over there.
    """
    return [f"{year}-{month:02d}" for month in range(1, 13) if (year, month) < (today.year, today.month)]


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    params={"year": 2025, "queues": "1,2", "api_version": "auto"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_backfill_by_month() -> None:
    """List the months, and fetch a report for each."""

    @task
    def list_months(params: dict[str, Any]) -> list[str]:
        return months_of(int(params["year"]), datetime.now(timezone(-timedelta(hours=12))).date())

    YeastarCallReportOperator.partial(
        task_id="fetch_month",
        report_type="queueperformanceactivity",
        parameters={"queue_id_list": "{{ params.queues }}"},
        api_version="{{ params.api_version }}",
        destination=f"{REPORTS}/backfill/{{{{ params.year }}}}/",
        overwrite=False,  # a second run fetches what the first one left out
        deferrable=False,  # one month at a time holds one worker slot
        retries=2,
        # The PBX makes one report at a time and serves telephones meanwhile. A pool of one slot, shared with the DAGs
        # of the night, keeps these apart too.
        max_active_tis_per_dag=1,
    ).expand(period=list_months())


yeastar_backfill_by_month()
