"""The listening socket of a simulated PBX, and the boundary at which the simulator's own failures are noticed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import web

__all__ = ["Listener"]

_SHUTDOWN_SECONDS = 0.1
"""A PBX that is switched off waits for no call."""


class _Server(web.Server):
    """Drops its connections when told to, also those that are accepted in that moment or still have to send."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, access_log=None)
        self._transports: dict[web.RequestHandler, asyncio.Transport] = {}
        self._is_stopped = False

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._transports[handler] = transport
        if self._is_stopped:
            transport.abort()

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        # A transport of asyncio 3.11 that ended as it sent its last bytes can't be dropped once more.
        self._transports.pop(handler, None)

    def abort(self) -> None:
        """Drop all connections, those to come as well."""
        self._is_stopped = True
        for transport in tuple(self._transports.values()):
            transport.abort()


class Listener:
    """Serves HTTP and WebSockets.

    :param answer: answers one request.
    :param failed: is told what went wrong in the simulator itself.
    """

    def __init__(
        self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]], failed: Callable[[Exception], None]
    ) -> None:
        self._answer = answer
        self._failed = failed
        self._server: _Server | None = None
        self._listening: asyncio.Server | None = None

    async def start(self, host: str, port: int, ssl_context: ssl.SSLContext | None) -> int:
        """Listen, and return the port.

        :param host: address to listen at.
        :param port: 0 for a free one.
        :param ssl_context: for https and wss, None for http and ws.
        """
        loop = asyncio.get_running_loop()
        self._server = _Server(self._handle)
        self._listening = await loop.create_server(self._server, host, port, ssl=ssl_context)
        chosen: int = self._listening.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Close all sockets and cancel whatever is still kept waiting by a fault."""
        if self._server and self._listening:
            # asyncio loses a connection that is accepted and not yet made when its server is closed: one turn makes it.
            for listening in self._listening.sockets:
                asyncio.get_running_loop().remove_reader(listening)
            await asyncio.sleep(0)
            self._listening.close()
            await self._server.shutdown(_SHUTDOWN_SECONDS)
            self._server.abort()
        late = asyncio.all_tasks() - {asyncio.current_task()}
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes what was dropped in its next turn

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            # aiohttp's own low-level server hands out its base class; what routes use of it is all there.
            return await self._answer(request)  # type: ignore[arg-type]
        except Exception as error:  # the simulator's own boundary: its test must learn of it
            self._failed(error)
            raise
