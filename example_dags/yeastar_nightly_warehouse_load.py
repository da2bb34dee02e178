"""Every night: yesterday's queue and agent reports of a PBX in a DuckDB warehouse.

Needs ``pip install 'airflow-provider-yeastar[sql]' airflow-provider-duckdb``, the connection ``yeastar_default`` with
its ``timezone``, and ``warehouse`` (type DuckDB, the file's path as its host). Set your queues in ``params``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_yeastar.compat import dag
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # a DuckDB file has one writer at a time
    default_args={"retries": 2, "sql_conn_id": "warehouse", "period": "yesterday", "on_empty": "fail"},
    params={"queue_id_list": "1,2", "queue_id": "1"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_nightly_warehouse_load() -> None:
    """Load two reports, one after the other."""
    reports = {"queueperformance": "queue_id_list", "queueagentperformance": "queue_id"}
    queues, agents = (
        YeastarReportToSqlOperator(
            task_id=f"load_{report}", report_type=report, table=report, parameters={ids: f"{{{{ params.{ids} }}}}"}
        )
        for report, ids in reports.items()
    )
    queues >> agents


yeastar_nightly_warehouse_load()
