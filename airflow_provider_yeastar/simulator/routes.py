"""The PBX's HTTP endpoints: a call comes in, the rules of `state` and `orders` decide, an answer or a file goes out.

Errors go out under HTTP 200, every connection is closed after its answer, and the token is taken from the query alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from airflow_provider_yeastar.simulator.faults import Fault, Faults
from airflow_provider_yeastar.simulator.jobs import Jobs
from airflow_provider_yeastar.simulator.listings import LISTINGS, information, local_time, menu_options
from airflow_provider_yeastar.simulator.orders import order_report, order_scheduled_report
from airflow_provider_yeastar.simulator.reports import list_rows
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState, Refusal
from airflow_provider_yeastar.simulator.subscribers import Subscribers

__all__ = ["Call", "Routes"]

_DOWNLOADS = "/api/download/"
_V2_ENDPOINTS = frozenset(
    {"call_report/download", "call_report/list", "call_schedule_report/download", "call_schedule_report/list"}
)
_HTML_ERROR = "<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"


@dataclass(frozen=True)
class Call:
    """A call that came in, for tests to look at."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float

    @property
    def endpoint(self) -> str:
        """The path below ``openapi/{version}/``, or the whole path of anything else."""
        parts = self.path.strip("/").split("/", 2)
        return parts[2] if len(parts) == 3 and parts[0] == "openapi" else self.path


class _UnansweredError(Exception):
    """The connection was cut in place of an answer."""


class Routes:
    """Answers every call.

    :param settings: the PBX's.
    :param state: its memory.
    :param subscribers: its WebSockets.
    :param jobs: the report it makes.
    :param faults: what is to go wrong.
    :param now: epoch seconds by the PBX's clock.
    :param record: is told every call.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        state: PbxState,
        subscribers: Subscribers,
        jobs: Jobs,
        faults: Faults,
        now: Callable[[], float],
        record: Callable[[Call], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._subscribers = subscribers
        self._jobs = jobs
        self._faults = faults
        self._now = now
        self._record = record

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, or let a fault do so."""
        self._record(Call(request.method, request.path, dict(request.query), dict(request.headers), self._now()))
        try:
            stricken = await self._strike_before(request)
            if stricken is not None:
                return stricken
            response = await self._answer(request)
            if self._faults.take("reset after", request.path):
                self._cut(request)
        except _UnansweredError:
            return web.Response()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            if not request.headers.get("User-Agent"):
                raise Refusal(40002, [{"field": "User-Agent", "value": ""}])
            if request.path.startswith(_DOWNLOADS):
                return await self._file(request)
            if request.path == "/openapi/v1.0/subscribe" and request.method == "GET":
                token = self._state.authenticate(request.query.get("access_token"), self._now())
                silent = self._faults.take("silent socket", request.path)
                return await self._subscribers.serve(request, token.access, silent.value if silent else None)
            return self._json(await self._call(request))
        except Refusal as refusal:
            return self._json(refusal.answer)

    async def _call(self, request: web.Request) -> dict[str, Any]:
        version, endpoint = _split(request.path)
        if request.method == "POST" and version == "v1.0" and endpoint in ("get_token", "refresh_token"):
            return await self._log_in(request, endpoint)
        token = self._state.authenticate(request.query.get("access_token"), self._now())
        if request.method != "GET" or version not in ("v1.0", "v2.0"):
            raise Refusal(10001)
        if version == "v2.0" and endpoint not in _V2_ENDPOINTS:
            raise Refusal(10001)
        if endpoint in self._settings.denied:
            raise Refusal(10005)
        if endpoint == "del_token":
            return self._state.revoke(token.access)
        return await self._query(endpoint, version, dict(request.query))

    async def _query(self, endpoint: str, version: str, query: dict[str, str]) -> dict[str, Any]:
        settings = self._settings
        if endpoint == "system/information":
            return information(settings, self._now())
        if endpoint == "system/get_menuoptions":
            return menu_options(settings.directory, query)
        if endpoint in LISTINGS:
            return LISTINGS[endpoint](settings, query)
        if endpoint == "call_schedule_report/download":
            return await self._jobs.take(order_scheduled_report(query, version, settings))
        if endpoint not in ("call_report/download", "call_report/list"):
            raise Refusal(10001)
        order = order_report(query, version, settings, local_time(settings, self._now()))
        if endpoint == "call_report/download":
            return await self._jobs.take(order)
        rows = list_rows(await asyncio.to_thread(order.build, settings))
        return {"total_number": len(rows), order.kind.list_key: rows}

    async def _log_in(self, request: web.Request, endpoint: str) -> dict[str, Any]:
        try:
            body = await request.json()
        except ValueError:
            raise Refusal(-2) from None
        body = body if isinstance(body, dict) else {}
        if endpoint == "refresh_token":
            return self._state.refresh(body.get("refresh_token"), self._now())
        return self._state.log_in(request.remote or "", body.get("username"), body.get("password"), self._now())

    def _json(self, answer: Mapping[str, Any]) -> web.Response:
        success = {"errcode": 0, "errmsg": None if self._settings.null_errmsg else "SUCCESS"}
        return _closed(web.json_response({**success, **answer}))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self._state.authenticate(request.query.get("access_token"), self._now())
        stricken = await self._strike_file(request)
        if stricken is not None:
            return stricken
        content = self._state.file(request.path.removeprefix(_DOWNLOADS), self._now())
        return _closed(web.Response(body=content, content_type="application/octet-stream"))

    # -- faults ------------------------------------------------------------------------------------------------------

    async def _strike_before(self, request: web.Request) -> web.Response | None:
        if fault := self._faults.take("delay", request.path):
            await asyncio.sleep(fault.value)
        if self._faults.take("reset before", request.path):
            self._cut(request)
        if fault := self._faults.take("status", request.path):
            return _closed(web.Response(status=fault.value, text=_HTML_ERROR, content_type="text/html"))
        if self._faults.take("json without errcode", request.path):
            return _closed(web.json_response({"status": "up"}))
        if fault := self._faults.take("errcode", request.path):
            return self._json(Refusal(fault.value).answer)
        return None

    async def _strike_file(self, request: web.Request) -> web.StreamResponse | None:
        bodies: dict[str, Callable[[Fault], web.Response]] = {
            "empty": lambda fault: web.Response(body=b""),
            "json body": lambda fault: self._json(Refusal(fault.value).answer),
            "html body": lambda fault: web.Response(text=_HTML_ERROR, content_type="text/html"),
            "other bytes": lambda fault: web.Response(body=fault.value),
            "redirect": lambda fault: web.Response(status=302, headers={"Location": fault.value}),
        }
        for kind, make in bodies.items():
            if fault := self._faults.take(kind, request.path):  # type: ignore[arg-type]
                return _closed(make(fault))
        for kind in ("truncated", "reset half-way"):
            if self._faults.take(kind, request.path):  # type: ignore[arg-type]
                return await self._half(request)
        return None

    async def _half(self, request: web.Request) -> web.StreamResponse:
        content = self._state.file(request.path.removeprefix(_DOWNLOADS), self._now())
        response = web.StreamResponse(headers={"Content-Length": str(len(content)), "Connection": "close"})
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        self._cut(request)
        return response

    def _cut(self, request: web.Request) -> None:
        if request.transport:
            request.transport.abort()
        raise _UnansweredError


def _split(path: str) -> tuple[str, str]:
    parts = path.strip("/").split("/", 2)
    if len(parts) != 3 or parts[0] != "openapi":
        raise Refusal(10001)
    return parts[1], parts[2]


def _closed(response: web.Response) -> web.Response:
    response.headers["Connection"] = "close"
    return response
