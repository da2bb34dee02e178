"""The PBX's HTTP endpoints: a call comes in, the rules of `state` and `orders` decide, an answer or a file goes out.

Errors go out under HTTP 200, every connection is closed after its answer, and the token is taken from the query alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from airflow_provider_yeastar.simulator.api.cdr.endpoints import CDR_V1, CDR_V2, CallEndpoints
from airflow_provider_yeastar.simulator.api.downloads import HTML_ERROR, PATHS, Downloads
from airflow_provider_yeastar.simulator.api.jobs import JobLostError, Jobs
from airflow_provider_yeastar.simulator.api.listings import LISTINGS, information, local_time, menu_options
from airflow_provider_yeastar.simulator.api.orders import order_report, order_scheduled_report
from airflow_provider_yeastar.simulator.api.report_queries import report_detail, report_list
from airflow_provider_yeastar.simulator.api.subscribers import Subscribers
from airflow_provider_yeastar.simulator.faults import Faults
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState, Refusal

__all__ = ["Call", "Routes"]

Response = TypeVar("Response", bound=web.StreamResponse)

_SUBSCRIBE = "/openapi/v1.0/subscribe"
_LOGINS = frozenset({"get_token", "refresh_token"})
_V2_ENDPOINTS = frozenset(
    {
        "call_report/detail",
        "call_report/download",
        "call_report/list",
        "call_schedule_report/download",
        "call_schedule_report/list",
    }
)
_CALL_ENDPOINTS = CDR_V1 | CDR_V2
_V1_ENDPOINTS = _V2_ENDPOINTS.union(LISTINGS, ("del_token", "system/information", "system/get_menuoptions"))


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


class Routes:
    """Answers every call.

    :param settings: the PBX's.
    :param state: its memory.
    :param subscribers: its WebSockets.
    :param jobs: the report it makes.
    :param faults: what is to go wrong.
    :param now: epoch seconds by the PBX's clock.
    :param record: is told every call.
    :param downloads: serves the finished files.
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
        downloads: Downloads,
    ) -> None:
        self._settings = settings
        self._state = state
        self._subscribers = subscribers
        self._jobs = jobs
        self._faults = faults
        self._now = now
        self._record = record
        self._downloads = downloads
        self._calls = CallEndpoints(settings, state, faults, now)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, or let a fault do so."""
        self._record(Call(request.method, request.path, dict(request.query), dict(request.headers), self._now()))
        try:
            stricken = await self._strike_before(request)
            if stricken is not None:
                return stricken
            response = await self._answer(request)
            if self._faults.take("reset after", request.path):
                raise JobLostError
        except JobLostError:
            return self._cut(request)
        except ConnectionError:  # left by the other side
            return web.Response()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            subscribes = request.method == "GET" and request.path == _SUBSCRIBE
            if not request.headers.get("User-Agent") and (self._settings.strict_handshake or not subscribes):
                raise Refusal(40002, [{"value": ""}])
            if request.path.startswith(PATHS):
                return _closed(await self._downloads.serve(request))
            if subscribes and not web.WebSocketResponse().can_prepare(request).ok:
                return _closed(web.Response(status=400, text="Bad Request"))
            if subscribes:
                token = self._state.authenticate(request.query.get("access_token"), self._now())
                silent = self._faults.take("silent socket", request.path)
                refused = self._faults.take("refused subscription", request.path) is not None
                return await self._subscribers.serve(request, token.access, silent.value if silent else None, refused)
            return self._json(self._shortened(request, await self._call(request)))
        except Refusal as refusal:
            return self._json(refusal.answer)

    async def _call(self, request: web.Request) -> dict[str, Any]:
        version, endpoint = _existing(request.method, request.path)
        if endpoint in _LOGINS:
            return await self._log_in(request, endpoint)
        token = self._state.authenticate(request.query.get("access_token"), self._now())
        if endpoint in self._settings.denied:
            raise Refusal(10005)
        if endpoint == "del_token":
            return self._state.revoke(token.access)
        return await self._query(endpoint, version, dict(request.query))

    async def _query(self, endpoint: str, version: str, query: dict[str, str]) -> dict[str, Any]:
        settings = self._settings
        if endpoint == "system/information":
            return information(settings, self._now(), self._state.booted_at)
        if endpoint == "system/get_menuoptions":
            return menu_options(settings.directory, query)
        if endpoint in LISTINGS:
            return LISTINGS[endpoint](settings, query)
        if endpoint in _CALL_ENDPOINTS:
            return await self._calls.answer(endpoint, version, query)
        if endpoint == "call_schedule_report/download":
            return await self._jobs.take(order_scheduled_report(query, version, settings))
        today = local_time(settings, self._now())
        log = self._state.call_log(today)
        if endpoint == "call_report/detail":
            return await asyncio.to_thread(report_detail, query, version, settings, today, log)
        order = order_report(query, version, settings, today, log)
        if endpoint == "call_report/download":
            return await self._jobs.take(order)
        return await asyncio.to_thread(report_list, order, query, settings, log)

    async def _log_in(self, request: web.Request, endpoint: str) -> dict[str, Any]:
        body = await _json_body(request)
        if endpoint == "refresh_token":
            return self._state.refresh(body.get("refresh_token"), self._now())
        answer = self._state.log_in(request.remote or "", body.get("username"), body.get("password"), self._now())
        if self._settings.one_token:
            await self._subscribers.expire()
        return answer

    def _shortened(self, request: web.Request, answer: dict[str, Any]) -> dict[str, Any]:
        fault = self._faults.take("without", request.path)
        return {key: value for key, value in answer.items() if not fault or key not in (fault.value or ())}

    def _json(self, answer: Mapping[str, Any]) -> web.Response:
        return _closed(web.json_response({"errcode": 0, "errmsg": self._settings.success, **answer}))

    # -- faults ------------------------------------------------------------------------------------------------------

    async def _strike_before(self, request: web.Request) -> web.Response | None:
        if fault := self._faults.take("delay", request.path):
            await asyncio.sleep(fault.value)
        if self._faults.take("reset before", request.path):
            raise JobLostError
        if fault := self._faults.take("status", request.path):
            return _closed(web.Response(status=fault.value, text=HTML_ERROR, content_type="text/html"))
        if self._faults.take("json without errcode", request.path):
            return _closed(web.json_response({"status": "up"}))
        if fault := self._faults.take("errcode", request.path):
            return self._json(Refusal(fault.value).answer)
        if fault := self._faults.take("quote", request.path):
            sent = {**request.query, **(await _json_body(request))}
            return self._json(Refusal(fault.value, [{"value": str(value)} for value in sent.values()]).answer)
        return None

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport:
            request.transport.abort()
        return web.Response()


async def _json_body(request: web.Request) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    try:
        body = await request.json()
    except ValueError:
        raise Refusal(-2) from None
    return body if isinstance(body, dict) else {}


def _existing(method: str, path: str) -> tuple[str, str]:
    """Return version and endpoint of an interface that the PBX has; no token is needed to learn that it has not."""
    root, _, rest = path.strip("/").partition("/")
    version, _, endpoint = rest.partition("/")
    interfaces = {
        ("POST", "v1.0"): _LOGINS,
        ("GET", "v1.0"): _V1_ENDPOINTS | CDR_V1,
        ("GET", "v2.0"): _V2_ENDPOINTS | CDR_V2,
    }
    if root != "openapi" or endpoint not in interfaces.get((method, version), ()):
        raise Refusal(10001)
    return version, endpoint


def _closed(response: Response) -> Response:
    """Let the connection end with this answer; the header by itself would leave the server's end open."""
    response.force_close()
    return response
