"""Calls that end on a PBX come out of the event trigger in batches, over the socket that reports are announced on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from airflow.triggers import base

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, YeastarError
from airflow_provider_yeastar.pbx.events import shared
from airflow_provider_yeastar.pbx.events.topics import ENDED_CALLS
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.triggers.call_event import YeastarCallEventTrigger
from airflow_provider_yeastar.triggers.report_event import YeastarReportEventTrigger
from tests.integration.support import Wait, listening

needs_airflow_3 = pytest.mark.skipif(
    not hasattr(base, "BaseEventTrigger"), reason="this Airflow has no events to run DAGs by"
)


def trigger(**changes: Any) -> YeastarCallEventTrigger:
    """Fires for two calls, or after hours."""
    return YeastarCallEventTrigger(**{"max_calls": 2, "max_seconds": 3600} | changes)


def listen_and_collect(trigger: Any, count: int, meanwhile: Callable[[], None]) -> list[dict[str, Any]]:
    """Run a trigger until it has yielded so many events; ``meanwhile`` runs once it listens."""

    async def collect() -> list[dict[str, Any]]:
        async with aclosing(trigger.run()) as run:
            return [(await anext(run)).payload for _ in range(count)]

    async def collect_meanwhile() -> list[dict[str, Any]]:
        with listening() as begun:
            collecting = asyncio.create_task(collect())
            assert await asyncio.to_thread(begun.wait, 30)
        await asyncio.to_thread(meanwhile)
        return await asyncio.wait_for(collecting, 30)

    return asyncio.run(collect_meanwhile())


def uids(payload: dict[str, Any]) -> list[str]:
    return [call["uid"] for call in payload["calls"]]


@needs_airflow_3
class TestTheTrigger:
    def test_calls_come_in_batches_in_their_order(self, pbx: PbxSimulator) -> None:
        ended: list[str] = []

        payloads = listen_and_collect(trigger(), 2, lambda: ended.extend(pbx.end_call(pin="7301").id for _ in range(4)))

        assert [uids(payload) for payload in payloads] == [ended[:2], ended[2:]]
        call = payloads[0]["calls"][0]
        assert (call["status"], call["call_duration"], payloads[0]["yeastar_conn_id"]) == (
            *("ANSWERED", 102),
            "yeastar_default",
        )
        assert "7301" not in json.dumps(payloads)
        assert "token" not in json.dumps(payloads)
        assert pbx.sockets == 0

    def test_a_batch_that_is_not_full_comes_after_its_seconds(self, pbx: PbxSimulator) -> None:
        ended: list[str] = []

        (payload,) = listen_and_collect(
            trigger(max_calls=1000, max_seconds=0.01), 1, lambda: ended.append(pbx.end_call().id)
        )

        assert uids(payload) == ended

    def test_a_call_of_an_event_is_among_those_that_are_read(self, pbx: PbxSimulator) -> None:
        (payload,) = listen_and_collect(trigger(max_calls=1), 1, lambda: pbx.end_call())

        (uid,) = uids(payload)
        assert uid in {call["uid"] for call in YeastarHook().iter_calls(period="today")}

    @pytest.mark.usefixtures("no_pauses")
    @pytest.mark.parametrize("loss", ["drop", "restart"])
    def test_after_a_loss_it_listens_again(self, pbx: PbxSimulator, loss: str) -> None:
        ended: list[str] = []

        def lose() -> None:
            ended.append(pbx.end_call().id)
            seen = len(pbx.calls("subscribe"))
            pbx.restart() if loss == "restart" else pbx.drop_sockets()
            pbx.wait_until(lambda pbx: len(pbx.calls("subscribe")) > seen and pbx.call_subscribers == 1)
            ended.append(pbx.end_call().id)

        (payload,) = listen_and_collect(trigger(), 1, lose)

        assert uids(payload) == ended

    def test_triggers_of_one_connection_share_a_stream_and_batch_it_each_for_itself(self, pbx: PbxSimulator) -> None:
        one, two = trigger(max_calls=1), trigger(max_calls=2)
        assert one.shared_stream_key() == two.shared_stream_key()
        assert one.shared_stream_key() != YeastarReportEventTrigger().shared_stream_key()
        path, arguments = two.serialize()
        assert path.endswith("call_event.YeastarCallEventTrigger")
        assert YeastarCallEventTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)

        async def through_the_stream() -> list[str]:
            stream = YeastarCallEventTrigger.open_shared_stream(arguments)
            async with aclosing(stream), aclosing(two.filter_shared_stream(stream)) as events:
                event = asyncio.create_task(anext(events))
                await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.call_subscribers == 1)
                for _ in range(2):
                    await asyncio.to_thread(pbx.end_call)
                return uids((await event).payload)

        assert len(asyncio.run(through_the_stream())) == 2


@needs_airflow_3
class TestTheSharedSocket:
    def test_reports_and_calls_come_over_one_socket(self, pbx: PbxSimulator, waiting: Wait) -> None:
        async def both() -> tuple[str, list[str]]:
            async with aclosing(YeastarReportEventTrigger().run()) as reports:
                report = asyncio.create_task(anext(reports))
                await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.subscribers == 1)
                async with aclosing(trigger(max_calls=1).run()) as calls:
                    call = asyncio.create_task(anext(calls))
                    await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.call_subscribers == 1)
                    await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.sockets == 1)
                    await asyncio.to_thread(pbx.publish, announced("A.csv"))
                    await asyncio.to_thread(pbx.end_call)
                    return (await report).payload["file"], uids((await call).payload)

        heard, ended = asyncio.run(both())

        assert (heard, len(ended)) == ("A.csv", 1)
        assert pbx.state.logins == 1
        assert pbx.sockets == 0

    def test_an_event_while_the_socket_changes_is_delivered_once(
        self, pbx: PbxSimulator, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = shared.open_channel

        async def announce_while_two_are_open(*arguments: Any) -> Any:
            channel = await opened(*arguments)
            if pbx.call_subscribers:
                await asyncio.to_thread(pbx.publish, announced("A.csv"))
            return channel

        monkeypatch.setattr(shared, "open_channel", announce_while_two_are_open)

        async def listen() -> list[str]:
            heard: list[str] = []
            async with (
                waiting.client().connected() as connection,
                connection.listen() as reports,
                connection.listen_to(ENDED_CALLS),
            ):
                await asyncio.to_thread(pbx.publish, announced("B.csv"))
                while "B.csv" not in heard:
                    heard += [event.file for event in await reports.next_events()]
            return heard

        assert asyncio.run(listen()) == ["A.csv", "B.csv"]

    def test_a_pbx_that_refuses_the_calls_leaves_reports_their_socket(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pbx, opened = waiting.pbx, shared.open_channel

        async def refuse_calls(*arguments: Any) -> Any:
            if ENDED_CALLS.number in arguments[-1]:
                raise YeastarError("The PBX refuses this topic")
            return await opened(*arguments)

        monkeypatch.setattr(shared, "open_channel", refuse_calls)

        async def listen() -> str:
            async with waiting.client().connected() as connection, connection.listen() as reports:
                with pytest.raises(YeastarError, match="refuses this topic"):
                    async with connection.listen_to(ENDED_CALLS):
                        pass
                await connection.connect()
                await asyncio.to_thread(pbx.publish, announced("A.csv"))
                (event,) = await reports.next_events()
                return event.file

        assert asyncio.run(listen()) == "A.csv"
        assert len(pbx.calls("subscribe")) == 1


def announced(name: str) -> dict[str, Any]:
    return {"result": "success", "file": name, "download_resource_url": f"/api/download/{name}"}


@needs_airflow_3
@pytest.mark.parametrize(
    "arguments",
    [{"max_calls": 0}, {"max_calls": True}, {"max_calls": 1.5}, {"max_seconds": 0}, {"max_seconds": "soon"}],
    ids=str,
)
def test_a_mistake_is_refused_when_the_dag_is_parsed(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(arguments))):
        YeastarCallEventTrigger(**arguments)


@pytest.mark.skipif(hasattr(base, "BaseEventTrigger"), reason="this Airflow runs DAGs by events")
def test_on_airflow_2_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequestError, match="YeastarCallEventTrigger needs Airflow 3"):
        YeastarCallEventTrigger()
