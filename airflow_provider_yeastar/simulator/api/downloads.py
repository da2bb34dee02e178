"""Finished files, served for as long as their URL lives, and what can go wrong on their way.

Whether a PBX answers ranges of a file is unknown [U]: a setting decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from airflow_provider_yeastar.simulator.faults import Fault, FaultKind, Faults
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState, Refusal

__all__ = ["HTML_ERROR", "PATHS", "Downloads"]

PATHS = ("/api/download/", "/api/downloadattachment/")
HTML_ERROR = "<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
_LOOK_SECONDS = 0.05
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class _Answer:
    """What is sent when nothing goes wrong."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Downloads:
    """Serves the files that the PBX keeps.

    :param settings: the PBX's.
    :param state: keeps the files.
    :param faults: what is to go wrong.
    :param now: epoch seconds by the PBX's clock.
    :param changed: is called when a download comes to a standstill, and when that one ends.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        state: PbxState,
        faults: Faults,
        now: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._faults = faults
        self._now = now
        self._changed = changed
        self.stalled = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer the GET of a file.

        :raises Refusal: for a dead token, an expired file, and where a fault has the PBX answer an errcode.
        """
        self._state.authenticate(request.query.get("access_token"), self._now())
        if (stricken := self._other_body(request.path)) is not None:  # false by itself before aiohttp 3.12
            return stricken
        answer = self._answer(request)
        if fault := self._faults.take("stall half-way", request.path):
            return await self._stall(request, answer, fault)
        for kind, broken in _BREAKS.items():
            if fault := self._faults.take(kind, request.path):
                return await broken(request, answer, fault)
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    async def _stall(self, request: web.Request, answer: _Answer, fault: Fault) -> web.StreamResponse:
        response = await _begin(request, answer, fault)
        self.stalled += 1
        self._changed()
        # A handler is told of the connection's end only by cancelling it, which would hold for all calls of the PBX.
        while request.transport and not request.transport.is_closing():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_LOOK_SECONDS)
        self.stalled -= 1
        self._changed()
        return response

    def _other_body(self, path: str) -> web.Response | None:
        if fault := self._faults.take("json body", path):
            raise Refusal(fault.value)
        if self._faults.take("empty", path):
            return web.Response(body=b"")
        if self._faults.take("html body", path):
            return web.Response(text=HTML_ERROR, content_type="text/html")
        if fault := self._faults.take("other bytes", path):
            return web.Response(body=fault.value)
        if fault := self._faults.take("redirect", path):
            status, location = fault.value
            return web.Response(status=status, headers={"Location": location})
        return None

    def _answer(self, request: web.Request) -> _Answer:
        content = self._state.file(request.path.removeprefix(PATHS[0]).removeprefix(PATHS[1]), self._now())
        headers = {"Content-Type": "application/octet-stream"}
        if not self._settings.serves_ranges:
            return _Answer(content, headers=headers)
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"' if self._settings.serves_etags else ""
        headers |= {"Accept-Ranges": "bytes"} | ({"ETag": etag} if etag else {})
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not asked or request.headers.get("If-Range", etag) != etag:
            return _Answer(content, headers=headers)
        first = int(asked[1])
        if first >= len(content):
            return _Answer(b"", 416, headers | {"Content-Range": f"bytes */{len(content)}"})
        if self._faults.take("other range", request.path):
            first -= 1
        return _Answer(
            content[first:], 206, headers | {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        )


async def _begin(request: web.Request, answer: _Answer, fault: Fault) -> web.StreamResponse:
    """Announce the whole body and send its beginning, half of it where the fault names no number of bytes."""
    headers = {"Content-Length": str(len(answer.body)), "Connection": "close"}
    response = web.StreamResponse(status=answer.status, headers=answer.headers | headers)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2 if fault.value is None else fault.value])
    return response


async def _truncate(request: web.Request, answer: _Answer, fault: Fault) -> web.StreamResponse:
    response = await _begin(request, answer, fault)
    if request.transport:
        request.transport.close()
    return response


async def _reset(request: web.Request, answer: _Answer, fault: Fault) -> web.StreamResponse:
    response = await _begin(request, answer, fault)
    if request.transport:
        endpoint: socket.socket = request.transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()
    return response


async def _lengthen(request: web.Request, answer: _Answer, fault: Fault) -> web.StreamResponse:
    """Send more than is announced, and close; by hand, because aiohttp is too well-behaved for it."""
    headers = answer.headers | {"Content-Length": str(len(answer.body)), "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if request.transport:
        status_line = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
        request.transport.write(f"{status_line}\r\n{head}\r\n".encode() + answer.body + fault.value)
        request.transport.close()
    return web.Response()


async def _chunked(request: web.Request, answer: _Answer, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(answer.body)
    await response.write_eof()
    return response


_BREAKS: Mapping[FaultKind, Callable[[web.Request, _Answer, Fault], Awaitable[web.StreamResponse]]] = {
    "truncated": _truncate,
    "reset half-way": _reset,
    "longer": _lengthen,
    "no length": _chunked,
}
