"""Every finished report of a PBX, as it is announced: for whoever acts on reports that others ask for."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import UnsafeUrlError, YeastarError
from airflow_provider_yeastar.pbx.events.shared import PbxLink
from airflow_provider_yeastar.pbx.waiting import bounds as waiting

__all__ = ["watch_reports"]

log = logging.getLogger(__name__)


async def watch_reports(link: PbxLink) -> AsyncGenerator[waiting.AnnouncedReport]:
    """Yield the finished reports that the PBX announces from now on; never ends.

    After a loss it connects again, for ever, with growing pauses; what was announced meanwhile is lost, since the PBX
    repeats nothing. A token is renewed ahead of its end, so that it causes no gap.

    :param link: to the PBX, shared with its waiters.
    """
    losses = 0
    while True:
        try:
            async with link.listen() as events:
                log.info("Listening to the report events of PBX %s.", link.session.settings.address)
                losses = 0
                while True:
                    report = _announced(link, await events.next_event())
                    if report:
                        yield report
        except YeastarError as error:
            losses += 1
            delay = waiting.retry_delay(losses, random.random())
            log.warning("%s Listening again in %.0f s.", error, delay)
        await asyncio.sleep(delay)


def _announced(link: PbxLink, event: wire.EventFrame) -> waiting.AnnouncedReport | None:
    settings = link.session.settings
    if not event.succeeded:
        log.info("The PBX announced a report that failed: %s.", event.error or "it gave no reason")
        return None
    try:
        url = wire.file_url_path(event.url, settings.base_url, pbx=settings.address)
    except UnsafeUrlError as error:
        log.warning("%s", error)
        return None
    return waiting.AnnouncedReport(event.file, url, time.time())
