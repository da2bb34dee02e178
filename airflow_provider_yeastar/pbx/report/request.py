"""ReportRequest: one call report to ask for, checked as a whole before anything is sent.

A mistake that reaches the PBX is mostly answered with "success, no rows". So everything that is certainly wrong is
refused here, in one sentence; what only might be wrong (an unknown value, a parameter of newer firmware) passes.
Vendor's pages: "Download a Call Report", "Download a Scheduled Report".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from difflib import get_close_matches
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS, REPORT_TYPES
from airflow_provider_yeastar.pbx.report.clock import (
    DisplayFormat,
    Period,
    Window,
    occurs_twice,
    parse_moment,
    parse_period,
    to_pbx_local,
)
from airflow_provider_yeastar.pbx.report.masking import masked_parameters
from airflow_provider_yeastar.pbx.report.parameters import (
    ParameterValue,
    check_parameters,
    is_open,
    json_value,
    query_value,
)

__all__ = [
    "FILE_FORMATS",
    "TIME_FRAME",
    "ReportRequest",
    "build_request",
    "check_arguments",
    "choose_api_version",
]

FILE_FORMATS = ("csv", "xls", "pdf", "html")
TIME_FRAME = ("period", "start_time", "end_time")
_DURATION_FORMATS = ("seconds", "hhmmss")
_API_VERSIONS = ("auto", "v1.0", "v2.0")
_SCHEDULED_PARAMETERS = frozenset({"need_detail"})
# Arguments that change the way to the report, not what is in it.
_WAYS = frozenset({"asynchronous", "check_ids"})
# Firmware x.21.0.67 and later: the reference knows x.21.0.66 for v1.0 and x.21.0.117 for v2.0; what lies between is [U]
# and was never released as far as is known.
_FIRST_V2_FIRMWARE = (21, 0, 67)


@dataclass(frozen=True)
class ReportRequest:
    """A report to ask for. Made by :func:`build_request`; ``parameters`` are pairs of the vendor's names and values."""

    report_type: str | None
    my_report_id: int | None
    scheduled_report_id: int | None
    period: Period | None
    start_time: datetime | None
    end_time: datetime | None
    parameters: tuple[tuple[str, ParameterValue], ...]
    file_format: str
    duration_format: str
    asynchronous: bool
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
        return not (self.period is None and self.start_time is None and self.end_time is None)

    @property
    def window_text(self) -> str:
        """The time frame as was asked for, in characters that any file system takes; ``all`` without one."""
        if self.period:
            return str(self.period)
        if not self.has_window:
            return "all"
        return "--".join(f"{moment:%Y-%m-%dT%H%M%S}" if moment else "" for moment in (self.start_time, self.end_time))

    def file_name(self, source: str | None = None) -> str:
        """Return a name made from the request, so that a re-run replaces its own file and no other request's.

        :param source: tells the PBX from others whose reports may go to the same directory; None counts as the one.
        """
        return f"{self.file_stem(source)}.{self.file_format}"

    def file_stem(self, source: str | None = None) -> str:
        """Return the file's name without its extension; see :meth:`file_name`."""
        # What is left out does not count, so that an argument added later leaves the names of old requests alone.
        given = self.to_dict() | {"parameters": masked_parameters(self._filters()), "source": source}
        asked = {name: value for name, value in given.items() if value is not None and name not in _WAYS}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.label}_{self.window_text}_{digest}"

    def query(self, display: DisplayFormat, zone: tzinfo) -> dict[str, str]:
        """Return the request's parameters for a PBX, without the token.

        :param display: the PBX's display format.
        :param zone: the PBX's time zone, for aware times.
        :raises InvalidRequestError: when the window is empty in that zone.
        """
        is_async = {"is_async": str(int(self.asynchronous))}
        if self.scheduled_report_id is not None:
            return {"id": str(self.scheduled_report_id), **self._filters()} | is_async
        formats = {"format": self.file_format, "duration_format": self.duration_format}
        return self.rows_query(display, zone) | formats | is_async

    def rows_query(self, display: DisplayFormat, zone: tzinfo) -> dict[str, str]:
        """Return the parameters with which ``call_report/list`` gives the same report as rows, without the token.

        :param display: the PBX's display format.
        :param zone: the PBX's time zone, for aware times.
        :raises InvalidRequestError: when the window is empty in that zone.
        """
        identity = {"type": str(self.report_type)} if self.report_type else {"my_report_id": str(self.my_report_id)}
        return identity | self._times(display, zone) | self._filters()

    def is_unfinished(self, now: datetime, zone: tzinfo) -> bool:
        """Tell whether the time frame lasts beyond a moment: the report then holds what there is by then.

        :param now: that moment, aware.
        :param zone: the PBX's time zone.
        """
        end = self._range(zone).get("end_time")
        return end is not None and end > to_pbx_local(now, zone)

    def describe(self, zone: tzinfo) -> dict[str, str]:
        """Return the time frame by the PBX's clock in ISO 8601: ``time``, or ``start_time`` and ``end_time``."""
        if self.period and self._takes_time:
            return {"time": str(self.period)}
        return {name: moment.isoformat() for name, moment in self._range(zone).items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the request in JSON types; :meth:`from_dict` makes an equal one of it."""
        return {
            "report_type": self.report_type,
            "my_report_id": self.my_report_id,
            "scheduled_report_id": self.scheduled_report_id,
            "period": str(self.period) if self.period else None,
            "start_time": self.start_time.isoformat() if self.start_time else None,
            "end_time": self.end_time.isoformat() if self.end_time else None,
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

    def _filters(self) -> dict[str, str]:
        return {name: query_value(value) for name, value in self.parameters}

    @property
    def _takes_time(self) -> bool:
        return self.report_type is not None and REPORT_TYPES[self.report_type].time == "time"

    def _times(self, display: DisplayFormat, zone: tzinfo) -> dict[str, str]:
        if self.period and self._takes_time:
            return {"time": display.format_period(self.period)}
        return {name: display.format_datetime(moment) for name, moment in self._range(zone).items()}

    def _range(self, zone: tzinfo) -> dict[str, datetime]:
        if self.period:
            window = self.period.window()
            return {"start_time": window.start, "end_time": window.end}
        ends = {"start_time": self.start_time, "end_time": self.end_time}
        found = {name: _by_pbx_clock(name, moment, zone) for name, moment in ends.items() if moment}
        if len(found) == len(ends):
            Window(found["start_time"], found["end_time"])  # refuses an empty one
        return found


def _by_pbx_clock(argument: str, moment: datetime, zone: tzinfo) -> datetime:
    local = to_pbx_local(moment, zone)
    # What is naive is by that clock already, and means both.
    if moment.tzinfo and occurs_twice(local, zone):
        raise InvalidRequestError(
            f"`{argument}` {moment.isoformat()} is {local:%H:%M:%S} by the PBX's clock, which goes back that day and "
            "shows this time twice: the PBX cannot be told which one is meant",
            remedy="Let the time frame begin and end outside of that hour; a period of the whole day does.",
        )
    return local


def build_request(**arguments: Any) -> ReportRequest:
    """Return the request for a report, or refuse what cannot be one.

    :param report_type: a built-in report's vendor name; exactly one of this and the next two.
    :param my_report_id: id of a user-created report.
    :param scheduled_report_id: id of a scheduled report; its schedule rules the rest, only ``need_detail`` is taken.
    :param period: ``2026-11-22``, ``2026-11`` or ``2026``.
    :param start_time: datetime or ISO 8601 text, instead of ``period``; the vendor allows either end alone.
    :param end_time: the same.
    :param parameters: the vendor's names; lists, bools and numbers as Python has them, None leaves out. Where ids are
        wanted, an int is an id; a text is a dialled number or a name, and an id where it is neither.
    :param file_format: ``csv`` (default), ``xls``, ``pdf``, ``html``; for a scheduled report what the file is to be.
    :param duration_format: ``seconds`` (default) or ``hhmmss``.
    :param asynchronous: whether an event announces the file.
    :param api_version: ``auto``, ``v1.0``, ``v2.0``; None is the connection's.
    :param check_ids: False sends ids as they are given, without looking them up on the PBX.
    :raises InvalidRequestError: one sentence: what is wrong, where, what to do.
    :raises TypeError: for an unknown argument.
    """
    return _check(_Arguments(**arguments), may_be_open=False)


def check_arguments(**arguments: Any) -> None:
    """Check the arguments of :func:`build_request` as far as they are known when a DAG is parsed.

    What is or holds a Jinja template, or is no plain value (the output of another task), is left for later.

    :raises InvalidRequestError: as :func:`build_request`.
    """
    _check(_Arguments(**arguments), may_be_open=True)


@dataclass
class _Arguments:
    report_type: Any = None
    my_report_id: Any = None
    scheduled_report_id: Any = None
    period: Any = None
    start_time: Any = None
    end_time: Any = None
    parameters: Any = None
    file_format: Any = "csv"
    duration_format: Any = "seconds"
    asynchronous: Any = True
    api_version: Any = None
    check_ids: Any = True


def _check(given: _Arguments, *, may_be_open: bool) -> ReportRequest:
    """Run every check that the known values allow; the result is of use only where nothing is open."""

    def known(value: Any) -> Any:
        return None if may_be_open and is_open(value) else value

    _check_one_report(given)
    _check_no_blanks(given)
    report_type = _report_type(known(given.report_type))
    parameters = check_parameters(known(given.parameters), may_be_open=may_be_open)
    _check_period_or_range(given)
    request = ReportRequest(
        report_type=report_type,
        my_report_id=_id("my_report_id", known(given.my_report_id)),
        scheduled_report_id=_id("scheduled_report_id", known(given.scheduled_report_id)),
        period=_period(known(given.period)),
        start_time=_moment("start_time", known(given.start_time)),
        end_time=_moment("end_time", known(given.end_time)),
        parameters=tuple(sorted(parameters.items())),
        file_format=_one_of("file_format", known(given.file_format) or "csv", FILE_FORMATS),
        duration_format=_one_of("duration_format", known(given.duration_format) or "seconds", _DURATION_FORMATS),
        asynchronous=_switch("asynchronous", known(given.asynchronous)),
        api_version=_one_of("api_version", known(given.api_version) or None, (*_API_VERSIONS, None)),
        check_ids=_switch("check_ids", known(given.check_ids)),
    )
    if given.scheduled_report_id is not None:
        _check_scheduled(given, parameters)
    if report_type:
        names_known = not (may_be_open and is_open(given.parameters))
        _check_for_type(report_type, given, parameters if names_known else None)
        _check_version(report_type, request.api_version)
    if request.start_time and request.end_time and not (request.start_time.tzinfo or request.end_time.tzinfo):
        Window(request.start_time, request.end_time)
    return request


def _check_one_report(given: _Arguments) -> None:
    names = ("report_type", "my_report_id", "scheduled_report_id")
    found = [name for name in names if getattr(given, name) not in (None, "")]
    if len(found) != 1:
        raise InvalidRequestError(f"Exactly one of {', '.join(names)} is wanted, not {' and '.join(found) or 'none'}")


def _check_no_blanks(given: _Arguments) -> None:
    """Refuse what a template rendered to nothing: without a time frame a PBX reports on all that it has."""
    for argument in TIME_FRAME:
        value = getattr(given, argument)
        if isinstance(value, str) and not value.strip():
            raise InvalidRequestError(f"`{argument}` is an empty text; give it a value or leave it out")


def _report_type(name: Any) -> str | None:
    if name in (None, ""):
        return None
    if name not in REPORT_TYPES:
        near = get_close_matches(str(name).lower(), REPORT_TYPES, n=3, cutoff=0.5)
        hint = f"The nearest are {', '.join(near)}." if near else f"Known are {', '.join(REPORT_TYPES)}."
        raise InvalidRequestError(
            f"There is no report_type {name!r}", remedy=f"{hint} A user-created report is asked for by my_report_id."
        )
    return str(name)


def _id(argument: str, value: Any) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value).strip()):
        raise InvalidRequestError(f"`{argument}` is {value!r}, not an id (a whole number)")
    return int(value)


def _one_of(argument: str, value: Any, allowed: Collection[str | None]) -> Any:
    if value not in allowed:
        names = ", ".join(name for name in allowed if name)
        raise InvalidRequestError(f"`{argument}` is {value!r}, not one of {names}")
    return value


def _switch(argument: str, value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InvalidRequestError(f"`{argument}` is {value!r}, neither True nor False")
    return value is not False


def _period(value: Any) -> Period | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # a year, of a template that is rendered to a native type
    if not isinstance(value, str):
        raise InvalidRequestError(f"`period` is {value!r}, not a text such as 2026-11-22, 2026-11 or 2026")
    return parse_period(value)


def _moment(argument: str, value: Any) -> datetime | None:
    return None if value is None else parse_moment(value, argument)


def _check_period_or_range(given: _Arguments) -> None:
    if given.period is not None and (given.start_time or given.end_time):
        raise InvalidRequestError(
            "Both period and start_time/end_time are given; they name the same thing, leave one out"
        )


def _check_scheduled(given: _Arguments, parameters: Mapping[str, ParameterValue]) -> None:
    if given.period or given.start_time or given.end_time:
        raise InvalidRequestError(
            "A scheduled report has the period of its schedule; leave period, start_time and end_time out"
        )
    foreign = sorted(set(parameters) - _SCHEDULED_PARAMETERS)
    if foreign:
        raise InvalidRequestError(
            f"A scheduled report takes need_detail alone; leave {', '.join(foreign)} out, or change the schedule"
        )


def _check_for_type(name: str, given: _Arguments, parameters: Mapping[str, ParameterValue] | None) -> None:
    report = REPORT_TYPES[name]
    if report.time == "time":
        if given.start_time or given.end_time:
            raise InvalidRequestError(
                f"The report {name} takes a day, month or year, not start_time/end_time; use period, such as 2026-11-22"
            )
        if not given.period:
            raise InvalidRequestError(f"The report {name} needs a period: a day, month or year, such as 2026-11-22")
    if parameters is None:
        return
    missing = [required for required in report.required if required not in parameters]
    if missing:
        raise InvalidRequestError(f"The report {name} needs {', '.join(missing)} in `parameters`")
    for parameter in parameters:
        served = PARAMETERS[parameter].reports if parameter in PARAMETERS else None
        if served and name not in served:
            raise InvalidRequestError(
                f"The parameter {parameter} is for {', '.join(served)}, not for {name}; leave it out"
            )


def _check_version(name: str, api_version: str | None) -> None:
    if api_version == "v1.0" and REPORT_TYPES[name].v2_only:
        raise InvalidRequestError(f"The report {name} exists in API v2.0 only, and api_version is v1.0")


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
        _check_version(request.report_type, version)
    return version
