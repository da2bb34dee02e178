"""Times as a PBX writes and reads them: display formats, time zones, daylight saving time. Pure.

A PBX takes and shows local times in the display format that its administrator chose, and answers most other spellings
with "success, no rows". pendulum parses, formats and converts. Times here are naive and by the PBX's clock unless a
name says otherwise. Vendor's pages: "Query PBX Information", "Download a Call Report".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

import pendulum
from pendulum.tz.exceptions import AmbiguousTime, NonExistingTime

from airflow_provider_yeastar.pbx.errors import ClockMismatchError, InvalidRequestError, InvalidSettingsError

__all__ = [
    "DisplayFormat",
    "PeriodKind",
    "check_zone",
    "never_occurs",
    "occurs_twice",
    "parse_moment",
    "plain",
    "to_pbx_local",
    "utc_offset",
    "zone_named",
]

# The PBX's time format -> the tokens of pendulum. "A" is AM or PM; the PBX's own suffix is that of the moment.
_CLOCK_TOKENS = {"hh:mm:ss": "HH:mm:ss", "hh:mm:ss AM": "hh:mm:ss A"}
_DATE_ORDERS = ("YYYY/MM/DD", "MM/DD/YYYY", "DD/MM/YYYY")
_DATE_FORMATS = frozenset(order.replace("/", separator) for order in _DATE_ORDERS for separator in "/-.")
PeriodKind = Literal["day", "month", "year"]
_PERIOD_PARTS: dict[PeriodKind, tuple[str, ...]] = {
    "day": ("YYYY", "MM", "DD"),
    "month": ("YYYY", "MM"),
    "year": ("YYYY",),
}
# Go writes a layout as the time 2006-01-02 15:04:05. That of a day, for the parameter `time`, ends before the clock.
_GO_LAYOUT = re.compile(r"(?P<date>(?:2006|01|02)[/.-](?:01|02)[/.-](?:2006|02))(?: (?P<time>15:04:05|03:04:05 PM)|$)")
_GO_TOKENS = {"2006": "YYYY", "01": "MM", "02": "DD"}
_LOCALE = "en"  # AM and PM, whatever locale a process has set

_CLOCK_TOLERANCE = timedelta(minutes=5)
_QUARTER_HOUR = timedelta(minutes=15)
# Kiribati is 14 hours ahead of UTC, Baker Island 12 behind; a clock may be a little off.
_WIDEST_OFFSET = timedelta(hours=14)


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
        date_format = self.date_format.strip().upper()
        if date_format not in _DATE_FORMATS:
            raise InvalidSettingsError(
                f"The date format {self.date_format!r} is none of YYYY/MM/DD, MM/DD/YYYY, DD/MM/YYYY with /, - or ."
            )
        clock, suffix = re.subn(r"\s*(AM|PM)$", "", self.time_format.strip().upper())
        if clock != "HH:MM:SS":
            raise InvalidSettingsError(f"The time format {self.time_format!r} is neither hh:mm:ss nor hh:mm:ss AM")
        object.__setattr__(self, "date_format", date_format)
        object.__setattr__(self, "time_format", "hh:mm:ss AM" if suffix else "hh:mm:ss")

    @classmethod
    def from_go_layout(cls, text: str) -> DisplayFormat | None:
        """Return the format that a Go time layout in the text stands for, None where there is none.

        :param text: the PBX's complaint, for instance ``… valid format: 02/01/2006 03:04:05 PM``. A layout without a
            clock is that of a report which takes none; the format then has 24 hours.
        """
        match = _GO_LAYOUT.search(text)
        if not match:
            return None
        date_format = re.sub("2006|01|02", lambda part: _GO_TOKENS[part[0]], match["date"])
        if date_format not in _DATE_FORMATS:
            return None
        return cls(date_format, "hh:mm:ss AM" if (match["time"] or "").endswith("PM") else "hh:mm:ss")

    @property
    def begins_with_year(self) -> bool:
        """Whether the order of day and month is certain: they can only be swapped where the year comes last."""
        return self.date_format.startswith("YYYY")

    @property
    def separator(self) -> str:
        return self.date_format.strip("YMD")[0]

    @property
    def is_12_hour(self) -> bool:
        return self.time_format.endswith("AM")

    @property
    def _tokens(self) -> str:
        """The format in the tokens of pendulum."""
        return f"{self.date_format} {_CLOCK_TOKENS[self.time_format]}"

    def format_datetime(self, moment: datetime) -> str:
        """Return a naive time as the PBX takes it, to the second."""
        return pendulum.instance(moment).format(self._tokens, locale=_LOCALE)

    def parse_datetime(self, text: str) -> datetime:
        """Return the naive time that the PBX shows.

        :raises InvalidSettingsError: when the text is not in this format.
        """
        try:
            return plain(pendulum.from_format(" ".join(text.upper().split()), self._tokens, locale=_LOCALE))
        except ValueError:
            raise InvalidSettingsError(
                f"The time {text!r} is not written as {self.date_format} {self.time_format}"
            ) from None

    def format_period(self, kind: PeriodKind, first: date) -> str:
        """Return a day, month or year with its parts in the order of the date format.

        :param kind: ``day``, ``month`` or ``year``.
        :param first: its first day.
        """
        kept = [part for part in self.date_format.split(self.separator) if part in _PERIOD_PARTS[kind]]
        return pendulum.date(first.year, first.month, first.day).format(self.separator.join(kept), locale=_LOCALE)


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
    # Of the standard library: Airflow's own datetimes are pendulum's.
    return plain(moment).replace(tzinfo=moment.tzinfo, fold=moment.fold)


def to_pbx_local(moment: datetime, zone: tzinfo) -> datetime:
    """Return the naive time that the PBX's clock shows at a moment; a naive one is by that clock already.

    :param moment: aware, or naive by the PBX's clock.
    :param zone: the PBX's time zone.
    """
    return moment if moment.tzinfo is None else plain(pendulum.instance(moment).astimezone(zone))


def plain(moment: datetime) -> datetime:
    """Return the naive ``datetime`` of the standard library that a clock shows, to the second.

    pendulum's own class does not leave these modules: its arithmetic drops time zones of the standard library.

    :param moment: aware or naive, pendulum's or the standard library's.
    """
    return datetime.combine(date(moment.year, moment.month, moment.day), time(*moment.timetuple()[3:6]))


def occurs_twice(moment: datetime, zone: tzinfo) -> bool:
    """Return whether a clock that goes back at the end of daylight saving time shows this local time twice.

    :param moment: naive, by that clock.
    :param zone: the time zone of the clock.
    """
    return _change_of_clock(moment, zone) is AmbiguousTime


def never_occurs(moment: datetime, zone: tzinfo) -> bool:
    """Return whether a clock that goes forward for daylight saving time skips this local time.

    :param moment: naive, by that clock.
    :param zone: the time zone of the clock.
    """
    return _change_of_clock(moment, zone) is NonExistingTime


def _change_of_clock(moment: datetime, zone: tzinfo) -> type[Exception] | None:
    name = getattr(zone, "key", None)
    if not name:
        return None  # a fixed offset from UTC never changes
    try:
        pendulum.timezone(name).convert(moment.replace(tzinfo=None), raise_on_unknown_times=True)
    except (AmbiguousTime, NonExistingTime) as change:
        return type(change)
    return None


def utc_offset(system_time: datetime, timestamp: int, pbx: str = "") -> timedelta:
    """Return the offset from UTC of a clock, to the quarter of an hour.

    :param system_time: what the clock shows.
    :param timestamp: epoch seconds at that moment.
    :param pbx: ``host:port``, for the message.
    :raises ClockMismatchError: when it is no offset that a time zone has, as when day and month are swapped.
    """
    in_utc = plain(pendulum.from_timestamp(timestamp))
    offset = round((system_time - in_utc) / _QUARTER_HOUR) * _QUARTER_HOUR
    if abs(offset) > _WIDEST_OFFSET:
        raise ClockMismatchError(
            f"The PBX's clock shows {system_time}, and in UTC it is {in_utc}; no time zone is that far from UTC",
            pbx=pbx,
            remedy="Correct the clock of the PBX; where the connection has a `date_format`, see whether day and month "
            "are swapped.",
        )
    return offset


def check_zone(zone: tzinfo, system_time: datetime, timestamp: int, pbx: str) -> None:
    """Refuse a time zone in which the PBX's clock would be wrong by more than five minutes.

    :param zone: the configured time zone.
    :param system_time: what the PBX's clock shows.
    :param timestamp: epoch seconds at that moment.
    :param pbx: ``host:port``, for the message.
    :raises ClockMismatchError: naming both.
    """
    expected = to_pbx_local(pendulum.from_timestamp(timestamp), zone)
    if abs(system_time - expected) > _CLOCK_TOLERANCE:
        offset = timezone(utc_offset(system_time, timestamp, pbx))
        raise ClockMismatchError(
            f"The PBX's clock shows {system_time}, but in {zone} it is {expected}; the clock stands at {offset}",
            pbx=pbx,
        )


def zone_named(name: str) -> pendulum.Timezone:
    """Return the IANA time zone of that name.

    :raises InvalidSettingsError: when there is none.
    """
    try:
        return pendulum.timezone(name)
    except (ValueError, OSError):  # pendulum's InvalidTimezone is a ValueError; a folder of zones an OSError
        raise InvalidSettingsError(
            f"There is no time zone {name!r}",
            remedy="Set `timezone` in the Airflow connection to an IANA name such as Europe/Berlin.",
        ) from None
