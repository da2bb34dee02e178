"""Since when a PBX remembers: the oldest call of its history, for it deletes old calls and the reports of them. Pure.

Vendor's page: "Query a List of CDR" (v1.0 ``cdr/list``), of which without any order the oldest comes first [L].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from airflow_provider_yeastar.pbx.errors import NotAPbxError, NotFoundError, ParameterError, YeastarError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat

__all__ = ["CDR_LIST_ENDPOINT", "find_oldest_call"]

CDR_LIST_ENDPOINT = "openapi/v1.0/cdr/list"

_FIRST = {"page": "1", "page_size": "1"}
_SORTED = {"sort_by": "time", "order_by": "asc"}


def find_oldest_call(
    call: Callable[[str, Mapping[str, str]], Mapping[str, Any]],
    display: DisplayFormat | None,
    zone: tzinfo,
    *,
    pbx: str,
) -> datetime | None:
    """Return when the oldest call began that the PBX still has, None if it has none.

    :param call: asks the PBX.
    :param display: in which it writes times, None where that is unknown.
    :param zone: of the PBX.
    :param pbx: ``host:port``, for the message.
    :raises YeastarError: when the PBX does not tell.
    """
    try:
        try:
            answer = call(CDR_LIST_ENDPOINT, _FIRST | _SORTED)
        except ParameterError:
            answer = call(CDR_LIST_ENDPOINT, _FIRST)  # the order is not documented for this list
    except NotFoundError:
        return None
    rows = answer.get("data")
    if not rows:
        return None
    moment = _moment(rows[0], display, zone) if isinstance(rows, list) and isinstance(rows[0], dict) else None
    if moment is None:
        raise NotAPbxError("The PBX does not tell when its oldest call was", pbx=pbx, endpoint=CDR_LIST_ENDPOINT)
    return moment


def _moment(row: Mapping[str, Any], display: DisplayFormat | None, zone: tzinfo) -> datetime | None:
    """The seconds since 1970 go before the time by the PBX's clock, which an hour of the year has twice."""
    try:
        if row.get("timestamp"):
            return datetime.fromtimestamp(int(row["timestamp"]), UTC)
        return display.parse_datetime(str(row["time"])).replace(tzinfo=zone) if display else None
    except (YeastarError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
