"""Times as a PBX writes and reads them: display formats, periods, windows, zones. Pure functions over values.

A PBX takes and shows local times in whatever display format its administrator chose, and answers most other spellings
with "success, no rows". All times in this module are naive and by the PBX's clock unless a name says otherwise.
Vendor's pages: "Query PBX Information", "Download a Call Report".
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_yeastar.pbx.errors import ClockMismatchError, InvalidRequestError, InvalidSettingsError

__all__ = [
    "DisplayFormat",
    "Period",
    "Window",
    "check_zone",
    "occurs_twice",
    "parse_moment",
    "parse_period",
    "to_pbx_local",
    "utc_offset",
    "zone_named",
]

_DATE_FORMAT = re.compile(r"(?P<first>YYYY|MM|DD)(?P<separator>[/.-])(?P<second>MM|DD)(?P=separator)(?P<third>YYYY|DD)")
_TIME_FORMAT = re.compile(r"(?:hh|HH):mm:ss(?P<half_day> ?(?:AM|PM))?", re.IGNORECASE)
_DATE_ORDERS = frozenset({("YYYY", "MM", "DD"), ("MM", "DD", "YYYY"), ("DD", "MM", "YYYY")})
# Go writes a layout as the time 2006-01-02 15:04:05. That of a day, for the parameter `time`, ends before the clock.
_GO_LAYOUT = re.compile(r"(?P<date>(?:2006|01|02)[/.-](?:01|02)[/.-](?:2006|02))(?: (?P<time>15:04:05|03:04:05 PM)|$)")
_GO_PARTS = {"2006": "YYYY", "01": "MM", "02": "DD"}

_CLOCK_TOLERANCE = timedelta(minutes=5)
_QUARTER_HOUR = timedelta(minutes=15)


@dataclass(frozen=True)
class DisplayFormat:
    """How a PBX shows dates and times, in its own notation.

    :param date_format: for instance ``DD/MM/YYYY``: three orders, separated by ``/``, ``-`` or ``.``.
    :param time_format: ``hh:mm:ss`` (24 hours), or ``hh:mm:ss AM`` or ``hh:mm:ss PM`` (12 hours: the PBX reports the
        suffix of the moment, so either means the same).
    :raises InvalidSettingsError: for any other.
    """

    date_format: str
    time_format: str

    def __post_init__(self) -> None:
        match = _DATE_FORMAT.fullmatch(self.date_format.strip().upper())
        if not match or (match["first"], match["second"], match["third"]) not in _DATE_ORDERS:
            raise InvalidSettingsError(
                f"The date format {self.date_format!r} is none of YYYY/MM/DD, MM/DD/YYYY, DD/MM/YYYY with /, - or ."
            )
        clock = _TIME_FORMAT.fullmatch(self.time_format.strip())
        if not clock:
            raise InvalidSettingsError(f"The time format {self.time_format!r} is neither hh:mm:ss nor hh:mm:ss AM")
        object.__setattr__(self, "date_format", match[0])
        object.__setattr__(self, "time_format", "hh:mm:ss AM" if clock["half_day"] else "hh:mm:ss")

    @property
    def begins_with_year(self) -> bool:
        """Whether day and month stand in an order that no other format has."""
        return self.date_format.startswith("YYYY")

    @classmethod
    def from_go_layout(cls, text: str) -> DisplayFormat | None:
        """Return the format that a Go time layout in the text stands for, None where there is none.

        :param text: the PBX's complaint, for instance ``… valid format: 02/01/2006 03:04:05 PM``. A layout without a
            clock is that of a report which takes none; the format then has 24 hours.
        """
        match = _GO_LAYOUT.search(text)
        if not match:
            return None
        date_format = re.sub("2006|01|02", lambda part: _GO_PARTS[part[0]], match["date"])
        try:
            return cls(date_format, "hh:mm:ss AM" if (match["time"] or "").endswith("PM") else "hh:mm:ss")
        except InvalidSettingsError:
            return None

    @property
    def separator(self) -> str:
        return "/" if "/" in self.date_format else "-" if "-" in self.date_format else "."

    @property
    def is_12_hour(self) -> bool:
        return self.time_format.endswith("AM")

    def format_datetime(self, moment: datetime) -> str:
        """Return a naive time as the PBX takes it, to the second."""
        clock = f"{moment:%H:%M:%S}"
        if self.is_12_hour:
            # Not %I and %p: the latter depends on the locale.
            clock = f"{(moment.hour - 1) % 12 + 1:02d}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"
        return f"{self._format_date(moment.date())} {clock}"

    def parse_datetime(self, text: str) -> datetime:
        """Return the naive time that the PBX shows.

        :raises InvalidSettingsError: when the text is not in this format.
        """
        day, _, clock = text.strip().partition(" ")
        half_day = ""
        if self.is_12_hour:
            clock, _, half_day = clock.partition(" ")
        parts = day.split(self.separator)
        names = self.date_format.split(self.separator)
        try:
            fields = dict(zip(names, map(int, parts), strict=True))
            hour, minute, second = map(int, clock.split(":"))
            hour = {"": hour, "AM": hour % 12, "PM": hour % 12 + 12}[half_day.strip().upper()]
            return datetime(fields["YYYY"], fields["MM"], fields["DD"], hour, minute, second)
        except (KeyError, ValueError):
            raise InvalidSettingsError(
                f"The time {text!r} is not written as {self.date_format} {self.time_format}"
            ) from None

    def format_period(self, period: Period) -> str:
        """Return a day, month or year with its parts in the order of the date format."""
        kept = {"day": {"YYYY", "MM", "DD"}, "month": {"YYYY", "MM"}, "year": {"YYYY"}}[period.kind]
        values = _date_parts(period.first)
        return self.separator.join(values[name] for name in self.date_format.split(self.separator) if name in kept)

    def _format_date(self, day: date) -> str:
        values = _date_parts(day)
        return self.separator.join(values[name] for name in self.date_format.split(self.separator))


def _date_parts(day: date) -> dict[str, str]:
    return {"YYYY": f"{day.year:04d}", "MM": f"{day.month:02d}", "DD": f"{day.day:02d}"}


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
                'period="{{ ds }}" is the usual way to ask for a day.',
            )


@dataclass(frozen=True)
class Period:
    """A whole day, month or year by the PBX's clock; ``first`` is its first day."""

    kind: Literal["day", "month", "year"]
    first: date

    @property
    def last(self) -> date:
        """The period's last day."""
        if self.kind == "day":
            return self.first
        month = 12 if self.kind == "year" else self.first.month
        return date(self.first.year, month, calendar.monthrange(self.first.year, month)[1])

    def window(self) -> Window:
        """Return the period from its first to its last second."""
        return Window(datetime.combine(self.first, time.min), datetime.combine(self.last, time(23, 59, 59)))

    def __str__(self) -> str:
        return self.first.isoformat()[: {"day": 10, "month": 7, "year": 4}[self.kind]]


_PERIOD = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?")


def parse_period(text: str) -> Period:
    """Return the period that ``2026-11-22``, ``2026-11`` or ``2026`` names.

    :raises InvalidRequestError: for anything else.
    """
    match = _PERIOD.fullmatch(text.strip())
    try:
        if not match:
            raise ValueError(text)
        first = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
    except ValueError:
        raise InvalidRequestError(
            f"`period` is {text!r}, which is no day (2026-11-22), month (2026-11) or year (2026)"
        ) from None
    return Period("day" if match["day"] else "month" if match["month"] else "year", first)


def parse_moment(value: datetime | str, name: str) -> datetime:
    """Return a datetime, aware or naive, to the second.

    :param value: a datetime or ISO 8601 text.
    :param name: the argument's name, for the message.
    :raises InvalidRequestError: for anything else, and for a date without a time.
    """
    moment: object = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
        if re.fullmatch(r"[\dW-]+", value.strip()):
            moment = None  # a day alone: which second of it?
    if not isinstance(moment, datetime):
        raise InvalidRequestError(f"`{name}` is {value!r}, neither a datetime nor ISO 8601 text with date and time")
    return moment.replace(microsecond=0)


def to_pbx_local(moment: datetime, zone: tzinfo) -> datetime:
    """Return the naive time that the PBX's clock shows at a moment; a naive one is by that clock already."""
    return moment if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)


def occurs_twice(moment: datetime, zone: tzinfo) -> bool:
    """Tell whether a clock that goes back at the end of summer time shows this local time a second time.

    :param moment: naive, by that clock.
    """
    first, second = (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


def utc_offset(system_time: datetime, timestamp: int) -> timedelta:
    """Return the offset from UTC of a clock, to the quarter of an hour.

    :param system_time: what the clock shows.
    :param timestamp: epoch seconds at that moment.
    """
    difference = system_time - datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)
    return round(difference / _QUARTER_HOUR) * _QUARTER_HOUR


def check_zone(zone: tzinfo, system_time: datetime, timestamp: int, pbx: str) -> None:
    """Refuse a time zone in which the PBX's clock would be wrong by more than five minutes.

    :param zone: the configured time zone.
    :param system_time: what the PBX's clock shows.
    :param timestamp: epoch seconds at that moment.
    :param pbx: ``host:port``, for the message.
    :raises ClockMismatchError: naming both.
    """
    expected = datetime.fromtimestamp(timestamp, zone).replace(tzinfo=None)
    if abs(system_time - expected) > _CLOCK_TOLERANCE:
        raise ClockMismatchError(
            f"The PBX's clock shows {system_time}, but in {zone} it is {expected}; "
            f"the clock stands at {timezone(utc_offset(system_time, timestamp))}",
            pbx=pbx,
        )


def zone_named(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    :raises InvalidSettingsError: when there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidSettingsError(
            f"There is no time zone {name!r}",
            remedy="Set `timezone` in the Airflow connection to an IANA name such as Europe/Berlin.",
        ) from None
