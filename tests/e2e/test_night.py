"""A night as in production: by its schedule, from three PBXs, into a lake and a warehouse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.cluster import NIGHT_SECONDS, TRIGGERERS
from tests.e2e.deployment import SETTINGS, Deployment
from tests.e2e.warehouse import Reports

DAG_ID = "nightly"
WAITED = {(host, "fetch") for host in TRIGGERERS}


@pytest.fixture(scope="module")
def run_id(deployment: Deployment) -> str:
    """The run that the scheduler starts by itself, at its end."""
    deployment.cluster.unpause(DAG_ID)
    run_id = deployment.cluster.wait_for_run()
    state = deployment.cluster.wait_for_end(DAG_ID, run_id, NIGHT_SECONDS)
    assert state == "success", deployment.cluster.story(DAG_ID, run_id)
    return run_id


def yesterday(deployment: Deployment, run_id: str) -> Reports:
    """The day before the run, by the clock of each PBX."""
    run = deployment.cluster.ask(f"dags/{DAG_ID}/dagRuns/{run_id}")
    moment = datetime.fromisoformat(run["data_interval_end"] or run["logical_date"]).astimezone(UTC)
    assert run["run_type"] == "scheduled"
    days = {name: moment.astimezone(ZoneInfo(each.timezone)).date() for name, each in SETTINGS.items()}
    return {(name, "yesterday"): day - timedelta(days=1) for name, day in days.items()}


def table(deployment: Deployment, *, but: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """All rows of the night, in order, without some columns."""
    rows = deployment.warehouse.server.query(
        f'SELECT to_jsonb(loaded) FROM "{DAG_ID}" loaded ORDER BY pbx_serial_number, queue_num'
    )
    return [{key: value for key, value in row.items() if key not in but} for (row,) in rows]


def test_every_report_of_the_night_is_in_the_warehouse_once(deployment: Deployment, run_id: str) -> None:
    deployment.warehouse.must_hold(DAG_ID, yesterday(deployment, run_id))


def test_the_worker_that_fetched_shares_no_directory_with_the_one_that_read(
    deployment: Deployment, run_id: str
) -> None:
    kept = deployment.warehouse.server.query(f"SELECT DISTINCT worker FROM files WHERE night = '{DAG_ID}'")
    home = deployment.cluster.home
    folders = [path.relative_to(home) for path in home.glob(f"host-*/logs/dag_id={DAG_ID}/run_id=*/task_id=report.*")]
    places = {(path.parts[0], path.name.removeprefix("task_id=report.")) for path in folders}

    assert kept == [(str(home / "host-2"),)]
    assert places - WAITED == {("host-1", "fetch"), ("host-1", "load"), ("host-2", "keep")}
    assert places & WAITED


def test_each_path_in_xcom_is_that_of_an_object_in_the_lake(deployment: Deployment, run_id: str) -> None:
    paths = [path for (path,) in deployment.warehouse.server.query(f"SELECT path FROM files WHERE night = '{DAG_ID}'")]

    assert sorted(paths) == [f"s3://lake@call-reports/{key}" for key in sorted(deployment.lake.keys())]


def test_a_second_run_of_the_same_day_changes_nothing_but_the_moment(deployment: Deployment, run_id: str) -> None:
    before, loaded_at = table(deployment, but=("loaded_at",)), [row["loaded_at"] for row in table(deployment)]
    objects = deployment.lake.keys()

    deployment.cluster.clear(DAG_ID, run_id, only_failed=False)

    assert deployment.cluster.wait_for_end(DAG_ID, run_id) == "success"
    assert table(deployment, but=("loaded_at",)) == before
    assert min(row["loaded_at"] for row in table(deployment)) > max(loaded_at)
    assert deployment.lake.keys() == objects
    deployment.warehouse.must_hold(DAG_ID, yesterday(deployment, run_id))
