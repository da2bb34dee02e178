"""Every night: yesterday's queue report of a PBX in PostgreSQL.

Needs ``pip install 'airflow-provider-yeastar[sql]' apache-airflow-providers-postgres``, the connection
``yeastar_default`` with its ``timezone``, and ``warehouse`` (type Postgres). Set your queues in ``params``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_yeastar.compat import dag
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"queue_id_list": "1,2"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_nightly_postgres_load() -> None:
    """Load a day, and the three before it where they have changed: calls are returned after midnight."""
    YeastarReportToSqlOperator(
        task_id="load_queues",
        report_type="queueperformance",
        period="yesterday",
        parameters={"queue_id_list": "{{ params.queue_id_list }}"},
        sql_conn_id="warehouse",
        table="queue_performance",
        lookback=3,
        on_empty="fail",  # unknown ids are answered without rows, which would be a hole in the warehouse
    )


yeastar_nightly_postgres_load()
