"""Reports that others ask for come out of the event trigger, for DAGs to run by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.triggers import base

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileExpiredError,
    FileTooLargeError,
    InvalidRequestError,
    PermissionDeniedError,
    TokenExpiredError,
    YeastarError,
)
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from airflow_provider_yeastar.triggers.report_event import YeastarReportEventTrigger
from tests.integration.support import Wait, connection_to, listening

needs_airflow_3 = pytest.mark.skipif(
    not hasattr(base, "BaseEventTrigger"), reason="this Airflow has no events to run DAGs by"
)
Events = AsyncIterator[base.TriggerEvent]


def announced(name: str) -> dict[str, Any]:
    """The event of a report that somebody has made in the PBX's web portal."""
    return {"result": "success", "file": name, "download_resource_url": f"/api/download/{name}"}


def listen_and_collect(trigger: Any, count: int, meanwhile: Callable[[], None]) -> list[dict[str, Any]]:
    """Run a trigger until it has yielded so many events; ``meanwhile`` runs once it listens."""

    async def collect() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        async with aclosing(trigger.run()) as run:
            while len(events) < count:
                events.append((await anext(run)).payload)
        return events

    async def collect_meanwhile() -> list[dict[str, Any]]:
        with listening() as begun:
            collecting = asyncio.create_task(collect())
            assert await asyncio.to_thread(begun.wait, 30)
        await asyncio.to_thread(meanwhile)
        return await asyncio.wait_for(collecting, 30)

    return asyncio.run(collect_meanwhile())


@needs_airflow_3
class TestTheTrigger:
    def test_a_report_that_somebody_asked_for_comes_out(self, pbx: PbxSimulator, waiting: Wait) -> None:
        (event,) = listen_and_collect(YeastarReportEventTrigger(), 1, waiting.run)

        assert event["file"].startswith("Queue-Performance")
        assert event["download_resource_url"] == f"/api/download/{event['file']}"
        assert event["yeastar_conn_id"] == "yeastar_default"
        lives = datetime.fromisoformat(event["expires_at"]) - datetime.fromisoformat(event["ready_at"])
        assert lives.total_seconds() == 1800
        assert "token" not in json.dumps(event)
        assert pbx.sockets == 0

    def test_failures_and_urls_that_lead_away_are_passed_over(self, pbx: PbxSimulator) -> None:
        def publish() -> None:
            pbx.publish({"result": "failure", "file": "", "download_resource_url": "", "error": "disk full"})
            pbx.publish({**announced("B.csv"), "download_resource_url": "https://evil.example/B.csv"})
            pbx.publish(announced("C.csv"))

        (event,) = listen_and_collect(YeastarReportEventTrigger(), 1, publish)

        assert event["file"] == "C.csv"

    @pytest.mark.usefixtures("no_pauses")
    @pytest.mark.parametrize("loss", ["drop", "restart", "refusal"])
    def test_after_a_loss_it_listens_again(self, pbx: PbxSimulator, loss: str) -> None:
        def lose() -> None:
            pbx.publish(announced("A.csv"))
            if loss == "refusal":
                pbx.faults.add(Fault("status", "subscribe", 503, times=5))
            seen = len(pbx.calls("subscribe"))
            pbx.restart() if loss == "restart" else pbx.drop_sockets()
            pbx.wait_until(lambda pbx: len(pbx.calls("subscribe")) > seen and pbx.subscribers == 1)
            pbx.publish(announced("B.csv"))

        events = listen_and_collect(YeastarReportEventTrigger(), 2, lose)

        assert [event["file"] for event in events] == ["A.csv", "B.csv"]

    def test_it_shares_the_socket_of_those_who_wait_for_their_own_report(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from airflow_provider_yeastar.hooks.connection import connect
        from airflow_provider_yeastar.pbx.report.request import build_request
        from airflow_provider_yeastar.pbx.waiting.bounds import Bounds
        from tests.integration.support import QUEUE_REPORT

        async def both() -> tuple[str, str]:
            async with aclosing(YeastarReportEventTrigger().run()) as run:
                event = asyncio.create_task(anext(run))
                await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.subscribers == 1)
                client = await connect("yeastar_default")
                report = await client.wait_for_report(build_request(**QUEUE_REPORT), Bounds(2e9, 60))
                return (await event).payload["file"], report.file

        heard, waited_for = asyncio.run(both())

        assert heard == waited_for
        assert len(pbx.calls("subscribe")) == 1
        assert pbx.state.logins == 1

    def test_triggers_of_one_connection_share_a_stream(self, pbx: PbxSimulator) -> None:
        trigger = YeastarReportEventTrigger()
        other = YeastarReportEventTrigger(yeastar_conn_id="pbx_berlin")
        assert trigger.shared_stream_key() == YeastarReportEventTrigger().shared_stream_key()
        assert trigger.shared_stream_key() != other.shared_stream_key()

        async def through_the_stream() -> dict[str, Any]:
            _, arguments = trigger.serialize()
            async with aclosing(YeastarReportEventTrigger.open_shared_stream(arguments)) as stream:
                event = asyncio.create_task(anext(trigger.filter_shared_stream(stream)))
                await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.subscribers == 1)
                await asyncio.to_thread(pbx.publish, announced("A.csv"))
                return dict((await event).payload)

        assert asyncio.run(through_the_stream())["file"] == "A.csv"

    def test_a_missing_connection_is_named_and_waited_for(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def come_late(seconds: float) -> None:
            assert "There is no Airflow connection 'late_pbx'" in caplog.text
            monkeypatch.setenv("AIRFLOW_CONN_LATE_PBX", connection_to(pbx))

        monkeypatch.setattr("airflow_provider_yeastar.triggers.watching.asyncio", SimpleNamespace(sleep=come_late))

        trigger = YeastarReportEventTrigger(yeastar_conn_id="late_pbx")
        (event,) = listen_and_collect(trigger, 1, lambda: pbx.publish(announced("A.csv")))

        assert event["file"] == "A.csv"

    def test_the_hook_fetches_what_an_event_tells_of(self, pbx: PbxSimulator, waiting: Wait, tmp_path: Path) -> None:
        (event,) = listen_and_collect(YeastarReportEventTrigger(), 1, waiting.run)

        path = YeastarHook(event["yeastar_conn_id"]).download_file(
            event["download_resource_url"], f"{tmp_path}/announced/"
        )

        assert Path(path) == tmp_path / "announced" / event["file"]
        assert Path(path).read_bytes().startswith(b"\xef\xbb\xbfQueue,")

    @pytest.mark.parametrize(
        ("fault", "error", "fetches"),
        [
            pytest.param(Fault("html body", times=9), BadFileError, 2, id="HTML"),
            pytest.param(Fault("longer", value=b"more", times=9), BadFileError, 2, id="more than announced"),
            pytest.param(Fault("json body", value=60001, times=9), FileExpiredError, 2, id="gone"),
            pytest.param(Fault("json body", value=10005, times=9), PermissionDeniedError, 1, id="no permission"),
            pytest.param(Fault("errcode", ".csv", 10004, times=9), TokenExpiredError, 2, id="no token will do"),
        ],
    )
    def test_the_hook_keeps_nothing_that_is_no_report(
        self,
        pbx: PbxSimulator,
        waiting: Wait,
        tmp_path: Path,
        fault: Fault,
        error: type[YeastarError],
        fetches: int,
    ) -> None:
        report = waiting.run()
        pbx.faults.add(fault)

        with pytest.raises(error):
            YeastarHook().download_file(report.url, str(tmp_path / "report.csv"))

        assert not (tmp_path / "report.csv").exists()
        assert len([call for call in pbx.requests if call.path == report.url]) == fetches

    @pytest.mark.parametrize("fault", [Fault("html body"), Fault("errcode", ".csv", 10004)], ids=["HTML", "10004"])
    def test_the_hook_fetches_a_bad_file_once_more(
        self, pbx: PbxSimulator, waiting: Wait, tmp_path: Path, fault: Fault
    ) -> None:
        report = waiting.run()
        pbx.faults.add(fault)

        path = YeastarHook().download_file(report.url, str(tmp_path / "report.csv"))

        assert Path(path).read_bytes().startswith(b"\xef\xbb\xbfQueue,")

    def test_the_hook_takes_no_more_than_max_bytes(self, pbx: PbxSimulator, waiting: Wait, tmp_path: Path) -> None:
        report = waiting.run()
        pbx.faults.add(Fault("no length"))

        with pytest.raises(FileTooLargeError, match="`max_bytes`, 100 bytes"):
            YeastarHook().download_file(report.url, str(tmp_path / "report.csv"), max_bytes=100)

        assert not (tmp_path / "report.csv").exists()

    @pytest.mark.parametrize("max_bytes", [0, True, "100"])
    def test_the_hook_refuses_a_bound_that_is_none(self, pbx: PbxSimulator, max_bytes: Any) -> None:
        with pytest.raises(InvalidRequestError, match="max_bytes"):
            YeastarHook().download_file("/api/download/x.csv", "x.csv", max_bytes=max_bytes)

        assert pbx.requests == []


@pytest.mark.skipif(hasattr(base, "BaseEventTrigger"), reason="this Airflow runs DAGs by events")
def test_on_airflow_2_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequestError, match="needs Airflow 3"):
        YeastarReportEventTrigger()
