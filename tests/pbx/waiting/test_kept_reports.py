"""Whose a kept report is, how long it is kept, and when it may be somebody else's."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.files.fetch_rules import URL_MINUTES
from airflow_provider_yeastar.pbx.state import asking
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.pbx.waiting.kept_reports import KeptReports, kept_report, owner_of
from tests.pbx.state.asking import Flaky

NOW = 1_795_000_000.0
LIFE = 60.0 * URL_MINUTES
REPORT = FinishedReport(
    file="X.csv",
    url="/api/download/X.csv",
    requested_at=NOW - 5,
    ready_at=NOW,
    api_version="v2.0",
    timezone="Europe/Berlin",
    serial_number="369",
    window={"start_time": "2026-11-20T00:00:00", "end_time": "2026-11-20T23:59:59"},
    identified_by="answer",
)
EVENT_S = replace(REPORT, identified_by="turn")


def read(report: FinishedReport, now: float = NOW, *, is_contested: bool = False) -> FinishedReport | None:
    return kept_report({"report": asdict(report)}, now, is_contested=is_contested)


@pytest.mark.parametrize(("age", "is_there"), [(0, True), (LIFE - 1, True), (LIFE, False), (1e9, False)])
def test_it_is_kept_while_its_file_is_served(age: float, is_there: bool) -> None:
    assert read(REPORT, NOW + age) == (REPORT if is_there else None)


def test_an_event_is_believed_no_more_once_the_pbx_is_contested() -> None:
    assert read(EVENT_S) == EVENT_S
    assert read(EVENT_S, is_contested=True) is None
    assert read(REPORT, is_contested=True) == REPORT


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"report": None},
        {"report": []},
        {"report": {"file": "X.csv"}},
        {"report": asdict(REPORT) | {"of a newer version": 1}},
        {"report": asdict(REPORT) | {"ready_at": "soon"}},
        {"report": asdict(REPORT) | {"ready_at": None}},
    ],
)
def test_anything_else_is_as_good_as_none(entry: Any) -> None:
    assert kept_report(entry, NOW, is_contested=False) is None


def test_an_owner_is_one_task_instance_and_one_request() -> None:
    owners = [
        owner_of(of_tries, {"period": period})
        for of_tries in (["dag", "task", "run", -1, 2], ["dag", "task", "run", 0, 2], ["dag", "task", "run", -1, 3])
        for period in ("2026-11-20", "2026-11-21")
    ]

    assert len(set(owners)) == len(owners)
    assert owner_of(("dag", None), {"b": 1, "a": 2}) == owner_of(["dag", None], {"a": 2, "b": 1})


def kept(state: MemoryState, pbx: str = "369") -> KeptReports:
    return KeptReports(state, pbx)


def test_it_is_taken_once_and_by_its_owner_alone() -> None:
    state = MemoryState()
    report = replace(REPORT, ready_at=state.now())

    async def go() -> None:
        await kept(state).keep("mine", report)
        assert await kept(state).take("another's") is None
        assert await kept(state, "370").take("mine") is None
        assert await kept(state).take("mine") == report
        assert await kept(state).take("mine") is None

    asyncio.run(go())


def test_the_ledger_of_the_pbx_decides_whether_it_is_contested() -> None:
    state = MemoryState()
    report = replace(EVENT_S, ready_at=state.now())

    async def go() -> None:
        await kept(state).keep("mine", report)
        state.update(
            ledger_name("369"), lambda entry, now: Ledger().contested("a stranger", now).to_entry(), keep_seconds=60
        )
        assert await kept(state).take("mine") is None

    asyncio.run(go())


def test_it_expires_by_itself() -> None:
    now = [NOW]
    state = MemoryState(lambda: now[0])
    asyncio.run(kept(state).keep("mine", REPORT))

    now[0] += LIFE
    state.sweep()

    assert state._stored == {}


def test_a_state_that_never_answers_keeps_no_task_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SECONDS", 0.2)
    state = Flaky(hangs_for=600)
    state.is_answering.clear()

    async def take() -> None:
        async with asyncio.timeout(20):
            await KeptReports(state, "369").take("owner")

    try:
        with pytest.raises(StateUnavailableError, match="has not answered within"):
            asyncio.run(take())
    finally:
        state.is_answering.set()
