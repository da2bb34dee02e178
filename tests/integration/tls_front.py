"""TLS in front of a simulated PBX that speaks plain http, so that one PBX has both, as an appliance may."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.certificates import Certificate

__all__ = ["tls_front"]

_CHUNK_BYTES = 65536


@contextlib.contextmanager
def tls_front(pbx: PbxSimulator, certificate: Certificate) -> Iterator[int]:
    """Pass TLS connections on to a PBX; yields the port for them."""
    started: Future[tuple[int, Callable[[], object]]] = Future()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_pbx, to_pbx = await asyncio.open_connection(pbx.host, pbx.port)
        try:
            await asyncio.gather(_pump(reader, to_pbx), _pump(from_pbx, writer))
        finally:
            writer.close()
            to_pbx.close()

    async def serve() -> None:
        is_over = asyncio.Event()
        server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=certificate.context)
        end = partial(asyncio.get_running_loop().call_soon_threadsafe, is_over.set)
        started.set_result((server.sockets[0].getsockname()[1], end))
        await is_over.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    port, end = started.result(30)
    try:
        yield port
    finally:
        end()
        thread.join(30)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await source.read(_CHUNK_BYTES):
            target.write(content)
            await target.drain()
    target.close()
