"""Periods of a table: what a time window covers, and the windows before it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.masking import parameters_to_name
from airflow_provider_yeastar.pbx.report.periods import Period, parse_period
from airflow_provider_yeastar.pbx.report.request import ReportRequest

__all__ = ["TablePeriod", "period_of", "previous_periods", "selection_of", "selection_of_parameters"]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class TablePeriod:
    """From the first to the last second of a period, naive, by the PBX's clock."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int | None:
        """How many whole days it covers, None where it begins or ends within a day."""
        length = self.end + _SECOND - self.start
        whole = self.start.time() == datetime.min.time() and not length % _DAY
        return length // _DAY if whole else None

    @property
    def name(self) -> str | None:
        """The period as an argument: a year, a month or a day; None for any other length."""
        after = self.end + _SECOND
        if not self.days:
            return None
        if (self.start.month, self.start.day) == (1, 1) and after == self.start.replace(year=self.start.year + 1):
            return f"{self.start:%Y}".zfill(4)
        if self.start.day == 1 and after == (self.start + 31 * _DAY).replace(day=1):
            return f"{self.start:%Y}".zfill(4) + f"{self.start:-%m}"
        return self.start.date().isoformat() if self.days == 1 else None

    @property
    def arguments(self) -> dict[str, Any]:
        """The period as the arguments of a request: by its name, else by both ends."""
        if self.name:
            return {"period": self.name, "start_time": None, "end_time": None}
        return {"period": None, "start_time": self.start.isoformat(), "end_time": self.end.isoformat()}


def period_of(window: Mapping[str, Any]) -> TablePeriod:
    """Return the period that a report's record tells of.

    :param window: ``time``, or ``start_time`` and ``end_time``, in ISO 8601.
    :raises InvalidRequestError: when it has no beginning or no end.
    """
    if "time" in window:
        return _covered(str(window["time"]))
    try:
        return TablePeriod(
            *(datetime.fromisoformat(window[name]).replace(tzinfo=None) for name in ("start_time", "end_time"))
        )
    except KeyError:
        raise InvalidRequestError(
            "A table's rows belong to a period, and the request has none with a beginning and an end",
            remedy="Give `period`, or both `start_time` and `end_time`.",
        ) from None


def _covered(name: str) -> TablePeriod:
    """Return what a day, a month or a year covers, by its name."""
    named = parse_period(name)
    assert isinstance(named, Period)  # a request that was sent names dates
    covered = named.window()
    return TablePeriod(covered.start, covered.end)


def previous_periods(period: TablePeriod, count: int) -> list[TablePeriod]:
    """Return the periods of the same length before one, the latest first: months before a month, days before a day.

    :param period: the one.
    :param count: how many.
    :raises InvalidRequestError: for a period that does not cover whole days.
    """
    found: list[TablePeriod] = []
    for _ in range(count):
        period = _before(period)
        found.append(period)
    return found


def _before(period: TablePeriod) -> TablePeriod:
    if period.days is None:
        raise InvalidRequestError(
            "`lookback` counts periods of whole days, and this one begins or ends within a day",
            remedy="Give a `period`, or leave `lookback` out.",
        )
    end = period.start - _SECOND
    name = period.name or ""
    if len(name) == len("2026"):
        return TablePeriod(period.start.replace(year=period.start.year - 1), end)
    if len(name) == len("2026-11"):
        return TablePeriod(end.replace(day=1, hour=0, minute=0, second=0), end)
    return TablePeriod(period.start - period.days * _DAY, end)


def selection_of(request: ReportRequest, key: str = "") -> str:
    """Return what tells the rows of a request from those of other parameters: a hash of the parameters.

    :param request: its ids in any order and spelling of a list count as the same.
    :param key: for :func:`.parameters_to_name`.
    """
    return selection_of_parameters(parameters_to_name(request.filters, key).items())


def selection_of_parameters(parameters: Iterable[tuple[str, str]]) -> str:
    """Return what tells the rows of some parameters from those of others; see :func:`selection_of`.

    :param parameters: names and values as they are sent, lists with commas.
    """
    filters = {name: sorted(value.split(",")) for name, value in parameters}
    return hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]
