"""Never more by less: may a file, or a day in a table, be replaced by one with fewer rows? Pure.

A PBX deletes its oldest calls, and with them what reports say of old days. It answers "success" all the same, so a
re-run for an old day would put less in the place of more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import InvalidRequestError

__all__ = ["Replacement", "check_tolerance", "period_start"]

_OFFSET = re.compile(r"UTC(?:(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))?")


@dataclass(frozen=True)
class Replacement:
    """Rows that are about to be replaced.

    :param old_rows: how many are there now.
    :param new_rows: how many are to take their place.
    :param tolerance: the greatest share of the old rows that may go, None for any.
    """

    old_rows: int
    new_rows: int
    tolerance: float | None = None

    @property
    def is_smaller(self) -> bool:
        """Whether rows would go."""
        return self.new_rows < self.old_rows

    @property
    def counts(self) -> str:
        """Both counts, in words."""
        return f"{counted(self.old_rows, 'row')} by {self.new_rows}"

    def refusal(self) -> str | None:
        """Return why the rows must not be replaced, as far as their numbers tell; None if these allow it."""
        if not self.is_smaller:
            return None
        if not self.new_rows:
            return "the new report is empty"
        share = 1 - self.new_rows / self.old_rows
        if self.tolerance is not None and share > self.tolerance:
            return f"{share:.0%} of the rows would go, more than `shrink_tolerance` {self.tolerance:g}"
        return None

    def refusal_by_age(self, begins: datetime | None, oldest_call: datetime | None) -> str | None:
        """Return why the rows must not be replaced, as far as the PBX's memory tells; None if it reaches back enough.

        :param begins: of the period, aware; None where that is unknown.
        :param oldest_call: of the PBX, aware; None if it has none.
        """
        if oldest_call is None:
            return "the PBX has no calls at all any more"
        if begins is None or oldest_call > begins:
            known = f"which begins {begins:%Y-%m-%d %H:%M}" if begins else "whose beginning is not known"
            return f"the PBX's oldest call is of {oldest_call:%Y-%m-%d %H:%M %Z}, later than the period, {known}"
        return None


def check_tolerance(tolerance: object) -> None:
    """Refuse a share that is none.

    :raises InvalidRequestError: one sentence.
    """
    is_share = isinstance(tolerance, int | float) and not isinstance(tolerance, bool) and 0 <= tolerance <= 1
    if tolerance is not None and not is_share:
        raise InvalidRequestError(f"`shrink_tolerance` is {tolerance!r}, neither a share from 0 to 1 nor None")


def period_start(window: Mapping[str, str], zone_name: str) -> datetime | None:
    """Return when a report's period begins, aware; None without one.

    :param window: ``start_time`` or ``time``, by the PBX's clock, as :meth:`.ReportRequest.describe` has them.
    :param zone_name: the PBX's time zone, an IANA name or ``UTC+03:00``.
    """
    text = window.get("start_time") or window.get("time")
    if not text:
        return None
    try:
        begins = datetime.fromisoformat(text + "-01-01"[len(text) - 4 :] if len(text) < len("2026-11-22") else text)
    except ValueError:
        return None
    return begins if begins.tzinfo else begins.replace(tzinfo=_zone(zone_name))


def _zone(name: str) -> tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        return ZoneInfo(name)
    if not offset["sign"]:
        return UTC
    size = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"]))
    return timezone(-size if offset["sign"] == "-" else size)
