"""The WebSocket of one PBX: the only asyncio I/O of this package.

:func:`open_channel` returns only when the PBX has confirmed the subscription, because an event is never replayed. A
channel reads on its own task, sends the heartbeat without which the PBX closes the socket after 60 seconds, and turns
every cause of its end, even a bug in the reader, into one error, which is the last thing that it delivers.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import CertificateError, NetworkError, NotAPbxError, YeastarError
from airflow_provider_yeastar.pbx.http.tls import certificate_complaint, make_ssl_context
from airflow_provider_yeastar.pbx.settings import PbxSettings

__all__ = ["HEARTBEAT_INTERVAL", "HEARTBEAT_REPLY_TIMEOUT", "EventChannel", "open_channel", "subscribe"]

HEARTBEAT_INTERVAL = 25.0
"""Seconds between two heartbeats; the PBX hangs up after 60 seconds of silence."""
HEARTBEAT_REPLY_TIMEOUT = 10.0
"""Seconds within which any frame must follow a heartbeat, else the connection counts as lost."""

log = logging.getLogger(__name__)

_ENDPOINT = "openapi/v1.0/subscribe"
_CLOSE_TIMEOUT = 1.0
_MAX_FRAME_BYTES = 1 << 20

# The library logs the handshake's request line, token included, at DEBUG: it gets a logger that keeps silent.
_silent = logging.getLogger(f"{__name__}.websocket")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False


class EventChannel:
    """A subscribed WebSocket. Made by :func:`open_channel`.

    :param socket: an open one.
    :param settings: where the PBX is.
    :param token: access token that the socket was opened with.
    :param deliver: is called with this channel and each event, and at last with the cause of its end.
    """

    def __init__(self, socket: ClientConnection, settings: PbxSettings, token: str, deliver: Deliver) -> None:
        self.token = token
        self.failure: YeastarError | None = None
        self._socket = socket
        self._settings = settings
        self._deliver = deliver
        self._subscribed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def confirm(self) -> None:
        """Send the list of topics and return when the PBX has confirmed it."""
        with suppress(ConnectionClosed):  # the reader tells why
            await self._socket.send(wire.encode_subscription(wire.REPORT_EVENT))
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
        awaiting_reply = False
        while self.failure is None:
            try:
                async with asyncio.timeout(HEARTBEAT_REPLY_TIMEOUT if awaiting_reply else HEARTBEAT_INTERVAL):
                    frame = await self._socket.recv()
                awaiting_reply = False
                self._take(frame)
            except TimeoutError:
                if awaiting_reply:
                    self.failure = self._lost("The PBX no longer answers the heartbeat")
                else:
                    awaiting_reply = True
                    with suppress(ConnectionClosed):  # the next recv tells
                        await self._socket.send(wire.HEARTBEAT)
            except ConnectionClosed:
                self.failure = self._lost("The PBX closed the event connection")

    def _take(self, frame: str | bytes) -> None:
        message = wire.decode_frame(frame, pbx=self._settings.address, endpoint=_ENDPOINT)
        if isinstance(message, wire.EventFrame):
            self._deliver(self, message)
        elif isinstance(message, wire.SubscribedFrame):
            self._subscribed.set()
        elif isinstance(message, wire.RefusalFrame):
            self.failure = message.error

    def _lost(self, what: str) -> NetworkError:
        return NetworkError(what, pbx=self._settings.address, endpoint=_ENDPOINT)


Deliver = Callable[[EventChannel, wire.EventFrame | YeastarError], None]


async def open_channel(settings: PbxSettings, token: str, user_agent: str, deliver: Deliver) -> EventChannel:
    """Open the PBX's WebSocket and subscribe to event 30027; return the channel when that is confirmed.

    :param settings: where the PBX is, and how to trust it.
    :param token: access token.
    :param user_agent: the PBX refuses requests without one.
    :param deliver: is called with the channel and each event, and at last with the cause of its end.
    :raises NetworkError: when there is no connection.
    :raises AnswerError: when the PBX refuses the subscription.
    """
    channel = EventChannel(await _connect(settings, token, user_agent), settings, token, deliver)
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


# Channels that trust alike share a context while one of them is open: one that holds the system's CAs takes half a MB.
_contexts: WeakValueDictionary[tuple[str | None, bool | str], ssl.SSLContext] = WeakValueDictionary()


def _ssl_context(settings: PbxSettings) -> ssl.SSLContext | None:
    """Return the context for a PBX that speaks TLS; reading CAs takes some 20 ms, too long for the event loop."""
    if settings.scheme != "https":
        return None
    trust = (settings.ssl_fingerprint, settings.verify)
    context = _contexts.get(trust)
    if context is None:
        context = _contexts[trust] = make_ssl_context(settings)
    return context


async def _connect(settings: PbxSettings, token: str, user_agent: str) -> ClientConnection:
    failure: YeastarError
    context = await in_thread(_ssl_context, settings)
    try:
        return await connect(
            f"{settings.events_url}?access_token={quote(token, safe='')}",
            user_agent_header=user_agent,
            ssl=context,
            # Frames are short, and the windows of zlib would be most of the memory that a channel takes.
            compression=None,
            open_timeout=settings.timeout,
            # The PBX has a heartbeat of its own; whether it answers the protocol's pings is not documented.
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT,
            max_size=_MAX_FRAME_BYTES,
            logger=_silent,
        )
    except InvalidStatus as error:
        failure = _refusal(error, settings)
    except (OSError, TimeoutError, WebSocketException) as error:
        failure = _failure(error, settings)
    # Raised outside of the except block: what the library raised can hold the URL with its token.
    raise failure


def _failure(error: Exception, settings: PbxSettings) -> YeastarError:
    where: dict[str, Any] = {"pbx": settings.address, "endpoint": _ENDPOINT}
    complaint = certificate_complaint(error)
    if complaint:
        return CertificateError(f"The TLS certificate of the PBX was not accepted: {complaint}", **where)
    reason = getattr(error, "strerror", None) or "no WebSocket handshake"
    return NetworkError(f"The event connection to the PBX failed: {reason}", **where)


def _refusal(error: InvalidStatus, settings: PbxSettings) -> YeastarError:
    """The PBX, or something before it, answered the handshake with plain HTTP."""
    status, body = error.response.status_code, bytes(error.response.body or b"")
    try:
        answer = wire.decode_answer(body, status, pbx=settings.address, endpoint=_ENDPOINT)
    except NotAPbxError as not_a_pbx:
        return not_a_pbx
    refused = wire.answer_error(answer, pbx=settings.address, endpoint=_ENDPOINT)
    return refused or NotAPbxError("The event connection was not opened", pbx=settings.address, endpoint=_ENDPOINT)
