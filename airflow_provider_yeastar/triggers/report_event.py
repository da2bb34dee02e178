"""YeastarReportEventTrigger: an event for every report that is finished on a PBX, to schedule DAGs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_yeastar.hooks.connection import connect
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, YeastarError
from airflow_provider_yeastar.pbx.waiting.bounds import FILE_LIFE_SECONDS, AnnouncedReport
from airflow_provider_yeastar.runtime.outcome import iso_utc

__all__ = ["YeastarReportEventTrigger"]

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2.11 has no events to run DAGs by; it can load this module all the same
    BaseEventTrigger = BaseTrigger  # type: ignore[assignment, misc]  # mypy sees the newest Airflow's class


log = logging.getLogger(__name__)

_SETTINGS_SECONDS = 60.0
"""Seconds until a connection that is missing or invalid is read again."""


class YeastarReportEventTrigger(BaseEventTrigger):
    """Fires for every report that a PBX announces, whoever requested it; for ``AssetWatcher`` (Airflow 3).

    The payload holds ``file``, ``download_resource_url`` (relative, without token), ``ready_at``, ``expires_at``
    (ISO 8601, UTC) and ``yeastar_conn_id``. After a loss it connects again, for ever, with exponential back-off; a PBX
    does not repeat what it announced meanwhile. Triggers of one connection share one socket; from Airflow 3.3 on, one
    stream as well. A connection that is missing or refused is logged by the triggerer, and retried after a minute.
    Vendor's page: "Event 30027".

    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``; resolved once.
    :raises InvalidRequestError: on Airflow 2.11.
    """

    def __init__(self, *, yeastar_conn_id: str = YeastarHook.default_conn_name) -> None:
        if BaseEventTrigger is BaseTrigger:
            raise InvalidRequestError(
                "YeastarReportEventTrigger needs Airflow 3, whose assets can be watched", remedy="Use the sensor."
            )
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.yeastar_conn_id = yeastar_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, JSON types only."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"yeastar_conn_id": self.yeastar_conn_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each report; never ends."""
        async with aclosing(self.open_shared_stream({"yeastar_conn_id": self.yeastar_conn_id})) as reports:
            async for report in reports:
                yield TriggerEvent(report)

    def shared_stream_key(self) -> tuple[str, str]:
        """Name the stream that all triggers of one connection share."""
        return ("yeastar reports", self.yeastar_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> Any:
        """Yield the payload for each report; never ends.

        :param kwargs: arguments of one of the triggers that share it.
        """
        conn_id = kwargs["yeastar_conn_id"]
        while True:
            try:
                client = await connect(conn_id)
                async with aclosing(client.watch_reports()) as reports:
                    async for report in reports:
                        yield _payload(report, conn_id)
            except YeastarError as error:
                # A trigger that gave up would be started again at once, again and again.
                log.error("%s Trying again in %.0f s.", error, _SETTINGS_SECONDS)
            await asyncio.sleep(_SETTINGS_SECONDS)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[dict[str, Any]]) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each payload of the shared stream: every trigger wants them all.

        :param shared_stream: what :meth:`open_shared_stream` yields.
        """
        async for report in shared_stream:
            yield TriggerEvent(report)


def _payload(report: AnnouncedReport, conn_id: str) -> dict[str, Any]:
    return {
        "file": report.file,
        "download_resource_url": report.url,
        "ready_at": iso_utc(report.ready_at),
        "expires_at": iso_utc(report.ready_at + FILE_LIFE_SECONDS),
        "yeastar_conn_id": conn_id,
    }
