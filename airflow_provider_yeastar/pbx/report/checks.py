"""The checks of a request's arguments, one function for each rule. Pure.

Each refuses what certainly is a mistake, in one sentence; what only might be one (an unknown value, a parameter of
newer firmware) passes. Vendor's pages: "Download a Call Report", "Download a Scheduled Report".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS, REPORT_TYPES
from airflow_provider_yeastar.pbx.report.clock import parse_moment
from airflow_provider_yeastar.pbx.report.parameters import ParameterValue, is_nothing
from airflow_provider_yeastar.pbx.report.periods import Period, RelativePeriod, parse_period

__all__ = [
    "Arguments",
    "check_for_type",
    "check_no_blanks",
    "check_one_report",
    "check_period_or_range",
    "check_scheduled",
    "check_version",
    "check_without_offset",
    "choice",
    "known_id",
    "known_moment",
    "known_period",
    "known_report_type",
    "one_of",
    "switch",
]

_SCHEDULED_PARAMETERS = frozenset({"need_detail"})


@dataclass
class Arguments:
    """The arguments of :func:`.build_request`, as they were given."""

    report_type: Any = None
    my_report_id: Any = None
    scheduled_report_id: Any = None
    period: Any = None
    start_time: Any = None
    end_time: Any = None
    parameters: Any = None
    file_format: Any = "csv"
    duration_format: Any = "seconds"
    asynchronous: Any = None
    api_version: Any = None
    check_ids: Any = True
    as_of: Any = None


def check_one_report(given: Arguments) -> None:
    """Refuse no report, and several."""
    names = ("report_type", "my_report_id", "scheduled_report_id")
    found = [name for name in names if getattr(given, name) is not None]
    if len(found) != 1:
        raise InvalidRequestError(f"Exactly one of {', '.join(names)} is wanted, not {' and '.join(found) or 'none'}")


def check_no_blanks(given: Arguments) -> None:
    """Refuse texts without content: without a time frame, for one, a PBX reports on all calls that it has."""
    for field in fields(given):
        value = getattr(given, field.name)
        if value is not None and is_nothing(value) and not isinstance(value, Mapping):
            text = str(value).strip()
            what = f"the text {text!r}" if text else "an empty text"
            raise InvalidRequestError(f"`{field.name}` is {what}; give it a value or leave it out")


def check_period_or_range(given: Arguments) -> None:
    """Refuse two time frames."""
    if given.period is not None and (given.start_time is not None or given.end_time is not None):
        raise InvalidRequestError(
            "Both period and start_time/end_time are given; they name the same thing, leave one out"
        )


def check_scheduled(given: Arguments, parameters: Mapping[str, ParameterValue]) -> None:
    """Refuse what a scheduled report does not take."""
    if any(value is not None for value in (given.period, given.start_time, given.end_time)):
        raise InvalidRequestError(
            "A scheduled report has the period of its schedule; leave period, start_time and end_time out"
        )
    foreign = sorted(set(parameters) - _SCHEDULED_PARAMETERS)
    if foreign:
        raise InvalidRequestError(
            f"A scheduled report takes need_detail alone; leave {', '.join(foreign)} out, or change the schedule"
        )


def check_for_type(
    name: str,
    given: Arguments,
    period: Period | RelativePeriod | None,
    parameters: Mapping[str, ParameterValue] | None,
) -> None:
    """Refuse what a built-in report does not take, and the lack of what it needs.

    :param name: the report's type.
    :param given: all arguments.
    :param period: the period, None where it is left out or not known yet.
    :param parameters: by name, None where they are not known yet.
    """
    if REPORT_TYPES[name].time == "time":
        _check_time(name, given, period)
    if parameters is None:
        return
    missing = [required for required in REPORT_TYPES[name].required if required not in parameters]
    if missing:
        raise InvalidRequestError(f"The report {name} needs {', '.join(missing)} in `parameters`")
    for parameter in parameters:
        served = PARAMETERS[parameter].reports if parameter in PARAMETERS else None
        if served and name not in served:
            raise InvalidRequestError(
                f"The parameter {parameter} is for {', '.join(served)}, not for {name}; leave it out"
            )


def _check_time(name: str, given: Arguments, period: Period | RelativePeriod | None) -> None:
    if given.start_time is not None or given.end_time is not None:
        raise InvalidRequestError(
            f"The report {name} takes a day, month or year, not start_time/end_time; use period, such as 2026-11-22"
        )
    if given.period is None:
        raise InvalidRequestError(f"The report {name} needs a period: a day, month or year, such as 2026-11-22")
    if isinstance(period, RelativePeriod) and not period.is_calendar:
        raise InvalidRequestError(
            f"The report {name} takes a day, month or year, not {period}; ask for each day, or for a month"
        )


def check_version(name: str, api_version: str | None) -> None:
    """Refuse a report that the API version does not have."""
    if api_version == "v1.0" and REPORT_TYPES[name].v2_only:
        raise InvalidRequestError(f"The report {name} exists in API v2.0 only, and api_version is v1.0")


def known_report_type(name: Any) -> str | None:
    """Return the name of a built-in report."""
    if name is None:
        return None
    if name not in REPORT_TYPES:
        from difflib import get_close_matches  # loaded for a mistake alone, not for each DAG file

        near = get_close_matches(str(name).lower(), REPORT_TYPES, n=3, cutoff=0.5)
        hint = f"The nearest are {', '.join(near)}." if near else f"Known are {', '.join(REPORT_TYPES)}."
        raise InvalidRequestError(
            f"There is no report_type {name!r}", remedy=f"{hint} A user-created report is asked for by my_report_id."
        )
    return str(name)


def known_id(argument: str, value: Any) -> int | None:
    """Return an id as a number."""
    if value is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]+", str(value).strip()):
        raise InvalidRequestError(f"`{argument}` is {value!r}, not an id (a whole number)")
    return int(value)


def one_of(argument: str, value: Any, allowed: Collection[str | None]) -> Any:
    """Return the value if it is allowed."""
    # An unhashable or foreign object, such as an unrendered list, is none of them either.
    if not any(value is option or (isinstance(value, str) and value == option) for option in allowed):
        names = ", ".join(name for name in allowed if name)
        raise InvalidRequestError(f"`{argument}` is {value!r}, not one of {names}")
    return value


def switch(argument: str, value: Any) -> bool:
    """Return a bool; None counts as True."""
    return choice(argument, value) is not False


def choice(argument: str, value: Any) -> bool | None:
    """Return a bool, or None where it is left open."""
    if value is not None and not isinstance(value, bool):
        raise InvalidRequestError(f"`{argument}` is {value!r}, neither True nor False")
    return value


def known_period(value: Any) -> Period | RelativePeriod | None:
    """Return a period; a year may come as a number, from a template that is rendered to a native type."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidRequestError(f"`period` is {value!r}, not a text such as 2026-11-22, 2026-11, 2026 or yesterday")
    return parse_period(value)


def known_moment(argument: str, value: Any) -> datetime | None:
    """Return a datetime, aware or naive."""
    return None if value is None else parse_moment(value, argument)


def check_without_offset(*moments: datetime | None) -> None:
    """Refuse times with UTC offset, where the connection does not name the PBX's time zone."""
    if any(moment is not None and moment.tzinfo is not None for moment in moments):
        raise InvalidRequestError(
            "`start_time` or `end_time` carries a UTC offset, and the connection does not name the PBX's time zone: "
            "the present offset of the PBX is wrong for half of the year",
            remedy="Set `timezone` in the Airflow connection, or give times of the PBX's clock without offset.",
        )
