"""The wait for a report at a simulated PBX: whatever goes wrong ends in the right file or the right error."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import (
    AmbiguousEventError,
    BlockedError,
    CallRateMissingError,
    ClockMismatchError,
    CredentialsError,
    DeadlineError,
    NetworkError,
    ParameterError,
    PbxInternalError,
    PermissionDeniedError,
    ReportFailedError,
    UnsafeUrlError,
    WaitTimeoutError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.state.turns import turn
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.simulator.certificate import self_signed
from tests.integration.support import QUEUE_REPORT, Wait, login_at, settings_for

DOWNLOAD = "call_report/download"


def orders(pbx: PbxSimulator) -> list[dict[str, str]]:
    """The requests for a report that the PBX got."""
    return [dict(call.query) for call in pbx.calls(DOWNLOAD)]


def announced(file: str) -> dict[str, str]:
    """The ``msg`` of an event."""
    return {"result": "success", "file": file, "download_resource_url": f"/api/download/{file}"}


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

    def test_one_that_never_comes_is_replaced_by_a_synchronous_request(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("no event"))

        report = waiting.run(wait_timeout=1.0)

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


class TestBounds:
    def test_a_report_that_takes_too_long_ends_in_an_error_that_explains_what_to_set(self, waiting: Wait) -> None:
        waiting.pbx.hold_reports()
        waiting.settings["exclusive"] = False

        with pytest.raises(AmbiguousEventError, match=r"No report within 1 s.*`exclusive`"):
            waiting.run(wait_timeout=1.0)

        assert waiting.pbx.sockets == 0

    def test_an_event_that_never_comes_on_a_pbx_that_never_answers_ends_in_wait_timeout(self, waiting: Wait) -> None:
        waiting.pbx.hold_reports()

        with pytest.raises(WaitTimeoutError, match=r"No report within 1 s.*accepted the request once"):
            waiting.run(wait_timeout=1.0)

        assert waiting.pbx.sockets == 0

    @pytest.mark.parametrize("bounds", [{"wait_timeout": 60}, {"wait_timeout": 0.5}], ids=["the-wait", "both"])
    def test_the_task_s_own_time_ends_the_wait(self, waiting: Wait, bounds: dict[str, float]) -> None:
        waiting.pbx.hold_reports()

        with pytest.raises(DeadlineError, match=r"own time was over.*accepted the request once.*execution_timeout"):
            waiting.run(own_seconds=0.5, **bounds)

        assert waiting.pbx.sockets == 0

    def test_the_task_s_own_time_ends_the_queue(self, waiting: Wait) -> None:
        async def wait_behind_another() -> None:
            state = DirectoryState(waiting.state_dir)
            async with turn(state, waiting.pbx.settings.serial_number, time.time() + 60):
                with pytest.raises(DeadlineError, match="own time was over"):
                    await waiting.start(own_seconds=1.0)

        asyncio.run(wait_behind_another())

        assert orders(waiting.pbx) == []

    def test_an_unreachable_pbx_is_named_in_the_end(self, tmp_path: Path, yeastar_pbx: PbxSimulator) -> None:
        settings = settings_for(yeastar_pbx, port=1)

        with (
            PbxClient(settings, state=MemoryState()) as client,
            pytest.raises(NetworkError, match="Connection refused"),
        ):
            client.get_information()

    def test_the_wait_for_an_unreachable_pbx_tells_the_last_cause_and_its_remedy(
        self, yeastar_pbx: PbxSimulator, tmp_path: Path
    ) -> None:
        with pytest.raises(
            WaitTimeoutError, match=r"Connection refused.*127\.0\.0\.1:1\)\. Check host, port"
        ) as timeout:
            Wait(yeastar_pbx, tmp_path, {"port": 1}).run(wait_timeout=1.0)

        assert "Raise `wait_timeout`" not in str(timeout.value)
        assert timeout.value.retry_after == NetworkError.default_retry_after

    def test_a_cancelled_wait_leaves_no_socket_and_no_lock(self, waiting: Wait) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()

        async def cancel() -> None:
            wait = asyncio.create_task(waiting.start())
            await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.busy)
            wait.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wait

        asyncio.run(cancel())

        pbx.wait_until(lambda pbx: pbx.sockets == 0)
        pbx.restart()
        pbx.release_reports()
        assert waiting.run().file.startswith("Queue-Performance")

    @pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
    def test_a_cancelled_synchronous_request_ends_at_once(self, tmp_path: Path, tls: bool) -> None:
        certificate = self_signed("127.0.0.1") if tls else None
        trust = {"ssl_fingerprint": certificate.fingerprint} if certificate else {}
        with PbxSimulator(
            SimulatorSettings(parallel_jobs=9), ssl_context=certificate.context if certificate else None
        ) as pbx:
            waiting = Wait(pbx, tmp_path, trust | {"exclusive": False})
            pbx.hold_reports()

            async def requested(number: int) -> asyncio.Task[FinishedReport]:
                wait = asyncio.create_task(waiting.start())
                await asyncio.to_thread(pbx.wait_until, lambda pbx: len(orders(pbx)) == number)
                return wait

            async def cancel_as_many_as_may_call_at_a_time() -> FinishedReport:
                for number in (1, 2):
                    wait = await requested(number)
                    wait.cancel()
                    await asyncio.wait({wait})
                wait = await requested(3)
                pbx.release_reports()
                return await wait

            report = asyncio.run(cancel_as_many_as_may_call_at_a_time())

        assert report.identified_by == "answer"

    def test_waiters_of_one_pbx_take_turns(self, waiting: Wait) -> None:
        async def three() -> list[str]:
            return [report.file for report in await asyncio.gather(*(waiting.start() for _ in range(3)))]

        files = asyncio.run(three())

        assert len(set(files)) == 3
        assert len(orders(waiting.pbx)) == 3
        assert waiting.pbx.state.logins == 1


class TestWhatNoRetryCanMend:
    def test_a_refused_login_is_tried_once_by_all(self, waiting: Wait) -> None:
        waiting.settings["client_secret"] = "wrong"

        for _ in range(7):
            with pytest.raises(CredentialsError):
                waiting.run()

        assert len(waiting.pbx.calls("get_token")) == 1

    def test_a_blocked_address_is_told_so(self, waiting: Wait) -> None:
        waiting.pbx.state.failed_logins["127.0.0.1"] = 5

        with pytest.raises(BlockedError, match="Unblock"):
            waiting.run()

    def test_a_missing_permission_is_told_so(self, tmp_path: Path) -> None:
        with (
            PbxSimulator(SimulatorSettings(denied=frozenset({DOWNLOAD}))) as pbx,
            pytest.raises(PermissionDeniedError, match="Grant"),
        ):
            Wait(pbx, tmp_path).run()

    def test_call_accounting_without_a_rate(self, tmp_path: Path) -> None:
        request = QUEUE_REPORT | {"report_type": "extcallbilling", "parameters": {"trunk_id_list": "31"}}
        with (
            PbxSimulator(SimulatorSettings(call_rate_set=False)) as pbx,
            pytest.raises(CallRateMissingError, match="Set a call rate"),
        ):
            Wait(pbx, tmp_path).run(request=request)

    def test_a_parameter_that_the_pbx_misses_is_named_in_its_words(self, waiting: Wait) -> None:
        request = QUEUE_REPORT | {"report_type": "queueperformanceactivity", "parameters": {}}

        with pytest.raises(ParameterError, match="queue_id_list is required"):
            waiting.run(request=request)

    def test_a_clock_in_another_zone_is_named(self, waiting: Wait) -> None:
        waiting.settings["timezone"] = "Asia/Tokyo"

        with pytest.raises(ClockMismatchError, match="Asia/Tokyo"):
            waiting.run()


class TestDisplayFormats:
    @pytest.mark.parametrize("twelve_hour", [False, True], ids=["24h", "12h"])
    @pytest.mark.parametrize("date_format", ["YYYY/MM/DD", "MM-DD-YYYY", "DD.MM.YYYY"])
    def test_rows_come_back_in_every_format(self, date_format: str, twelve_hour: bool, tmp_path: Path) -> None:
        with PbxSimulator(SimulatorSettings(date_format=date_format, twelve_hour=twelve_hour)) as pbx:
            waiting = Wait(pbx, tmp_path)
            content = waiting.fetch(waiting.run())

        assert b"Support<6401>" in content

    def test_firmware_that_does_not_tell_complains_in_a_go_layout(self, tmp_path: Path) -> None:
        silent = SimulatorSettings(tells_display=False, date_format="DD/MM/YYYY", twelve_hour=True)
        with PbxSimulator(silent) as pbx:
            waiting = Wait(pbx, tmp_path)
            content = waiting.fetch(waiting.run())

            assert [order["start_time"] for order in orders(pbx)] == ["2026/11/20 00:00:00", "20/11/2026 12:00:00 AM"]
        assert b"Support<6401>" in content

    def test_old_firmware_goes_by_the_connection(self, tmp_path: Path) -> None:
        old = SimulatorSettings(tells_display=False, date_format="MM/DD/YYYY", firmware="20.0.21", data_version="v1.0")
        formats = {"date_format": "MM/DD/YYYY", "time_format": "hh:mm:ss"}
        with PbxSimulator(old) as pbx:
            waiting = Wait(pbx, tmp_path, formats)
            content = waiting.fetch(waiting.run())
            with pytest.raises(YeastarError, match="date_format"):
                Wait(pbx, tmp_path).run()

        assert b"Support<6401>" in content


class TestTokens:
    def test_a_token_of_one_s_own_is_given_back(self, waiting: Wait) -> None:
        waiting.settings["login_sharing"] = "none"

        for _ in range(waiting.pbx.settings.token_cap + 1):
            with waiting.client() as client:
                client.get_information()

        assert waiting.pbx.state.tokens == {}

    def test_a_shared_token_is_refreshed_not_replaced(self, waiting: Wait) -> None:
        waiting.run()
        login = login_at(settings_for(waiting.pbx), waiting.state_dir)
        login.change(lambda record, now: replace(record, tokens=replace(record.tokens, access_expires_at=0.0)))

        waiting.run()

        assert waiting.pbx.state.logins == 1
        assert len(waiting.pbx.calls("refresh_token")) == 1

    def test_no_token_is_logged(self, waiting: Wait, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        waiting.pbx.faults.add(Fault("reset before", DOWNLOAD), Fault("drop sockets"))

        waiting.fetch(waiting.run())

        text = caplog.text
        assert "call_report/download" in text
        for token in waiting.pbx.state.tokens.values():
            assert token.access not in text
            assert token.refresh not in text
        assert waiting.pbx.client_secret not in text
