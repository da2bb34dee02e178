"""WatchingTrigger: what triggers have in common that fire for every event of a PBX, to schedule DAGs."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_yeastar.hooks.connection import connect
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, YeastarError

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.client import PbxClient

__all__ = ["WatchingTrigger"]

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2.11 has no events to run DAGs by; it can load this module all the same
    BaseEventTrigger = BaseTrigger  # type: ignore[assignment, misc]  # mypy sees the newest Airflow's class


log = logging.getLogger(__name__)

_SETTINGS_SECONDS = 60.0
"""Seconds until a connection that is missing or invalid is read again."""


class WatchingTrigger(BaseEventTrigger):
    """Fires for events of a PBX, whoever caused them. Who derives from it says in :meth:`watch` which.

    :param yeastar_conn_id: id of the Airflow connection; resolved once.
    :raises InvalidRequestError: on Airflow 2.11.
    """

    def __init__(self, *, yeastar_conn_id: str) -> None:
        if BaseEventTrigger is BaseTrigger:
            raise InvalidRequestError(
                f"{type(self).__name__} needs Airflow 3, whose assets can be watched",
                remedy="Use the sensor, or a schedule.",
            )
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.yeastar_conn_id = yeastar_conn_id

    @classmethod
    @abstractmethod
    def watch(cls, client: PbxClient, conn_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Yield the payload for each event of a PBX; never ends.

        :param client: of the PBX.
        :param conn_id: id of its Airflow connection.
        """

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, JSON types only."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"yeastar_conn_id": self.yeastar_conn_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the trigger's events; never ends."""
        stream = self.open_shared_stream({"yeastar_conn_id": self.yeastar_conn_id})
        async with aclosing(stream), aclosing(self.filter_shared_stream(stream)) as events:
            async for event in events:
                yield event

    def shared_stream_key(self) -> tuple[str, str]:
        """Name the stream that all triggers of one class and connection share."""
        return (type(self).__name__, self.yeastar_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> Any:
        """Yield the payload for each event; never ends.

        :param kwargs: arguments of one of the triggers that share it.
        """
        conn_id = kwargs["yeastar_conn_id"]
        while True:
            try:
                client = await connect(conn_id)
                async with aclosing(cls.watch(client, conn_id)) as payloads:
                    async for payload in payloads:
                        yield payload
            except YeastarError as error:
                # A trigger that gave up would be started again at once, again and again.
                log.error("%s Trying again in %.0f s.", error, _SETTINGS_SECONDS)
            await asyncio.sleep(_SETTINGS_SECONDS)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[TriggerEvent]:
        """Yield an event for each payload of the shared stream.

        :param shared_stream: what :meth:`open_shared_stream` yields.
        """
        async for payload in shared_stream:
            yield TriggerEvent(payload)
