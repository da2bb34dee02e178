"""Every night: yesterday's queue reports of a PBX as CSV files, kept as they came, and their rows in DuckDB.

For those who keep the PBX's own files. To have rows in a table alone, the nightly loads do it in one task.

Needs ``pip install 'airflow-provider-yeastar[parquet]' duckdb`` and the connection ``yeastar_default`` with its
``timezone``. Set your queues in ``params``; files and warehouse are on a disk that all workers see.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")
WAREHOUSE = os.environ.get("YEASTAR_WAREHOUSE", f"{AIRFLOW_HOME}/yeastar_warehouse.duckdb")


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # a DuckDB file has one writer at a time
    default_args={"retries": 2},
    params={"queue_id_list": "1,2", "queue_id": "1"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_files_then_duckdb() -> None:
    """Fetch two reports, and load both."""
    fetch: dict[str, Any] = {"period": "yesterday", "destination": f"{REPORTS}/", "deferrable": True}
    queues = YeastarCallReportOperator(
        task_id="fetch_queues",
        report_type="queueperformance",
        parameters={"queue_id_list": "{{ params.queue_id_list }}"},
        **fetch,
    )
    agents = YeastarCallReportOperator(
        task_id="fetch_agents",
        report_type="queueagentperformance",
        parameters={"queue_id": "{{ params.queue_id }}"},
        **fetch,
    )

    @task
    def load_reports(reports: list[dict[str, Any]]) -> dict[str, int]:
        import duckdb

        from airflow_provider_yeastar.readers import read_report

        loaded: dict[str, int] = {}
        with duckdb.connect(WAREHOUSE) as db:
            for report in reports:
                table, day = report["report_type"], report["start_time"][:10]
                db.register("rows", read_report(report["path"], report_type=table).to_arrow())
                origin = [day, report["serial_number"], datetime.now(UTC).replace(tzinfo=None)]
                columns = "?::DATE AS day, ?::VARCHAR AS pbx, ?::TIMESTAMP AS loaded_at, *"
                db.execute("BEGIN")
                db.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT {columns} FROM rows LIMIT 0", origin)
                db.execute(f"DELETE FROM {table} WHERE day = ? AND pbx = ?", origin[:2])
                db.execute(f"INSERT INTO {table} BY NAME SELECT {columns} FROM rows", origin)
                db.execute("COMMIT")
                ((loaded[table],),) = db.execute(f"SELECT count(*) FROM {table} WHERE day = ?", [day]).fetchall()
        return loaded

    load_reports([queues.output["report"], agents.output["report"]])


yeastar_files_then_duckdb()
