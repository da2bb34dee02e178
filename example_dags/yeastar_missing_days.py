"""Every morning: days that the warehouse lacks, or holds suspiciously little of, are loaded; the oldest come first.

Airflow was off for some nights, or the DAG is new: each missing day of the last 90 is loaded by a task of its own, one
at a time, as the PBX serves telephones meanwhile. A table that is complete costs no report.

Needs what the nightly load needs; give it the same report, parameters and table.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_yeastar.compat import dag
from airflow_provider_yeastar.operators.missing_periods import YeastarMissingPeriodsOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator

QUEUES = {
    "report_type": "queueperformance",
    "parameters": {"queue_id_list": "{{ params.queue_id_list }}"},
    "sql_conn_id": "warehouse",
    "table": "queue_performance",
}


@dag(
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"queue_id_list": "1,2"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_missing_days() -> None:
    """Find the days, and load each."""
    missing = YeastarMissingPeriodsOperator(task_id="find_missing_days", days=90, thin=0.5, **QUEUES)
    load = YeastarReportToSqlOperator.partial(task_id="load_day", max_active_tis_per_dag=1, **QUEUES)
    load.expand(period=missing.output)


yeastar_missing_days()
