"""What every back-end of the shared state promises."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_yeastar.pbx.state.interface import Change, Entry, SharedState
from airflow_provider_yeastar.pbx.state.ledger import LEDGER_LIFE_SECONDS
from tests.pbx.state.backends import Opening

MINUTE = 60.0
BOTH = {"pbx/turn": MINUTE, "pbx/ledger": MINUTE}


def put(value: object) -> Change:
    return lambda entry, now: {"value": value}


def counted(entry: Entry | None, now: float) -> Entry:
    return {"value": (entry or {"value": 0})["value"] + 1}


def test_nothing_is_there_at_first(state: SharedState) -> None:
    assert state.read("pbx/turn") is None


def test_one_reads_what_another_wrote(opening: Opening) -> None:
    assert opening().update("pbx/turn", put("é\0\n"), keep_seconds=MINUTE) == {"value": "é\0\n"}

    assert opening().read("pbx/turn") == {"value": "é\0\n"}


def test_an_update_sees_the_entry_and_the_time_of_the_state(state: SharedState) -> None:
    state.update("pbx/turn", put(1), keep_seconds=MINUTE)
    seen: list[Entry | None] = []
    times: list[float] = []

    def look(entry: Entry | None, now: float) -> Entry | None:
        seen.append(entry)
        times.append(now)
        return entry

    before = state.now()
    state.update("pbx/turn", look, keep_seconds=MINUTE)

    assert seen[-1] == {"value": 1}
    assert before <= times[-1] <= state.now()
    assert abs(state.now() - time.time()) < MINUTE


def test_an_update_to_none_deletes(state: SharedState) -> None:
    state.update("pbx/turn", put(1), keep_seconds=MINUTE)

    assert state.update("pbx/turn", lambda entry, now: None, keep_seconds=MINUTE) is None
    assert state.update("pbx/turn", lambda entry, now: None, keep_seconds=MINUTE) is None
    assert state.read("pbx/turn") is None


def test_entries_do_not_touch_one_another(state: SharedState) -> None:
    names = ["pbx/turn", "pbx/app/login", "pbx", "../pbx", "pbx*", "p" * 300, "ü/\0"]
    for name in names:
        state.update(name, put(name), keep_seconds=MINUTE)

    assert [state.read(name) for name in names] == [{"value": name} for name in names]


def test_an_entry_expires(state: SharedState) -> None:
    state.update("pbx/turn", put(1), keep_seconds=0.05)
    until = time.monotonic() + 30

    while state.read("pbx/turn") is not None and time.monotonic() < until:
        threading.Event().wait(0.01)

    assert state.read("pbx/turn") is None
    assert state.update("pbx/turn", counted, keep_seconds=MINUTE) == {"value": 1}


def test_an_entry_may_live_for_longer_than_a_year(state: SharedState) -> None:
    state.update("pbx/ledger", put(1), keep_seconds=LEDGER_LIFE_SECONDS)
    state.sweep()

    assert state.read("pbx/ledger") == {"value": 1}


def test_sweeping_keeps_what_lives(state: SharedState) -> None:
    state.update("pbx/turn", put(1), keep_seconds=MINUTE)
    state.update("pbx/menu", put(1), keep_seconds=0.0)

    state.sweep()

    assert state.read("pbx/turn") == {"value": 1}
    assert state.read("pbx/menu") is None


def test_a_change_that_fails_changes_nothing(state: SharedState) -> None:
    def fail(entry: Entry | None, now: float) -> Entry:
        raise LookupError

    state.update("pbx/turn", put(1), keep_seconds=MINUTE)
    with pytest.raises(LookupError):
        state.update("pbx/turn", fail, keep_seconds=MINUTE)

    assert state.update("pbx/turn", counted, keep_seconds=MINUTE) == {"value": 2}


def test_a_look_tells_the_time_of_the_state(state: SharedState) -> None:
    state.update("pbx/turn", put(1), keep_seconds=MINUTE)

    before = state.now()
    entry, now = state.look("pbx/turn")

    assert entry == {"value": 1}
    assert before <= now <= state.now()
    assert state.look("pbx/ledger")[0] is None


class TestSeveralEntriesAtOnce:
    def test_are_seen_and_replaced_together(self, state: SharedState) -> None:
        state.update("pbx/turn", put(1), keep_seconds=MINUTE)

        def swap(entries: Sequence[Entry | None], now: float) -> Sequence[Entry | None]:
            return entries[::-1]

        assert state.update_all(BOTH, swap) == [None, {"value": 1}]
        assert [state.read(name) for name in BOTH] == [None, {"value": 1}]

    def test_expire_each_in_its_own_time(self, state: SharedState) -> None:
        both = {"value": 1}
        state.update_all({"pbx/turn": 0.0, "pbx/ledger": MINUTE}, lambda entries, now: [both, both])
        until = time.monotonic() + 30
        while state.read("pbx/turn") is not None and time.monotonic() < until:
            threading.Event().wait(0.01)

        assert [state.read(name) for name in BOTH] == [None, both]

    def test_stay_as_they_are_if_the_change_fails(self, state: SharedState) -> None:
        def fail(entries: Sequence[Entry | None], now: float) -> Sequence[Entry | None]:
            raise LookupError

        with pytest.raises(LookupError):
            state.update_all(BOTH, fail)

        assert [state.read(name) for name in BOTH] == [None, None]

    def test_are_one_step_for_those_who_change_one_of_them(self, opening: Opening) -> None:
        made: list[Sequence[Entry | None]] = []

        def count_both(entries: Sequence[Entry | None], now: float) -> Sequence[Entry | None]:
            return [counted(entry, now) for entry in entries]

        def count_to_ten(state: SharedState) -> None:
            for _ in range(10):
                made.append(state.update_all(BOTH, count_both))
                made.append(state.update_all(dict(reversed(BOTH.items())), count_both))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(count_to_ten, [opening() for _ in range(4)]))

        assert sorted(first["value"] for first, second in made if first and first == second) == [*range(1, 81)]


def test_updates_at_the_same_time_are_all_kept(opening: Opening) -> None:
    def count_to_ten(state: SharedState) -> None:
        for _ in range(10):
            state.update("pbx/turn", counted, keep_seconds=MINUTE)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count_to_ten, [opening() for _ in range(8)]))

    assert opening().read("pbx/turn") == {"value": 80}


def test_a_name_tells_where_the_state_is(state: SharedState) -> None:
    assert state.name
    assert isinstance(state.spans_hosts, bool)


def test_two_openings_of_one_state_are_equal(opening: Opening) -> None:
    assert opening() == opening()
    assert hash(opening()) == hash(opening())
