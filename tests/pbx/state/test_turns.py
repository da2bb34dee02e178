from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, StateUnavailableError
from airflow_provider_yeastar.pbx.state import turns
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.interface import Change, Entry, SharedState
from airflow_provider_yeastar.pbx.state.line import LEASE_SECONDS, Line
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.state.turns import turn
from tests.pbx.state.asking import Flaky, is_unbroken
from tests.pbx.state.backends import Opening


def soon(seconds: float = 60.0) -> float:
    return time.time() + seconds


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; what other threads and processes do tells no event of this loop."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def line_in(state: SharedState) -> Line:
    return Line.from_entry(state.read("pbx/turn"))


def in_a_loop_of_its_own(work: Callable[[], Awaitable[None]]) -> threading.Thread:
    """Run a coroutine as another process would: with an event loop that shares nothing with the test's."""

    async def run() -> None:
        await work()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    return thread


def test_waits_of_one_loop_are_served_in_order_and_at_once(state: SharedState) -> None:
    served: list[str] = []
    fences: list[int] = []

    async def wait(name: str) -> None:
        async with turn(state, "pbx", soon()) as held:
            served.append(name)
            fences.append(held.fence)
            assert await is_unbroken(held)
            await asyncio.sleep(0)
            served.append(f"{name} ends")

    async def all_at_once() -> None:
        await asyncio.gather(*(wait(name) for name in "abc"))

    asyncio.run(all_at_once())

    assert served == ["a", "a ends", "b", "b ends", "c", "c ends"]
    assert fences == sorted(set(fences))
    assert line_in(state) == Line(fences[-1])


def test_another_pbx_does_not_wait(state: SharedState) -> None:
    async def both() -> bool:
        async with turn(state, "pbx", soon()), turn(state, "other", soon()):
            return True

    assert asyncio.run(both())


def test_who_came_first_is_served_first_whatever_the_process(opening: Opening) -> None:
    """Fault 6: a process handed the turn to its own next wait, so that another one waited through 30 later ones."""
    served: list[str] = []
    is_held, other_waits = threading.Event(), threading.Event()

    async def wait(state: SharedState, name: str) -> None:
        async with turn(state, "pbx", soon()):
            served.append(name)

    async def thirty_and_one() -> None:
        state = opening()
        async with turn(state, "pbx", soon()):
            is_held.set()
            assert await asyncio.to_thread(other_waits.wait, 30)
            later = [asyncio.create_task(wait(state, f"later {number}")) for number in range(30)]
            await until(lambda: len(line_in(state).tickets) == 32)
        await asyncio.gather(*later)

    async def other() -> None:
        assert await asyncio.to_thread(is_held.wait, 30)
        state = opening()
        waiting = asyncio.create_task(wait(state, "other"))
        await until(lambda: len(line_in(state).tickets) == 2)
        other_waits.set()
        await waiting

    threads = [in_a_loop_of_its_own(thirty_and_one), in_a_loop_of_its_own(other)]
    for thread in threads:
        thread.join(60)

    assert served == ["other", *(f"later {number}" for number in range(30))]


def test_a_wait_ends_at_its_time_and_leaves_no_trace(state: SharedState) -> None:
    async def wait_behind() -> None:
        async with turn(state, "pbx", soon()):
            with pytest.raises(TimeoutError):
                async with turn(state, "pbx", soon(0.2)):
                    pytest.fail("two turns at once")
            assert len(line_in(state).tickets) == 1

    asyncio.run(wait_behind())

    assert line_in(state).tickets == ()


@pytest.mark.parametrize("is_holding", [True, False])
def test_a_cancelled_task_leaves_no_trace(state: SharedState, is_holding: bool) -> None:
    async def hold(entered: asyncio.Event) -> None:
        async with turn(state, "pbx", soon()):
            entered.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(hold(first))]
        await first.wait()
        tasks.append(asyncio.create_task(hold(second)))
        await until(lambda: len(line_in(state).tickets) == 2)
        tasks.pop(0 if is_holding else 1).cancel()
        if is_holding:
            await asyncio.wait_for(second.wait(), 30)
        await until(lambda: len(line_in(state).tickets) == 1)
        (left,) = tasks
        assert not left.done()
        left.cancel()
        await asyncio.wait({left})

    asyncio.run(cancel())

    assert line_in(state).tickets == ()


class TestALapsedLease:
    def test_is_noticed_by_its_holder_when_another_has_the_turn(self, state: SharedState) -> None:
        def take(entry: Entry | None, now: float) -> Entry:
            return Line.from_entry(entry).attended(now + LEASE_SECONDS, "other", ["1"]).to_entry(entry)

        assert not asyncio.run(self.is_unbroken_after(state, take))

    def test_is_noticed_by_its_holder_when_nobody_else_came(self, state: SharedState) -> None:
        def lapse(entry: Entry | None, now: float) -> Entry:
            line = Line.from_entry(entry)
            return Line(line.fence, line.tickets, dict.fromkeys(line.leases, now)).to_entry(entry)

        assert not asyncio.run(self.is_unbroken_after(state, lapse))

    def test_is_assumed_when_the_state_has_lost_it(self, state: SharedState) -> None:
        assert not asyncio.run(self.is_unbroken_after(state, lambda entry, now: None))

    async def is_unbroken_after(self, state: SharedState, change: Change) -> bool:
        async with turn(state, "pbx", soon()) as held:
            assert await is_unbroken(held)
            state.update("pbx/turn", change, keep_seconds=60)
            found = await is_unbroken(held)
            assert await is_unbroken(held) == found
            return found


class TestAStateThatCannotBeUsed:
    def test_is_waited_for(self, caplog: pytest.LogCaptureFixture) -> None:
        state = Flaky()
        state.error = StateUnavailableError("Redis is away")

        async def wait() -> None:
            waiting = asyncio.create_task(self.take(state))
            await until(lambda: "Redis is away" in caplog.text)
            state.error = None
            await asyncio.wait_for(waiting, 30)

        asyncio.run(wait())

    def test_ends_the_wait_with_its_own_words_at_the_deadline(self) -> None:
        state = Flaky()
        state.error = StateUnavailableError("Redis is away")

        with pytest.raises(StateUnavailableError, match="Redis is away"):
            asyncio.run(self.take(state, soon(0.3)))

    def test_ends_the_wait_after_a_long_outage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(turns, "OUTAGE_SECONDS", 0.1)
        state = Flaky()
        state.error = StateUnavailableError("Redis is away")

        with pytest.raises(StateUnavailableError, match="Redis is away"):
            asyncio.run(self.take(state))

    @pytest.mark.parametrize("error", [InvalidSettingsError("wrong"), LookupError("a mistake of ours")], ids=repr)
    def test_that_no_time_mends_ends_the_wait_at_once(self, error: Exception) -> None:
        state = Flaky()
        state.error = error

        with pytest.raises(type(error)):
            asyncio.run(self.take(state))

    def test_changes_nothing_for_its_holder(self) -> None:
        state = Flaky()

        async def hold() -> None:
            async with turn(state, "pbx", soon()) as held:
                state.error = StateUnavailableError("Redis is away")
                with pytest.raises(StateUnavailableError, match="Redis is away"):
                    await is_unbroken(held)
                state.error = None
                assert await is_unbroken(held)

        asyncio.run(hold())

    def test_that_hangs_does_not_stop_the_event_loop(self) -> None:
        state = Flaky()
        state.is_answering.clear()

        async def go_on() -> None:
            waiting = asyncio.create_task(self.take(state))
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert not waiting.done()
            state.is_answering.set()
            await asyncio.wait_for(waiting, 30)

        asyncio.run(go_on())

    async def take(self, state: SharedState, end: float | None = None) -> None:
        async with turn(state, "pbx", end or soon()):
            pass


def test_an_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def take_turn() -> None:
        async with turn(DirectoryState(tmp_path / "file" / "state"), "pbx", soon()):
            pytest.fail("no state, no turn")

    with pytest.raises(InvalidSettingsError, match=r"state cannot be used.*state_dir"):
        asyncio.run(take_turn())


def test_a_held_turn_is_renewed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(turns, "_RENEWAL_SECONDS", 0.05)
    state = MemoryState()

    async def hold() -> None:
        async with turn(state, "pbx", soon()) as held:
            (first,) = line_in(state).leases.values()
            await until(lambda: next(iter(line_in(state).leases.values())) != first)
            assert await is_unbroken(held)

    with caplog.at_level(logging.WARNING):
        asyncio.run(hold())
    assert not caplog.records
