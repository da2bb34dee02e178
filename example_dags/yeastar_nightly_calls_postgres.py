"""Every night: yesterday's calls of a PBX in PostgreSQL, each once.

Needs ``pip install 'airflow-provider-yeastar[sql]' apache-airflow-providers-postgres``, the connection
``yeastar_default`` with its ``timezone``, and ``warehouse`` (type Postgres).
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_yeastar.compat import dag
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_nightly_calls_postgres() -> None:
    """Load a day, and the day before it where that has changed: a call is listed when it has ended."""
    YeastarCdrToSqlOperator(
        task_id="load_calls",
        period="yesterday",
        api_version="v2.0",  # a row is a call; for firmware before x.23.0.123 say v1.0, where a row is a leg
        sql_conn_id="warehouse",
        table="calls",
        lookback=1,
        protect={"call_from": "mask"},  # covers call_from_number and call_from_name; leave it out to load them whole
    )


yeastar_nightly_calls_postgres()
