"""Every night: yesterday's unreturned missed calls of every PBX of a fleet, one mapped task for each PBX.

Each PBX has a connection of its own; ``params`` names them. "Yesterday" is counted by each PBX's own clock, so set
``timezone`` in each connection. A PBX that cannot be reached fails its own task, and no other. The pool ``yeastar``
bounds how many PBXs are asked at once::

    airflow pools set --include-deferred yeastar 16 "Call reports"

Without ``--include-deferred`` a task that waits in the triggerer would not count.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")  # or s3://conn@bucket/folder


@dag(
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"pbxs": ["yeastar_berlin", "yeastar_shanghai"]},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_fleet() -> None:
    """Ask all PBXs, and count what came."""

    @task
    def list_pbxs(params: Any = None) -> list[dict[str, str]]:
        return [{"yeastar_conn_id": pbx, "destination": f"{REPORTS}/{pbx}/"} for pbx in params["pbxs"]]

    # --8<-- [start:fetch]
    fetch = YeastarCallReportOperator.partial(
        task_id="fetch",
        report_type="unreturnmisscall",
        period="yesterday",
        pool="yeastar",
        deferrable=True,
        map_index_template="{{ task.yeastar_conn_id }}",
    ).expand_kwargs(list_pbxs())
    # --8<-- [end:fetch]

    @task(multiple_outputs=False)  # one XCom; else each path would be the key of one
    def count(paths: list[str]) -> dict[str, int]:
        from airflow_provider_yeastar.readers import read_report

        return {path: len(read_report(path, report_type="unreturnmisscall").rows) for path in paths}

    count(fetch.output)


yeastar_fleet()
