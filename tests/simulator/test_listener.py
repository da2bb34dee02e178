"""A simulated PBX that is switched off keeps no connection, whatever state it was in."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest
from aiohttp import web

from airflow_provider_yeastar.simulator.listener import Listener

REQUEST = b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n"
MORE_THAN_SOCKETS_HOLD = 20_000_000
CLOSED_AFTERWARDS = b"GET / HTTP/1.0\r\n\r\n"
TURNS = range(12)
"""Of the loop, between a client's connection and the end: it is not accepted, then accepted, made, read, answered."""


def failed(error: Exception) -> None:
    raise AssertionError from error


async def answer(request: web.Request) -> web.Response:
    return web.Response(body=bytes(MORE_THAN_SOCKETS_HOLD))


async def connect_and_stop(sent: bytes, turns: int) -> socket.socket:
    listener = Listener(answer, failed)
    port = await listener.start("127.0.0.1", 0, None)
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(sent)
    for _ in range(turns):
        await asyncio.sleep(0)
    await listener.stop()
    return client


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("sent", [b"", REQUEST[:9], REQUEST], ids=["nothing sent", "a part sent", "asked"])
def test_a_client_that_just_connected_is_dropped(sent: bytes, turns: int) -> None:
    loop = asyncio.new_event_loop()
    try:
        client = loop.run_until_complete(connect_and_stop(sent, turns))
    finally:
        loop.close()

    gc.collect()  # what was left open would be warned about here, which is an error in these tests
    with client:
        try:
            while client.recv(1 << 20):
                pass
        except ConnectionResetError:
            pass


def test_a_connection_that_ended_while_it_sent_is_no_hindrance() -> None:
    """asyncio's own transport (3.11) can't be dropped once it ended by sending its last bytes after it was closed."""
    kept: list[asyncio.Transport] = []

    async def keep(request: web.Request) -> web.Response:
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.set_write_buffer_limits(high=2 * MORE_THAN_SOCKETS_HOLD)  # so it is closed before it is sent
        kept.append(request.transport)
        return await answer(request)

    async def serve_and_stop() -> int:
        listener = Listener(keep, failed)
        port = await listener.start("127.0.0.1", 0, None)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CLOSED_AFTERWARDS)
        received = len(await reader.read())
        writer.close()
        await writer.wait_closed()
        await listener.stop()
        return received

    received = asyncio.run(serve_and_stop())

    assert received > MORE_THAN_SOCKETS_HOLD
    assert len(kept) == 1
