"""Whose report is it, where the socket of the events is renewed, refused, dropped or fed with garbage."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.events import shared
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import Fault
from tests.integration.asking import announced, reached, ways
from tests.integration.support import Wait


class TestTheSocket:
    def test_an_event_is_delivered_once_while_the_socket_is_renewed(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pbx = waiting.pbx
        opened = shared.open_channel

        async def announce_while_two_are_open(*arguments: Any) -> Any:
            channel = await opened(*arguments)
            if len(pbx.calls("subscribe")) == 2:
                await asyncio.to_thread(pbx.publish, announced("A.csv"))
                await asyncio.to_thread(pbx.publish, announced("B.csv"))
            return channel

        monkeypatch.setattr(shared, "open_channel", announce_while_two_are_open)
        monkeypatch.setattr("airflow_provider_yeastar.pbx.tokens.Tokens.margin", 3600.0)

        async def listen() -> list[str]:
            heard: list[str] = []
            async with waiting.client().connected() as connection, connection.listen() as events:
                await connection.connect()
                await asyncio.to_thread(pbx.publish, announced("C.csv"))
                while "C.csv" not in heard:
                    heard += [event.file for event in await events.next_events()]
            return heard

        assert asyncio.run(listen()) == ["A.csv", "B.csv", "C.csv"]

    def test_one_that_is_confirmed_and_refused_in_one_breath_is_noticed_at_once(
        self, waiting: Wait, no_pauses: None
    ) -> None:
        waiting.pbx.faults.add(Fault("refused subscription"))

        async def in_time() -> FinishedReport:
            # A look at the token comes every 20 s only.
            return await asyncio.wait_for(waiting.start(), 10)

        assert asyncio.run(in_time()).file.startswith("Queue-Performance")
        assert ways(waiting.pbx) == ["1"]

    def test_a_flapping_one_does_not_make_report_after_report(self, waiting: Wait, no_pauses: None) -> None:
        waiting.pbx.faults.add(Fault("drop sockets", times=99))

        waiting.run()

        # 70082 while the first job runs is no report.
        assert ways(waiting.pbx)[0] == "1"
        assert set(ways(waiting.pbx)[1:]) == {"0"}
        assert len(waiting.pbx.calls("subscribe")) == 1

    @pytest.mark.parametrize("text", ["[" * 200_000, '{"type":30027,"msg":' + "[" * 100_000, "{" * 9, "\x00", "null"])
    def test_no_frame_kills_its_reader(self, waiting: Wait, text: str) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()

        async def send_it_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start())
            await reached(pbx, lambda pbx: pbx.busy)
            await asyncio.to_thread(pbx.send_text, text)
            pbx.release_reports()
            return await wait

        assert asyncio.run(send_it_meanwhile()).identified_by == "turn"

    def test_a_reader_that_fails_says_so_at_once(
        self, waiting: Wait, no_pauses: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        from airflow_provider_yeastar.pbx import wire

        decode = wire.decode_frame

        def fail(frame: str | bytes, **where: Any) -> Any:
            if "30027" in str(frame):
                raise MemoryError
            return decode(frame, **where)

        monkeypatch.setattr(wire, "decode_frame", fail)

        report = waiting.run()

        assert report.identified_by == "answer"
        assert "failed with MemoryError" in caplog.text
