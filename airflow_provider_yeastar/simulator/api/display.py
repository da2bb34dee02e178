"""The PBX's display formats: how it shows times, what it takes for one, and how it complains."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from airflow_provider_yeastar.simulator.reports import Bucket

__all__ = ["Display", "Span"]

_GO = {"YYYY": "2006", "MM": "01", "DD": "02"}
_DIGITS = {"YYYY": r"(?P<YYYY>\d{4})", "MM": r"(?P<MM>\d{2})", "DD": r"(?P<DD>\d{2})"}


_BUCKETS: dict[tuple[str, ...], Bucket] = {("YYYY", "MM", "DD"): "hour", ("YYYY", "MM"): "day", ("YYYY",): "month"}
"""Into what a report divides a day, a month and a year."""


@dataclass(frozen=True)
class Span:
    """First and last second, and a row per what."""

    start: datetime
    end: datetime
    bucket: Bucket | None = None


@dataclass(frozen=True)
class Display:
    """System > Date and Time of the PBX.

    :param date_format: ``YYYY``, ``MM`` and ``DD`` in any of three orders, with ``/``, ``-`` or ``.`` between them.
    :param twelve_hour: a 12-hour clock with AM and PM.
    """

    date_format: str = "YYYY/MM/DD"
    twelve_hour: bool = False

    @property
    def separator(self) -> str:
        return re.sub("[YMD]", "", self.date_format)[0]

    def time_format(self, moment: datetime) -> str:
        """Return what ``system_time_format`` says: with a 12-hour clock it ends in the half of the day it is now."""
        return f"hh:mm:ss {self._half(moment)}" if self.twelve_hour else "hh:mm:ss"

    @property
    def go_layout(self) -> str:
        """Return the layout that the PBX names when it complains of a time."""
        date = self._fill(_GO)
        return f"{date} 03:04:05 PM" if self.twelve_hour else f"{date} 15:04:05"

    def show(self, moment: datetime) -> str:
        """Return a time as the PBX shows it."""
        date = self._fill({"YYYY": f"{moment:%Y}", "MM": f"{moment:%m}", "DD": f"{moment:%d}"})
        if self.twelve_hour:
            return f"{date} {(moment.hour + 11) % 12 + 1:02d}:{moment:%M:%S} {self._half(moment)}"
        return f"{date} {moment:%H:%M:%S}"

    def read_time(self, text: str) -> datetime | None:
        """Return the time that a text shows in this very format, None for any other format."""
        clock = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})" + (
            r" (?P<half>[AP]M)" if self.twelve_hour else ""
        )
        match = re.fullmatch(f"{self._pattern('YYYY', 'MM', 'DD')} {clock}", text)
        if not match:
            return None
        hour = int(match["hour"])
        if self.twelve_hour:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if match["half"] == "PM" else 0)
        try:
            day = datetime(int(match["YYYY"]), int(match["MM"]), int(match["DD"]))
            return datetime.combine(day, time(hour, int(match["minute"]), int(match["second"])))
        except ValueError:
            return None

    def read_span(self, text: str) -> Span | None:
        """Return the day, month or year that a text shows in the order of this date format, None for any other."""
        for names, bucket in _BUCKETS.items():
            match = re.fullmatch(self._pattern(*names), text)
            if match:
                return _span({name: int(match[name]) for name in names}, bucket)
        return None

    def _half(self, moment: datetime) -> str:
        return "AM" if moment.hour < 12 else "PM"

    def _fill(self, values: dict[str, str]) -> str:
        return self.separator.join(values[part] for part in self.date_format.split(self.separator))

    def _pattern(self, *names: str) -> str:
        parts = [part for part in self.date_format.split(self.separator) if part in names]
        return re.escape(self.separator).join(_DIGITS[part] for part in parts)


def _span(parts: dict[str, int], bucket: Bucket) -> Span | None:
    year, month, day = parts["YYYY"], parts.get("MM", 1), parts.get("DD", 1)
    try:
        start = datetime(year, month, day)
    except ValueError:
        return None
    last_month = month if "MM" in parts else 12
    last_day = day if "DD" in parts else calendar.monthrange(year, last_month)[1]
    end = datetime(year, last_month, last_day) + timedelta(days=1, seconds=-1)
    return Span(start, end, bucket)
