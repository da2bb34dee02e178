"""The night of a few PBXs: each report as a file in the lake, and as rows in the warehouse.

``nightly`` runs by its schedule for yesterday; ``night`` runs for what its ``params`` name. The file is kept in the
warehouse by a worker that did not fetch it: it reads the file by its path in XCom.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator

try:
    from airflow.sdk import task_group
except ImportError:
    raise SystemExit("The deployment is one of Airflow 3") from None

REPORT: dict[str, Any] = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1, 2]}}
KEEP = """
    INSERT INTO files (night, pbx, period, path, worker, content) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (night, pbx, period) DO UPDATE
    SET path = excluded.path, worker = excluded.worker, content = excluded.content
"""
SETTINGS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=2)},
}


@task(queue="host-2")
def keep(path: str, pbx: str, period: str, night: str) -> None:
    """Put the file into the warehouse as it is."""
    from contextlib import closing

    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk import ObjectStoragePath

    row = (night, pbx, period, path, os.environ["AIRFLOW_HOME"], ObjectStoragePath(path).read_bytes())
    with closing(PostgresHook("warehouse").get_conn()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(KEEP, row)


@task_group
def report(pbx: str, period: str, night: str) -> None:
    """One report of one PBX."""
    fetch = YeastarCallReportOperator(
        task_id="fetch",
        yeastar_conn_id=pbx,
        period=period,
        destination="s3://lake@call-reports/raw/",
        deferrable=True,
        queue="host-1",
        **REPORT,
    )
    load = YeastarReportToSqlOperator(
        task_id="load",
        yeastar_conn_id=pbx,
        period=period,
        sql_conn_id="warehouse",
        table=night,
        queue="host-1",
        **REPORT,
    )
    keep(fetch.output, pbx, period, night)
    fetch >> load


@dag(schedule=os.environ.get("NIGHT", "0 3 * * *"), params={"pbxs": ["pbx_1", "pbx_2", "pbx_3"]}, **SETTINGS)
def nightly() -> None:
    """Yesterday's reports of all PBXs."""

    @task
    def plan(params: Any = None) -> list[dict[str, str]]:
        return [{"pbx": pbx, "period": "yesterday", "night": "nightly"} for pbx in params["pbxs"]]

    report.expand_kwargs(plan())


@dag(schedule=None, params={"reports": []}, **SETTINGS)
def night() -> None:
    """The reports that are named: mappings of pbx, period and night."""

    @task
    def plan(params: Any = None) -> list[dict[str, str]]:
        return list(params["reports"])

    report.expand_kwargs(plan())


nightly()
night()
