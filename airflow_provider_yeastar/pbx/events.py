"""The WebSocket of one PBX: the only asyncio I/O of this package.

:func:`subscribe` hands out a channel only when the PBX has confirmed the subscription, because an event is never
replayed. A channel reads all the time on its own task, sends the heartbeat without which the PBX drops the link after
60 seconds, and turns every way of dying into one error at :meth:`EventChannel.next_event`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import CertificateError, NetworkError, NotAPbxError, YeastarError
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.tls import certificate_complaint, make_ssl_context

__all__ = ["HEARTBEAT_INTERVAL", "HEARTBEAT_REPLY_TIMEOUT", "EventChannel", "subscribe"]

HEARTBEAT_INTERVAL = 25.0
"""Seconds between two heartbeats; the PBX hangs up after 60 seconds of silence."""
HEARTBEAT_REPLY_TIMEOUT = 10.0
"""Seconds within which any frame must follow a heartbeat, else the link counts as dead."""

_ENDPOINT = "openapi/v1.0/subscribe"
_CLOSE_TIMEOUT = 1.0
_MAX_FRAME_BYTES = 1 << 20

# The library logs the handshake's request line, token included, at DEBUG: it gets a logger that keeps silent.
_silent = logging.getLogger(f"{__name__}.websocket")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False


class EventChannel:
    """A subscribed WebSocket. Made by :func:`subscribe`."""

    def __init__(self, socket: ClientConnection, settings: PbxSettings) -> None:
        self._socket = socket
        self._settings = settings
        self._arrivals: asyncio.Queue[wire.EventFrame | YeastarError] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def next_event(self) -> wire.EventFrame:
        """Return the next event 30027, in order of arrival.

        :raises NetworkError: when the link is lost; the channel is then of no further use.
        :raises TokenExpiredError: when the PBX says so on the socket.
        """
        arrival = await self._arrivals.get()
        if isinstance(arrival, YeastarError):
            # Whoever asks again is told again.
            self._arrivals.put_nowait(arrival)
            raise arrival
        return arrival

    def discard_pending(self) -> int:
        """Forget the events that have arrived so far, and return how many there were; a lost link stays lost."""
        arrivals = [self._arrivals.get_nowait() for _ in range(self._arrivals.qsize())]
        for arrival in arrivals:
            if isinstance(arrival, YeastarError):
                self._arrivals.put_nowait(arrival)
        return sum(1 for arrival in arrivals if isinstance(arrival, wire.EventFrame))

    async def confirm(self) -> None:
        """Send the list of topics and return when the PBX has confirmed it."""
        await self._socket.send(wire.encode_subscription(wire.REPORT_EVENT))
        confirmed = asyncio.create_task(self._subscribed.wait())
        try:
            await asyncio.wait(
                {confirmed, self._reader}, timeout=self._settings.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not self._subscribed.is_set():
                if self._reader.done():
                    await self.next_event()
                raise self._lost("The PBX did not confirm the subscription to its events")
        finally:
            confirmed.cancel()

    async def close(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        """Read until the link dies; the cause is the last thing that arrives."""
        awaiting_reply = False
        failure: YeastarError | None = None
        while failure is None:
            try:
                async with asyncio.timeout(HEARTBEAT_REPLY_TIMEOUT if awaiting_reply else HEARTBEAT_INTERVAL):
                    frame = await self._socket.recv()
                awaiting_reply = False
                failure = self._take(frame)
            except TimeoutError:
                if awaiting_reply:
                    failure = self._lost("The PBX no longer answers the heartbeat")
                else:
                    awaiting_reply = True
                    with suppress(ConnectionClosed):  # the next recv tells
                        await self._socket.send(wire.HEARTBEAT)
            except ConnectionClosed:
                failure = self._lost("The PBX closed the event connection")
        self._arrivals.put_nowait(failure)

    def _take(self, frame: str | bytes) -> YeastarError | None:
        message = wire.decode_frame(frame, pbx=self._settings.address, endpoint=_ENDPOINT)
        if isinstance(message, wire.EventFrame):
            self._arrivals.put_nowait(message)
        elif isinstance(message, wire.SubscribedFrame):
            self._subscribed.set()
        elif isinstance(message, wire.RefusalFrame):
            return message.error
        return None

    def _lost(self, what: str) -> NetworkError:
        return NetworkError(what, pbx=self._settings.address, endpoint=_ENDPOINT)


@asynccontextmanager
async def subscribe(settings: PbxSettings, token: str, user_agent: str) -> AsyncIterator[EventChannel]:
    """Open the PBX's WebSocket and subscribe to event 30027; the channel is handed out once that is confirmed.

    :param settings: where the PBX is, and how to trust it.
    :param token: access token.
    :param user_agent: the PBX refuses requests without one.
    :raises NetworkError: when there is no connection.
    :raises AnswerError: when the PBX refuses the subscription.
    """
    socket = await _connect(settings, token, user_agent)
    try:
        channel = EventChannel(socket, settings)
        try:
            await channel.confirm()
            yield channel
        finally:
            await channel.close()
    finally:
        await socket.close()


async def _connect(settings: PbxSettings, token: str, user_agent: str) -> ClientConnection:
    failure: YeastarError
    try:
        return await connect(
            f"{settings.events_url}?access_token={quote(token, safe='')}",
            user_agent_header=user_agent,
            ssl=make_ssl_context(settings) if settings.scheme == "https" else None,
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
