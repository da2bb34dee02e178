"""PbxSimulator: a PBX on a loopback port, in a thread of its own."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any

from airflow_provider_yeastar.simulator.api.cdr.teller import Teller
from airflow_provider_yeastar.simulator.api.downloads import Downloads
from airflow_provider_yeastar.simulator.api.jobs import Jobs
from airflow_provider_yeastar.simulator.api.listings import local_time
from airflow_provider_yeastar.simulator.api.orders import order_report
from airflow_provider_yeastar.simulator.api.routes import Call, Routes
from airflow_provider_yeastar.simulator.api.subscribers import CALL_TOPIC, REPORT_TOPIC, SentEvent, Subscribers
from airflow_provider_yeastar.simulator.background import BackgroundLoop, Changes
from airflow_provider_yeastar.simulator.calls.call import Call as EndedCall
from airflow_provider_yeastar.simulator.faults import Faults
from airflow_provider_yeastar.simulator.listener import Listener
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState

__all__ = ["PbxSimulator"]

_UP_SECONDS = 273_906
"""For how long a simulator says it has been running when it starts."""


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
    :ivar events: every event that was sent, with its message, moment and type.
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
        self.state = PbxState(self.settings, booted_at=time.time() - _UP_SECONDS)
        self.requests: list[Call] = []
        self.events: list[SentEvent] = []
        self._ssl_context = ssl_context
        self._on_call = on_call
        self._advanced = 0.0
        self._failures: list[Exception] = []
        self._changes = Changes()
        self._loop = BackgroundLoop("pbx-simulator")
        settings, state, faults, tell = self.settings, self.state, self.faults, self._changes.tell
        self._subscribers = Subscribers(settings, self._seconds_left, tell, self.events.append)
        self._jobs = Jobs(settings, state, self._subscribers, faults, self.now, tell, self._failures.append)
        self._downloads = Downloads(settings, state, faults, self.now, tell)
        routes = Routes(settings, state, self._subscribers, self._jobs, faults, self.now, self._record, self._downloads)
        self._listener = Listener(routes.handle, self._failures.append)

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
        return self._subscribers.count(REPORT_TOPIC)

    @property
    def call_subscribers(self) -> int:
        """How many WebSockets are subscribed to the ends of calls."""
        return self._subscribers.count(CALL_TOPIC)

    @property
    def sockets(self) -> int:
        """How many WebSockets are open."""
        return self._subscribers.sockets

    @property
    def busy(self) -> bool:
        """Whether a report is being made."""
        return bool(self._jobs.open)

    @property
    def jobs(self) -> tuple[int, ...]:
        """The ids of the jobs that were accepted and are not finished, oldest first: the ``download_id`` of events."""
        return self._jobs.open

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
        self._loop.run(self._subscribers.expire())

    def hold_reports(self) -> None:
        """Let reports be asked for but not finished, until :meth:`release_reports`."""
        self._loop.call(self._jobs.hold)

    def release_reports(self, *jobs: int) -> None:
        """Let held reports be finished.

        :param jobs: ids of :attr:`jobs`; without any, all reports, and no further one is held.
        """
        self._loop.call(self._jobs.release, *jobs)

    def hold_events(self) -> None:
        """Let reports be finished but not announced, until :meth:`release_events`."""
        self._loop.call(self._jobs.hold_events)

    def release_events(self) -> None:
        """Announce the reports that were finished meanwhile."""
        self._loop.call(self._jobs.release_events)

    def download_in_portal(self, *, at_once: bool = True, **query: str) -> dict[str, Any]:
        """Have a person download a report in the web portal; an event 30027 announces it to all subscribers.

        :param at_once: default ``True``: it is made and announced before this returns, beside all jobs. False: it is
            one of the jobs, is held as they are, and announced at its end.
        :param query: the report in the vendor's parameters, for instance ``type="ivr"``, ``ivr_id_list="41"``,
            ``format="pdf"``.
        :return: the ``msg`` of its event; PROCESSING for one of the jobs.
        :raises Refusal: if the PBX does not accept it.
        """
        today = local_time(self.settings, self.now())
        order = order_report(
            query | {"is_async": "1"}, self.settings.data_version, self.settings, today, self.state.call_log(today)
        )
        return self._loop.run(self._jobs.make_at_once(order) if at_once else self._jobs.take(order))

    def publish(self, message: dict[str, Any]) -> None:
        """Send an event 30027 with this message, as if somebody's report were ready.

        :param message: the event's ``msg``, such as ``{"key": "report_download", "result": "success", "file": …,
            "download_resource_url": …}``.
        """
        self._loop.run(self._subscribers.publish(message))

    def end_call(self, started: datetime | None = None, **changes: Any) -> EndedCall:
        """Write a call that ended just now, and tell subscribers by event 30012; reports count it as well.

        :param started: its beginning, PBX-local; None lets it end now.
        :param changes: fields of ``Call`` of ``simulator.calls.call`` that differ from those of a call that an agent of
            the first queue answered.
        """
        now = local_time(self.settings, self.now())
        call = self.state.add_call(started, now, **changes)
        self._loop.run(self._subscribers.publish(Teller(self.settings).ended(call), CALL_TOPIC))
        return call

    def send_text(self, text: str) -> None:
        """Send a raw text frame to every open WebSocket.

        :param text: sent as it is, whatever it holds.
        """
        self._loop.run(self._subscribers.send_text(text))

    def drop_sockets(self) -> None:
        """Cut all WebSockets, without a word."""

        async def drop() -> None:
            self._subscribers.drop()

        self._loop.run(drop())

    def restart(self) -> None:
        """Reboot: tokens, files, the report in the making and all sockets are gone."""

        async def reboot() -> None:
            self._jobs.abandon()
            self.state.restart(self.now())
            self._subscribers.drop()

        self._loop.run(reboot())

    def wait_until(self, condition: Callable[[PbxSimulator], bool], timeout: float = 30.0) -> None:
        """Return once the condition holds; it is looked at whenever something happens.

        :param condition: is given this PBX.
        :param timeout: seconds, default ``30.0``.
        :raises TimeoutError: when it does not hold by then.
        """
        self._changes.wait_until(lambda: condition(self), timeout)

    def calls(self, endpoint: str) -> list[Call]:
        """Return the calls of one endpoint.

        :param endpoint: for instance ``call_report/download``.
        """
        return [call for call in self.requests if call.endpoint == endpoint]

    def reset(self) -> None:
        """Forget everything, as between two tests.

        :raises Exception: what went wrong in the simulator itself.
        """
        self.check()
        self.restart()
        self.state.booted_at = time.time() - _UP_SECONDS
        self.faults.clear()
        self.state.unblock()
        self.state.logins = 0
        self.state.added_calls.clear()
        self.release_reports()
        self.release_events()
        self._advanced = 0.0
        self.requests.clear()
        self.events.clear()

    def check(self) -> None:
        """Raise the first thing that went wrong in the simulator itself."""
        if self._failures:
            raise self._failures.pop(0)

    def start(self) -> None:
        """Listen; ``port`` then tells where."""
        self._loop.start()
        try:
            self.port = self._loop.run(self._listener.start(self.host, self.port, self._ssl_context))
        except BaseException:
            self._loop.end()
            raise

    def stop(self) -> None:
        """Close all sockets and end the thread."""

        async def close() -> None:
            self._jobs.abandon()
            self._subscribers.drop()
            await self._listener.stop()

        self._loop.run(close())
        self._loop.end()

    def __enter__(self) -> PbxSimulator:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if exc is None:
            self.check()

    def _record(self, call: Call) -> None:
        self.requests.append(call)
        if self._on_call:
            self._on_call(call)
        self._changes.tell()

    def _seconds_left(self, access_token: str) -> float:
        return self.state.seconds_left(access_token, self.now())
