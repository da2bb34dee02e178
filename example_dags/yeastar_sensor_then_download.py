"""Every night: wait until yesterday's report is ready, do what is to be done first, then download it.

A sensor asks for the report and waits for it; a task of yours comes between; then the file is fetched. What the sensor
hands on lives half an hour. If the task between takes longer, the download asks for the report again by itself.

Needs ``pip install airflow-provider-yeastar`` and the connection ``yeastar_default``. Set the ids of your queues in
``params`` below.

Set ``timezone`` in the PBX's connection to its time zone, an IANA name such as ``Europe/Berlin``: the day is counted by
the PBX's clock.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarDownloadReportOperator
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"queue_id_list": "1,2"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_sensor_then_download() -> None:
    """Wait for the report, prepare, download."""
    # --8<-- [start:sensor]
    ready = YeastarCallReportSensor(
        task_id="wait_for_report",
        report_type="queueperformance",
        period="yesterday",
        parameters={"queue_id_list": "{{ params.queue_id_list }}"},
        deferrable=True,
    )

    @task
    def prepare(report: dict[str, Any]) -> None:
        print(f"{report['file']} is ready since {report['ready_at']} and lives until {report['expires_at']}.")

    download = YeastarDownloadReportOperator(
        task_id="download",
        report=ready.output,
        destination=f"{REPORTS}/queues/",
        deferrable=True,  # should it have to be asked for again
    )
    prepare(ready.output) >> download
    # --8<-- [end:sensor]


yeastar_sensor_then_download()
