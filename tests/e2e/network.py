"""A network that can be cut: a relay on loopback between Airflow and a PBX."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from airflow_provider_yeastar.simulator.background import BackgroundLoop, Changes

_CHUNK = 65536


class Relay:
    """Passes bytes on until it is cut; use it in a ``with``.

    :param target: the port of the loopback address that it stands for.
    :ivar port: where it listens.
    :ivar refused: connections that were tried while it was cut.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.refused = 0
        self._target = target
        self._is_cut = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._changes = Changes()
        self._loop = BackgroundLoop("relay")

    def cut(self, seconds: float) -> None:
        """End all connections, and let none begin for so long."""
        self._loop.run(self._cut(seconds))

    def wait_until_mended(self, timeout: float) -> None:
        """Return when connections may begin again."""
        self._changes.wait_until(lambda: not self._is_cut, timeout)

    async def _cut(self, seconds: float) -> None:
        self._is_cut = True
        self._abort()
        asyncio.get_running_loop().call_later(seconds, self._mend)

    def _mend(self) -> None:
        self._is_cut = False
        self._changes.tell()

    def _abort(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        self._abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            self.refused += 1
            writer.transport.abort()
            return
        beyond, there = await asyncio.open_connection("127.0.0.1", self._target)
        ends = {writer, there}
        self._ends |= ends
        await asyncio.gather(_pass_on(reader, there), _pass_on(beyond, writer))
        self._ends -= ends

    def __enter__(self) -> Relay:
        self._loop.start()
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._stop())
        self._loop.end()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    target.close()
    with suppress(OSError):
        await target.wait_closed()
