"""Calls that older firmware recorded, which only v1.0 of the CDR interface lists: refused where v2.0 was asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_yeastar.pbx.calls.answers import oldest_in
from airflow_provider_yeastar.pbx.calls.query import CALL_APIS, CallQuery
from airflow_provider_yeastar.pbx.calls.reading import Ask, Page
from airflow_provider_yeastar.pbx.errors import InterfaceError, OlderCallsError

__all__ = ["refuse_older_calls"]

AskPage = Callable[[CallQuery, Ask], Coroutine[Any, Any, Page]]

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_LOOKS = 2
"""Before the oldest call that fits the filters, and before the oldest of all."""


async def refuse_older_calls(ask: AskPage, query: CallQuery, oldest: datetime | None, *, pbx: str) -> None:
    """Refuse a window of v2.0 that holds calls of older firmware.

    Such calls lie before all of v2.0: if v1.0 has some before the oldest of v2.0, and v2.0 has none before it, be it on
    the day before the window, the PBX was updated in between. Legs of v1.0 may bear times of their own [U], so those of
    a call that began before the window are no sign of it.

    :param ask: asks the PBX for a page.
    :param query: of the window.
    :param oldest: when the oldest call that v2.0 listed began, by the PBX's clock; None if it listed none.
    :param pbx: ``host:port``, for the message.
    :raises OlderCallsError: naming the window.
    """
    bare = replace(query, filters=())
    if query.filters and oldest is None:
        oldest = await _oldest(ask, bare)
    before = bare.start if oldest is None else bare.start - _DAY
    for _ in range(_LOOKS):
        end = bare.end if oldest is None else oldest - _SECOND
        if end < bare.start:
            return
        page = await _of_v1(ask, replace(bare, end=end, api=CALL_APIS["v1.0"]))
        if not page.total and not page.rows:
            return
        oldest = await _oldest(ask, replace(bare, start=before, end=end))
        if oldest is None:
            raise OlderCallsError(
                f"{query.words(query.span)} has {page.total or 'some'} calls that older firmware recorded, and the CDR "
                "interface v2.0 does not list them",
                pbx=pbx,
            )


async def _oldest(ask: AskPage, query: CallQuery) -> datetime | None:
    """Return when the oldest call of a window began; None without one, before the window if it tells no time."""
    rows = (await ask(query, Ask(query.span, rows=1))).rows
    return (oldest_in(list(rows), query) or query.start - _SECOND) if rows else None


async def _of_v1(ask: AskPage, query: CallQuery) -> Page:
    try:
        return await ask(query, Ask(query.span, rows=1))
    except InterfaceError:  # a firmware without v1.0 has no calls that only v1.0 reads
        return Page()
