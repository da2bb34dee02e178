from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.events import websocket
from airflow_provider_yeastar.pbx.settings import PbxSettings

SETTINGS = PbxSettings("192.0.2.1", "client-id", "client-secret")


class BusySocket:
    """Frames come on it all the time, sooner than a heartbeat is due."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[str] = asyncio.Queue()

    async def recv(self) -> str:
        await asyncio.sleep(0.001)
        return "heartbeat response"

    async def send(self, text: str) -> None:
        self.sent.put_nowait(text)

    async def close(self) -> None:
        pass


def test_a_pbx_that_sends_all_the_time_gets_its_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may count the silence of its client alone."""
    monkeypatch.setattr(websocket, "HEARTBEAT_INTERVAL", 0.05)

    async def listen() -> list[Any]:
        socket = BusySocket()
        channel = websocket.EventChannel(cast(ClientConnection, socket), SETTINGS, "token", lambda *_: None, ())
        async with asyncio.timeout(10):
            heartbeats = [await socket.sent.get() for _ in range(3)]
        await channel.close()
        return heartbeats

    assert asyncio.run(listen()) == 3 * [wire.HEARTBEAT]
