"""A state whose file system hangs: its calls never come back, and no wait, no task that is over waits for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator

import pytest

from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.state import asking, turns
from airflow_provider_yeastar.pbx.state.turns import turn
from tests.pbx.state.asking import Flaky, is_unbroken
from tests.pbx.state.test_turns import line_in, soon, until

LONG = 20.0
"""Seconds after which the test gives a wait up that ought to have ended."""


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flaky]:
    monkeypatch.setattr(asking, "_SECONDS", 0.2)
    monkeypatch.setattr(turns, "_LEAVE_SECONDS", 0.2)
    state = Flaky(hangs_for=600)
    yield state
    state.is_answering.set()


def run(work: Coroutine[None, None, None]) -> None:
    async def within_long() -> None:
        async with asyncio.timeout(LONG):
            await work

    asyncio.run(within_long())


async def take(state: Flaky, seconds: float = 60.0) -> None:
    async with turn(state, "pbx", soon(seconds)):
        pass


def test_that_hangs_from_the_start_is_an_outage(state: Flaky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "OUTAGE_SECONDS", 0.3)
    state.is_answering.clear()

    with pytest.raises(StateUnavailableError, match="has not answered within"):
        run(take(state))


def test_its_words_are_those_of_the_deadline(state: Flaky) -> None:
    state.is_answering.clear()

    async def wait() -> None:
        async with turn(state, "pbx", soon(4.0)):
            raise AssertionError("nobody has given it")

    with pytest.raises(StateUnavailableError, match="has not answered within"):
        run(wait())


def test_that_hangs_while_a_turn_is_held_keeps_nobody_and_is_no_proof_of_the_turn(state: Flaky) -> None:
    async def hold() -> None:
        async with turn(state, "pbx", soon()) as held:
            state.is_answering.clear()
            with pytest.raises(StateUnavailableError, match="has not answered within"):
                await is_unbroken(held)

    run(hold())


@pytest.mark.parametrize("is_holding", [False, True])
def test_a_cancelled_task_does_not_wait_for_it_and_leaves_no_trace_behind_it(state: Flaky, is_holding: bool) -> None:
    async def cancel() -> None:
        async def hold() -> None:
            async with turn(state, "pbx", soon()):
                began.set()
                await asyncio.Event().wait()

        began = asyncio.Event()
        if not is_holding:
            state.is_answering.clear()
        waiting = asyncio.create_task(hold())
        if is_holding:
            await began.wait()
            state.is_answering.clear()
        else:
            await until(lambda: state.was_asked.is_set())
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        assert not state.is_answering.is_set()
        state.is_answering.set()
        await until(lambda: not state.under_way)
        assert line_in(state).tickets == ()

    run(cancel())


class TestAtTheDeadline:
    """A state that has hung for less than half a minute is no outage yet, but the reason why the turn did not come."""

    @pytest.fixture(autouse=True)
    def patience(self, state: Flaky, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(asking, "_SECONDS", 600.0)

    def test_a_state_that_never_answered_is_named(self, state: Flaky) -> None:
        state.is_answering.clear()

        with pytest.raises(StateUnavailableError, match=r"^memory has not answered for \d+\.\d s"):
            run(take(state, 0.3))

    @pytest.mark.parametrize(
        ("renewal_seconds", "expected"),
        [(0.05, StateUnavailableError), (LONG, TimeoutError)],
        ids=["for-longer-than-it-is-asked", "for-a-moment"],
    )
    def test_a_state_that_told_of_others_is_named_if_it_has_hung(
        self,
        state: Flaky,
        renewal_seconds: float,
        expected: type[Exception],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(turns, "_RENEWAL_SECONDS", renewal_seconds)
        caplog.set_level(logging.INFO)

        async def wait_behind_another() -> None:
            async with turn(state, "pbx", soon()):
                second = asyncio.create_task(take(state, 2.0))
                await until(lambda: "Waiting for the turn" in caplog.text)
                state.is_answering.clear()
                with pytest.raises(expected):
                    await second
                state.is_answering.set()

        run(wait_behind_another())
