"""Every night: yesterday's agents of every queue that the PBX has, one file for each queue.

Nobody keeps a list of queues: a task asks the PBX for them, and the report is mapped over what it answered. A queue
that is added tomorrow has its file the night after.

Needs ``pip install airflow-provider-yeastar`` and the connection ``yeastar_default``.

Set ``timezone`` in the PBX's connection to its time zone, an IANA name such as ``Europe/Berlin``: the day is counted by
the PBX's clock.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
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
        period="yesterday",
        destination=f"{REPORTS}/all_queues/",
        on_empty="skip",  # a queue without agents
        deferrable=True,  # they take their turns at the PBX without holding worker slots
    ).expand(parameters=list_queues())


yeastar_all_queues()
