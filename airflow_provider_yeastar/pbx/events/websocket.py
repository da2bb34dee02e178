"""The WebSocket of one PBX: the only asyncio I/O of this package.

:func:`open_channel` returns only when the PBX has confirmed the subscription, because an event is never replayed. A
channel reads on its own task, sends the heartbeat without which the PBX closes the socket after 60 seconds, and turns
every cause of its end, even a bug in the reader, into one error, which is the last thing that it delivers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import NetworkError, YeastarError
from airflow_provider_yeastar.pbx.events.handshake import ENDPOINT, shake_hands
from airflow_provider_yeastar.pbx.events.topics import REPORTS, EndedCall, decode_frame
from airflow_provider_yeastar.pbx.settings import PbxSettings

__all__ = ["HEARTBEAT_INTERVAL", "HEARTBEAT_REPLY_TIMEOUT", "EventChannel", "open_channel", "subscribe"]

HEARTBEAT_INTERVAL = 25.0
"""Seconds between two heartbeats, whatever comes meanwhile: the PBX hangs up after 60 seconds of silence, and whether
its own events break the silence is unknown [U]."""
HEARTBEAT_REPLY_TIMEOUT = 10.0
"""Seconds within which any frame must follow a heartbeat, else the connection counts as lost."""

log = logging.getLogger(__name__)


class EventChannel:
    """A subscribed WebSocket. Made by :func:`open_channel`.

    :param socket: an open one.
    :param settings: where the PBX is.
    :param token: access token that the socket was opened with.
    :param deliver: is called with this channel and each event, and at last with the cause of its end.
    :param topics: numbers of the events to subscribe to.
    """

    def __init__(
        self,
        socket: ClientConnection,
        settings: PbxSettings,
        token: str,
        deliver: Deliver,
        topics: Collection[int],
    ) -> None:
        self.token = token
        self.topics = frozenset(topics)
        self.failure: YeastarError | None = None
        self._socket = socket
        self._settings = settings
        self._deliver = deliver
        self._subscribed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def confirm(self) -> None:
        """Send the list of topics and return when the PBX has confirmed it."""
        with suppress(ConnectionClosed):  # the reader tells why
            await self._socket.send(wire.encode_subscription(*sorted(self.topics)))
        confirmed = asyncio.create_task(self._subscribed.wait())
        try:
            await asyncio.wait(
                {confirmed, self._reader}, timeout=self._settings.timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            confirmed.cancel()
        # It may have been confirmed and refused in one breath.
        if self.failure or not self._subscribed.is_set():
            raise self.failure or self._lost("The PBX did not confirm the subscription to its events")

    async def close(self) -> None:
        """Close the socket; nothing more is delivered."""
        self._reader.cancel()
        try:
            await asyncio.wait({self._reader})
            await self._socket.close()
        except asyncio.CancelledError:
            self._socket.transport.abort()
            raise

    async def _read(self) -> None:
        """Read until the connection ends, and deliver why."""
        try:
            await self._read_frames()
        except Exception as error:  # noqa: BLE001 - the task's boundary: a reader that ends silently loses every event
            log.error("The reader of PBX %s's events failed with %s.", self._settings.address, type(error).__name__)
            self.failure = self._lost(f"The reader of the PBX's events failed with {type(error).__name__}")
        self._deliver(self, self.failure or self._lost("The event connection ended"))

    async def _read_frames(self) -> None:
        now = asyncio.get_running_loop().time
        heartbeat_at, reply_until = now() + HEARTBEAT_INTERVAL, None
        while self.failure is None:
            try:
                async with asyncio.timeout_at(reply_until or heartbeat_at):
                    frame = await self._socket.recv()
                reply_until = None
                self._take(frame)
            except TimeoutError:
                if reply_until:
                    self.failure = self._lost("The PBX no longer answers the heartbeat")
                else:
                    heartbeat_at, reply_until = now() + HEARTBEAT_INTERVAL, now() + HEARTBEAT_REPLY_TIMEOUT
                    with suppress(ConnectionClosed):  # the next recv tells
                        await self._socket.send(wire.HEARTBEAT)
            except ConnectionClosed:
                self.failure = self._lost("The PBX closed the event connection")

    def _take(self, frame: str | bytes) -> None:
        secrets = (self.token, self._settings.client_secret)
        message = decode_frame(frame, pbx=self._settings.address, endpoint=ENDPOINT, secrets=secrets)
        if isinstance(message, wire.EventFrame | EndedCall):
            self._deliver(self, message)
        elif isinstance(message, wire.SubscribedFrame):
            self._subscribed.set()
        elif isinstance(message, wire.RefusalFrame):
            self.failure = message.error

    def _lost(self, what: str) -> NetworkError:
        return NetworkError(what, pbx=self._settings.address, endpoint=ENDPOINT)


Deliver = Callable[[EventChannel, wire.EventFrame | EndedCall | YeastarError], None]


async def open_channel(
    settings: PbxSettings,
    token: str,
    user_agent: str,
    deliver: Deliver,
    topics: Collection[int] = (REPORTS.number,),
) -> EventChannel:
    """Open the PBX's WebSocket and subscribe to events; return the channel when that is confirmed.

    :param settings: where the PBX is, and how to trust it.
    :param token: access token.
    :param user_agent: the PBX refuses requests without one.
    :param deliver: is called with the channel and each event, and at last with the cause of its end.
    :param topics: numbers of the events, default 30027.
    :raises NetworkError: when there is no connection.
    :raises AnswerError: when the PBX refuses the subscription.
    """
    channel = EventChannel(await shake_hands(settings, token, user_agent), settings, token, deliver, topics)
    try:
        await channel.confirm()
    except BaseException:
        await channel.close()
        raise
    return channel


@asynccontextmanager
async def subscribe(settings: PbxSettings, token: str, user_agent: str) -> AsyncIterator[EventChannel]:
    """Subscribe and discard events; used by the doctor to test the connection. See :func:`open_channel`."""
    channel = await open_channel(settings, token, user_agent, lambda channel, arrival: None)
    try:
        yield channel
    finally:
        await channel.close()
