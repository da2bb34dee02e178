"""When fewer rows may take the place of more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.files.shrink import Replacement, check_tolerance, period_start

BEGINS = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "tolerance", "words"),
    [
        (9, 9, None, None),
        (9, 10, 0, None),
        (0, 0, None, None),
        (0, 5, 0.0, None),
        (9, 8, None, None),
        (1000, 1, None, None),
        (9, 0, None, "the new report is empty"),
        (9, 0, 1.0, "the new report is empty"),
        (100, 90, 0.1, None),
        (100, 89, 0.1, "11% of the rows would go, more than `shrink_tolerance` 0.1"),
        (100, 99, 0, "1% of the rows would go, more than `shrink_tolerance` 0"),
        (100, 1, 1, None),
    ],
)
def test_numbers_alone_may_refuse(old: int, new: int, tolerance: float | None, words: str | None) -> None:
    assert Replacement(old, new, tolerance).refusal() == words


@pytest.mark.parametrize(
    ("oldest", "refused"),
    [
        (BEGINS - timedelta(days=1), False),
        (BEGINS, False),
        (BEGINS + timedelta(seconds=1), True),
        (BEGINS + timedelta(days=99), True),
        (None, True),
    ],
)
def test_a_pbx_that_has_forgotten_the_beginning_refuses(oldest: datetime | None, refused: bool) -> None:
    assert (Replacement(9, 8).refusal_by_age(BEGINS, oldest) is not None) == refused


def test_a_period_that_is_not_known_is_refused() -> None:
    assert "whose beginning is not known" in str(Replacement(9, 8).refusal_by_age(None, BEGINS))


@given(st.integers(0, 50), st.integers(0, 50), st.none() | st.floats(0, 1))
def test_only_fewer_rows_are_ever_refused(old: int, new: int, tolerance: float | None) -> None:
    replacement = Replacement(old, new, tolerance)
    assert replacement.is_smaller == (new < old)
    assert replacement.is_smaller or replacement.refusal() is None


@pytest.mark.parametrize("tolerance", [None, 0, 1, 0.25])
def test_a_share_is_a_tolerance(tolerance: float | None) -> None:
    check_tolerance(tolerance)


@pytest.mark.parametrize("tolerance", [-0.1, 1.01, 25, "0.1", True, float("nan")])
def test_anything_else_is_none(tolerance: object) -> None:
    with pytest.raises(InvalidRequestError, match="neither a share from 0 to 1 nor None"):
        check_tolerance(tolerance)


@pytest.mark.parametrize(
    ("window", "zone", "begins"),
    [
        ({"start_time": "2026-11-20T00:00:00", "end_time": "2026-11-20T23:59:59"}, "UTC", "2026-11-20T00:00:00+00:00"),
        ({"start_time": "2026-07-01T08:30:00"}, "Europe/Berlin", "2026-07-01T08:30:00+02:00"),
        ({"start_time": "2026-07-01T08:30:00+03:00"}, "Europe/Berlin", "2026-07-01T08:30:00+03:00"),
        ({"time": "2026"}, "UTC+08:00", "2026-01-01T00:00:00+08:00"),
        ({"time": "2026-11"}, "UTC-03:30", "2026-11-01T00:00:00-03:30"),
        ({"time": "2026-11-20"}, "UTC", "2026-11-20T00:00:00+00:00"),
    ],
)
def test_the_beginning_is_by_the_pbx_s_clock(window: dict[str, str], zone: str, begins: str) -> None:
    assert period_start(window, zone) == datetime.fromisoformat(begins)


@pytest.mark.parametrize("window", [{}, {"time": "soon"}, {"start_time": ""}])
def test_without_a_period_there_is_no_beginning(window: dict[str, str]) -> None:
    assert period_start(window, "UTC") is None
