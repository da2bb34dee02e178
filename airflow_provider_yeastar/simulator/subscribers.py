"""The PBX's WebSockets: topics, heartbeat, idle cut-off, token expiry, and events that are never replayed."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["REPORT_TOPIC", "SentEvent", "Subscribers"]

REPORT_TOPIC = 30027
_HEARTBEAT, _HEARTBEAT_ANSWER = "heartbeat", "heartbeat response"


@dataclass(frozen=True)
class SentEvent:
    """An event 30027 that is about to go out to whoever is subscribed.

    :param message: its ``msg``.
    :param at: epoch seconds by the machine's clock.
    """

    message: Mapping[str, Any]
    at: float


class _Subscriber:
    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, token: str) -> None:
        self.socket = socket
        self.transport = transport
        self.token = token
        self.topics: frozenset[int] = frozenset()


class Subscribers:
    """All open WebSockets.

    :param settings: the PBX's.
    :param is_live: says whether an access token is still good.
    :param changed: is called whenever a socket or its topics change.
    :param record: is told every event.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        is_live: Callable[[str], bool],
        changed: Callable[[], None],
        record: Callable[[SentEvent], None],
    ) -> None:
        self._settings = settings
        self._is_live = is_live
        self._changed = changed
        self._record = record
        self._subscribers: set[_Subscriber] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    @property
    def count(self) -> int:
        """How many sockets are subscribed to report events."""
        return sum(REPORT_TOPIC in subscriber.topics for subscriber in self._subscribers)

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return len(self._subscribers)

    async def serve(self, request: web.Request, token: str, answers: int | None = None) -> web.WebSocketResponse:
        """Keep one socket until it is closed, idle for too long, or dropped.

        :param request: the handshake.
        :param token: access token that it came with.
        :param answers: after how many messages it falls silent, None for never.
        """
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        subscriber = _Subscriber(socket, request.transport, token)
        self._subscribers.add(subscriber)
        self.empty.clear()
        self._changed()
        try:
            await self._listen(subscriber, answers)
        finally:
            self._forget(subscriber)
        return socket

    async def publish(self, message: dict[str, Any]) -> None:
        """Send event 30027 to every subscriber of it."""
        envelope: dict[str, Any] = {"type": REPORT_TOPIC}
        if self._settings.event_serial:
            envelope["sn"] = self._settings.serial_number
        envelope["msg"] = json.dumps(message) if self._settings.event_text else message
        frame = json.dumps(envelope)
        self._record(SentEvent(message, time.time()))
        for subscriber in list(self._subscribers):
            if REPORT_TOPIC in subscriber.topics:
                await self._send(subscriber, frame)

    async def expire(self) -> None:
        """Tell the sockets whose token is no longer good; they get no further events."""
        for subscriber in list(self._subscribers):
            if not self._is_live(subscriber.token):
                subscriber.topics = frozenset()
                await self._send(subscriber, json.dumps(Refusal(10004).answer))

    def drop(self) -> None:
        """Cut every connection, without a word."""
        for subscriber in list(self._subscribers):
            if subscriber.transport:
                subscriber.transport.abort()

    async def _listen(self, subscriber: _Subscriber, answers: int | None) -> None:
        for number in itertools.count():
            try:
                async with asyncio.timeout(self._settings.idle_limit):
                    message = await subscriber.socket.receive()
            except TimeoutError:
                await subscriber.socket.close()
                return
            if message.type is not WSMsgType.TEXT:
                return
            if answers is None or number < answers:
                await self._send(subscriber, self._answer(subscriber, message.data))

    def _answer(self, subscriber: _Subscriber, text: str) -> str:
        if text.strip() == _HEARTBEAT:
            return _HEARTBEAT_ANSWER
        try:
            topics = json.loads(text)["topic_list"]
            subscriber.topics = frozenset(int(topic) for topic in topics)
        except (ValueError, TypeError, KeyError):
            return json.dumps(Refusal(40002).answer)
        self._changed()
        return json.dumps({"errcode": 0, "errmsg": "SUCCESS"})

    async def _send(self, subscriber: _Subscriber, text: str) -> None:
        try:
            await subscriber.socket.send_str(text)
        except ConnectionError:
            self._forget(subscriber)

    def _forget(self, subscriber: _Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self.empty.set()
        self._changed()
