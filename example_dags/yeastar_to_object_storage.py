"""Every night: yesterday's call activity of all extensions into an object store, read there by another task.

A path in an object store is the same on every worker, so that this works as it stands with Celery and Kubernetes. The
connection to the store is part of the URL: ``s3://CONNECTION@BUCKET/FOLDER``.

Needs the connections ``yeastar_default`` and ``aws_default``, and
``pip install airflow-provider-yeastar 'apache-airflow-providers-amazon[s3fs]'``; for other stores their provider, and
``gs://`` or ``abfs://``. Set your extensions (numbers, names or ids) in ``params``.

Set ``timezone`` in the PBX's connection to its time zone, an IANA name such as ``Europe/Berlin``: the day is counted by
the PBX's clock.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

LAKE = os.environ.get("YEASTAR_LAKE", "s3://aws_default@call-reports/raw")


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"ext_id_list": "1000,1001,1002"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_to_object_storage() -> None:
    """Fetch the report into the store, read it from there."""
    # --8<-- [start:lake]
    fetch = YeastarCallReportOperator(
        task_id="fetch",
        report_type="extcallstatistics",
        period="yesterday",
        parameters={"ext_id_list": "{{ params.ext_id_list }}"},
        destination=f"{LAKE}/extensions/",
        deferrable=True,
    )

    @task
    def count_rows(path: str) -> int:
        from airflow_provider_yeastar.readers import read_report

        return len(read_report(path).rows)

    count_rows(fetch.output)
    # --8<-- [end:lake]


yeastar_to_object_storage()
