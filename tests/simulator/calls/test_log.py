"""The calls that a PBX still has."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.calls.history import calls_between
from airflow_provider_yeastar.simulator.calls.log import CallLog, keeping

NOW = datetime(2026, 11, 25, 15, 30)
LOG = CallLog(1, DIRECTORY)
WEEK_AGO = NOW - timedelta(days=7)


def test_an_endless_log_is_the_history() -> None:
    assert LOG.between(WEEK_AGO, NOW) == calls_between(1, DIRECTORY, WEEK_AGO, NOW)


@given(count=st.integers(0, 500))
@settings(max_examples=8)
def test_no_more_calls_than_so_many_are_kept_and_these_are_the_newest(count: int) -> None:
    everything = calls_between(1, DIRECTORY, WEEK_AGO, NOW)

    kept = keeping(LOG, count, NOW).between(datetime.min, NOW + timedelta(days=9))

    assert kept == everything[len(everything) - len(kept) :]
    # Calls of one second go together.
    assert count - 3 <= len(kept) <= count


def test_the_oldest_call_goes_when_a_new_one_comes() -> None:
    later = calls_between(1, DIRECTORY, NOW + timedelta(seconds=1), NOW + timedelta(hours=2))[0].started

    before, after = (keeping(LOG, 200, now).between(datetime.min, datetime.max) for now in (NOW, later))

    assert len(before) == len(after) == 200
    assert before[0] not in after
    assert after[-1] not in before


def test_added_calls_are_told_in_order_and_counted() -> None:
    call = replace(calls_between(1, DIRECTORY, WEEK_AGO, NOW)[0], id="added", started=NOW - timedelta(days=1))
    log = replace(LOG, added=(call,))
    day = (datetime(2026, 11, 24), datetime(2026, 11, 24, 23, 59, 59))

    told = log.between(*day)

    assert [told_call for told_call in told if told_call.id == "added"] == [call]
    assert [told_call.started for told_call in told] == sorted(told_call.started for told_call in told)
    assert log.count_of_day(day[0]) == len(told) == len(LOG.between(*day)) + 1


def test_shifts_before_the_first_call_are_gone() -> None:
    log = keeping(LOG, 100, NOW)

    assert min(shift.start for shift in log.shifts(WEEK_AGO, NOW)).date() >= log.first.date()


@pytest.mark.parametrize("traffic", [0.0, 0.5, 8.0])
def test_traffic_is_how_many_times_as_many_calls(traffic: float) -> None:
    usual = len(LOG.between(WEEK_AGO, NOW))

    # Some lost callers are rung back, so that the numbers do not grow evenly.
    assert len(replace(LOG, traffic=traffic).between(WEEK_AGO, NOW)) == pytest.approx(usual * traffic, rel=0.2)


def test_a_pbx_without_extensions_has_no_calls_to_keep() -> None:
    nobody = CallLog(1, replace(DIRECTORY, extensions=()))

    assert keeping(nobody, 5, NOW).between(WEEK_AGO, NOW) == []


def test_everything_is_what_is_kept_and_a_month_of_an_endless_history() -> None:
    midnight = datetime(2026, 11, 25)
    kept = keeping(LOG, 100, NOW)

    assert kept.everything(midnight) == (kept.first, NOW)
    assert LOG.everything(midnight) == (midnight - timedelta(days=30), datetime(2026, 11, 25, 23, 59, 59))
