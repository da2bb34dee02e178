"""Every finished report and every ended call of a PBX, as it is announced: for DAGs that act on what others do."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import UnsafeUrlError, YeastarError
from airflow_provider_yeastar.pbx.events.shared import SharedConnection
from airflow_provider_yeastar.pbx.events.topics import ENDED_CALLS, REPORTS, EndedCall, Event, Topic
from airflow_provider_yeastar.pbx.waiting import bounds as waiting

__all__ = ["watch_calls", "watch_reports"]

log = logging.getLogger(__name__)

_STABLE_SECONDS = 60.0
"""Seconds for which a subscription must have stood to end a row of losses."""


async def watch_reports(connection: SharedConnection) -> AsyncGenerator[waiting.AnnouncedReport]:
    """Yield the finished reports that the PBX announces from now on; never ends. See :func:`watch_calls`.

    :param connection: to the PBX, shared with its waiters.
    """
    async with aclosing(_watch(connection, REPORTS)) as events:
        async for event in events:
            report = _announced(connection, event)
            if report:
                yield report


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
    losses = 0
    while True:
        subscribed_at = clock()
        try:
            async with connection.listen_to(topic) as events:
                subscribed_at = clock()
                log.info("Listening to events %d of PBX %s.", topic.number, connection.session.settings.address)
                while True:
                    for event in await events.next_events():
                        yield event
        except YeastarError as error:
            losses = 1 if clock() - subscribed_at >= _STABLE_SECONDS else losses + 1
            delay = waiting.retry_delay(losses, random.random())
            log.warning("%s Listening again in %.0f s.", error, delay)
        await asyncio.sleep(delay)


def _announced(connection: SharedConnection, event: wire.EventFrame) -> waiting.AnnouncedReport | None:
    settings = connection.session.settings
    if not event.succeeded:
        log.info("The PBX announced a report that failed: %s.", event.error or "it gave no reason")
        return None
    try:
        url = wire.file_url_path(event.url, settings.base_url, pbx=settings.address)
    except UnsafeUrlError as error:
        log.warning("%s", error)
        return None
    return waiting.AnnouncedReport(event.file, url, time.time())
