"""ReportRequest: one call report to ask for, checked as a whole before anything is sent.

The PBX answers most mistakes with "success, no rows", so what is certainly wrong is refused before it is sent.
Vendor's pages: "Download a Call Report", "Download a Scheduled Report".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from airflow_provider_yeastar.pbx.report import checks
from airflow_provider_yeastar.pbx.report.catalogue import REPORT_TYPES
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat, to_pbx_local
from airflow_provider_yeastar.pbx.report.frame import TimeFrame
from airflow_provider_yeastar.pbx.report.masking import parameters_to_name
from airflow_provider_yeastar.pbx.report.parameters import (
    ParameterValue,
    check_parameters,
    is_open,
    json_value,
    query_value,
)
from airflow_provider_yeastar.pbx.report.periods import Period, RelativePeriod, Window

__all__ = [
    "FILE_FORMATS",
    "ReportRequest",
    "build_request",
    "check_arguments",
]

FILE_FORMATS = ("csv", "xls", "pdf", "html")
_DURATION_FORMATS = ("seconds", "hhmmss")
_API_VERSIONS = ("auto", "v1.0", "v2.0")
# Arguments that change how the report is requested, not its content.
_WAYS = frozenset({"asynchronous", "check_ids"})


@dataclass(frozen=True)
class ReportRequest:
    """A validated request for a report, from :func:`build_request`; ``parameters`` are pairs of names and values.

    With a period in words its ``frame`` has to be dated before it can be sent or name a file.
    """

    report_type: str | None
    my_report_id: int | None
    scheduled_report_id: int | None
    frame: TimeFrame
    parameters: tuple[tuple[str, ParameterValue], ...]
    file_format: str
    duration_format: str
    asynchronous: bool | None
    api_version: str | None
    check_ids: bool = True

    @property
    def endpoint(self) -> str:
        """Path below ``openapi/{version}``."""
        return "call_report/download" if self.scheduled_report_id is None else "call_schedule_report/download"

    @property
    def label(self) -> str:
        """A short name that tells this report from others."""
        if self.my_report_id is not None:
            return f"my_report_{self.my_report_id}"
        if self.scheduled_report_id is not None:
            return f"scheduled_report_{self.scheduled_report_id}"
        return str(self.report_type)

    @property
    def has_window(self) -> bool:
        return not self.frame.is_everything

    @property
    def window_text(self) -> str:
        """The time frame as it was asked for, in characters that any file system takes; ``all`` without one."""
        return self.frame.text

    def file_name(self, source: str | None = None, key: str = "") -> str:
        """Return a file name made from the request, so that a rerun replaces its own file and no other.

        :param source: distinguishes PBXs that share a directory; None for the default one.
        :param key: for :func:`.parameters_to_name`.
        """
        return f"{self.file_stem(source, key)}.{self.file_format}"

    def file_stem(self, source: str | None = None, key: str = "") -> str:
        """Return the file's name without its extension; see :meth:`file_name`.

        :raises ValueError: for a period in words: the files of two nights would have the same name.
        """
        if self.is_relative:
            raise ValueError(f"The period {self.frame.period} has to be dated before it can name a file")
        # Arguments left out do not count, so that a new argument does not change the names of old requests.
        given = self.to_dict() | {"parameters": parameters_to_name(self.filters, key), "source": source}
        asked = {name: value for name, value in given.items() if value is not None and name not in _WAYS}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.label}_{self.window_text}_{digest}"

    @property
    def identity(self) -> str:
        """A digest that requests of one report have in common; empty where a secret or a period in words decides it."""
        try:
            return hashlib.sha256(self.file_name().encode()).hexdigest()[:16]
        except ValueError:
            return ""

    @property
    def kind(self) -> str:
        """What this report has in common with those whose files a PBX may name alike."""
        return f"{self.label}.{self.file_format}"

    @property
    def is_relative(self) -> bool:
        """Whether the period is in words."""
        return self.frame.is_relative

    def query(self, display: DisplayFormat, zone: tzinfo) -> dict[str, str]:
        """Return the request's parameters for a PBX, without the token.

        :param display: the PBX's display format.
        :param zone: the PBX's time zone, for aware times.
        :raises InvalidRequestError: when the window is empty in that zone.
        """
        is_async = {"is_async": str(int(self.asynchronous is not False))}
        if self.scheduled_report_id is not None:
            return {"id": str(self.scheduled_report_id), **self.filters} | is_async
        formats = {"format": self.file_format, "duration_format": self.duration_format}
        return self.rows_query(display, zone) | formats | is_async

    def rows_query(self, display: DisplayFormat, zone: tzinfo) -> dict[str, str]:
        """Return the parameters with which ``call_report/list`` gives the same report as rows, without the token.

        :param display: the PBX's display format.
        :param zone: the PBX's time zone, for aware times.
        :raises InvalidRequestError: when the window is empty in that zone.
        """
        identity = {"type": str(self.report_type)} if self.report_type else {"my_report_id": str(self.my_report_id)}
        return identity | self._times(display, zone) | self.filters

    def is_unfinished(self, now: datetime, zone: tzinfo) -> bool:
        """Return whether the time frame ends after a moment, so that the report is incomplete then.

        :param now: that moment, aware.
        :param zone: the PBX's time zone.
        """
        end = self.frame.ends(zone).get("end_time")
        return end is not None and end > to_pbx_local(now, zone)

    def describe(self, zone: tzinfo) -> dict[str, str]:
        """Return the time frame by the PBX's clock in ISO 8601: ``time``, or ``start_time`` and ``end_time``."""
        if self.frame.period and self._takes_time:
            return {"time": str(self.frame.period)}
        return {name: moment.isoformat() for name, moment in self.frame.ends(zone).items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the request in JSON types; :meth:`from_dict` makes an equal one of it."""
        frame = self.frame
        as_of = {"as_of": frame.as_of.isoformat()} if frame.as_of else {}
        return as_of | {
            "report_type": self.report_type,
            "my_report_id": self.my_report_id,
            "scheduled_report_id": self.scheduled_report_id,
            "period": str(frame.period) if frame.period else None,
            "start_time": frame.start.isoformat() if frame.start else None,
            "end_time": frame.end.isoformat() if frame.end else None,
            "parameters": {name: json_value(value) for name, value in self.parameters},
            "file_format": self.file_format,
            "duration_format": self.duration_format,
            "asynchronous": self.asynchronous,
            "api_version": self.api_version,
            "check_ids": self.check_ids,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ReportRequest:
        """Return the request that :meth:`to_dict` described.

        :raises InvalidRequestError: when it is none.
        :raises TypeError: when it names arguments that do not exist.
        """
        return build_request(**data)

    @property
    def filters(self) -> dict[str, str]:
        """The parameters as they are sent."""
        return {name: query_value(value) for name, value in self.parameters}

    @property
    def _takes_time(self) -> bool:
        return self.report_type is not None and REPORT_TYPES[self.report_type].time == "time"

    def _times(self, display: DisplayFormat, zone: tzinfo) -> dict[str, str]:
        period = self.frame.period
        if isinstance(period, Period) and self._takes_time:
            return {"time": display.format_period(period.kind, period.first)}
        return {name: display.format_datetime(moment) for name, moment in self.frame.ends(zone).items()}


def build_request(**arguments: Any) -> ReportRequest:
    """Return the request for a report, after validating its arguments.

    :param report_type: a built-in report's vendor name; exactly one of this and the next two.
    :param my_report_id: id of a user-created report.
    :param scheduled_report_id: id of a scheduled report; its schedule rules the rest, only ``need_detail`` is taken.
    :param period: ``2026-11-22``, ``2026-11``, ``2026``, a period in words (:data:`.PERIOD_WORDS`) or a partition key.
    :param start_time: datetime or ISO 8601 text, instead of ``period``; the vendor allows either end alone.
    :param end_time: the same, inclusive. One that is a whole number of minutes behind ``start_time`` is where the next
        such window begins; the request then ends a second before.
    :param parameters: the vendor's names; lists, bools and numbers as Python has them. Where ids are wanted, an int is
        an id; a text is a dialled number or a name, and an id where it is neither.
    :param file_format: ``csv`` (default), ``xls``, ``pdf``, ``html``; for a scheduled report what the file is to be.
    :param duration_format: ``seconds`` (default) or ``hhmmss``.
    :param asynchronous: whether the PBX is asked to announce the file by an event; None leaves it to the wait.
    :param api_version: ``auto``, ``v1.0``, ``v2.0``; None is the connection's.
    :param check_ids: False sends ids as they are given, without looking them up on the PBX.
    :param as_of: datetime with UTC offset, or ISO 8601 text, that a period in words is counted from.
    :raises InvalidRequestError: one sentence: what is wrong, where, what to do.
    """
    return _check(checks.Arguments(**arguments), may_be_open=False)


def check_arguments(**arguments: Any) -> None:
    """Validate the arguments of :func:`build_request` as far as they are known at DAG-parse time.

    Templates and outputs of other tasks are skipped; :func:`build_request` validates them at run time.

    :raises InvalidRequestError: as :func:`build_request`.
    """
    _check(checks.Arguments(**arguments), may_be_open=True)


def _check(given: checks.Arguments, *, may_be_open: bool) -> ReportRequest:
    """Run every check that the known values allow; the result is complete only if nothing is open."""

    def known(value: Any) -> Any:
        return None if may_be_open and is_open(value) else value

    checks.check_one_report(given)
    checks.check_no_blanks(given)
    report_type = checks.known_report_type(known(given.report_type))
    parameters = check_parameters(known(given.parameters), may_be_open=may_be_open)
    checks.check_period_or_range(given)
    period = checks.known_period(known(given.period))
    frame = TimeFrame(
        period,
        checks.known_moment("start_time", known(given.start_time)),
        checks.known_moment("end_time", known(given.end_time)),
        checks.known_moment("as_of", given.as_of) if isinstance(period, RelativePeriod) else None,
    )
    request = ReportRequest(
        report_type=report_type,
        my_report_id=checks.known_id("my_report_id", known(given.my_report_id)),
        scheduled_report_id=checks.known_id("scheduled_report_id", known(given.scheduled_report_id)),
        frame=frame,
        parameters=tuple(sorted(parameters.items())),
        file_format=checks.one_of("file_format", known(given.file_format) or "csv", FILE_FORMATS),
        duration_format=checks.one_of("duration_format", known(given.duration_format) or "seconds", _DURATION_FORMATS),
        asynchronous=checks.choice("asynchronous", known(given.asynchronous)),
        api_version=checks.one_of("api_version", known(given.api_version), (*_API_VERSIONS, None)),
        check_ids=checks.switch("check_ids", known(given.check_ids)),
    )
    if given.scheduled_report_id is not None:
        checks.check_scheduled(given, parameters)
    if report_type:
        names_known = not (may_be_open and is_open(given.parameters))
        checks.check_for_type(report_type, given, period, parameters if names_known else None)
        checks.check_version(report_type, request.api_version)
    if frame.start and frame.end and not (frame.start.tzinfo or frame.end.tzinfo):
        Window(frame.start, frame.end)
    return request
