"""Which days of a report are missing, or hold suspiciously little. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

__all__ = ["days_before", "missing_days"]


def days_before(today: date, count: int) -> list[str]:
    """Return the days before one, the oldest first, as periods of a report.

    :param today: the day that is not over, by the PBX's clock.
    :param count: how many days.
    """
    return [(today - timedelta(days=before)).isoformat() for before in range(count, 0, -1)]


def missing_days(days: Sequence[str], amounts: Mapping[str, int], thin: float | None) -> list[str]:
    """Return the days that are not there, or hold less than a share of the median, in the order given.

    :param days: the days to look at.
    :param amounts: the rows that are there, by day, or 1 for a file. A day that is not there has no entry.
    :param thin: the share of the median of all days below which a day is thin, from 0 to 1; None for none.
    """
    there = [amounts[day] for day in days if day in amounts]
    least = thin * median(there) if thin is not None and there else 0
    return [day for day in days if day not in amounts or amounts[day] < least]
