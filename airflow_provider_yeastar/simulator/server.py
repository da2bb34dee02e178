"""PbxSimulator: a PBX on a loopback port, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from airflow_provider_yeastar.simulator.api.downloads import Downloads
from airflow_provider_yeastar.simulator.api.jobs import Jobs
from airflow_provider_yeastar.simulator.api.routes import Call, Routes
from airflow_provider_yeastar.simulator.api.subscribers import SentEvent, Subscribers
from airflow_provider_yeastar.simulator.faults import Faults
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState

__all__ = ["PbxSimulator"]

Result = TypeVar("Result")

_START_SECONDS = 30.0


class PbxSimulator:
    """A fake P-Series PBX over real HTTP and WebSocket sockets; use it in a ``with``.

    :param settings: how the PBX is set up; those of a new appliance when left out.
    :param host: address to listen at, default ``127.0.0.1``.
    :param port: default ``0``, a free one; the attribute tells which, once it listens.
    :param ssl_context: serves https and wss instead of http and ws.
    :param on_call: is told every call, on the server's thread.
    :ivar settings: how the PBX is set up.
    :ivar scheme: ``http`` or ``https``.
    :ivar faults: what is to go wrong; :meth:`Faults.add` adds to it.
    :ivar requests: every call that came in, a ``Call`` with method, path, endpoint, query, headers and moment.
    :ivar events: every event 30027 that was sent, with its message and moment.
    :ivar state: tokens, files and logins that the PBX remembers.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        self.settings = settings or SimulatorSettings()
        self.host = host
        self.port = port
        self.scheme = "https" if ssl_context else "http"
        self.faults = Faults()
        self.state = PbxState(self.settings)
        self.requests: list[Call] = []
        self.events: list[SentEvent] = []
        self._ssl_context = ssl_context
        self._on_call = on_call
        self._advanced = 0.0
        self._failures: list[Exception] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pbx-simulator", daemon=True)
        self._subscribers = Subscribers(self.settings, self._seconds_left, self._notify, self.events.append)
        self._jobs = Jobs(
            self.settings, self.state, self._subscribers, self.faults, self.now, self._notify, self._failures.append
        )
        self._downloads = Downloads(self.settings, self.state, self.faults, self.now, self._notify)
        self._runner: web.ServerRunner | None = None

    @property
    def base_url(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def client_id(self) -> str:
        """The application's Client ID."""
        return self.settings.client_id

    @property
    def client_secret(self) -> str:
        """The application's Client Secret."""
        return self.settings.client_secret

    @property
    def subscribers(self) -> int:
        """How many WebSockets are subscribed to report events."""
        return self._subscribers.count

    @property
    def sockets(self) -> int:
        """How many WebSockets are open."""
        return self._subscribers.sockets

    @property
    def busy(self) -> bool:
        """Whether a report is being made."""
        return self._jobs.busy

    @property
    def stalled(self) -> int:
        """How many downloads stand still, by the fault "stall half-way"."""
        return self._downloads.stalled

    def now(self) -> float:
        """Return epoch seconds by the PBX's clock."""
        return time.time() + self._advanced

    def advance(self, seconds: float) -> None:
        """Let the PBX's clock jump; tokens and URLs age, and sockets learn that their token expired.

        :param seconds: how far.
        """
        self._advanced += seconds
        self._run(self._subscribers.expire())

    def hold_reports(self) -> None:
        """Let reports be asked for but not finished, until :meth:`release_reports`."""
        self._loop.call_soon_threadsafe(self._jobs.released.clear)

    def release_reports(self) -> None:
        """Let held reports be finished."""
        self._loop.call_soon_threadsafe(self._jobs.released.set)

    def publish(self, message: dict[str, Any]) -> None:
        """Send an event 30027 with this message, as if somebody's report were ready.

        :param message: the event's ``msg``, such as ``{"key": "report_download", "result": "success", "file": …,
            "download_resource_url": …}``.
        """
        self._run(self._subscribers.publish(message))

    def drop_sockets(self) -> None:
        """Cut all WebSockets, without a word."""

        async def drop() -> None:
            self._subscribers.drop()

        self._run(drop())

    def restart(self) -> None:
        """Reboot: tokens, files, the report in the making and all sockets are gone."""

        async def reboot() -> None:
            self._jobs.abandon()
            self.state.restart()
            self._subscribers.drop()

        self._run(reboot())

    def wait_until(self, condition: Callable[[PbxSimulator], bool], timeout: float = 30.0) -> None:
        """Return once the condition holds; it is looked at whenever something happens.

        :param condition: is given this PBX.
        :param timeout: seconds, default ``30.0``.
        :raises TimeoutError: when it does not hold by then.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise TimeoutError("the simulated PBX did not get there")

    def calls(self, endpoint: str) -> list[Call]:
        """Return the calls of one endpoint.

        :param endpoint: for instance ``call_report/download``.
        """
        return [call for call in self.requests if call.endpoint == endpoint]

    def reset(self) -> None:
        """Forget everything, as between two tests."""
        self.check()
        self.restart()
        self.faults.clear()
        self.state.unblock()
        self.state.logins = 0
        self.release_reports()
        self._advanced = 0.0
        self.requests.clear()
        self.events.clear()

    def check(self) -> None:
        """Raise the first thing that went wrong in the simulator itself."""
        if self._failures:
            raise self._failures.pop(0)

    def start(self) -> None:
        """Listen; ``port`` then tells where."""
        self._thread.start()
        try:
            self._run(self._listen())
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """Close all sockets and end the thread."""

        async def close() -> None:
            self._jobs.abandon()
            self._subscribers.drop()
            if self._runner:
                await self._runner.cleanup()
            # Whoever is still being kept waiting by a fault.
            late = asyncio.all_tasks() - {asyncio.current_task()}
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

        self._run(close())
        self._end()

    def __enter__(self) -> PbxSimulator:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if exc is None:
            self.check()

    async def _listen(self) -> None:
        routes = Routes(
            self.settings,
            self.state,
            self._subscribers,
            self._jobs,
            self.faults,
            self.now,
            self._record,
            self._downloads,
        )

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                # aiohttp's own low-level server hands out its base class; what routes use of it is all there.
                return await routes.handle(request)  # type: ignore[arg-type]
            except Exception as error:  # the simulator's own boundary: its test must learn of it
                self._failures.append(error)
                raise

        # A PBX that is switched off waits for no call.
        self._runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=self._ssl_context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def _record(self, call: Call) -> None:
        self.requests.append(call)
        if self._on_call:
            self._on_call(call)
        self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _seconds_left(self, access_token: str) -> float:
        token = self.state.tokens.get(access_token)
        return token.access_until - self.now() if token else 0.0

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_SECONDS)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()
