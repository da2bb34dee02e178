"""Every night: yesterday's agents of every queue that the PBX has, one file for each queue.

Nobody keeps a list of queues: a task asks the PBX for them, and the report is mapped over what it answered. A queue
that is added tomorrow has its file the night after.

Needs ``pip install airflow-provider-yeastar`` and the connection ``yeastar_default``.

Before the first run, set ``YEASTAR_TIMEZONE`` in Airflow's environment, and ``timezone`` in the PBX's connection, to
the PBX's time zone, an IANA name such as ``Europe/Berlin``: they say which day was yesterday.
"""

from __future__ import annotations

import os
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


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone=PBX_TIMEZONE),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    user_defined_macros={"pbx_zone": ZoneInfo(PBX_TIMEZONE)},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_all_queues() -> None:
    """List the queues, and fetch a report for each."""

    @task
    def list_queues() -> list[dict[str, Any]]:
        from airflow_provider_yeastar.hooks.yeastar import YeastarHook

        # The id is an int, so it cannot be taken for a dialled number.
        return [{"queue_id": queue.id} for queue in YeastarHook().list_menu_options("queue")]

    YeastarCallReportOperator.partial(
        task_id="fetch_agents",
        report_type="queueagentperformance",
        period=YESTERDAY,
        destination=f"{REPORTS}/all_queues/{YESTERDAY}/",
        on_empty="skip",  # a queue without agents
        deferrable=True,  # they take their turns at the PBX without holding worker slots
    ).expand(parameters=list_queues())


yeastar_all_queues()
