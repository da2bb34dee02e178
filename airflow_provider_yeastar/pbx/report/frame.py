"""TimeFrame: the time window of a request, as a period or as its first and last second. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report import checks
from airflow_provider_yeastar.pbx.report.periods import Period, RelativePeriod, Window, window_by_pbx_clock

__all__ = ["TimeFrame", "time_frame"]


@dataclass(frozen=True)
class TimeFrame:
    """From a first to a last second by the PBX's clock. Without period, start and end it is the whole history.

    :param period: a day, month or year, or one in words, counted from ``as_of``.
    :param start: first second, aware or naive, in place of ``period``; None for an open beginning.
    :param end: last second, inclusive; None for an open end.
    :param as_of: the moment that a period in words is counted from, aware.
    """

    period: Period | RelativePeriod | None
    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None

    @property
    def is_relative(self) -> bool:
        """Whether the period is in words."""
        return isinstance(self.period, RelativePeriod)

    @property
    def is_everything(self) -> bool:
        return self.period is None and self.start is None and self.end is None

    @property
    def text(self) -> str:
        """The frame as it was asked for, in characters that any file system takes; ``all`` for the whole history."""
        if self.period:
            return str(self.period)
        if self.is_everything:
            return "all"
        return "--".join(f"{moment:%Y-%m-%dT%H%M%S}" if moment else "" for moment in (self.start, self.end))

    def dated(self, zone: tzinfo, now: datetime, *, zone_is_named: bool = True) -> TimeFrame:
        """Return the frame with dates in place of a period in words.

        :param zone: the PBX's time zone, or its present offset from UTC.
        :param now: the present, aware; a period in words without ``as_of`` is counted from it.
        :param zone_is_named: False says that ``zone`` is only the present offset.
        :raises InvalidRequestError: when the present offset does not tell what is asked for.
        """
        if not zone_is_named:
            checks.check_without_offset(self.start, self.end)
        if not isinstance(self.period, RelativePeriod):
            return self
        resolve = self.period.resolve if zone_is_named else partial(self.period.resolve_with_present_offset, now=now)
        found = resolve(self.as_of or now, zone)
        if isinstance(found, Window):
            return TimeFrame(None, found.start, found.end)
        return TimeFrame(found)

    def ends(self, zone: tzinfo) -> dict[str, datetime]:
        """Return ``start_time`` and ``end_time`` by the PBX's clock, naive; only those that are given.

        :param zone: the PBX's time zone.
        :raises InvalidRequestError: when the window is empty, or the clock shows an end never or twice.
        """
        if isinstance(self.period, RelativePeriod):
            raise ValueError(f"The period {self.period} has to be dated first")
        if self.period:
            window = self.period.window()
            return {"start_time": window.start, "end_time": window.end}
        return window_by_pbx_clock(self.start, self.end, zone)

    def window(self, zone: tzinfo) -> Window:
        """Return the first and the last second of a frame with both ends; see :meth:`ends`."""
        ends = self.ends(zone)
        return Window(ends["start_time"], ends["end_time"])


def time_frame(period: Any, start_time: Any, end_time: Any, as_of: datetime | None = None) -> TimeFrame:
    """Return the time frame that arguments name.

    :param period: ``2026-11-22``, ``2026-11``, ``2026``, a period in words or a partition key; None for the next two.
    :param start_time: datetime or ISO 8601 text.
    :param end_time: the same.
    :param as_of: the moment that a period in words is counted from, aware.
    :raises InvalidRequestError: for none, for half of one, and for what is no time.
    """
    if (period is None) == (start_time is None and end_time is None):
        raise InvalidRequestError("Give either `period`, or `start_time` and `end_time`")
    if (start_time is None) != (end_time is None):
        raise InvalidRequestError("`start_time` and `end_time` go together; one of them is missing")
    return TimeFrame(
        checks.known_period(period),
        checks.known_moment("start_time", start_time),
        checks.known_moment("end_time", end_time),
        as_of,
    )
