"""What the PBX answers about calls: rows and their count, and whether they are of the time that was asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_yeastar.pbx.calls.query import CallQuery
from airflow_provider_yeastar.pbx.calls.reading import Page, Row
from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, NotAPbxError
from airflow_provider_yeastar.pbx.report.rows import check_says_something, with_clean_keys

__all__ = ["decode_page", "oldest_in", "refuse_other_times"]

_MOST = 10**12
_DAY = timedelta(days=1)


def decode_page(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> Page:
    """Return the rows of a successful answer, and how many there are in all.

    :param answer: a successful one; ``data`` may be null where nothing is found.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    :raises NotAPbxError: when ``data`` is no list of rows, and for an answer without ``data`` and without a count.
    """
    check_says_something(answer, "data" in answer, pbx=pbx, endpoint=endpoint)
    data = answer.get("data")
    rows = [] if data is None else data
    if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
        raise NotAPbxError("The answer's `data` is no list of rows", pbx=pbx, endpoint=endpoint)
    return Page(with_clean_keys(rows), _total(answer.get("total_number")))


def _total(value: object) -> int | None:
    """Return a count; None for what is none, which is then as good as missing."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value.strip(), re.ASCII):
        value = int(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST else None


def refuse_other_times(rows: list[Row], query: CallQuery, *, pbx: str) -> None:
    """Refuse rows of another time: a PBX passes over a parameter that it does not know.

    As they come in order, the first and the last tell. A day around the window counts: a call may begin or end there.

    :param rows: of one page.
    :param query: the window that was asked for.
    :param pbx: ``host:port``, for the message.
    :raises NotAPbxError: naming the window and the time of such a row.
    """
    for row in rows[:1] + rows[-1:]:
        moment = _moment(row, query)
        if moment is not None and not query.start - _DAY <= moment <= query.end + _DAY:
            raise NotAPbxError(
                f"The PBX was asked for {query.api.rows} from {query.words(query.span)}, and lists one of {moment}",
                pbx=pbx,
                endpoint=query.api.endpoint,
                remedy="Compare the PBX's date and time format with the Airflow connection; nothing was written.",
            )


def oldest_in(rows: list[Row], query: CallQuery) -> datetime | None:
    """Return when the oldest call of a page began, by the PBX's clock; None where the page does not tell.

    :param rows: of one page, which has the oldest first or last.
    :param query: the window that was asked for.
    """
    return min(filter(None, (_moment(row, query) for row in rows[:1] + rows[-1:])), default=None)


def _moment(row: Row, query: CallQuery) -> datetime | None:
    """Return when a call began, by the PBX's clock; None where the row does not tell."""
    try:
        if row.get("timestamp"):
            return datetime.fromtimestamp(int(row["timestamp"]), query.zone).replace(tzinfo=None)
        return query.display.parse_datetime(str(row["time"]))
    except (InvalidSettingsError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
