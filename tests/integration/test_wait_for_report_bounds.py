"""How long the wait for a report lasts at a simulated PBX, and what is left where it is cancelled."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import AmbiguousEventError, DeadlineError, NetworkError, WaitTimeoutError
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.state.turns import turn
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.simulator.certificate import self_signed
from tests.integration.asking import let_time_pass, orders, reached, time_over_when_accepted
from tests.integration.support import Wait, settings_for


class TestBounds:
    def test_a_report_that_takes_too_long_ends_in_an_error_that_explains_what_to_set(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting.pbx.hold_reports()
        waiting.settings["exclusive"] = False

        async def wait_in_vain() -> None:
            wait = asyncio.create_task(waiting.start(wait_timeout=60))
            await reached(waiting.pbx, lambda pbx: bool(orders(pbx)))
            let_time_pass(60, monkeypatch)
            await wait

        with pytest.raises(AmbiguousEventError, match=r"No report within 60 s.*`exclusive`"):
            asyncio.run(wait_in_vain())

        assert waiting.pbx.sockets == 0

    def test_an_event_that_never_comes_on_a_pbx_that_never_answers_ends_in_wait_timeout(self, waiting: Wait) -> None:
        waiting.pbx.hold_reports()

        with (
            time_over_when_accepted(),
            pytest.raises(WaitTimeoutError, match=r"No report within 60 s.*accepted the request once"),
        ):
            waiting.run(wait_timeout=60)

        assert waiting.pbx.sockets == 0

    @pytest.mark.parametrize("bounds", [{"wait_timeout": 60}, {"wait_timeout": 30}], ids=["the-wait", "both"])
    def test_the_task_s_own_time_ends_the_wait(self, waiting: Wait, bounds: dict[str, float]) -> None:
        waiting.pbx.hold_reports()

        with (
            time_over_when_accepted(),
            pytest.raises(DeadlineError, match=r"own time was over.*accepted the request once.*execution_timeout"),
        ):
            waiting.run(own_seconds=30, **bounds)

        assert waiting.pbx.sockets == 0

    def test_the_task_s_own_time_ends_the_queue(self, waiting: Wait) -> None:
        async def wait_behind_another() -> None:
            state = DirectoryState(waiting.state_dir)
            async with turn(state, waiting.pbx.settings.serial_number, time.time() + 60):
                with pytest.raises(DeadlineError, match="own time was over"):
                    await waiting.start(own_seconds=1.0)

        asyncio.run(wait_behind_another())

        assert orders(waiting.pbx) == []

    def test_a_wait_that_comes_late_takes_a_free_turn_however_slow_the_login_is(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("delay", "get_token", 1.5))

        assert waiting.run(queue_timeout=0).file.startswith("Queue-Performance")

    def test_an_unreachable_pbx_is_named_in_the_end(self, tmp_path: Path, yeastar_pbx: PbxSimulator) -> None:
        settings = settings_for(yeastar_pbx, port=1)

        with (
            PbxClient(settings, state=MemoryState()) as client,
            pytest.raises(NetworkError, match="Connection refused"),
        ):
            client.get_information()

    def test_the_wait_for_an_unreachable_pbx_tells_the_last_cause_and_its_remedy(
        self, yeastar_pbx: PbxSimulator, tmp_path: Path, long_pauses: None
    ) -> None:
        with pytest.raises(
            WaitTimeoutError, match=r"Connection refused.*127\.0\.0\.1:1\)\. Check host, port"
        ) as timeout:
            Wait(yeastar_pbx, tmp_path, {"port": 1}).run(wait_timeout=30)

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
