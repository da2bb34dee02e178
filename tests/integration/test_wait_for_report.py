"""The wait for a report at a simulated PBX: whatever goes wrong ends in the right file or the right error."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import PbxInternalError, ReportFailedError, UnsafeUrlError, WaitTimeoutError
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.asking import DOWNLOAD, announced, let_time_pass, orders, reached
from tests.integration.support import Wait


class TestTheEvent:
    def test_the_subscription_stands_before_the_request(self, waiting: Wait) -> None:
        report = waiting.run()

        endpoints = [call.endpoint for call in waiting.pbx.requests]
        assert endpoints == ["get_token", "system/information", "system/get_menuoptions", "subscribe", DOWNLOAD]
        assert waiting.fetch(report).startswith(b"\xef\xbb\xbfQueue,")
        assert waiting.pbx.sockets == 0

    def test_what_is_asked_for_is_what_the_pbx_understands(self, waiting: Wait) -> None:
        report = waiting.run()

        (asked,) = orders(waiting.pbx)
        assert asked["start_time"] == "2026/11/20 00:00:00"
        assert asked["end_time"] == "2026/11/20 23:59:59"
        assert asked["queue_id_list"] == "1,2,3"
        assert (report.api_version, report.serial_number) == ("v2.0", waiting.pbx.settings.serial_number)

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("event before answer"),
            Fault("duplicate event"),
        ],
        ids=lambda fault: fault.kind,
    )
    def test_an_odd_event_does_no_harm(self, waiting: Wait, fault: Fault) -> None:
        waiting.pbx.faults.add(fault)

        report = waiting.run()

        assert report.file.startswith("Queue-Performance")
        assert len(orders(waiting.pbx)) == 1

    def test_a_copy_of_an_earlier_event_is_not_the_next_report(self, waiting: Wait) -> None:
        pbx = waiting.pbx
        first = waiting.run()
        pbx.hold_reports()

        async def announce_the_first_again() -> str:
            wait = asyncio.create_task(waiting.start())
            await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.busy)
            await asyncio.to_thread(pbx.publish, announced(first.file))
            pbx.release_reports()
            return (await wait).file

        assert asyncio.run(announce_the_first_again()) != first.file
        assert len(orders(pbx)) == 2

    def test_one_that_never_comes_is_replaced_by_a_synchronous_request(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting.pbx.faults.add(Fault("no event"))

        async def wait_for_half_of_the_time() -> FinishedReport:
            wait = asyncio.create_task(waiting.start(wait_timeout=40))
            await reached(waiting.pbx, lambda pbx: bool(pbx.state.files) and not pbx.busy)
            let_time_pass(20, monkeypatch)
            return await wait

        report = asyncio.run(wait_for_half_of_the_time())

        assert [order["is_async"] for order in orders(waiting.pbx)] == ["1", "0"]
        assert report.identified_by == "answer"

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"event_text": True}, id="msg-as-json-string"),
            pytest.param({"event_serial": False}, id="without-sn"),
            pytest.param({"null_errmsg": True}, id="errmsg-null"),
            pytest.param({"answers_at_once": True}, id="url-in-the-answer"),
        ],
    )
    def test_every_documented_spelling_is_understood(self, changes: dict[str, Any], tmp_path: Path) -> None:
        with PbxSimulator(SimulatorSettings(**changes)) as pbx:
            report = Wait(pbx, tmp_path).run()

        assert report.file.startswith("Queue-Performance")

    @pytest.mark.usefixtures("no_pauses")
    def test_a_failed_report_is_asked_for_once_more(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("failure event", value="disk full"))

        assert waiting.run().file.startswith("Queue-Performance")
        assert len(orders(waiting.pbx)) == 2

    @pytest.mark.usefixtures("no_pauses")
    def test_a_report_that_fails_again_speaks_the_pbx_words(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("failure event", value="disk full", times=2))

        with pytest.raises(ReportFailedError, match="disk full"):
            waiting.run()

    def test_a_url_that_leads_away_is_refused(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("url", value="https://evil.example/x.csv"))

        with pytest.raises(UnsafeUrlError):
            waiting.run()


@pytest.mark.usefixtures("no_pauses")
class TestAfterALoss:
    @pytest.mark.parametrize("kind", ["drop sockets", "restart", "expire tokens"])
    def test_after_a_lost_event_no_event_is_believed(self, waiting: Wait, kind: Any) -> None:
        waiting.pbx.faults.add(Fault(kind))

        report = waiting.run()

        assert waiting.fetch(report).startswith(b"\xef\xbb\xbfQueue,")
        assert report.identified_by == "answer"
        first, *others = [order["is_async"] for order in orders(waiting.pbx)]
        assert first == "1"
        assert set(others) == {"0"}
        assert len(waiting.pbx.calls("subscribe")) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("status", DOWNLOAD, 502),
            Fault("status", "get_token", 503),
            Fault("status", "subscribe", 502),
            Fault("status", "system/information", 502),
            Fault("json without errcode", DOWNLOAD),
            Fault("reset before", DOWNLOAD),
            Fault("reset before", "subscribe"),
            Fault("errcode", DOWNLOAD, -2),
            Fault("errcode", "get_token", 60002),
            Fault("errcode", DOWNLOAD, 10004),
            Fault("errcode", "subscribe", 10004),
        ],
        ids=lambda fault: f"{fault.kind} {fault.where} {fault.value or ''}".strip(),
    )
    def test_a_passing_fault_passes(self, waiting: Wait, fault: Fault) -> None:
        waiting.pbx.faults.add(fault)

        assert waiting.run().file.startswith("Queue-Performance")

    def test_an_accepted_request_whose_answer_was_lost_is_not_mistaken(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("reset after", DOWNLOAD))

        assert waiting.run().file.startswith("Queue-Performance")

    def test_a_token_that_expired_is_replaced_once(self, waiting: Wait) -> None:
        waiting.run()
        waiting.pbx.restart()

        waiting.run()

        assert waiting.pbx.state.logins == 2

    def test_a_pbx_that_keeps_failing_inside_is_given_up(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("errcode", DOWNLOAD, -2, times=9))

        with pytest.raises(PbxInternalError):
            waiting.run()

        assert len(orders(waiting.pbx)) == 3


@pytest.mark.usefixtures("no_pauses")
class TestABusyPbx:
    def test_somebody_elses_job_is_waited_for_and_its_event_is_not_ours(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("errcode", DOWNLOAD, 70082, times=3))

        assert waiting.run().file.startswith("Queue-Performance")
        assert len(orders(waiting.pbx)) == 4

    @pytest.mark.parametrize("loss", ["drop_sockets", "restart"])
    def test_after_a_loss_a_job_that_runs_is_not_taken_for_our_own(self, waiting: Wait, loss: str) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()

        async def lose_the_socket_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start())
            await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.busy and pbx.subscribers == 1)
            await asyncio.to_thread(getattr(pbx, loss))
            await asyncio.to_thread(pbx.wait_until, lambda pbx: len(orders(pbx)) >= 2)
            await asyncio.to_thread(pbx.publish, announced("Somebody-elses.csv"))
            pbx.release_reports()
            return await wait

        report = asyncio.run(lose_the_socket_meanwhile())

        assert report.file.startswith("Queue-Performance")
        assert report.identified_by == "answer"

    def test_somebody_elses_event_is_no_sign_to_ask_again(self, waiting: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fault 9: all waiters asked again into the second in which the event's owner was still looking."""
        pbx = waiting.pbx
        pbx.faults.add(Fault("errcode", DOWNLOAD, 70082))
        pausing = threading.Event()

        def pause_for_an_hour(attempt: int, chance: float) -> float:
            pausing.set()
            return 3600.0

        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.busy_delay", pause_for_an_hour)

        async def announce_it_in_the_pause() -> None:
            async with waiting.client().connected() as connection, connection.listen() as events:
                wait = asyncio.create_task(waiting.start())
                await asyncio.to_thread(pausing.wait, 30)
                await asyncio.to_thread(pbx.publish, announced("Somebody-elses.csv"))
                await events.next_events()
                with pytest.raises(TimeoutError):
                    await asyncio.to_thread(pbx.wait_until, lambda pbx: len(orders(pbx)) > 1, 1.0)
                wait.cancel()
                await asyncio.wait({wait})

        asyncio.run(announce_it_in_the_pause())

    def test_other_reports_are_waited_for_no_longer_than_queue_timeout(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("errcode", DOWNLOAD, 70082, times=10**9))

        with pytest.raises(WaitTimeoutError, match="queue_timeout"):
            waiting.run(queue_timeout=0.5)
