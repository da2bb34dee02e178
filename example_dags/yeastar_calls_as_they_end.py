"""Whenever calls have ended on the PBX: today's calls in a file. Needs Airflow 3.

A trigger listens to the PBX and makes an asset event of each batch of ended calls, at the most one a minute. The event
is a sign that there are new calls; the file holds all calls of the day, also those of which no event told. Needs the
connection ``yeastar_default`` with its ``timezone``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.triggers.call_event import YeastarCallEventTrigger

try:
    from airflow.sdk import Asset, AssetWatcher, dag
except ImportError:  # Airflow 2 has no events to run DAGs by; there this file holds no DAG
    Asset = None  # type: ignore[assignment, misc]  # mypy sees Airflow 3's class

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
FOLDER = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")


if Asset is not None:
    ended_calls = Asset(
        "yeastar_ended_calls",
        watchers=[AssetWatcher(name="pbx_calls", trigger=YeastarCallEventTrigger(max_calls=10_000, max_seconds=60))],
    )

    @dag(
        schedule=[ended_calls],
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["yeastar"],
        doc_md=__doc__,
    )
    def yeastar_calls_as_they_end() -> None:
        """Write the calls of today; each run replaces the file of the one before."""
        YeastarCdrOperator(task_id="fetch_calls", period="today", destination=f"{FOLDER}/calls/")

    yeastar_calls_as_they_end()
