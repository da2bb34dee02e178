"""The ledger as a wait uses it; what it decides is shown in `test_attribution`, over sockets in `tests/integration`."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.state.interface import Entry, JointChange, SharedState
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.state.turns import Turn, turn
from airflow_provider_yeastar.pbx.waiting import job_ledger
from airflow_provider_yeastar.pbx.waiting.attribution import Observations, Step, judge
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport, Setbacks
from airflow_provider_yeastar.pbx.waiting.job_ledger import JobLedger, doubt_after_fetch, vouch_for_past
from airflow_provider_yeastar.pbx.wire import EventFrame, Processing
from tests.pbx.state.redis_server import redis_server

PBX = "3692A1234567"
ON_THE_WORD = Observations(None, True)
EVENT = EventFrame(True, "report.csv", "/api/download/report.csv", "", 1)


class RemoteState(MemoryState):
    """A state that remembers which threads have called it, as if each call went to another host."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def now(self) -> float:
        self.threads.add(threading.get_ident())
        return super().now()


def ledger_of(state: SharedState) -> Ledger:
    return Ledger.read(*state.look(ledger_name(PBX)))


def ledger_in(state: SharedState) -> JobLedger:
    session = SimpleNamespace(settings=SimpleNamespace(address="pbx"))
    connection: Any = SimpleNamespace(state=state, session=session)
    return JobLedger(connection, PBX)


async def open_job(ledger: JobLedger, held: Turn) -> Observations:
    opened = await ledger.open(ON_THE_WORD, held, can_listen=True)
    assert opened
    return opened[0]


def test_it_never_calls_the_state_on_the_event_loop_s_thread() -> None:
    state = RemoteState()

    async def use() -> None:
        ledger = ledger_in(state)
        await ledger.choose(ON_THE_WORD)
        async with turn(state, PBX, time.time() + 60) as held:
            seen = await open_job(ledger, held)
            await ledger.conclude(seen, held)
        await ledger.close(seen)

    asyncio.run(use())

    assert state.threads
    assert threading.get_ident() not in state.threads


@pytest.mark.parametrize(("is_vouched", "step"), [(True, Step.ASK_FOR_EVENT), (False, Step.ASK_FOR_ANSWER)])
def test_the_past_of_a_new_ledger_is_unknown_unless_somebody_vouches_for_it(is_vouched: bool, step: Step) -> None:
    state = MemoryState()
    if is_vouched:
        vouch_for_past(state, PBX)

    assert asyncio.run(ledger_in(state).choose(ON_THE_WORD)) is step


@pytest.mark.parametrize("appends", ["no", "yes"], ids=["snapshots", "a file"])
def test_jobs_that_a_restarted_redis_has_forgotten_are_reckoned_with(appends: str) -> None:
    """Somebody's task was killed; its report may be announced to the next one."""
    with redis_server("--appendonly", appends, save=True) as server:
        state = open_state(server.url, Path("/nowhere"))
        vouch_for_past(state, PBX)
        server.snapshot()
        state.update(
            ledger_name(PBX),
            lambda entry, now: Ledger.read(entry, now).with_job("of a killed task", now, PBX).to_entry(),
            keep_seconds=600,
        )
        server.kill()
        server.start()

        ledger, now = ledger_of(state), state.now()
        assert asyncio.run(ledger_in(state).choose(ON_THE_WORD)) is Step.ASK_FOR_ANSWER
        closed = ledger.without_job("of a killed task")
        assert judge(ON_THE_WORD, closed, now).step is Step.ASK_FOR_ANSWER


@pytest.mark.parametrize(("pause", "up_time", "is_open"), [(30.0, 22, True), (0.0, 22, True), (30.0, 0, False)])
def test_an_up_time_counts_from_before_the_question_however_late_its_answer_is(
    pause: float, up_time: int, is_open: bool
) -> None:
    """The PBX has started two seconds before a job, or after it; whoever asks is stopped for a while meanwhile."""
    clock = [1_000_000.0]
    state = MemoryState(lambda: clock[0])
    entry = Ledger().with_job("of a killed task", clock[0], PBX).to_entry()
    state.update(ledger_name(PBX), lambda _, now: entry, keep_seconds=600)
    clock[0] += 20.0

    async def call(function: object) -> Any:
        clock[0] += pause
        return SimpleNamespace(up_time=up_time)

    session = SimpleNamespace(settings=SimpleNamespace(address="pbx"), information=None)
    connection: Any = SimpleNamespace(state=state, session=session, call=call)
    step = asyncio.run(JobLedger(connection, PBX).choose(ON_THE_WORD))

    assert ledger_of(state).is_open("of a killed task") is is_open
    assert step is (Step.ASK_FOR_ANSWER if is_open else Step.ASK_FOR_EVENT)


def test_to_vouch_for_a_ledger_that_is_there_changes_nothing() -> None:
    state = MemoryState()

    async def begin() -> None:
        async with turn(state, PBX, time.time() + 60) as held:
            await open_job(ledger_in(state), held)

    asyncio.run(begin())
    before = state.read(ledger_name(PBX))

    vouch_for_past(state, PBX)

    assert state.read(ledger_name(PBX)) == before
    assert Ledger.read(before, state.now()).known_since is not None


class TestATurnAndItsJob:
    """The lease, the verdict and the ledger change in one step."""

    def test_a_lost_turn_opens_no_job(self) -> None:
        state = MemoryState()
        vouch_for_past(state, PBX)

        async def lose() -> None:
            async with turn(state, PBX, time.time() + 60) as held:
                state.update(f"{PBX}/turn", lambda entry, now: None, keep_seconds=60)
                assert await ledger_in(state).open(ON_THE_WORD, held, can_listen=True) is None

        asyncio.run(lose())

        assert ledger_of(state) == Ledger()

    def test_no_event_is_believed_once_the_turn_was_lost(self) -> None:
        assert asyncio.run(self.step_of_an_event(loses_turn=True)) is Step.ASK_FOR_ANSWER

    def test_a_verdict_with_the_file_closes_the_job_and_passes_the_turn_on(self) -> None:
        assert asyncio.run(self.step_of_an_event()) is Step.BELIEVE_EVENT

    def test_a_report_that_failed_keeps_the_turn(self) -> None:
        assert asyncio.run(self.step_of_an_event(EventFrame(False, "", "", "disk full", None))) is Step.BELIEVE_EVENT

    async def step_of_an_event(self, event: EventFrame = EVENT, *, loses_turn: bool = False) -> Step:
        state = MemoryState()
        vouch_for_past(state, PBX)
        ledger = ledger_in(state)
        async with turn(state, PBX, time.time() + 60) as held:
            waiting = asyncio.create_task(self.take(state))
            seen = await open_job(ledger, held)
            if loses_turn:
                state.update(f"{PBX}/turn", lambda entry, now: None, keep_seconds=60)
            verdict = await ledger.conclude(replace(seen, answer=Processing(None), events=(event,)), held)
            is_passed_on = verdict.has_file
            assert is_passed_on == (not loses_turn and event.succeeded)
            if is_passed_on:
                await asyncio.wait_for(waiting, 30)
        await asyncio.wait_for(waiting, 30)
        return verdict.step

    async def take(self, state: MemoryState) -> None:
        async with turn(state, PBX, time.time() + 60):
            pass


class AbsentState(MemoryState):
    """A state that is away for so many calls."""

    calls_away = 0

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        if self.calls_away:
            self.calls_away -= 1
            raise StateUnavailableError("away")
        return super().update_all(names, change)


@pytest.mark.parametrize(("seconds", "is_told"), [(600.0, True), (0.0, False)], ids=["in-time", "too-late"])
def test_a_file_that_is_there_waits_for_a_state_that_is_away(
    seconds: float, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Setbacks, "delay", lambda setbacks, chance: 0.0)
    monkeypatch.setattr(job_ledger, "OUTAGE_SECONDS", seconds)
    request = build_request(report_type="queueperformance", period="2026-11-20", parameters={"queue_id_list": "1"})
    report = FinishedReport("r.csv", "/api/download/r.csv", 0.0, 0.0, "v2.0", "UTC", PBX, {}, job="lost")
    (state := AbsentState()).calls_away = 2

    asked = doubt_after_fetch(state, report, request, PBX, exclusive=True)

    if is_told:
        assert asyncio.run(asked)
    else:
        with pytest.raises(StateUnavailableError, match="away"):
            asyncio.run(asked)
