"""Whenever a report is finished on the PBX, whoever asked for it: its file is fetched. Needs Airflow 3.

A trigger listens to the PBX and makes an asset event of each finished report; the event holds the file's name and its
URL, which lives 30 minutes. Needs the connection ``yeastar_default``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.triggers.report_event import YeastarReportEventTrigger

try:
    from airflow.sdk import Asset, AssetWatcher, dag, task
except ImportError:  # Airflow 2 has no events to run DAGs by; there this file holds no DAG
    Asset = None  # type: ignore[assignment, misc]  # mypy sees Airflow 3's class

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
FOLDER = os.environ.get("YEASTAR_EVENT_REPORTS", f"{AIRFLOW_HOME}/yeastar_event_reports")


if Asset is not None:
    finished_reports = Asset(
        "yeastar_finished_reports", watchers=[AssetWatcher(name="pbx", trigger=YeastarReportEventTrigger())]
    )

    @dag(
        schedule=[finished_reports],
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["yeastar"],
        doc_md=__doc__,
    )
    def yeastar_event_driven() -> None:
        """Fetch what was announced since the last run."""

        @task
        def fetch_announced(triggering_asset_events: Any = None) -> list[str]:
            events = [event for found in (triggering_asset_events or {}).values() for event in found]
            paths: list[str] = []
            failed: list[Exception] = []
            for report in (event.extra["payload"] for event in events):
                hook = YeastarHook(report["yeastar_conn_id"])
                try:
                    paths.append(hook.download_file(report["download_resource_url"], f"{FOLDER}/"))
                except YeastarError as error:  # one file that has expired keeps no other from being fetched
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(events)} reports could not be fetched", failed)
            return paths

        fetch_announced()

    yeastar_event_driven()
