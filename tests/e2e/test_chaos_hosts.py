"""What ends in the midst of a night: workers, triggerers, the scheduler, Redis, a connection to the warehouse."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from airflow_provider_yeastar.simulator import Fault
from tests.e2e.cluster import NIGHT_SECONDS, TRIGGERERS
from tests.e2e.deployment import SHARED, TLS, Night

psycopg2 = pytest.importorskip("psycopg2")

WORKER = "host-1"
EACH = ("pbx_1", TLS, SHARED)

with_and_without_children = pytest.mark.parametrize("children", [True, False], ids=["whole", "main_process"])


def wait_for_gate(night: Night) -> int:
    """Return the backend of the load that stands in the midst of its transaction."""
    return night.deployment.cluster.wait_for("A load at the gate", NIGHT_SECONDS, night.deployment.warehouse.at_gate)


@with_and_without_children
def test_a_worker_is_killed_while_it_downloads(night: Night, children: bool) -> None:
    pbx = night.deployment.pbxs["pbx_1"]
    pbx.faults.add(Fault("stall half-way"))
    night.start("pbx_1")
    pbx.wait_until(lambda pbx: pbx.stalled > 0, NIGHT_SECONDS)

    night.deployment.cluster.kill(WORKER, children=children)
    night.deployment.start(WORKER)

    night.must_end_well()


@with_and_without_children
def test_a_worker_is_killed_while_it_loads(night: Night, children: bool) -> None:
    night.start("pbx_1")
    night.must_end_well()
    with night.deployment.warehouse.gate(night.name):
        night.start("pbx_1")
        wait_for_gate(night)
        night.deployment.cluster.kill(WORKER, children=children)
        night.deployment.start(WORKER)

    night.must_end_well()


def has_recovered(night: Night) -> bool | None:
    """Whether the warehouse answers, and nobody is at the gate: a killed backend takes all others with it."""
    try:
        return night.deployment.warehouse.at_gate() is None or None
    except psycopg2.OperationalError:
        return None


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "terminated"])
def test_the_connection_of_a_load_is_ended_by_the_warehouse(night: Night, is_killed: bool) -> None:
    warehouse = night.deployment.warehouse
    night.start("pbx_1")
    night.must_end_well()
    with warehouse.gate(night.name):
        night.start("pbx_1")
        backend = wait_for_gate(night)
        if is_killed:
            os.kill(backend, signal.SIGKILL)
            night.deployment.cluster.wait_for("The warehouse", NIGHT_SECONDS, lambda: has_recovered(night))
        else:
            assert warehouse.server.query(f"SELECT pg_terminate_backend({backend}, 10000)") == [(True,)]

    night.must_end_well()


def hold_in_the_midst(night: Night, days: int = 2) -> None:
    """Have reports waiting at each PBX, one of them in the making."""
    for name in EACH:
        night.deployment.pbxs[name].hold_reports()
    night.start(*EACH, days=days)
    night.wait_until_waiting(len(night.reports))
    for name in EACH:
        night.deployment.pbxs[name].wait_until(lambda pbx: pbx.busy, NIGHT_SECONDS)


def release(night: Night) -> None:
    """Let the PBXs go on."""
    for name in EACH:
        night.deployment.pbxs[name].release_reports()


@pytest.mark.parametrize("killed", [TRIGGERERS[:1], TRIGGERERS], ids=["one", "both"])
def test_triggerers_are_killed_while_reports_wait(night: Night, killed: tuple[str, ...]) -> None:
    """21 reports; the one that each PBX is making is in doubt for whoever waits next. One that is left takes over."""
    hold_in_the_midst(night, days=7)

    for name in killed:
        night.deployment.cluster.kill(name, children=True)
    if len(killed) == len(TRIGGERERS):
        for name in killed:
            night.deployment.start(name)
    release(night)

    night.must_end_well(2 * NIGHT_SECONDS)


def test_the_scheduler_is_killed(night: Night) -> None:
    hold_in_the_midst(night)

    night.deployment.cluster.kill("scheduler", children=True)
    release(night)
    night.deployment.start("scheduler")

    night.must_end_well()


@pytest.mark.parametrize("keeps_data", [True, False], ids=["with_data", "without_data"])
def test_redis_is_killed(night: Night, keeps_data: bool) -> None:
    hold_in_the_midst(night)
    broker = night.deployment.broker

    broker.kill()
    if not keeps_data:
        shutil.rmtree(broker.home / "appendonlydir")
    broker.start()
    release(night)

    night.must_end_well(2 * NIGHT_SECONDS)


def test_the_clock_of_a_worker_is_two_hours_ahead(night: Night) -> None:
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        pytest.skip("libfaketime is not installed (Debian and Ubuntu: faketime)")
    cluster = night.deployment.cluster
    cluster.kill(WORKER, children=True)
    cluster.start_worker(WORKER, LD_PRELOAD=str(libraries[0]), FAKETIME="+2h", FAKETIME_DONT_FAKE_MONOTONIC="1")

    night.start(*EACH, days=2)
    try:
        night.must_end_well()
    finally:
        cluster.kill(WORKER, children=True)  # the next test gets one whose clock is right

    ahead = f"SELECT min(loaded_at) > (now() AT TIME ZONE 'utc') + interval '1 hour' FROM \"{night.name}\""
    assert night.deployment.warehouse.server.query(ahead) == [(True,)]
