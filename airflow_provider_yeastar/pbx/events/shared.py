"""What the waiters of one PBX application share in an event loop: one session, one token, one WebSocket.

A waiter that only queues costs nothing here but a number. The socket is opened by the first one whose turn it is, or
that wants to hear every event; it stays for those who follow, and the last one out closes it. Nothing here keeps an
event: who does not listen when it arrives has missed it, as it is with the PBX itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import TokenExpiredError, YeastarError
from airflow_provider_yeastar.pbx.events.websocket import EventChannel, open_channel
from airflow_provider_yeastar.pbx.http.transport import USER_AGENT
from airflow_provider_yeastar.pbx.session import PbxSession

__all__ = ["Listener", "PbxLink", "shared_link"]

Result = TypeVar("Result")

_TOKEN_LOOK_SECONDS = 20.0
"""Seconds between two looks of a listener whether the token is to be renewed, which is done a minute ahead."""
_CLOSE_TIMEOUT = 2.0
"""Seconds for giving a token back; Airflow gives a killed task five seconds for everything."""


class Listener:
    """The events that have arrived since somebody began to listen. Got from :meth:`PbxLink.listen`."""

    def __init__(self, link: PbxLink) -> None:
        self.last_event_at = 0.0
        """When the last event arrived that :meth:`next_event` has returned, by the event loop's clock."""
        self.is_connected = False
        self._link = link
        self._arrivals: asyncio.Queue[tuple[wire.EventFrame | YeastarError, float]] = asyncio.Queue()

    def take(self, arrival: wire.EventFrame | YeastarError) -> None:
        """Take what has just arrived: an event, or the end of the socket."""
        self._arrivals.put_nowait((arrival, asyncio.get_running_loop().time()))

    async def next_event(self) -> wire.EventFrame:
        """Return the next event 30027, in order of arrival.

        :raises NetworkError: when the socket is lost; the listener is then of no further use.
        :raises TokenExpiredError: when the PBX says so on the socket.
        """
        arrival, self.last_event_at = await self._next_arrival()
        if isinstance(arrival, YeastarError):
            self.take(arrival)  # whoever asks again is told again
            raise arrival
        return arrival

    async def _next_arrival(self) -> tuple[wire.EventFrame | YeastarError, float]:
        while True:
            try:
                async with asyncio.timeout(_TOKEN_LOOK_SECONDS):
                    return await self._arrivals.get()
            except TimeoutError:
                # While the socket lives, a token that cannot be renewed yet is no loss.
                with suppress(YeastarError):
                    await self._link.connect()

    def discard_pending(self) -> int:
        """Forget the events that have arrived so far, and return how many there were; a lost socket stays lost."""
        arrivals = [self._arrivals.get_nowait()[0] for _ in range(self._arrivals.qsize())]
        for arrival in arrivals:
            if isinstance(arrival, YeastarError):
                self.take(arrival)
        return sum(isinstance(arrival, wire.EventFrame) for arrival in arrivals)


class PbxLink:
    """The one way to a PBX. Got from :func:`shared_link`.

    :param session: whose login is shared.
    """

    def __init__(self, session: PbxSession) -> None:
        self.session = session
        self.users = 0
        self._channel: EventChannel | None = None
        self._rejected: str | None = None
        self._listeners: set[Listener] = set()
        self._connecting = asyncio.Lock()

    async def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return what a blocking method of the session returns."""
        try:
            return await in_thread(function, *arguments, of=self.session.settings.address)
        finally:
            self.session.announce_secrets()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listener]:
        """Hear all events from now on: when this is entered, the PBX has confirmed the subscription.

        :raises YeastarError: when there is no subscription to be had.
        """
        listener = Listener(self)
        self._listeners.add(listener)  # before, or what follows upon the confirmation at once would be missed
        try:
            await self.connect()
            listener.is_connected = True
            if self._channel and self._channel.failure:
                listener.take(self._channel.failure)
            yield listener
        finally:
            self._listeners.discard(listener)

    async def connect(self) -> None:
        """Have a subscribed socket whose token is good for a while.

        A socket whose token was replaced is replaced too, before the PBX cuts it off; the new one is subscribed before
        the old one is closed.
        """
        async with self._connecting:
            token = await self.call(self.session.token, self._rejected)
            if self._channel and not self._channel.failure and self._channel.token == token:
                return
            try:
                channel = await open_channel(self.session.settings, token, USER_AGENT, self._deliver)
            except TokenExpiredError:
                self._rejected = token
                raise
            former, self._channel = self._channel, channel
            if former:
                await former.close()

    async def disconnect(self) -> None:
        """Close the socket, if there is one."""
        channel, self._channel = self._channel, None
        if channel:
            await channel.close()

    async def close(self) -> None:
        """Close the socket and the session; a token that is not shared is given back."""
        try:
            await self.disconnect()
        finally:
            with suppress(TimeoutError):  # the token then expires by itself
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await in_thread(self.session.close)

    def _deliver(self, channel: EventChannel, arrival: wire.EventFrame | YeastarError) -> None:
        if isinstance(arrival, TokenExpiredError):
            self._rejected = channel.token
        for listener in self._listeners:
            # The end of a socket that has been replaced, or was not the listener's, is no loss.
            if isinstance(arrival, wire.EventFrame) or (channel is self._channel and listener.is_connected):
                listener.take(arrival)


_links: PerLoop[PbxLink] = PerLoop()


@asynccontextmanager
async def shared_link(key: Hashable, make_session: Callable[[], PbxSession]) -> AsyncIterator[PbxLink]:
    """Share the link of this event loop; the last user closes it.

    :param key: what must be the same to share: the settings, and where tokens are kept.
    :param make_session: makes the session for a new link.
    """
    link = _links.get(key, lambda: PbxLink(make_session()))
    link.users += 1
    try:
        yield link
    finally:
        link.users -= 1
        if not link.users:
            _links.forget(key)
            await link.close()
