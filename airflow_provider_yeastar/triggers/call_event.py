"""YeastarCallEventTrigger: events for the calls that ended on a PBX, in batches, to schedule DAGs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.concurrency.batching import batches
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.settings import check_seconds
from airflow_provider_yeastar.triggers.watching import WatchingTrigger

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.client import PbxClient

__all__ = ["YeastarCallEventTrigger"]


class YeastarCallEventTrigger(WatchingTrigger):
    """Fires for calls that ended on a PBX, a batch at a time; for ``AssetWatcher`` (Airflow 3).

    It fires when ``max_calls`` have ended, or ``max_seconds`` after the first of them. The payload holds ``calls``, a
    list in the order of the events, and ``yeastar_conn_id``. A call has the fields of the event by the vendor's names
    (``uid``, ``call_id``, ``time_start``, ``call_from``, ``call_to``, ``status``, ``type``, …), which are not those of
    a row of calls; its PIN code is left out. Airflow keeps the payload, phone numbers included, in its database.

    A PBX may leave out calls, and does not repeat those that ended while nobody listened: take the events for a sign
    that there are calls, and :class:`.YeastarCdrOperator` for all of them. Connections, losses and sharing are those of
    :class:`.YeastarReportEventTrigger`, whose socket it uses. Vendor's page: "Event 30012".

    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``; resolved once.
    :param max_calls: int, calls of a batch at the most, default ``1000``.
    :param max_seconds: seconds from the first call of a batch to its event, default ``60``.
    :raises InvalidRequestError: on Airflow 2.11, and for an argument that is no number above 0.
    """

    def __init__(
        self,
        *,
        yeastar_conn_id: str = YeastarHook.default_conn_name,
        max_calls: int = 1000,
        max_seconds: float = 60,
    ) -> None:
        super().__init__(yeastar_conn_id=yeastar_conn_id)
        given: object = max_calls  # a DAG file is not type-checked
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise InvalidRequestError(f"`max_calls` is {max_calls!r}, not a number of calls above 0")
        self.max_calls = max_calls
        self.max_seconds = check_seconds("`max_seconds`", max_seconds, InvalidRequestError)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, JSON types only."""
        path, arguments = super().serialize()
        return path, {**arguments, "max_calls": self.max_calls, "max_seconds": self.max_seconds}

    @classmethod
    async def watch(cls, client: PbxClient, conn_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Yield the fields of each call; never ends.

        :param client: of the PBX.
        :param conn_id: id of its Airflow connection.
        """
        async with aclosing(client.watch_calls()) as calls:
            async for call in calls:
                yield call.fields

    async def filter_shared_stream(self, shared_stream: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[TriggerEvent]:
        """Yield an event for each batch of calls.

        :param shared_stream: the fields of one call after the other.
        """
        async with aclosing(batches(shared_stream, most=self.max_calls, seconds=self.max_seconds)) as found:
            async for calls in found:
                yield TriggerEvent({"calls": calls, "yeastar_conn_id": self.yeastar_conn_id})
