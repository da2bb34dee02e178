"""The ledger as a wait uses it; what it decides is shown in `test_attribution`, over sockets in `tests/integration`."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.state.interface import Change, Entry
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.waiting.attribution import Observations, Step
from airflow_provider_yeastar.pbx.waiting.job_ledger import JobLedger, vouch_for_past

PBX = "3692A1234567"
ON_THE_WORD = Observations(None, True)


class RemoteState(MemoryState):
    """A state that remembers which threads have called it, as if each call went to another host."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def now(self) -> float:
        self.threads.add(threading.get_ident())
        return super().now()

    def update(self, name: str, change: Change, *, keep_seconds: float) -> Entry | None:
        self.threads.add(threading.get_ident())
        return super().update(name, change, keep_seconds=keep_seconds)


def ledger_in(state: MemoryState) -> JobLedger:
    session = SimpleNamespace(settings=SimpleNamespace(address="pbx"))
    connection: Any = SimpleNamespace(state=state, session=session)
    return JobLedger(connection, PBX)


def test_it_never_calls_the_state_on_the_event_loop_s_thread() -> None:
    state = RemoteState()

    async def use() -> None:
        ledger = ledger_in(state)
        await ledger.choose(ON_THE_WORD)
        seen, _ = await ledger.open(ON_THE_WORD, can_listen=True)
        await ledger.conclude(seen)
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


def test_to_vouch_for_a_ledger_that_is_there_changes_nothing() -> None:
    state = MemoryState()
    asyncio.run(ledger_in(state).open(ON_THE_WORD, can_listen=True))
    before = state.read(ledger_name(PBX))

    vouch_for_past(state, PBX)

    assert state.read(ledger_name(PBX)) == before
    assert Ledger.read(before, state.now()).known_since is not None
