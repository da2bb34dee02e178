"""CallQuery: which calls are asked for, as each version of the CDR interface spells it. Pure.

The two versions differ in more than their path. On v1.0 a row is a leg, its key is ``new_id``, and times are Unix
seconds; on v2.0 a row is a call, its key is ``uid``, and times are written in the PBX's display format.
Vendor's pages: "Search CDR" of both versions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.masking import revealed, shown_value
from airflow_provider_yeastar.pbx.report.parameters import is_rendered_collection, joins_none

__all__ = [
    "CALL_APIS",
    "PAGE_ROWS",
    "CallApi",
    "CallQuery",
    "Span",
    "call_filters",
    "check_filter_name",
    "choose_cdr_version",
    "filter_value",
]

PAGE_ROWS = 10_000
"""Rows to ask for at once: the vendor's maximum, and default, on v1.0."""

# The CDR interface v2.0 came later than that of the reports (x.21.0.117); before, it answers -2.
_FIRST_V2_FIRMWARE = (23, 0, 123)


@dataclass(frozen=True)
class CallApi:
    """How one version of the interface is spoken to.

    :param version: ``v1.0`` or ``v2.0``.
    :param key: of a row.
    :param start: name of the parameter for the first second.
    :param end: name of the parameter for the last second.
    :param order: parameters that ask for ascending order, empty where that is the PBX's own.
    :param filters: names that the vendor documents, or public clients use.
    :param menus: the menu in which names stand for the ids that a filter takes.
    :param kind: first part of its path.
    :param rows: what its rows are, in messages.
    """

    version: str
    key: str
    start: str
    end: str
    order: Mapping[str, str]
    filters: frozenset[str]
    menus: Mapping[str, str] = field(default_factory=dict)
    kind: str = "cdr"
    rows: str = "calls"

    @property
    def endpoint(self) -> str:
        return f"openapi/{self.version}/{self.kind}/search"


CALL_APIS: Mapping[str, CallApi] = {
    "v1.0": CallApi(
        version="v1.0",
        key="new_id",
        start="start_time",
        end="end_time",
        order={},
        filters=frozenset(
            {
                "call_from",
                "call_to",
                "pin_code",
                "extension_group",
                "disposition_code_list",
                "call_note_remark",
                "status",
                "did",
                "enable_fuzzy_search",
            }
        ),
        menus={"extension_group": "ext_group"},
    ),
    "v2.0": CallApi(
        version="v2.0",
        key="uid",
        start="time_begin",
        end="time_end",
        order={"sort_by": "time", "order_by": "asc"},
        filters=frozenset(
            {"call_from", "call_to", "call_type", "last_status", "queue_list", "uid", "recording_type", "account_code"}
        ),
        menus={"queue_list": "queue"},
    ),
}


@dataclass(frozen=True)
class Span:
    """A stretch of time, both ends included, in whole seconds of a clock that only goes forward.

    On v1.0 these are Unix seconds. On v2.0 they count the seconds of the PBX's own clock since 1970: an hour that the
    clock shows twice is one hour of it, since the PBX cannot be asked for one of the two.
    """

    first: int
    last: int

    def halves(self) -> tuple[Span, Span] | None:
        """Return both halves, None for a single second."""
        if self.first >= self.last:
            return None
        middle = (self.first + self.last) // 2
        return Span(self.first, middle), Span(middle + 1, self.last)


@dataclass(frozen=True)
class CallQuery:
    """The calls of a time window.

    :param start: first second, by the PBX's clock (naive).
    :param end: last second, by the PBX's clock (naive).
    :param api: the version of the interface.
    :param zone: of the PBX.
    :param display: the PBX's display format.
    :param filters: further parameters by the vendor's names, ids as the PBX has them.
    :param unix: whether times are sent as Unix seconds; v1.0 takes them on every PBX seen, and complains elsewhere.
    """

    start: datetime
    end: datetime
    api: CallApi
    zone: tzinfo
    display: DisplayFormat
    filters: tuple[tuple[str, str], ...] = ()
    unix: bool = True

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise InvalidRequestError(f"The time window ends before it begins: {self.start} to {self.end}")

    @property
    def span(self) -> Span:
        """The whole window."""
        if self.api.version == "v1.0":
            # Of an hour that the clock shows twice, both are meant.
            first = self.start.replace(tzinfo=self.zone, fold=0).timestamp()
            last = self.end.replace(tzinfo=self.zone, fold=1).timestamp()
            return Span(int(first), int(last))
        return Span(_wall_seconds(self.start), _wall_seconds(self.end))

    def parameters(self, span: Span, page: int, rows: int) -> dict[str, str]:
        """Return the query of one page.

        :param span: part of the window.
        :param page: counted from 1.
        :param rows: to ask for at once.
        """
        times = {self.api.start: self._spelled(span.first), self.api.end: self._spelled(span.last)}
        return {**times, **dict(self.filters), **self.api.order, "page": str(page), "page_size": str(rows)}

    def _spelled(self, second: int) -> str:
        if self.api.version == "v1.0":
            if self.unix:
                return str(second)
            return self.display.format_datetime(datetime.fromtimestamp(second, self.zone).replace(tzinfo=None))
        return self.display.format_datetime(_wall_time(second))

    def words(self, span: Span) -> str:
        """Return a part of the window for messages, by the PBX's clock."""
        ends = (span.first, span.last)
        if self.api.version == "v1.0":
            moments = [datetime.fromtimestamp(second, self.zone).replace(tzinfo=None) for second in ends]
        else:
            moments = [_wall_time(second) for second in ends]
        return " to ".join(moment.isoformat(" ") for moment in moments)


def _wall_seconds(moment: datetime) -> int:
    return int((moment.replace(tzinfo=UTC, fold=0) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))


def _wall_time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None)


def choose_cdr_version(wanted: str, firmware: str) -> str:
    """Return the version of the CDR interface, ``v1.0`` or ``v2.0``.

    It is decided apart from that of call reports: v2.0 of ``cdr/*`` exists from firmware x.23.0.123 on. A firmware that
    the PBX does not tell is old.

    :param wanted: ``auto``, ``v1.0`` or ``v2.0``.
    :param firmware: the PBX's, such as ``37.23.0.123``; the first number tells the edition and does not count.
    """
    if wanted != "auto":
        return wanted
    parts = re.match(r"\d+\.(\d+)\.(\d+)\.(\d+)", firmware)
    return "v2.0" if parts and tuple(map(int, parts.groups())) >= _FIRST_V2_FIRMWARE else "v1.0"


def call_filters(filters: Mapping[str, Any] | None, api: CallApi) -> dict[str, str | list[int | str]]:
    """Return filters as they may be sent, lists as lists; names of newer firmware pass.

    :param filters: the vendor's names; texts, whole numbers, or lists of them.
    :param api: which version they are for.
    :raises InvalidRequestError: for a name that belongs to the other version or looks like a slip of one, and for a
        value that is empty or of another type: left out, it would widen the request to all calls.
    """
    return {_filter_name(name, api): filter_value(name, value) for name, value in (filters or {}).items()}


def check_filter_name(name: Any) -> None:
    """Refuse what is the name of a filter in no version of the interface.

    :raises InvalidRequestError: one sentence.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InvalidRequestError(f"The filter {name!r} is no parameter's name; names are like call_from")


def _filter_name(name: str, api: CallApi) -> str:
    check_filter_name(name)
    if name in api.filters:
        return name
    own = {api.start, api.end, "page", "page_size", "sort_by", "order_by", "access_token"}
    if name in own or name in ("start_time", "end_time", "time_begin", "time_end"):
        raise InvalidRequestError(f"`filters` holds {name}, which the operator sets itself; use its own arguments")
    if api.kind != "cdr":  # a PBX passes over what it does not know, and would list all
        raise InvalidRequestError(
            f"There is no filter {name!r} of {api.rows}; there are {', '.join(sorted(api.filters))}"
        )
    for other in CALL_APIS.values():
        if name in other.filters:
            raise InvalidRequestError(
                f"The filter {name} belongs to the CDR interface {other.version}, and {api.version} is asked",
                remedy=f"Leave it out, or set `api_version` to {other.version}. "
                f"{api.version} knows {', '.join(sorted(api.filters))}.",
            )
    if near := get_close_matches(name, api.filters, n=2, cutoff=0.75):
        raise InvalidRequestError(f"There is no filter {name!r}; the nearest are {', '.join(near)}")
    return name


def filter_value(name: str, value: Any) -> str | list[int | str]:
    """Return the value of a filter as it may be sent.

    :param name: of the filter.
    :param value: a text, a whole number, or a list of them.
    :raises InvalidRequestError: if it is anything else, or nothing.
    """
    value = revealed(value)
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            raise InvalidRequestError(f"The filter {name} is an empty list; give it a value or leave it out")
        return [_scalar(name, item) for item in value]
    return str(_scalar(name, value))


def _scalar(name: str, value: Any) -> int | str:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str) and is_rendered_collection(value):
        raise InvalidRequestError(
            f"The filter {name} is the text {shown_value(name, value)}, to which a template rendered a list",
            remedy="Add `| join(',')` to the template, or give the DAG render_template_as_native_obj=True.",
        )
    if isinstance(value, str) and value.replace(",", "").strip() and not joins_none(value):
        return value.strip()
    raise InvalidRequestError(
        f"The filter {name} is {shown_value(name, value)}, neither a text nor a whole number; or leave it out"
    )
