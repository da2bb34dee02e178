"""Periods of a table, the periods before them, and the hash of a selection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.warehouse.periods import TablePeriod, period_of, previous_periods, selection_of


def days(start: str, end: str) -> dict[str, str]:
    return {"start_time": f"{start}T00:00:00", "end_time": f"{end}T23:59:59"}


@pytest.mark.parametrize(
    ("window", "before"),
    [
        ({"time": "2026-03-01"}, ["2026-02-28", "2026-02-27"]),
        (days("2026-11-22", "2026-11-22"), ["2026-11-21", "2026-11-20"]),
        ({"time": "2026-03"}, ["2026-02", "2026-01"]),
        (days("2028-03-01", "2028-03-31"), ["2028-02", "2028-01"]),
        ({"time": "2025"}, ["2024", "2023"]),
        (days("2028-02-29", "2028-02-29"), ["2028-02-28", "2028-02-27"]),
    ],
)
def test_periods_before_have_the_same_length(window: dict[str, str], before: list[str]) -> None:
    assert [period.name for period in previous_periods(period_of(window), 2)] == before


def test_a_week_is_preceded_by_a_week() -> None:
    (before,) = previous_periods(period_of(days("2026-11-16", "2026-11-22")), 1)
    assert (before.start, before.end) == (datetime(2026, 11, 9), datetime(2026, 11, 15, 23, 59, 59))
    assert before.name is None


@pytest.mark.parametrize(
    ("window", "arguments"),
    [
        (days("2026-11-22", "2026-11-22"), {"period": "2026-11-22", "start_time": None, "end_time": None}),
        (days("2028-02-01", "2028-02-29"), {"period": "2028-02", "start_time": None, "end_time": None}),
        (
            days("2026-11-16", "2026-11-22"),
            {"period": None, "start_time": "2026-11-16T00:00:00", "end_time": "2026-11-22T23:59:59"},
        ),
    ],
    ids=["day", "month", "week"],
)
def test_a_period_is_asked_for_by_its_name_or_by_its_ends(window: dict[str, str], arguments: dict[str, Any]) -> None:
    assert period_of(window).arguments == arguments


def test_hours_have_no_periods_before_them() -> None:
    hours = TablePeriod(datetime(2026, 11, 22, 8), datetime(2026, 11, 22, 11, 59, 59))
    assert previous_periods(hours, 0) == []
    with pytest.raises(InvalidRequestError, match="whole days"):
        previous_periods(hours, 1)


@pytest.mark.parametrize("window", [{}, {"start_time": "2026-11-22T00:00:00"}], ids=["none", "a beginning alone"])
def test_a_window_without_an_end_is_no_period(window: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="belong to a period"):
        period_of(window)


def selection(**parameters: object) -> str:
    return selection_of(build_request(report_type="queueperformance", period="2026-11-22", parameters=parameters))


def test_a_selection_is_known_by_its_parameters_in_any_order() -> None:
    assert selection(queue_id_list=[1, 2]) == selection(queue_id_list="2,1") == selection(queue_id_list=["1", "2"])
    assert selection(queue_id_list=[1, 2]) != selection(queue_id_list=[1])
    assert selection(queue_id_list=[1], abandon_time=5) != selection(queue_id_list=[1])
