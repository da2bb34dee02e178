"""What a wait asks in simulated time: a connection with its session, and the shared state of the hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.pbx.errors import NetworkError, StateUnavailableError, YeastarError
from airflow_provider_yeastar.pbx.events.shared import Listener
from airflow_provider_yeastar.pbx.events.topics import REPORTS
from airflow_provider_yeastar.pbx.report.facts import PbxFacts, Plan
from airflow_provider_yeastar.pbx.state import asking, ledger, records, turns
from airflow_provider_yeastar.pbx.state.interface import Entry, JointChange, stored_name
from airflow_provider_yeastar.pbx.state.ledger import ledger_name
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.waiting import job_ledger, replacing, report_wait, retrying
from airflow_provider_yeastar.pbx.wire import EventFrame, PbxInformation
from tests.model.model_pbx import ModelPbx
from tests.model.world import Clock, HostLoop, World

PBX = "SN"
_INFORMATION = PbxInformation(PBX, "P570", "37.23.0.123", None, None, None, None)
_JOB_LIFE_SECONDS = 400.0
"""Longer than any job of these PBXs can take to its last event, from the ledger's entry on a host that stands still."""
_FACTS = PbxFacts(_INFORMATION, None, ZoneInfo("Europe/Berlin"))


class ModelState(MemoryState):
    """The shared state, which may be away or lost."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock.time)
        self.is_away = False

    def look(self, name: str) -> tuple[Entry | None, float]:
        if self.is_away:
            raise StateUnavailableError("away")
        return super().look(name)

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        if self.is_away:
            raise StateUnavailableError("away")
        return super().update_all(names, change)

    def lose(self, *, all_of_it: bool) -> None:
        """Lose everything, as at the end of a server without persistence, or the ledger alone, as by eviction."""
        kept = {} if all_of_it else self._stored
        self._stored = {name: stored for name, stored in kept.items() if name != stored_name(ledger_name(PBX))}


class ModelSession:
    """What a wait asks of a session; the calls that take time return a future."""

    def __init__(self, pbx: ModelPbx, host: HostLoop, exclusive: bool) -> None:
        self._pbx = pbx
        self.host = host
        self.settings = SimpleNamespace(
            address="pbx", base_url="http://pbx:80", exclusive=exclusive, state_name="pbx", events_url=""
        )
        self.directory = SimpleNamespace(numbers=lambda request: ([], []))

    def plan(self, request: Any) -> Plan:
        return Plan(request, _FACTS, "v2.0")

    def information(self) -> asyncio.Future[PbxInformation]:
        future = self.host.create_future()

        def settle(up_time: int | None) -> None:
            if not future.done():
                future.set_result(PbxInformation(PBX, "P570", "", None, None, None, None, up_time))

        self._pbx.tell_up_time(lambda up_time: self.host.call_soon(settle, up_time))
        return future

    def hiding_secrets(self) -> Any:
        return nullcontext()

    def request_report(self, plan: Plan, timeout: float | None = None) -> asyncio.Future[Any]:
        request, future = plan.request, self.host.create_future()

        def settle(result: Any) -> None:
            if future.done():
                return
            if isinstance(result, YeastarError):
                future.set_exception(result)
            else:
                future.set_result(result)

        def answer(result: object) -> None:
            self.host.call_soon(settle, result)

        self._pbx.request(request.file_stem(), request.file_format, bool(request.asynchronous), answer)
        if timeout is None:
            self.host.call_later(30.0, settle, NetworkError("no answer"))
        return future


class ModelConnection:
    """The connection of one host; listeners are the provider's own."""

    def __init__(self, pbx: ModelPbx, host: HostLoop, state: ModelState, exclusive: bool) -> None:
        self.session = ModelSession(pbx, host, exclusive)
        self.state = state
        self._pbx = pbx
        self.host = host

    async def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        result = function(*arguments)
        return await result if isinstance(result, asyncio.Future) else result

    async def pbx_id(self) -> str:
        return PBX

    async def connect(self) -> None:
        pass

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listener[EventFrame]]:
        await asyncio.sleep(0.02)
        listener = Listener(self, REPORTS)  # type: ignore[arg-type]  # stands in for the connection

        def deliver(arrival: EventFrame | YeastarError) -> None:
            self.host.call_soon(listener.take, arrival)

        self._pbx.sockets.append(deliver)
        try:
            yield listener
        finally:
            if deliver in self._pbx.sockets:
                self._pbx.sockets.remove(deliver)


@contextmanager
def simulated_time(world: World, more: tuple[Any, ...] = ()) -> Iterator[None]:
    """Let the provider's modules read the world's clock, and make calls in threads where they are.

    :param more: further modules.
    """

    async def in_thread(
        function: Callable[..., Any], *arguments: object, of: object = None, hurries: bool = False
    ) -> Any:
        await asyncio.sleep(0.001)
        result = function(*arguments)
        await asyncio.sleep(0.001)
        return result

    clock = SimpleNamespace(time=world.clock.time, monotonic=world.clock.monotonic)
    with ExitStack() as stack:
        for module in (asking, turns, job_ledger, report_wait, retrying, *more):
            for name, value in (("time", clock), ("in_thread", in_thread), ("random", world.chance)):
                if hasattr(module, name):
                    stack.enter_context(mock.patch.object(module, name, value))
        stack.enter_context(mock.patch.object(turns, "_POLL_SECONDS", 2.0))
        stack.enter_context(mock.patch.object(ledger, "JOB_LIFE_SECONDS", _JOB_LIFE_SECONDS))
        stack.enter_context(mock.patch.object(records, "REPLACING_SECONDS", _JOB_LIFE_SECONDS))
        stack.enter_context(mock.patch.object(replacing, "REPLACING_SECONDS", _JOB_LIFE_SECONDS))
        yield
