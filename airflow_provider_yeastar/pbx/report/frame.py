"""TimeFrame: the time window of a request, as a period or as its first and last second; what lies in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timezone, tzinfo
from enum import Enum
from functools import cached_property, lru_cache, partial
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.pbx.report import checks
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat, plain
from airflow_provider_yeastar.pbx.report.parameters import is_open
from airflow_provider_yeastar.pbx.report.periods import (
    EMPTY_YEAR,
    Days,
    Period,
    RelativePeriod,
    Window,
    spans_in,
    window_by_pbx_clock,
)
from airflow_provider_yeastar.pbx.untrusted import whole_number

__all__ = ["Asked", "Fit", "TimeFrame", "check_time_frame", "time_frame"]

_EARLIEST_SECOND, _LATEST_SECOND = 10**9, 10**10
"""From 2001 to 2286; smaller numbers are hours, days or months, and a thousand times as great ones milliseconds."""
_LONGEST_CLOCK = len("hh:mm:ss AM")
_YEAR = re.compile(r"\d{4}|\d{1,2}([-/.])\d{1,2}\1\d{2}")
_HOUR_OF_DAY = re.compile(r"20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])")
"""`2026112222`, which is as many digits as seconds since 1970 have."""
# Dates, months, clocks and what stands between two of them.
_DATED = re.compile(
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}|\d{1,4}[-/.]\d{1,4}|\d{1,2}(:\d{2}){1,2}([.,]\d+)?|\b(AM|PM|to)\b|T"
)
_MORE_THAN_DATES = re.compile(r"\w")
_OFFSET = re.compile(r"\d(Z|[+-]\d\d:?\d\d)\Z")


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


class Fit(Enum):
    """How a row's time fits the window that was asked for."""

    INSIDE = "it lies in it, or tells nothing"
    DOUBTFUL = "it may lie in it"
    OUTSIDE = "it certainly lies outside"


@dataclass(frozen=True)
class Asked:
    """The window that was asked for, against which the times of rows are held.

    How a time is written differs by report and firmware: as a date with or without a clock, a month, from a date to
    another, or seconds since 1970. An hour or a day of the month alone tells nothing.

    :param start: first second by the PBX's clock, naive; None for an open beginning.
    :param end: last second, inclusive; None for an open end.
    :param zone: the PBX's time zone.
    :param display: the PBX's display format, None if unknown. It tells which of two readings of a date is meant, and
        does not make the other one certainly wrong: it may have been changed since.
    :param around: days before and after the window that are in doubt: a call may begin or end there.
    """

    start: datetime | None
    end: datetime | None
    zone: tzinfo
    display: DisplayFormat | None = None
    around: int = 0

    def fit(self, row: Mapping[str, Any], keys: tuple[str, ...]) -> Fit:
        """Return how a row fits.

        :param row: as the PBX sent it.
        :param keys: of its time, or of its beginning and its end; without one of the latter it is open there.
        """
        if len(keys) == 1:
            return self._fit_of(row.get(keys[0]))
        begin, end = map(row.get, keys)
        return self._fit_between(self._readings(begin), self._readings(end))

    def _fit_of(self, value: object) -> Fit:
        if moment := self._absolute(value):
            return self._fit_of_moment(moment, value)
        if not isinstance(value, str):
            return Fit.INSIDE
        day, clock = _day_and_clock(value)
        fit = self._fit_of_text(day)
        if clock and fit is Fit.INSIDE and self._may_be_cut(day) and (shown := self._shown(value)):
            return self._by_second(shown)
        return fit

    def _fit_of_moment(self, moment: datetime, value: object) -> Fit:
        """Judge a moment by its day and second; it lies outside only where what is written cannot mean another one."""
        day = Days(moment.date(), moment.date())
        fit = self._judge([day])
        if fit is not Fit.OUTSIDE:
            return fit if fit is Fit.DOUBTFUL else self._by_second(moment)
        # At another time of the year another offset may be in force than the present one.
        is_near = isinstance(self.zone, timezone) and self._days.overlaps(day, 1)
        written = str(value)
        # The PBX may write the day of its own clock; `22:00-23:00` may be an hour rather than an offset.
        may_be_meant = any(self._days.overlaps(days, self.around) for days in spans_in(written))
        return Fit.DOUBTFUL if is_near or may_be_meant or _HOUR_OF_DAY.fullmatch(written) else Fit.OUTSIDE

    def _fit_between(self, begins: Sequence[Days], ends: Sequence[Days]) -> Fit:
        """Judge what lasts from a beginning to an end, each in all its readings: the first with the first."""
        orders = range(max(len(begins), len(ends)))
        first = [begins[min(order, len(begins) - 1)].first if begins else None for order in orders]
        last = [ends[min(order, len(ends) - 1)].last if ends else None for order in orders]
        readings = list(map(Days, first, last))
        # An end before its beginning is none: some write an empty time as the first one of their calendar.
        lasting = [days for days in readings if not (days.first and days.last and days.last < days.first)]
        return self._judge(lasting or [Days(days.first, None) for days in readings]) if readings else Fit.INSIDE

    @cached_property
    def _fit_of_text(self) -> Callable[[str], Fit]:
        """Judges a text; most rows of a report share their days with many others."""
        return lru_cache(maxsize=1024)(self._judge_text)

    def _judge_text(self, text: str) -> Fit:
        readings = spans_in(text)
        if not readings:
            return Fit.DOUBTFUL if _YEAR.search(text) else Fit.INSIDE
        fit = self._judge(readings)
        # What says more than a date may mean more days: a week is named by its first one.
        return Fit.DOUBTFUL if fit is Fit.OUTSIDE and _MORE_THAN_DATES.search(_DATED.sub("", text)) else fit

    def _judge(self, readings: Sequence[Days]) -> Fit:
        """Judge by the day."""
        if not any(self._days.overlaps(days, self.around) for days in readings):
            return Fit.OUTSIDE
        return Fit.INSIDE if any(map(self._days.overlaps, self._meant(readings))) else Fit.DOUBTFUL

    def _by_second(self, moment: datetime) -> Fit:
        """Judge a moment whose day is inside."""
        is_early = self.start and moment < self.start
        is_late = self.end and moment > self.end
        return Fit.DOUBTFUL if is_early or is_late else Fit.INSIDE

    def _meant(self, readings: Sequence[Days]) -> Sequence[Days]:
        """Return the reading that the display format tells of, all where it tells nothing."""
        order = self.display.date_format[0] if self.display else ""
        return {"D": readings[:1], "M": readings[-1:]}.get(order, readings)

    def _readings(self, value: object) -> Sequence[Days]:
        if moment := self._absolute(value):
            return [Days(moment.date(), moment.date())]
        return spans_in(_day_and_clock(value)[0]) if isinstance(value, str) else ()

    def _absolute(self, value: object) -> datetime | None:
        """Return by the PBX's clock the moment of seconds or milliseconds since 1970, or of a text with an offset."""
        if isinstance(value, str) and _OFFSET.search(value):
            with suppress(ValueError, OverflowError):
                moment = plain(datetime.fromisoformat(value).astimezone(self.zone))
                return moment if moment.year > EMPTY_YEAR else None
        second = whole_number(value) or 0
        second = second // 1000 if second >= _EARLIEST_SECOND * 1000 else second
        if not _EARLIEST_SECOND <= second < _LATEST_SECOND:
            return None
        return plain(datetime.fromtimestamp(second, self.zone))

    def _may_be_cut(self, text: str) -> bool:
        """Whether the window begins or ends within a day that a text may name."""
        begins_within = self.start and self.start.time() != time.min and self.start.date()
        ends_within = self.end and self.end.time() != time(23, 59, 59) and self.end.date()
        cut = [Days(day, day) for day in (begins_within, ends_within) if day]
        return any(days.overlaps(day) for days in spans_in(text) for day in cut)

    def _shown(self, text: str) -> datetime | None:
        try:
            return self.display.parse_datetime(text) if self.display else None
        except InvalidSettingsError:
            return None

    @cached_property
    def _days(self) -> Days:
        return Days(self.start and self.start.date(), self.end and self.end.date())


def _day_and_clock(text: str) -> tuple[str, str]:
    """Return a text's date and its clock; all of it and nothing where it is not made of these."""
    date, _, clock = text.partition(" ")
    return (date, clock) if ":" in clock and len(clock) <= _LONGEST_CLOCK else (text, "")


def time_frame(period: Any, start_time: Any, end_time: Any, as_of: datetime | None = None) -> TimeFrame:
    """Return the time frame that arguments name.

    :param period: ``2026-11-22``, ``2026-11``, ``2026``, a period in words or a partition key; None for the next two.
    :param start_time: datetime or ISO 8601 text.
    :param end_time: the same.
    :param as_of: the moment that a period in words is counted from, aware.
    :raises InvalidRequestError: for none, for half of one, for an empty one, and for what is no time.
    """
    _check_given(period, start_time, end_time)
    frame = TimeFrame(
        checks.known_period(period),
        checks.known_moment("start_time", start_time),
        checks.known_moment("end_time", end_time),
        as_of,
    )
    if frame.start and frame.end and not (frame.start.tzinfo or frame.end.tzinfo):
        Window(frame.start, frame.end)
    return frame


def check_time_frame(period: Any, start_time: Any, end_time: Any) -> None:
    """Validate the arguments of :func:`time_frame` as far as they are known at DAG-parse time.

    :raises InvalidRequestError: as :func:`time_frame`.
    """
    _check_given(period, start_time, end_time)
    if not any(is_open(value) for value in (period, start_time, end_time)):
        time_frame(period, start_time, end_time)
    for name, moment in (("start_time", start_time), ("end_time", end_time)):
        if not is_open(moment):
            checks.known_moment(name, moment)


def _check_given(period: Any, start_time: Any, end_time: Any) -> None:
    if (period is None) == (start_time is None and end_time is None):
        raise InvalidRequestError("Give either `period`, or `start_time` and `end_time`")
    if (start_time is None) != (end_time is None):
        raise InvalidRequestError("`start_time` and `end_time` go together; one of them is missing")
