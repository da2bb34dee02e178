"""The listening socket of a simulated PBX, and the boundary at which the simulator's own failures are noticed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import web

__all__ = ["Listener"]


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
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int, ssl_context: ssl.SSLContext | None) -> int:
        """Listen, and return the port.

        :param host: address to listen at.
        :param port: 0 for a free one.
        :param ssl_context: for https and wss, None for http and ws.
        """
        # A PBX that is switched off waits for no call.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=ssl_context).start()
        chosen: int = self._runner.addresses[0][1]
        return chosen

    async def stop(self) -> None:
        """Close the socket and cancel whatever is still kept waiting by a fault."""
        if self._runner:
            await self._runner.cleanup()
        late = asyncio.all_tasks() - {asyncio.current_task()}
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            # aiohttp's own low-level server hands out its base class; what routes use of it is all there.
            return await self._answer(request)  # type: ignore[arg-type]
        except Exception as error:  # the simulator's own boundary: its test must learn of it
            self._failed(error)
            raise
