"""Logins and pauses of queue agents."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.calls.shifts import Pause, Shift, days_between, shifts_between, shifts_of_day

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@given(seed=st.integers(), day=DAYS)
@settings(max_examples=30)
def test_an_agents_shifts_and_pauses_follow_one_another_within_the_day(seed: int, day: date) -> None:
    shifts = shifts_of_day(seed, DIRECTORY, day)
    for agent_id in {shift.agent_id for shift in shifts}:
        own = [shift for shift in shifts if shift.agent_id == agent_id]
        assert all(first.end < second.start for first, second in pairwise(own))
    for shift in shifts:
        moments = [shift.start, *(at for pause in shift.pauses for at in (pause.start, pause.end)), shift.end]
        assert moments == sorted(moments)
        assert {at.date() for at in moments} == {day}
        assert all(pause.reason in DIRECTORY.pause_reasons for pause in shift.pauses)


def test_a_day_of_a_longer_window_is_that_day_alone() -> None:
    day = datetime(2026, 11, 24)
    window = shifts_between(7, DIRECTORY, day - timedelta(days=2), day + timedelta(days=2))
    assert [shift for shift in window if shift.start.date() == day.date()] == list(
        shifts_of_day(7, DIRECTORY, day.date())
    )


def test_an_agent_takes_calls_from_login_to_logout_but_not_in_a_pause() -> None:
    at = [datetime(2026, 11, 23, hour) for hour in range(24)]
    shift = Shift(11, at[9], at[13], (Pause(11, at[10], at[11], "Meeting"),))
    assert [hour for hour in range(24) if shift.takes_calls_at(at[hour])] == [9, 11, 12]


def test_a_reversed_window_touches_no_day() -> None:
    assert days_between(datetime(2026, 11, 24), datetime(2026, 11, 22)) == []
