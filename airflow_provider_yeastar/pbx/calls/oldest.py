"""What a PBX remembers: how many calls, and since when, for it deletes old calls and the reports of them. Pure.

Vendor's page: "Query a List of CDR" (v1.0 ``cdr/list``), of which without any order the oldest comes first [L].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from airflow_provider_yeastar.pbx.calls.answers import decode_page
from airflow_provider_yeastar.pbx.calls.reading import cap_doubt
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import NotAPbxError, NotFoundError, ParameterError, YeastarError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat

__all__ = ["CDR_LIST_ENDPOINT", "History", "read_history"]

CDR_LIST_ENDPOINT = "openapi/v1.0/cdr/list"

_FIRST = {"page": "1", "page_size": "1"}
_SORTED = {"sort_by": "time", "order_by": "asc"}


@dataclass(frozen=True)
class History:
    """The calls that a PBX still has.

    :param oldest: when the oldest one began, aware; None if there is none.
    :param count: how many records there are, one for each leg of a call; None if the PBX does not tell.
    """

    oldest: datetime | None = None
    count: int | None = None

    def words(self, zone: tzinfo) -> str:
        """Return in one clause what is there, and of which days a report may hold less than it once did.

        :param zone: of the PBX.
        """
        if self.oldest is None:
            return "the PBX has no calls"
        day = self.oldest.astimezone(zone).date()
        records = f"{'records' if self.count is None else counted(self.count, 'record')} of calls"
        told = (
            f"{records}, the oldest of {day}: a re-run of {day} or of an earlier day may find less than was there once"
        )
        doubt = cap_doubt(self.count)
        return f"{told}; {doubt}" if doubt else told


def read_history(
    call: Callable[[str, Mapping[str, str]], Mapping[str, Any]],
    display: DisplayFormat | None,
    zone: tzinfo,
    *,
    pbx: str,
) -> History:
    """Return what the PBX still has of its calls; it is asked for the oldest one.

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
        return History()
    rows = answer.get("data")
    if not rows:
        return History()
    moment = _moment(rows[0], display, zone) if isinstance(rows, list) and isinstance(rows[0], dict) else None
    if moment is None:
        raise NotAPbxError("The PBX does not tell when its oldest call was", pbx=pbx, endpoint=CDR_LIST_ENDPOINT)
    return History(moment, decode_page(answer, pbx=pbx, endpoint=CDR_LIST_ENDPOINT).total)


def _moment(row: Mapping[str, Any], display: DisplayFormat | None, zone: tzinfo) -> datetime | None:
    """The seconds since 1970 go before the time by the PBX's clock, which an hour of the year has twice."""
    try:
        if row.get("timestamp"):
            return datetime.fromtimestamp(int(row["timestamp"]), UTC)
        return display.parse_datetime(str(row["time"])).replace(tzinfo=zone) if display else None
    except (YeastarError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
