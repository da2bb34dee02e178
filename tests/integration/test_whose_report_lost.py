"""Whose report is it, where a task was killed or the shared state is lost: never the next task's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import WaitTimeoutError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.ledger import ledger_name
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds, FinishedReport
from airflow_provider_yeastar.simulator import Fault
from tests.integration.asking import (
    DOWNLOAD,
    label_of,
    ledger,
    pbx_that,
    reached,
    request,
    time_over_when_accepted,
    ways,
)
from tests.integration.rows import LIST
from tests.integration.support import Wait
from tests.pbx.state.redis_server import redis_server


def kill_a_wait(waiting: Wait) -> None:
    async def kill() -> None:
        wait = asyncio.create_task(waiting.start(request=request(1)))
        await reached(waiting.pbx, lambda pbx: pbx.busy and pbx.subscribers == 1)
        wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await wait

    asyncio.run(kill())


@pytest.mark.usefixtures("no_pauses")
class TestAJobWithoutAnOwner:
    def test_the_file_of_a_killed_task_is_not_given_to_the_next_one(self, tmp_path: Path) -> None:
        with pbx_that(queued_jobs=5) as pbx:
            waiting = Wait(pbx, tmp_path)
            pbx.hold_reports()
            kill_a_wait(waiting)
            pbx.release_reports()

            report = waiting.run(request=request(2))

            assert label_of(waiting.fetch(report)).startswith("Support")
            assert report.identified_by == "answer"
            assert ways(pbx) == ["1", "0"]

    def test_a_killed_task_that_asked_for_rows_has_no_file_that_another_one_could_be_given(self, waiting: Wait) -> None:
        """Its request is answered with the rows and makes no job, so that the ledger need not know of it."""
        pbx = waiting.pbx
        pbx.faults.add(Fault("delay", LIST, 3600))

        async def kill() -> None:
            bounds = Bounds(time.time() + 60, 60)
            with waiting.client() as client:
                wait = asyncio.create_task(client.fetch_rows(build_request(**request(1)), bounds, []))
                await reached(pbx, lambda pbx: bool(pbx.calls(LIST)))
                wait.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await wait

        asyncio.run(kill())
        report = waiting.run(request=request(2))

        (rows,) = pbx.calls(LIST)
        assert not {"is_async", "format"} & rows.query.keys()
        assert report.identified_by == "turn"
        assert label_of(waiting.fetch(report)).startswith("Support")
        assert not ledger(waiting).contest

    def test_the_second_file_of_a_task_that_asked_twice_is_not_given_to_the_next_one(self, tmp_path: Path) -> None:
        """Fault 4: a dropped socket made a task ask twice, and the next task took the second event for its own."""
        with pbx_that(queued_jobs=5) as pbx:
            waiting = Wait(pbx, tmp_path)
            pbx.hold_reports()
            pbx.hold_events()

            async def drop_its_socket_and_go_on() -> tuple[FinishedReport, FinishedReport]:
                wait = asyncio.create_task(waiting.start(request=request(1)))
                await reached(pbx, lambda pbx: pbx.busy and pbx.subscribers == 1)
                await asyncio.to_thread(pbx.drop_sockets)
                await reached(pbx, lambda pbx: len(ways(pbx)) == 2)
                pbx.release_reports()
                first = await wait
                following = asyncio.create_task(waiting.start(request=request(2)))
                await reached(pbx, lambda pbx: len(ways(pbx)) == 3)
                await asyncio.to_thread(pbx.release_events)
                return first, await following

            first, second = asyncio.run(drop_its_socket_and_go_on())

            assert label_of(waiting.fetch(first)).startswith("Sales")
            assert label_of(waiting.fetch(second)).startswith("Support")
            assert ways(pbx) == ["1", "0", "0"]

    def test_after_a_restart_of_the_pbx_events_are_believed_again(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.state.ledger._REBOOT_MARGIN_SECONDS", -60.0)
        waiting.pbx.hold_reports()
        kill_a_wait(waiting)
        assert len(ledger(waiting).jobs) == 1
        waiting.pbx.restart()
        waiting.pbx.release_reports()

        report = waiting.run()

        assert report.identified_by == "turn"
        assert ledger(waiting).jobs == ()

    def test_a_wait_that_runs_out_of_time_leaves_its_job_in_the_ledger(self, waiting: Wait) -> None:
        waiting.pbx.hold_reports()
        with time_over_when_accepted(), pytest.raises(WaitTimeoutError, match="No report within"):
            waiting.run(wait_timeout=60)
        waiting.pbx.release_reports()

        assert len(ledger(waiting).jobs) >= 1
        assert waiting.run().identified_by == "answer"


@pytest.fixture(params=["a deleted directory", "a Redis that restarts without its data"])
def losable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """The URL of a state, empty for the directory ``state``, and what loses it."""
    if request.param == "a deleted directory":
        yield "", lambda: shutil.rmtree(tmp_path / "state")
        return
    with redis_server() as server:

        def restart() -> None:
            server.kill()
            server.start()

        yield server.url, restart


@pytest.mark.usefixtures("no_pauses")
class TestALostState:
    def test_the_file_of_a_task_killed_before_is_not_given_to_the_next_one(
        self, losable: tuple[str, Callable[[], object]], tmp_path: Path
    ) -> None:
        url, lose = losable
        with pbx_that(queued_jobs=5) as pbx:
            waiting = Wait(pbx, tmp_path / "state", state_url=url)
            pbx.hold_reports()
            kill_a_wait(waiting)
            lose()
            pbx.release_reports()

            report = replace(waiting, past_is_known=False).run(request=request(2))

            assert label_of(waiting.fetch(report)).startswith("Support")
            assert report.identified_by == "answer"
            assert ways(pbx) == ["1", "0"]

    def test_a_ledger_that_is_evicted_during_a_wait_leaves_its_event_in_doubt(self, waiting: Wait) -> None:
        pbx = waiting.pbx
        pbx.hold_reports()
        name, state = ledger_name(pbx.settings.serial_number), DirectoryState(waiting.state_dir)

        async def lose_it_meanwhile() -> FinishedReport:
            wait = asyncio.create_task(waiting.start())
            await reached(pbx, lambda pbx: pbx.busy)
            await asyncio.to_thread(partial(state.update, name, lambda *_: None, keep_seconds=1))
            pbx.release_reports()
            return await wait

        assert asyncio.run(lose_it_meanwhile()).identified_by == "answer"
        assert not ledger(waiting).contest

    def test_a_new_state_believes_no_event_and_the_log_says_why(
        self, waiting: Wait, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        waiting.past_is_known = False
        waiting.pbx.faults.add(Fault("errcode", DOWNLOAD, 70082, times=2))

        assert waiting.run().identified_by == "answer"
        assert waiting.run().identified_by == "answer"

        assert set(ways(waiting.pbx)) == {"0"}
        assert "synchronously, because the shared state knows this PBX only since 20" in caplog.text
        assert not ledger(waiting).contest

    def test_after_a_restart_of_the_pbx_events_are_believed(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting.past_is_known = False
        waiting.run()
        monkeypatch.setattr("airflow_provider_yeastar.pbx.state.ledger._REBOOT_MARGIN_SECONDS", -60.0)
        waiting.pbx.restart()

        assert waiting.run().identified_by == "turn"
        assert ledger(waiting).known_since is None
