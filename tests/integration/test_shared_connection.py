"""What the waiters of a PBX share: one login, one socket, one order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import NetworkError
from airflow_provider_yeastar.pbx.events import shared
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import Wait

DOWNLOAD = "call_report/download"


async def until(pbx: PbxSimulator, condition: Callable[[PbxSimulator], bool]) -> None:
    await asyncio.to_thread(pbx.wait_until, condition)


def test_all_waiters_share_one_socket_and_the_last_one_out_closes_it(waiting: Wait) -> None:
    pbx = waiting.pbx
    open_sockets: list[int] = []

    async def one() -> str:
        report = await waiting.start()
        open_sockets.append(pbx.sockets)
        return report.file

    async def five() -> list[str]:
        return await asyncio.gather(*(one() for _ in range(5)))

    assert len(set(asyncio.run(five()))) == 5
    assert len(pbx.calls("subscribe")) == 1
    assert pbx.state.logins == 1
    assert open_sockets[:4] == [1, 1, 1, 1]
    assert pbx.sockets == 0


def test_what_they_share_is_made_once_and_beside_the_event_loop(waiting: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    """To make a session reads certificates, which takes 50 ms where the system's are trusted."""
    makers: list[threading.Thread] = []
    init = PbxSession.__init__

    def note(self: PbxSession, *arguments: Any) -> None:
        makers.append(threading.current_thread())
        init(self, *arguments)

    async def five() -> None:
        await asyncio.gather(*(waiting.start() for _ in range(5)))

    monkeypatch.setattr(PbxSession, "__init__", note)
    asyncio.run(five())

    assert len(makers) == 1
    assert makers[0] is not threading.main_thread()


def test_a_cancelled_waiter_leaves_no_trace_and_the_others_go_on(waiting: Wait) -> None:
    pbx = waiting.pbx
    pbx.hold_reports()

    async def cancel_the_first_and_the_last() -> str:
        waiters = [asyncio.create_task(waiting.start()) for _ in range(3)]
        await until(pbx, lambda pbx: pbx.busy and pbx.subscribers == 1)
        waiters[0].cancel()
        waiters[2].cancel()
        await asyncio.wait({waiters[0], waiters[2]})
        pbx.release_reports()
        return (await waiters[1]).file

    assert asyncio.run(cancel_the_first_and_the_last()).startswith("Queue-Performance")
    assert len(pbx.calls("subscribe")) == 1
    assert pbx.sockets == 0


def test_a_waiter_in_the_queue_has_no_thread_and_asks_nothing(waiting: Wait) -> None:
    pbx = waiting.pbx
    pbx.hold_reports()

    async def queue_up() -> None:
        waiters = [asyncio.create_task(waiting.start()) for _ in range(20)]
        await until(pbx, lambda pbx: pbx.busy and pbx.subscribers == 1)
        asked = len(pbx.requests)
        for waiter in waiters:
            waiter.cancel()
        await asyncio.wait(waiters)
        assert asked == 5  # login, information, queues, subscription, request: those of the first one alone

    asyncio.run(queue_up())


@pytest.mark.usefixtures("no_pauses")
def test_after_a_dropped_socket_no_event_is_believed_by_anyone(waiting: Wait) -> None:
    waiting.pbx.faults.add(Fault("drop sockets"))

    async def three() -> list[Any]:
        return await asyncio.gather(*(waiting.start() for _ in range(3)))

    reports = asyncio.run(three())

    assert len({report.file for report in reports}) == 3
    # The lost event may still come: its job is open in the ledger.
    assert {report.identified_by for report in reports} == {"answer"}


def test_applications_of_one_pbx_take_turns_on_sockets_of_their_own(waiting: Wait) -> None:
    # Here the settings differ by their time-out, which is enough not to be shared.
    other = Wait(waiting.pbx, waiting.state_dir, {"timeout": 11})

    async def both() -> set[str]:
        return {report.file for report in await asyncio.gather(waiting.start(), other.start())}

    assert len(asyncio.run(both())) == 2
    assert len(waiting.pbx.calls("subscribe")) == 2
    assert len(waiting.pbx.calls(DOWNLOAD)) == 2


def test_a_token_of_one_s_own_is_given_back_by_the_last_one_out(waiting: Wait) -> None:
    waiting.settings["login_sharing"] = "none"

    async def three() -> None:
        await asyncio.gather(*(waiting.start() for _ in range(3)))

    asyncio.run(three())

    assert waiting.pbx.state.logins == 1
    assert waiting.pbx.state.tokens == {}


def test_a_token_is_renewed_while_a_waiter_listens_and_its_event_is_not_lost(
    waiting: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_TOKEN_LOOK_SECONDS", 0.02)
    # Each look finds the token about to end.
    monkeypatch.setattr("airflow_provider_yeastar.pbx.tokens.Tokens.margin", 3600.0)
    pbx = waiting.pbx
    pbx.hold_reports()

    async def outlive_tokens() -> str:
        waiter = asyncio.create_task(waiting.start())
        await until(pbx, lambda pbx: len(pbx.calls("subscribe")) >= 4 and pbx.subscribers >= 1)
        pbx.release_reports()
        return (await waiter).file

    assert asyncio.run(outlive_tokens()).startswith("Queue-Performance")
    assert len(pbx.calls(DOWNLOAD)) == 1


def test_a_listener_of_a_lost_socket_is_told_so_again_and_again(waiting: Wait) -> None:
    async def listen() -> None:
        async with waiting.client().connected() as connection, connection.listen() as events:
            await asyncio.to_thread(waiting.pbx.drop_sockets)
            for _ in range(2):
                with pytest.raises(NetworkError, match="closed the event connection"):
                    await events.next_events()
            assert events.take_pending() == ()

    asyncio.run(listen())


def test_a_pbx_that_answers_no_heartbeat_is_given_up_and_asked_again(
    waiting: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.pbx.events.websocket.HEARTBEAT_INTERVAL", 0.05)
    monkeypatch.setattr("airflow_provider_yeastar.pbx.events.websocket.HEARTBEAT_REPLY_TIMEOUT", 0.2)
    pbx = waiting.pbx
    pbx.faults.add(Fault("silent socket", value=1))

    async def listen() -> None:
        async with waiting.client().connected() as connection:
            async with connection.listen() as events:
                with pytest.raises(NetworkError, match="no longer answers the heartbeat"):
                    await events.next_events()
            async with connection.listen() as events:
                pbx.publish({"result": "success", "file": "A.csv", "download_resource_url": "/api/download/A.csv"})
                (event,) = await events.next_events()
                assert event.file == "A.csv"

    asyncio.run(listen())
    assert waiting.pbx.sockets == 0
