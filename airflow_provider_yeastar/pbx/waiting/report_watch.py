"""Every finished report of a PBX, as it is announced: for DAGs that act on reports that others request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import UnsafeUrlError, YeastarError
from airflow_provider_yeastar.pbx.events.shared import SharedConnection
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.retrying import retrying

__all__ = ["watch_reports"]

log = logging.getLogger(__name__)

_STABLE_SECONDS = 60.0
"""Seconds for which a subscription must have stood to end a row of losses."""


async def watch_reports(connection: SharedConnection) -> AsyncGenerator[waiting.AnnouncedReport]:
    """Yield the finished reports that the PBX announces from now on; never ends.

    After a loss it connects again, for ever. The pauses grow while one loss follows another; a subscription that stood
    for a minute ends the row. What was announced meanwhile is lost, since the PBX repeats nothing. A token is renewed
    ahead of its end, so that it causes no gap.

    :param connection: to the PBX, shared with its waiters.
    """
    clock = asyncio.get_running_loop().time
    losses = _Losses()
    async for attempt in retrying(losses, then="Listening again"):
        subscribed_at = clock()
        with attempt:
            try:
                async with connection.listen() as events:
                    subscribed_at = clock()
                    log.info("Listening to the report events of PBX %s.", connection.session.settings.address)
                    while True:
                        for event in await events.next_events():
                            report = _announced(connection, event)
                            if report:
                                yield report
            finally:
                if clock() - subscribed_at >= _STABLE_SECONDS:
                    losses.in_a_row = 0


class _Losses(waiting.Setbacks):
    """The losses of a subscription; none of them is final."""

    def add(self, error: YeastarError) -> bool:
        super().add(error)
        return True


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
