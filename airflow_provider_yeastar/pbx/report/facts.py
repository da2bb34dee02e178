"""What has to be known of a PBX before a report can be requested: time zone, display format, API version. Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timezone, tzinfo

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import WrongReportError, YeastarError
from airflow_provider_yeastar.pbx.report import clock
from airflow_provider_yeastar.pbx.report.catalogue import row_times
from airflow_provider_yeastar.pbx.report.checks import check_version
from airflow_provider_yeastar.pbx.report.frame import Asked
from airflow_provider_yeastar.pbx.report.periods import shares_its_last_second
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.report.rows import HeldRows, Row
from airflow_provider_yeastar.pbx.settings import PbxSettings

__all__ = ["PbxFacts", "Plan", "choose_api_version", "facts_of", "pbx_time", "tell_of_window"]

log = logging.getLogger(__name__)

# Without a display format the first request goes out in this one; a v2.0 PBX answers with its own.
_GUESSED_FORMAT = clock.DisplayFormat("YYYY/MM/DD", "hh:mm:ss")
_OTHER_TIMES = "Compare with the PBX's web portal, and check the `timezone` of the connection; nothing was written."
# Firmware x.21.0.67 and later: the reference knows x.21.0.66 for v1.0 and x.21.0.117 for v2.0; what lies between is [U]
# and was never released as far as is known.
_FIRST_V2_FIRMWARE = (21, 0, 67)


@dataclass(frozen=True)
class PbxFacts:
    """What has to be known of a PBX before times can be written for it."""

    information: wire.PbxInformation
    display: clock.DisplayFormat | None
    zone: tzinfo


@dataclass(frozen=True)
class Plan:
    """One request, worked out for one PBX.

    :param request: with the PBX's own ids.
    :param facts: of the PBX.
    :param api_version: ``v1.0`` or ``v2.0``.
    :param as_rows: whether its rows are wanted in place of its file.
    """

    request: ReportRequest
    facts: PbxFacts
    api_version: str
    as_rows: bool = False

    @property
    def endpoint(self) -> str:
        return f"openapi/{self.api_version}/{'call_report/list' if self.as_rows else self.request.endpoint}"

    @property
    def query(self) -> dict[str, str]:
        query = self.request.rows_query if self.as_rows else self.request.query
        return query(self.facts.display or _GUESSED_FORMAT, self.facts.zone)

    def within(self, pages: Iterable[list[Row]], pbx: str) -> Iterator[list[Row]]:
        """Yield pages without the rows that lie outside of the window that was asked for; the log tells of them.

        :param pages: from :func:`.row_pages`.
        :param pbx: ``host:port``, for messages.
        :raises WrongReportError: at the end, if all rows lay outside.
        """
        held = HeldRows(self._asked, row_times(self.request.report_type))
        yield from map(held.take, pages)
        window = self.request.window_text
        if held.outside and not held.kept:
            what = f"The answer has no row of {window}, and {counted(held.outside, 'row')} of other times"
            raise WrongReportError(what, pbx=pbx, endpoint=self.endpoint, remedy=_OTHER_TIMES)
        if held.outside:
            outside = counted(held.outside, "row")
            log.warning("PBX %s answered %s with %s of other times, left out here.", pbx, window, outside)
        if held.doubtful:
            doubtful = counted(held.doubtful, "row")
            log.warning("PBX %s answered %s with %s that may be of other times.", pbx, window, doubtful)

    @property
    def _asked(self) -> Asked:
        facts, frame = self.facts, self.request.frame
        # Hours, days and months begin in their period; a call may begin before the window in which it is counted.
        around = 0 if "time" in self.request.describe(facts.zone) else 1
        ends = frame.ends(facts.zone)
        return Asked(ends.get("start_time"), ends.get("end_time"), facts.zone, facts.display, around)


def tell_of_window(request: ReportRequest, now: datetime, zone: tzinfo) -> None:
    """Log what may be meant differently about a request's time frame.

    :param request: with a frame that is no longer in words.
    :param now: the present, aware.
    :param zone: the PBX's time zone.
    """
    frame = request.frame
    if request.report_type and not request.has_window:
        log.warning(
            "No time frame is given: the report %s covers all calls that the PBX has. Set `period`, such as "
            '"yesterday", or `start_time` and `end_time`.',
            request.label,
        )
    if shares_its_last_second(frame.start, frame.end):
        log.info(
            "%s: the PBX includes `end_time`, where the next such window begins; asking until a second before.",
            request.window_text,
        )
    if request.is_unfinished(now, zone):
        log.warning(
            "%s is not over by the PBX's clock, %s: the report holds what there is so far. Is another day meant? "
            "In Airflow 3, `{{ ds }}` is the day of the run of a DAG that is scheduled with a cron string.",
            request.window_text,
            f"{now:%Y-%m-%d %H:%M}",
        )


def facts_of(information: wire.PbxInformation, settings: PbxSettings) -> PbxFacts:
    """Return the facts, after checking the PBX's clock against ``timezone``.

    :raises ClockMismatchError: if they disagree.
    """
    display = _display_format(information, settings)
    return PbxFacts(information, display, _zone(information, display, settings))


def _zone(information: wire.PbxInformation, display: clock.DisplayFormat | None, settings: PbxSettings) -> tzinfo:
    shown = pbx_time(information, display)
    if settings.timezone:
        zone = clock.zone_named(settings.timezone)
        if shown:
            clock.check_zone(zone, *shown, settings.address)
        return zone
    if shown:
        offset = clock.utc_offset(*shown, settings.address)
        log.warning(
            "The connection names no `timezone`; the present UTC offset of the PBX, %s, is used for all dates.",
            timezone(offset),
        )
        return timezone(offset)
    log.warning("The connection names no `timezone` and the PBX does not tell its offset; UTC is assumed.")
    return UTC


def _display_format(information: wire.PbxInformation, settings: PbxSettings) -> clock.DisplayFormat | None:
    date_format, time_format = information.date_format, information.time_format
    if not (date_format and time_format):
        date_format, time_format = settings.date_format, settings.time_format
    return clock.DisplayFormat(date_format, time_format) if date_format and time_format else None


def pbx_time(information: wire.PbxInformation, display: clock.DisplayFormat | None) -> tuple[datetime, int] | None:
    """Return what the PBX's clock shows, and the epoch seconds at that moment; None where it does not tell both."""
    if not (display and information.system_time and information.timestamp):
        return None
    try:
        return display.parse_datetime(information.system_time), information.timestamp
    except YeastarError:
        log.warning("The clock of the PBX reads %r, which is not in its own display format.", information.system_time)
        return None


def choose_api_version(wanted: str, firmware: str, request: ReportRequest | None = None) -> str:
    """Return ``v1.0`` or ``v2.0``.

    :param wanted: ``auto``, ``v1.0`` or ``v2.0``.
    :param firmware: the PBX's version, such as ``37.23.0.123``; the first number tells the edition and does not count.
    :param request: a report that exists in v2.0 only is never asked for on v1.0.
    :raises InvalidRequestError: when it would be.
    """
    version = wanted
    if wanted == "auto":
        parts = re.match(r"\d+\.(\d+)\.(\d+)\.(\d+)", firmware)
        is_old = parts is not None and tuple(map(int, parts.groups())) < _FIRST_V2_FIRMWARE
        version = "v1.0" if is_old else "v2.0"
    if request and request.report_type:
        check_version(request.report_type, version)
    return version
