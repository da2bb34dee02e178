"""Time frames of a report: days, months and years, periods in words, time windows. Pure.

All of them are by the PBX's clock. A period in words is counted from a moment that the caller gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import pendulum

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.clock import PeriodKind, never_occurs, occurs_twice, plain, to_pbx_local

__all__ = [
    "EMPTY_YEAR",
    "PERIOD_WORDS",
    "Days",
    "Period",
    "RelativePeriod",
    "Window",
    "dates_in",
    "parse_period",
    "shares_its_last_second",
    "spans_in",
    "window_by_pbx_clock",
]

_TOKENS: dict[PeriodKind, str] = {"day": "YYYY-MM-DD", "month": "YYYY-MM", "year": "YYYY"}
# The kind of period that a word names, and whether it is the one before the present one.
_CALENDAR_WORDS: dict[str, tuple[PeriodKind, bool]] = {
    "today": ("day", False),
    "yesterday": ("day", True),
    "this_month": ("month", False),
    "last_month": ("month", True),
    "this_year": ("year", False),
    "last_year": ("year", True),
}
_DAYS_BEFORE_TODAY = {"last_7_days": 7, "last_30_days": 30}
PERIOD_WORDS = (*_CALENDAR_WORDS, *_DAYS_BEFORE_TODAY)
_MIDNIGHT = "T00:00:00"
_DATE = re.compile(r"(?<![\d./-])(\d{4}|\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{1,2})(?!\d|[./-]\d)")
_MONTH = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})|(?P<month_first>\d{1,2})[-/.](?P<year_last>\d{4})")
# By so much the offset of a time zone may differ from its present one: daylight saving time.
_DAYLIGHT_SAVING = timedelta(hours=1)
_SAME_OFFSET = timedelta(days=1)
EMPTY_YEAR = 1970
"""Up to then no PBX has counted calls: such a date says that there is none, as the first one of a calendar does."""


@dataclass(frozen=True)
class Window:
    """From ``start`` to ``end``, both inclusive, naive, by the PBX's clock, to the second.

    :raises InvalidRequestError: when it is empty or reversed.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise InvalidRequestError(
                f"The window from {self.start.isoformat()} to {self.end.isoformat()} is empty",
                remedy="An Airflow 3 cron schedule has data_interval_start == data_interval_end; "
                'period="yesterday" is the usual way to ask for a day.',
            )


@dataclass(frozen=True)
class Days:
    """Days from the first to the last, both inclusive; None for an open end."""

    first: date | None
    last: date | None

    def overlaps(self, others: Days, around: int = 0) -> bool:
        """Return whether one day at least is common to both.

        :param others: the other days.
        :param around: so many days before and after these count, too.
        """
        return _is_up_to(self.first, others.last, around) and _is_up_to(others.first, self.last, around)


def _is_up_to(first: date | None, last: date | None, around: int) -> bool:
    # In numbers: the calendar ends with the year 9999, which stands for an open end.
    return first is None or last is None or first.toordinal() - around <= last.toordinal()


@dataclass(frozen=True)
class Period:
    """A whole day, month or year by the PBX's clock; ``first`` is its first day."""

    kind: PeriodKind
    first: date

    @property
    def last(self) -> date:
        """The period's last day."""
        return self.window().end.date()

    def window(self) -> Window:
        """Return the period from its first to its last second."""
        start = pendulum.naive(self.first.year, self.first.month, self.first.day)
        return Window(plain(start), plain(start.end_of(self.kind)))

    def __str__(self) -> str:
        return self.first.isoformat()[: len(_TOKENS[self.kind])]


@dataclass(frozen=True)
class RelativePeriod:
    """A period in words, such as ``yesterday``.

    :param word: one of :data:`PERIOD_WORDS`.
    """

    word: str

    @property
    def is_calendar(self) -> bool:
        """Whether it names a day, month or year: all that reports with the parameter ``time`` take."""
        return self.word not in _DAYS_BEFORE_TODAY

    def resolve(self, moment: datetime, zone: tzinfo) -> Period | Window:
        """Return the period that the word names at a moment.

        :param moment: the moment to count from, aware.
        :param zone: the PBX's time zone.
        """
        today = pendulum.instance(to_pbx_local(moment, zone)).start_of("day")
        if days := _DAYS_BEFORE_TODAY.get(self.word):
            return Window(plain(today.subtract(days=days)), plain(today.subtract(seconds=1)))
        kind, is_past = _CALENDAR_WORDS[self.word]
        first = today.start_of(kind)
        return Period(kind, plain(first.subtract(days=1).start_of(kind) if is_past else first).date())

    def resolve_with_present_offset(self, moment: datetime, offset: tzinfo, now: datetime) -> Period | Window:
        """Return the period where only the PBX's present offset from UTC is known.

        :param moment: the moment to count from, aware.
        :param offset: the PBX's offset from UTC at ``now``.
        :param now: the present, aware.
        :raises InvalidRequestError: when daylight saving time at that moment would make it another period.
        """
        found = self.resolve(moment, offset)
        others = (self.resolve(moment + shift, offset) for shift in (-_DAYLIGHT_SAVING, _DAYLIGHT_SAVING))
        if abs(now - moment) > _SAME_OFFSET and any(other != found for other in others):
            raise InvalidRequestError(
                f"`period` is {self.word!r}, counted from {moment.isoformat()}: with daylight saving time then it may "
                "be another period, and the connection does not name the PBX's time zone",
                remedy="Set `timezone` in the Airflow connection to an IANA name such as Europe/Berlin.",
            )
        return found

    def __str__(self) -> str:
        return self.word


def parse_period(text: str) -> Period | RelativePeriod:
    """Return the period that a text names.

    :param text: ``2026-11-22``, ``2026-11`` or ``2026``, one of :data:`PERIOD_WORDS`, or a partition key of Airflow at
        midnight, ``2026-11-22T00:00:00``, which is that day by the PBX's clock.
    :raises InvalidRequestError: for anything else.
    """
    text = text.strip()
    if text in PERIOD_WORDS:
        return RelativePeriod(text)
    for kind, tokens in _TOKENS.items():
        shown = text.removesuffix(_MIDNIGHT) if kind == "day" else text
        first = _first_day(shown, tokens)
        if first:
            return Period(kind, first)
    raise InvalidRequestError(f"`period` is {text!r}, which is no day (2026-11-22), month or year", remedy=_hint(text))


def _first_day(text: str, tokens: str) -> date | None:
    try:
        first = plain(pendulum.from_format(text, tokens)).date()
    except ValueError:
        return None
    # pendulum also takes 2026-1-2, and digits of other scripts.
    return first if first.isoformat()[: len(tokens)] == text else None


def _hint(text: str) -> str:
    if "T" in text or ":" in text:
        return (
            "A period covers whole days; only a partition key at midnight, 2026-11-22T00:00:00, stands for its day. "
            "Give other times as start_time and end_time."
        )
    from difflib import get_close_matches  # loaded for a mistake alone, not for each DAG file

    near = get_close_matches(text.lower().replace(" ", "_"), PERIOD_WORDS, n=1, cutoff=0.7)
    words = f"Is {near[0]!r} meant?" if near else f"In words: {', '.join(PERIOD_WORDS)}."
    return f"Write 2026-11-22, 2026-11 or 2026. {words}"


def shares_its_last_second(start: datetime | None, end: datetime | None) -> bool:
    """Return whether a time window ends where the next one of the same length begins.

    The PBX includes both ends, so two such windows would both hold the calls of that second, such as midnight with
    ``data_interval_start`` and ``data_interval_end`` of a daily DAG. The same goes for weeks, hours and quarters of an
    hour. A window whose length is a whole number of minutes counts as one of these, whatever the UTC offsets.

    :param start: first second, aware or naive, None for none.
    :param end: last second, the same.
    """
    return start is not None and end is not None and start.second == end.second


def window_by_pbx_clock(start: datetime | None, end: datetime | None, zone: tzinfo) -> dict[str, datetime]:
    """Return ``start_time`` and ``end_time`` by the PBX's clock; only those that are given.

    :param start: first second, aware or naive.
    :param end: last second, the same; one second is subtracted if the next window begins there.
    :param zone: the PBX's time zone.
    :raises InvalidRequestError: if the window is empty, or if the PBX's clock skips or repeats one of its ends.
    """
    last = _a_second_before(end, zone) if end is not None and shares_its_last_second(start, end) else end
    ends = {"start_time": start, "end_time": last}
    found = {name: _by_pbx_clock(name, moment, zone) for name, moment in ends.items() if moment is not None}
    if start is not None and end is not None:
        Window(found["start_time"], to_pbx_local(end, zone))  # refuses an empty one
    return found


def _a_second_before(moment: datetime, zone: tzinfo) -> datetime:
    if moment.tzinfo is None and (occurs_twice(moment, zone) or never_occurs(moment, zone)):
        return moment - timedelta(seconds=1)
    # In UTC, because arithmetic by a local clock ignores a change of that clock.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC) - timedelta(seconds=1)


def _by_pbx_clock(argument: str, moment: datetime, zone: tzinfo) -> datetime:
    local = to_pbx_local(moment, zone)
    # A naive time that occurs twice is by the PBX's clock already, and means both.
    if moment.tzinfo and occurs_twice(local, zone):
        raise InvalidRequestError(
            f"`{argument}` {moment.isoformat()} is {local:%H:%M:%S} by the PBX's clock, which goes back that day and "
            "shows this time twice: the PBX cannot be told which one is meant",
            remedy="Let the time frame begin and end outside of that hour; a period of the whole day does.",
        )
    # A day begins at midnight, also where its clock begins it at one.
    if never_occurs(local, zone) and local.time() != time.min:
        raise InvalidRequestError(
            f"`{argument}` {local.isoformat()} does not exist by the PBX's clock, which skips this hour for daylight "
            "saving time",
            remedy="Let the time frame begin and end outside of that hour; a period of the whole day does.",
        )
    return local


def dates_in(text: str) -> Iterator[list[date]]:
    """Yield for each date in a text what it may be: one day, or two where day and month may be swapped."""
    return map(_readings, _DATE.finditer(text))


@lru_cache(maxsize=1024)  # most rows of a report share their days with many others
def spans_in(text: str) -> tuple[Days, ...]:
    """Return which days a text may name: a date, a month such as ``2026/11`` or ``11/2026``, or from a date to another.

    A date up to :data:`EMPTY_YEAR` is none.

    Dates whose day and month may be swapped are read both ways, all with the day before the month first.

    :param text: of one cell.
    """
    if month := _MONTH.fullmatch(text.strip()):
        first = _date(int(month["year"] or month["year_last"]), int(month["month"] or month["month_first"]), 1)
        return (Days(first, Period("month", first).last),) if first else ()
    dates = [readings for readings in dates_in(text) if readings]
    orders = range(max(map(len, dates), default=0))
    read = ([readings[min(order, len(readings) - 1)] for readings in dates] for order in orders)
    return tuple(Days(min(days), max(days)) for days in read)


def _readings(match: re.Match[str]) -> list[date]:
    one, _, two, three = match.groups()
    orders = [(one, two, three)] if len(one) == 4 else [(three, two, one), (three, one, two)] if len(three) == 4 else []
    return [day for order in orders if (day := _date(*map(int, order)))]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year > EMPTY_YEAR else None
    except ValueError:
        return None
