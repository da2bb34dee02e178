"""Every night: yesterday's unreturned missed calls of every PBX of a fleet, one mapped task for each PBX.

Each PBX has a connection of its own; ``params`` names them. "Yesterday" is by each PBX's own clock, as the extra
``timezone`` of its connection tells. The pool ``yeastar`` bounds how many PBXs are asked at once:

    airflow pools set --include-deferred yeastar 16 "Call reports"

Without ``--include-deferred`` a task that waits in the triggerer would not count. Where several hosts may ask one PBX,
give that PBX a pool of one slot.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder


@dag(
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"pbxs": ["yeastar_berlin", "yeastar_shanghai"]},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_fleet() -> None:
    """Find out what to ask each PBX, ask all of them, count what came."""

    @task
    def plan(dag_run: Any = None, params: Any = None) -> list[dict[str, str]]:
        """What differs from PBX to PBX."""
        moment = dag_run.logical_date or dag_run.run_after
        tasks = []
        for conn_id in params["pbxs"]:
            zone = ZoneInfo(YeastarHook.get_connection(conn_id).extra_dejson.get("timezone", "UTC"))
            day = (moment.astimezone(zone) - timedelta(days=1)).date().isoformat()
            tasks.append({"yeastar_conn_id": conn_id, "period": day, "destination": f"{REPORTS}/{conn_id}/{day}/"})
        return tasks

    # --8<-- [start:fetch]
    fetch = YeastarCallReportOperator.partial(
        task_id="fetch",
        report_type="unreturnmisscall",
        pool="yeastar",
        deferrable=True,
        map_index_template="{{ task.yeastar_conn_id }}",
    ).expand_kwargs(plan())
    # --8<-- [end:fetch]

    @task(multiple_outputs=False)  # one XCom; else each path would be the key of one
    def count(paths: list[str]) -> dict[str, int]:
        from airflow_provider_yeastar.readers import read_report

        return {path: len(read_report(path).rows) for path in paths}

    count(fetch.output)


yeastar_fleet()
