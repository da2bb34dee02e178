"""Days that are missing or thin."""

from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_yeastar.warehouse.gaps import days_before, missing_days

DAYS = ["2026-02-27", "2026-02-28", "2026-03-01"]


def test_days_end_with_yesterday_and_the_oldest_come_first() -> None:
    assert days_before(date(2026, 3, 2), 3) == DAYS


@pytest.mark.parametrize(
    ("amounts", "thin", "missing"),
    [
        ({}, None, DAYS),
        ({}, 0.5, DAYS),
        ({DAYS[1]: 0}, None, [DAYS[0], DAYS[2]]),
        ({DAYS[0]: 10, DAYS[1]: 4, DAYS[2]: 10}, 0.5, [DAYS[1]]),
        ({DAYS[0]: 10, DAYS[1]: 5, DAYS[2]: 10}, 0.5, []),
        ({DAYS[0]: 10, DAYS[2]: 10, "2026-01-01": 1}, 0.5, [DAYS[1]]),
    ],
)
def test_a_day_is_missing_without_rows_and_thin_below_its_share(
    amounts: dict[str, int], thin: float | None, missing: list[str]
) -> None:
    assert missing_days(DAYS, amounts, thin) == missing
