"""The PBX's WebSockets: topics, heartbeat, idle cut-off, token expiry, and events that are never replayed."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["CALL_TOPIC", "REPORT_TOPIC", "SentEvent", "Subscribers"]

REPORT_TOPIC = 30027
CALL_TOPIC = 30012
_HEARTBEAT, _HEARTBEAT_ANSWER = "heartbeat", "heartbeat response"


@dataclass(frozen=True)
class SentEvent:
    """An event that is about to go out to whoever is subscribed.

    :param message: its ``msg``.
    :param at: epoch seconds by the machine's clock.
    :param type: its number, 30027 for a report.
    """

    message: Mapping[str, Any]
    at: float
    type: int = REPORT_TOPIC


class _Subscriber:
    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, token: str) -> None:
        self.socket = socket
        self.transport = transport
        self.token = token
        self.topics: frozenset[int] = frozenset()
        self.expired = False


class Subscribers:
    """All open WebSockets.

    :param settings: the PBX's.
    :param seconds_left: says for how many seconds an access token is still good; 0 or less for one that is not.
    :param changed: is called whenever a socket or its topics change.
    :param record: is told every event.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        seconds_left: Callable[[str], float],
        changed: Callable[[], None],
        record: Callable[[SentEvent], None],
    ) -> None:
        self._settings = settings
        self._seconds_left = seconds_left
        self._changed = changed
        self._record = record
        self._subscribers: set[_Subscriber] = set()
        self._clock_jumped = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()

    def count(self, topic: int) -> int:
        """Return how many sockets are subscribed to a topic."""
        return sum(topic in subscriber.topics for subscriber in self._subscribers)

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return len(self._subscribers)

    async def serve(
        self, request: web.Request, token: str, answers: int | None = None, refused: bool = False
    ) -> web.WebSocketResponse:
        """Keep one socket until it is closed, idle for too long, or dropped.

        :param request: the handshake.
        :param token: access token that it came with.
        :param answers: after how many messages it falls silent, None for never.
        :param refused: whether its token expires in the moment of its first subscription.
        """
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        subscriber = _Subscriber(socket, request.transport, token)
        self._subscribers.add(subscriber)
        self.empty.clear()
        self._changed()
        expiry = asyncio.create_task(self._expire_in_time(subscriber))
        try:
            await self._listen(subscriber, answers, refused)
        finally:
            expiry.cancel()
            self._forget(subscriber)
        return socket

    async def publish(self, message: dict[str, Any], topic: int = REPORT_TOPIC) -> None:
        """Send an event to every subscriber of its topic; ``msg`` of an ended call is always a JSON string [L]."""
        envelope: dict[str, Any] = {"type": topic}
        if self._settings.event_serial:
            envelope["sn"] = self._settings.serial_number
        envelope["msg"] = json.dumps(message) if self._settings.event_text or topic == CALL_TOPIC else message
        frame = json.dumps(envelope)
        self._record(SentEvent(message, time.time(), topic))
        for subscriber in list(self._subscribers):
            if topic in subscriber.topics:
                await self._send(subscriber, frame)

    async def send_text(self, text: str) -> None:
        """Send a raw frame to every open socket."""
        for subscriber in list(self._subscribers):
            await self._send(subscriber, text)

    async def expire(self) -> None:
        """Look at the clock and the tokens anew: sockets whose token is no longer good are told, and get no events."""
        for subscriber in list(self._subscribers):
            if self._seconds_left(subscriber.token) <= 0:
                await self._tell_expired(subscriber)
        self._clock_jumped.set()
        self._clock_jumped.clear()

    def drop(self) -> None:
        """Cut every connection, without a word; from now on nobody is subscribed."""
        for subscriber in list(self._subscribers):
            subscriber.topics = frozenset()
            if subscriber.transport:
                subscriber.transport.abort()

    async def _expire_in_time(self, subscriber: _Subscriber) -> None:
        while (left := self._seconds_left(subscriber.token)) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._clock_jumped.wait()
        await self._tell_expired(subscriber)

    async def _tell_expired(self, subscriber: _Subscriber) -> None:
        if not subscriber.expired:
            subscriber.expired = True
            subscriber.topics = frozenset()
            await self._send(subscriber, json.dumps(Refusal(10004).answer))

    async def _listen(self, subscriber: _Subscriber, answers: int | None, refused: bool) -> None:
        for number in itertools.count():
            try:
                async with asyncio.timeout(self._settings.idle_limit):
                    message = await subscriber.socket.receive()
            except TimeoutError:
                await subscriber.socket.close()
                return
            if message.type is not WSMsgType.TEXT:
                return
            if answers is not None and number >= answers:
                continue
            answer = self._answer(subscriber, message.data)
            if refused and subscriber.topics:
                self._confirm_and_refuse(subscriber, answer)
            else:
                await self._send(subscriber, answer)

    def _confirm_and_refuse(self, subscriber: _Subscriber, confirmation: str) -> None:
        """Send both in one segment, so that nobody has only the confirmation to act upon."""
        subscriber.expired = True
        subscriber.topics = frozenset()
        if subscriber.transport:
            subscriber.transport.write(b"".join(map(_short_frame, (confirmation, json.dumps(Refusal(10004).answer)))))

    def _answer(self, subscriber: _Subscriber, text: str) -> str:
        if text.strip() == _HEARTBEAT:
            return _HEARTBEAT_ANSWER
        try:
            subscriber.topics = self._topics(subscriber, text)
        except Refusal as refusal:
            return json.dumps(refusal.answer)
        self._changed()
        return json.dumps({"errcode": 0, "errmsg": self._settings.success})

    def _topics(self, subscriber: _Subscriber, text: str) -> frozenset[int]:
        if subscriber.expired:
            raise Refusal(10004)
        try:
            message = json.loads(text)
        except ValueError:
            raise Refusal(-2) from None
        try:
            return frozenset(int(topic) for topic in message["topic_list"])
        except (ValueError, TypeError, KeyError):
            raise Refusal(40002) from None

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


def _short_frame(text: str) -> bytes:
    """Return a text of less than 126 bytes as a server's WebSocket frame (RFC 6455, section 5.2)."""
    return bytes([0x81, len(text.encode())]) + text.encode()
