"""Every finished report and every ended call of a PBX, as it is announced: for DAGs that act on what others do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import UnsafeUrlError, YeastarError
from airflow_provider_yeastar.pbx.events.shared import SharedConnection
from airflow_provider_yeastar.pbx.events.topics import ENDED_CALLS, REPORTS, EndedCall, Event, Topic
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.retrying import retrying

__all__ = ["watch_calls", "watch_reports"]

log = logging.getLogger(__name__)

_TELL_SECONDS = 60.0
_STABLE_SECONDS = 60.0
"""Seconds for which a subscription must have stood to end a row of losses."""


async def watch_reports(connection: SharedConnection) -> AsyncGenerator[waiting.AnnouncedReport]:
    """Yield the finished reports that the PBX announces from now on; never ends. See :func:`watch_calls`.

    :param connection: to the PBX, shared with its waiters.
    """
    clock = asyncio.get_running_loop().time
    passed_over = _PassedOver()
    async with aclosing(_watch(connection, REPORTS)) as events:
        async for event in events:
            report = _announced(connection, event)
            if isinstance(report, waiting.AnnouncedReport):
                yield report
            else:
                passed_over.tell(report, clock())


async def watch_calls(connection: SharedConnection) -> AsyncGenerator[EndedCall]:
    """Yield the calls of which the PBX says from now on that they ended; never ends.

    After a loss it connects again, for ever. The pauses grow while one loss follows another; a subscription that stood
    for a minute ends the row. What was announced meanwhile is lost, since the PBX repeats nothing. A token is renewed
    ahead of its end, so that it causes no gap.

    :param connection: to the PBX, shared with its waiters.
    """
    async with aclosing(_watch(connection, ENDED_CALLS)) as calls:
        async for call in calls:
            yield call


async def _watch(connection: SharedConnection, topic: Topic[Event]) -> AsyncGenerator[Event]:
    clock = asyncio.get_running_loop().time
    losses = _Losses()
    async for attempt in retrying(losses, then="Listening again"):
        subscribed_at = clock()
        with attempt, connection.session.hiding_secrets():
            try:
                async with connection.listen_to(topic) as events:
                    subscribed_at = clock()
                    log.info("Listening to events %d of PBX %s.", topic.number, connection.session.settings.address)
                    while True:
                        for event in await events.next_events():
                            yield event
            finally:
                if clock() - subscribed_at >= _STABLE_SECONDS:
                    losses.in_a_row = 0


class _Losses(waiting.Setbacks):
    """The losses of a subscription; none of them is final."""

    def add(self, error: YeastarError) -> bool:
        super().add(error)
        return True


class _PassedOver:
    """Logs why events are passed over: one line a minute, because a PBX gone mad sends thousands a second."""

    def __init__(self) -> None:
        self._silent_until = 0.0
        self._untold = 0

    def tell(self, why: str, now: float) -> None:
        """Log it, or count it for the next line.

        :param why: one sentence.
        :param now: seconds of a clock that never goes back.
        """
        if now < self._silent_until:
            self._untold += 1
            return
        log.warning("%s%s", why, f" {self._untold} more events were passed over before." if self._untold else "")
        self._silent_until, self._untold = now + _TELL_SECONDS, 0


def _announced(connection: SharedConnection, event: wire.EventFrame) -> waiting.AnnouncedReport | str:
    """Return the report of an event, or why it is passed over."""
    settings = connection.session.settings
    if not event.succeeded:
        return f"The PBX announced a report that failed: {event.error or 'it gave no reason'}."
    try:
        url = wire.file_url_path(event.url, settings.base_url, pbx=settings.address)
    except UnsafeUrlError as error:
        return str(error)
    return waiting.AnnouncedReport(event.file, url, time.time())
