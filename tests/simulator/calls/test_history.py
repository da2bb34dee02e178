"""The call history: the same each time, a day like a company's day, and no call that contradicts itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY, Directory
from airflow_provider_yeastar.simulator.calls.history import calls_between
from airflow_provider_yeastar.simulator.calls.shifts import shifts_of_day

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
FOUR_WEEKS = (datetime(2026, 11, 2), datetime(2026, 11, 29, 23, 59, 59))
_NOTHING = Directory((), (), (), (), (), (), ())


def day_of(day: date, seed: int = 1, directory: Directory = DIRECTORY) -> list[Call]:
    return calls_between(seed, directory, datetime.combine(day, time.min), datetime.combine(day, time(23, 59, 59)))


@pytest.fixture(scope="module")
def four_weeks() -> list[Call]:
    return calls_between(1, DIRECTORY, *FOUR_WEEKS)


@given(seed=st.integers(), day=DAYS)
@settings(max_examples=20)
def test_any_day_has_the_same_calls_each_time_in_order(seed: int, day: date) -> None:
    calls = day_of(day, seed)
    assert calls
    assert calls == day_of(day, seed)
    assert [call.started for call in calls] == sorted(call.started for call in calls)
    assert len({call.id for call in calls}) == len(calls)


@given(seed=st.integers(), day=DAYS)
@settings(max_examples=20)
def test_no_call_contradicts_itself(seed: int, day: date) -> None:
    for call in day_of(day, seed):
        assert call.is_answered == (call.talk_seconds > 0)
        assert 0 <= call.hold_seconds <= call.talk_seconds
        assert bool(call.trunk_id) == (call.communication != "Internal")
        assert bool(call.did) == (call.communication == "Inbound")
        assert bool(call.dod) == (call.communication == "Outbound")
        assert (call.quality is not None) == (call.is_answered and call.trunk_id is not None)
        assert [offer.result == "answered" for offer in call.offers].count(True) <= 1
        assert len({offer.extension_id for offer in call.offers}) == len(call.offers)
        if call.queue is not None:
            assert call.is_answered == (call.queue.result == "answered") == (call.queue.agent_id is not None)
            assert call.queue.satisfaction is None or call.is_answered


def test_a_window_gives_the_very_calls_of_its_days() -> None:
    days = [date(2026, 12, 30) + timedelta(days=number) for number in range(4)]
    window = calls_between(3, DIRECTORY, datetime(2026, 12, 30), datetime(2027, 1, 2, 23, 59, 59))
    assert window == [call for day in days for call in day_of(day, 3)]


def test_both_ends_of_a_window_are_inclusive() -> None:
    calls = day_of(date(2026, 11, 23))
    first, last = calls[10].started, calls[20].started
    assert calls_between(1, DIRECTORY, first, last) == [call for call in calls if first <= call.started <= last]
    assert calls[10] in calls_between(1, DIRECTORY, first, first)


def test_a_reversed_window_holds_no_calls() -> None:
    assert calls_between(1, DIRECTORY, datetime(2026, 11, 24), datetime(2026, 11, 23)) == []
    assert calls_between(1, DIRECTORY, datetime(2026, 11, 23, 12), datetime(2026, 11, 23, 11)) == []


def test_another_seed_is_another_pbx() -> None:
    assert day_of(date(2026, 11, 23), seed=1) != day_of(date(2026, 11, 23), seed=2)


def test_weekdays_have_the_traffic_of_a_small_company_and_weekends_less(four_weeks: list[Call]) -> None:
    per_day = Counter(call.started.date() for call in four_weeks)
    weekdays = [count for day, count in per_day.items() if day.weekday() < 5]
    weekend = [count for day, count in per_day.items() if day.weekday() >= 5]
    assert all(100 <= count <= 250 for count in weekdays)
    assert max(weekend) < min(weekdays)


def test_the_hours_before_noon_and_after_lunch_are_the_busy_ones(four_weeks: list[Call]) -> None:
    per_hour = Counter(call.started.hour for call in four_weeks)
    quiet = [hour for hour in range(24) if not 8 <= hour <= 17]
    assert min(per_hour[hour] for hour in (9, 10, 11, 14, 15)) > max(per_hour[hour] for hour in quiet)
    assert per_hour[12] < per_hour[10]


def test_everything_that_can_happen_to_a_call_happens_within_four_weeks(four_weeks: list[Call]) -> None:
    assert {call.disposition for call in four_weeks} == {
        "answered",
        "no_answer",
        "busy",
        "failed",
        "voicemail",
        "abandoned",
    }
    visits = [call.queue for call in four_weeks if call.queue]
    assert {(visit.queue_id, visit.result) for visit in visits} == {
        (queue.id, result) for queue in DIRECTORY.queues for result in ("answered", "missed", "abandoned")
    }
    assert {visit.satisfaction for visit in visits} == {None, 1, 2, 3, 4, 5}
    callbacks = [visit.callback for visit in visits if visit.callback]
    assert {(callback.called_at is not None, callback.succeeded) for callback in callbacks} == {
        (False, False),
        (True, False),
        (True, True),
    }
    assert {call.ivr.key for call in four_weeks if call.ivr} == {"", "0", "1", "2", "3", "4"}
    assert {call.ring_group_id for call in four_weeks} == {None, 61, 62}
    assert any(call.hold_seconds for call in four_weeks)
    assert any(call.transcribed for call in four_weeks)
    assert any(call.pin for call in four_weeks)


def test_agents_answer_only_while_logged_in_and_one_queue_call_at_a_time(four_weeks: list[Call]) -> None:
    busy: dict[int, list[tuple[datetime, datetime]]] = {}
    for call in four_weeks:
        for offer in call.offers if call.queue else ():
            shifts = shifts_of_day(1, DIRECTORY, call.started.date())
            assert any(shift.agent_id == offer.extension_id and shift.takes_calls_at(offer.began) for shift in shifts)
            if offer.result == "answered":
                end = call.started + timedelta(seconds=call.duration_seconds)
                busy.setdefault(offer.extension_id, []).append((offer.began, end))
    assert busy
    for spans in busy.values():
        spans.sort()
        assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_a_called_back_caller_is_the_callee_of_a_later_outbound_call(four_weeks: list[Call]) -> None:
    outbound = {(call.started, call.callee): call for call in four_weeks if call.communication == "Outbound"}
    for call in four_weeks:
        if call.queue and call.queue.callback and call.queue.callback.called_at:
            back = outbound[call.queue.callback.called_at, call.caller]
            assert back.is_answered == call.queue.callback.succeeded
            assert back.extension_id == call.queue.callback.agent_id


@pytest.mark.parametrize(
    ("directory", "kinds"),
    [
        pytest.param(_NOTHING, set(), id="nothing configured"),
        pytest.param(replace(_NOTHING, extensions=DIRECTORY.extensions), {"Internal"}, id="extensions alone"),
        pytest.param(
            replace(_NOTHING, extensions=DIRECTORY.extensions, trunks=DIRECTORY.trunks),
            {"Internal", "Inbound", "Outbound"},
            id="extensions and trunks",
        ),
    ],
)
def test_a_smaller_pbx_has_the_calls_it_can_have(directory: Directory, kinds: set[str]) -> None:
    assert {call.communication for call in day_of(date(2026, 11, 23), directory=directory)} == kinds
