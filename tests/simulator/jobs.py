"""Asks for reports, and hears of them, as the vendor's pages say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.simulator.support import QUEUES, SECONDS, Caller

PROCESSING = {"errcode": 2, "errmsg": "PROCESSING"}


@contextmanager
def subscribed(caller: Caller) -> Iterator[ClientConnection]:
    url = f"ws{caller.pbx.base_url.removeprefix('http')}/openapi/v1.0/subscribe?access_token={caller.token}"
    with connect(url) as socket:
        socket.send('{"topic_list":[30027]}')
        assert json.loads(socket.recv(SECONDS))["errcode"] == 0
        yield socket


def event(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(socket.recv(SECONDS))["msg"]  # type: ignore[no-any-return]


def hears_nothing(socket: ClientConnection) -> bool:
    """Whether no event was sent before the answer to a heartbeat: the socket keeps its order."""
    socket.send("heartbeat")
    return socket.recv(SECONDS) == "heartbeat response"


def request(caller: Caller, queues: str = "1,2,3", **query: str) -> dict[str, Any]:
    return caller.report(**QUEUES | {"queue_id_list": queues, "is_async": "1", **query})
