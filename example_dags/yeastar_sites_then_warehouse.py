"""Every night each site loads its own PBX; a day's sum is made once all sites have that day. Needs Airflow 3.3.

Each site has a DAG and a connection of its own, and its PBX its own midnight. A site tells which days it has loaded by
partition keys of its asset, such as ``2026-11-22T00:00:00``. The DAG of the sum runs once for each day that all sites
have told of; a day that changed later, which ``lookback`` finds, is summed again when all sites have told of it again.

Needs ``pip install 'airflow-provider-yeastar[sql]'``, a connection for each site and ``warehouse``
(type Postgres).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import airflow

from airflow_provider_yeastar.compat import AirflowSkipException
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator

SITES = ("yeastar_berlin", "yeastar_shanghai")
DAY = "{{ dag_run.partition_key }}"
SUM = [
    "CREATE TABLE IF NOT EXISTS calls_per_day (day TIMESTAMP, calls BIGINT)",
    f"DELETE FROM calls_per_day WHERE day = '{DAY}'",
    "INSERT INTO calls_per_day SELECT period_start, sum(total_calls) FROM queue_performance "
    f"WHERE period_start = '{DAY}' GROUP BY period_start",
]

# Before 3.3 a task cannot name partitions; there this file holds no DAG.
if tuple(int(part) for part in airflow.__version__.split(".")[:2]) >= (3, 3):
    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
    from airflow.sdk import DAG, Asset, AssetAll, PartitionedAssetTimetable, dag, task

    def site_dag(site: str, loaded: Asset) -> DAG:
        """Return the nightly load of a site.

        :param site: id of its connection, and of the DAG.
        :param loaded: gets an event for each day that was loaded.
        """

        @dag(
            dag_id=site,
            schedule="0 6 * * *",
            start_date=datetime(2026, 1, 1, tzinfo=UTC),
            catchup=False,
            default_args={"retries": 2},
            params={"queue_id_list": "1,2"},
            tags=["yeastar"],
            doc_md=__doc__,
        )
        def nightly_load() -> None:
            @task(outlets=[loaded])
            def tell_days(report: dict[str, Any], outlet_events: Any = None) -> None:
                days = [period["period_start"] for period in report["periods"] if period["changed"]]
                if not days:
                    raise AirflowSkipException("No day has changed")
                outlet_events[loaded].add_partitions(days)

            load = YeastarReportToSqlOperator(
                task_id="load_queues",
                yeastar_conn_id=site,
                report_type="queueperformance",
                period="yesterday",
                parameters={"queue_id_list": "{{ params.queue_id_list }}"},
                sql_conn_id="warehouse",
                table="queue_performance",
                lookback=3,
                on_empty="fail",
            )
            tell_days(load.output["report"])

        return nightly_load()

    assets = [Asset(f"{site}_queues") for site in SITES]
    for site, asset in zip(SITES, assets, strict=True):
        site_dag(site, asset)

    @dag(
        schedule=PartitionedAssetTimetable(assets=AssetAll(*assets)),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        default_args={"retries": 2},
        tags=["yeastar"],
        doc_md=__doc__,
    )
    def yeastar_sites_then_warehouse() -> None:
        """Sum a day of all sites, in one transaction."""
        SQLExecuteQueryOperator(task_id="sum_day", conn_id="warehouse", sql=SUM)

    yeastar_sites_then_warehouse()
