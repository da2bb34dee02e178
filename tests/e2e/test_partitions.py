"""The example of sites and a warehouse, by Airflow's own scheduler: a day is summed once all sites have told of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from example_dags.local_airflow import RUN_SECONDS, LocalAirflow, local_airflow
from tests.examples import needs_partitions
from tests.integration.peers import PostgresServer, postgres_server
from tests.integration.support import connection_to, know_the_past

WAREHOUSE, BERLIN, SHANGHAI = "yeastar_sites_then_warehouse", "yeastar_berlin", "yeastar_shanghai"
SITES = {
    BERLIN: SimulatorSettings(serial_number="3692A0000001", seed=1),
    SHANGHAI: SimulatorSettings(serial_number="3692A0000002", seed=2, timezone="Asia/Shanghai"),
}

pytestmark = [
    needs_partitions,
    pytest.mark.skipif("YEASTAR_E2E_TESTS" not in os.environ, reason="an Airflow with a scheduler; `make e2e` runs it"),
]


@pytest.fixture
def warehouse() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def airflow(warehouse: PostgresServer, tmp_path: Path) -> Iterator[LocalAirflow]:
    """An Airflow whose DAGs are paused."""
    with ExitStack() as stack:
        started = stack.enter_context(local_airflow(tmp_path, WAREHOUSE))
        for name, settings in SITES.items():
            pbx = stack.enter_context(PbxSimulator(settings))
            know_the_past(pbx, tmp_path / "yeastar")
            started.environment[f"AIRFLOW_CONN_{name.upper()}"] = connection_to(pbx)
        started.environment["AIRFLOW_CONN_WAREHOUSE"] = json.dumps(
            {
                "conn_type": "postgres",
                "host": "127.0.0.1",
                "port": warehouse.port,
                "login": "airflow",
                "schema": "postgres",
            }
        )
        started.environment["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] = "True"
        started.start_airflow()
        yield started


def runs(airflow: LocalAirflow, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.ask(f"dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
    return found


def unpause(airflow: LocalAirflow, dag_id: str) -> None:
    known = airflow.wait_for(
        "The DAGs", RUN_SECONDS, lambda: {dag["dag_id"] for dag in airflow.ask("dags")["dags"]} >= {dag_id} or None
    )
    assert known
    airflow.ask(f"dags/{dag_id}", {"is_paused": False}, "PATCH")


def run_once(airflow: LocalAirflow, dag_id: str) -> None:
    """Let the run of a site that is due succeed."""
    unpause(airflow, dag_id)

    def ended() -> bool | None:
        states = [run["state"] for run in runs(airflow, dag_id)]
        assert "failed" not in states
        return states == ["success"] or None

    airflow.wait_for(f"The run of {dag_id}", RUN_SECONDS, ended)


def test_a_day_is_summed_once_when_all_sites_have_told_of_it(airflow: LocalAirflow, warehouse: PostgresServer) -> None:
    unpause(airflow, WAREHOUSE)
    run_once(airflow, BERLIN)
    days = warehouse.query("SELECT DISTINCT period_start FROM queue_performance ORDER BY 1")
    told = {event["partition_key"] for event in airflow.ask(f"assets/events?source_dag_id={BERLIN}")["asset_events"]}

    assert told == {f"{day:%Y-%m-%dT%H:%M:%S}" for (day,) in days}
    assert len(told) == 4
    assert runs(airflow, WAREHOUSE) == []

    run_once(airflow, SHANGHAI)

    def summed() -> list[dict[str, Any]] | None:
        found = runs(airflow, WAREHOUSE)
        assert "failed" not in {run["state"] for run in found}
        return found if [run["state"] for run in found].count("success") >= len(told) else None

    done = airflow.wait_for("The sums", RUN_SECONDS, summed)
    assert sorted(run["partition_key"] for run in done) == sorted(told)
    assert warehouse.query("SELECT day, calls FROM calls_per_day ORDER BY day") == warehouse.query(
        "SELECT period_start, sum(total_calls)::bigint FROM queue_performance GROUP BY 1 ORDER BY 1"
    )
    assert warehouse.query("SELECT count(DISTINCT pbx_serial_number) FROM queue_performance") == [(2,)]
