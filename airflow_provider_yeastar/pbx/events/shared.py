"""What the waiters of one PBX application share in an event loop: one session, one token, one WebSocket.

A queued waiter holds no socket and no thread. The first waiter that listens opens the socket; it stays for those who
follow, and the last one closes it. Events are not stored: a waiter that does not listen when one arrives misses it, as
the PBX itself has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Generic, TypeVar

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import TokenExpiredError, YeastarError
from airflow_provider_yeastar.pbx.events.overlap import Overlap
from airflow_provider_yeastar.pbx.events.topics import REPORTS, EndedCall, Event, Topic
from airflow_provider_yeastar.pbx.events.websocket import EventChannel, open_channel
from airflow_provider_yeastar.pbx.http.transport import USER_AGENT
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.state.interface import SharedState

__all__ = ["Listener", "SharedConnection", "shared_connection"]

Result = TypeVar("Result")

_TOKEN_LOOK_SECONDS = 20.0
"""Seconds between two checks of a listener whether the token has to be renewed, which is done a minute ahead."""
_CLOSE_TIMEOUT = 2.0
"""Seconds for revoking a token; Airflow gives a killed task five seconds for everything."""


class Listener(Generic[Event]):
    """The events that have arrived since somebody began to listen. Got from :meth:`SharedConnection.listen`.

    :param connection: to the PBX.
    :param topic: of the events.
    """

    def __init__(self, connection: SharedConnection, topic: Topic[Event]) -> None:
        self.topic: Topic[Event] = topic
        self.failure: YeastarError | None = None
        """Why the socket was lost, None while the subscription has stood without a break."""
        self.is_connected = False
        self._connection = connection
        self._events: list[Event] = []
        self._arrived = asyncio.Event()

    def take(self, arrival: Event | YeastarError) -> None:
        """Take what has just arrived: an event, or the end of the socket."""
        if isinstance(arrival, YeastarError):
            self.failure = self.failure or arrival
        else:
            self._events.append(arrival)
        self._arrived.set()

    @property
    def is_lost(self) -> bool:
        """Whether the subscription was interrupted; the listener is then of no further use."""
        return self.failure is not None

    def take_pending(self) -> tuple[Event, ...]:
        """Return the events that have arrived and were not returned yet, in order of arrival."""
        pending, self._events = tuple(self._events), []
        if not self.is_lost:
            self._arrived.clear()
        return pending

    async def wait(self) -> None:
        """Return when an event has arrived that was not returned yet, or the socket is lost."""
        while True:
            try:
                async with asyncio.timeout(_TOKEN_LOOK_SECONDS):
                    await self._arrived.wait()
                return
            except TimeoutError:
                # While the socket lives, a token that cannot be renewed yet is no loss.
                with suppress(YeastarError):
                    await self._connection.connect()

    async def next_events(self) -> tuple[Event, ...]:
        """Return the next events, at least one.

        :raises YeastarError: once the socket is lost, and all events that came before have been returned.
        """
        await self.wait()
        events = self.take_pending()
        if not events and self.failure:
            raise self.failure
        return events


class SharedConnection:
    """The one connection to a PBX in an event loop. Got from :func:`shared_connection`.

    :param session: whose login is shared.
    :param state: what processes and hosts share.
    """

    def __init__(self, session: PbxSession, state: SharedState) -> None:
        self.session = session
        self.state = state
        self.users = 0
        self._channel: EventChannel | None = None
        self._overlap = Overlap()
        self._rejected: str | None = None
        self._listeners: set[Listener[Any]] = set()
        self._connecting = asyncio.Lock()
        self._naming = asyncio.Lock()
        self._is_named = False

    async def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return what a blocking method of the session returns."""
        try:
            return await in_thread(function, *arguments, of=self.session.settings.address)
        finally:
            self.session.announce_secrets()

    async def pbx_id(self) -> str:
        """Return the PBX's name in the shared state; all waiters together ask for it once.

        It changes when another PBX has taken the place of the former one.
        """
        async with self._naming:
            if not self._is_named:
                await self.call(self.session.pbx_id)
                self._is_named = True
            return self.session.pbx_id()  # known by now, so that nothing is read

    @asynccontextmanager
    async def listen_to(self, topic: Topic[Event]) -> AsyncIterator[Listener[Event]]:
        """Receive all events of a topic from now on: when this is entered, the PBX has confirmed the subscription.

        :param topic: what to hear.
        :raises YeastarError: if the PBX does not confirm one.
        """
        listener = Listener(self, topic)
        self._listeners.add(listener)  # before, or what follows the confirmation at once would be missed
        try:
            await self.connect(topic)
            listener.is_connected = True
            if self._channel and self._channel.failure:
                listener.take(self._channel.failure)
            yield listener
        finally:
            self._listeners.discard(listener)

    def listen(self) -> AbstractAsyncContextManager[Listener[wire.EventFrame]]:
        """Receive the announcements of reports; see :meth:`listen_to`."""
        return self.listen_to(REPORTS)

    async def connect(self, topic: Topic[Any] | None = None) -> None:
        """Ensure a socket whose token is valid for a while, subscribed to what its listeners want to hear.

        A socket whose token was replaced is replaced too, before the PBX closes it, and so is one that lacks a topic;
        the new one is subscribed before the old one is closed. What both announce meanwhile is delivered once. If the
        PBX refuses a further topic, those who listen already keep their socket.

        :param topic: of a further listener.
        :raises YeastarError: if there is none, also if the PBX confirms and refuses the subscription in one breath.
        """
        async with self._connecting:
            token = self.session.known_token(self._rejected)
            if token is None:
                token = await self.call(self.session.token, self._rejected)
            topics = {listener.topic.number for listener in self._listeners if listener.is_connected}
            topics |= {topic.number} if topic else set()
            channel = self._channel
            if channel and not channel.failure and channel.token == token and topics <= channel.topics:
                return
            self._overlap.begin()
            try:
                channel = await open_channel(self.session.settings, token, USER_AGENT, self._deliver, topics)
                former, self._channel = self._channel, channel
                if former:
                    await former.close()
            except TokenExpiredError:
                self._take_refusal(token)
                raise
            finally:
                self._overlap.end(asyncio.get_running_loop().time())

    def _take_refusal(self, token: str) -> None:
        self._rejected = token
        self.session.doubt_facts()

    async def disconnect(self) -> None:
        """Close the socket, if there is one."""
        channel, self._channel = self._channel, None
        if channel:
            await channel.close()

    async def close(self) -> None:
        """Close the socket and the session; a token that is not shared is revoked."""
        try:
            await self.disconnect()
        finally:
            with suppress(TimeoutError):  # the token then expires by itself
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await in_thread(self.session.close)

    def _deliver(self, channel: EventChannel, arrival: wire.EventFrame | EndedCall | YeastarError) -> None:
        if isinstance(arrival, YeastarError):
            if isinstance(arrival, TokenExpiredError):
                self._take_refusal(channel.token)
            # The end of a socket that has been replaced, or was never the listener's, is no loss.
            listeners = [listener for listener in self._listeners if listener.is_connected]
            listeners = listeners if channel is self._channel else []
        elif self._overlap.is_repeated(channel, arrival, asyncio.get_running_loop().time()):
            return
        else:
            listeners = [listener for listener in self._listeners if isinstance(arrival, listener.topic.kind)]
        for listener in listeners:
            listener.take(arrival)


_connections: PerLoop[SharedConnection] = PerLoop()
_openings: PerLoop[asyncio.Lock] = PerLoop()


@asynccontextmanager
async def shared_connection(
    key: Hashable, make: Callable[[], tuple[PbxSession, SharedState]]
) -> AsyncIterator[SharedConnection]:
    """Share the connection of this event loop; the last user closes it.

    :param key: what must be the same to share: the settings, and which state.
    :param make: makes session and state for a new connection.
    """
    async with _openings.get(key, asyncio.Lock):
        connection = _connections.find(key)
        if connection is None:
            # In a thread, for it may read many certificates.
            session, state = await in_thread(make)
            connection = _connections.get(key, lambda: SharedConnection(session, state))
        connection.users += 1
    try:
        yield connection
    finally:
        connection.users -= 1
        if not connection.users:
            _connections.forget(key)
            await connection.close()
