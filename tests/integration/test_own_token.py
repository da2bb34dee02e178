"""`login_sharing=none`: a token of one's own is given back, however its work ends."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger
from tests.integration.support import QUEUE_REPORT, Wait, connection_to


@pytest.fixture
def pbx(yeastar_pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PbxSimulator:
    """A simulated PBX that is `yeastar_default`, with tokens that are not shared."""
    extra = {"timezone": yeastar_pbx.settings.timezone, "login_sharing": "none"}
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(yeastar_pbx, extra=extra))
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    return yeastar_pbx


def task(tmp_path: Path) -> YeastarCallReportOperator:
    return YeastarCallReportOperator(
        task_id="report", destination=f"{tmp_path}/out/", deferrable=False, wait_timeout=60, **QUEUE_REPORT
    )


def trigger() -> YeastarCallReportTrigger:
    return YeastarCallReportTrigger(
        yeastar_conn_id="yeastar_default",
        request=build_request(**QUEUE_REPORT).to_dict(),
        queue_until=time.time() + 60,
        wait_timeout=60,
    )


def was_given_back(pbx: PbxSimulator, logins: int = 1) -> bool:
    return len(pbx.calls("get_token")) == len(pbx.calls("del_token")) == logins and not pbx.state.tokens


def test_when_the_hook_s_work_is_done(pbx: PbxSimulator, tmp_path: Path) -> None:
    assert YeastarHook().get_information().model == "Yeastar P570"

    assert was_given_back(pbx)
    assert not any(b"access_token" in file.read_bytes() for file in (tmp_path / "state").iterdir())


def test_after_an_error(pbx: PbxSimulator, tmp_path: Path) -> None:
    pbx.faults.add(Fault("errcode", "call_report/download", 10005))

    with pytest.raises(AirflowFailException, match="ACCESS DENIED"):
        task(tmp_path).execute({"ti": Mock(try_number=1)})

    assert was_given_back(pbx)


def test_after_a_kill(pbx: PbxSimulator, tmp_path: Path) -> None:
    pbx.hold_reports()
    killed = task(tmp_path)

    def kill_when_asked(call: Any) -> None:
        if call.endpoint == "call_report/download":
            killed.on_kill()

    pbx._on_call = kill_when_asked
    try:
        with pytest.raises(TaskKilledError):
            killed.execute({"ti": Mock(try_number=1)})
    finally:
        pbx._on_call = None

    assert was_given_back(pbx)


def test_after_a_kill_in_the_middle_of_the_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    yeastar_pbx.faults.add(Fault("delay", "get_token", 0.5))
    killed = False

    async def log_in(client: PbxClient) -> None:
        nonlocal killed
        login = asyncio.create_task(client.log_in(time.time() + 60))
        await asyncio.to_thread(yeastar_pbx.wait_until, lambda pbx: bool(pbx.calls("get_token")))
        killed = True
        await login

    with Wait(yeastar_pbx, tmp_path, {"login_sharing": "none"}).client() as client, pytest.raises(TaskKilledError):
        run_on_worker(log_in(client), lambda: killed)

    assert was_given_back(yeastar_pbx)


def test_when_the_trigger_has_fired(pbx: PbxSimulator) -> None:
    async def fire() -> list[str]:
        return [event.payload["status"] async for event in trigger().run()]

    assert asyncio.run(fire()) == ["success"]
    assert was_given_back(pbx)


def test_when_the_trigger_is_cancelled(pbx: PbxSimulator) -> None:
    pbx.hold_reports()

    async def fire() -> None:
        async for _ in trigger().run():
            pytest.fail("nothing was to be told")

    async def cancel() -> None:
        firing = asyncio.create_task(fire())
        await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.busy)
        firing.cancel()
        await asyncio.wait({firing})
        assert firing.cancelled()

    asyncio.run(cancel())

    assert was_given_back(pbx)


def test_two_hooks_have_a_token_each(pbx: PbxSimulator) -> None:
    with YeastarHook().get_conn() as one, YeastarHook().get_conn() as other:
        one.get_information()
        other.get_information()
        assert len(pbx.state.tokens) == 2

    assert was_given_back(pbx, logins=2)
