"""The rules before `attribution`, as a negative control: a model that cannot find their faults proves nothing.

They believed the first event with the right extension unless a second file was announced within a second, took 70082
after an accepted request for the own job, and held a lock that only the processes of one host shared.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

from airflow_provider_yeastar.pbx.errors import BusyError, ReportFailedError, WaitTimeoutError, YeastarError
from airflow_provider_yeastar.pbx.waiting import bounds
from airflow_provider_yeastar.pbx.wire import EventFrame, ReportFile

__all__ = ["old_wait"]

_SETTLE_SECONDS = 1.0
_OWN_JOB_PATIENCE = 60.0


@asynccontextmanager
async def _file_lock(connection: Any) -> AsyncIterator[None]:
    """Held by one process of the host; the operating system releases the lock of a dead one."""
    state, host = connection.state, connection.host
    # As it was: the operating system tells nobody of a lock that comes free.
    while (holder := getattr(state, "holder", None)) is not None and not holder.is_dead:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    state.holder = host
    try:
        yield
    finally:
        state.holder = None


async def old_wait(connection: Any, request: Any, limits: bounds.Bounds) -> Any:
    """Return the report that the old rules believed in; they knew nothing of ``exclusive``."""
    async with _file_lock(connection):
        return await _Old(connection, request, time.time() + limits.wait_timeout).run()


class _Old:
    def __init__(self, connection: Any, request: Any, until: float) -> None:
        self._connection = connection
        self._request = replace(request, asynchronous=True)
        self._until = until
        self._accepted = False
        self._errors = 0

    async def run(self) -> Any:
        while True:
            try:
                async with asyncio.timeout(self._until - time.time()), self._connection.listen() as events:
                    return await self._ask(events)
            except TimeoutError:
                raise WaitTimeoutError("no report") from None
            except YeastarError:
                self._errors += 1
                if self._errors > 5:
                    raise
            await asyncio.sleep(random.uniform(1.0, 2.0))

    async def _ask(self, events: Any) -> Any:
        plan = self._connection.session.plan(self._request)
        while True:
            events.take_pending()
            patience: float | None = None
            try:
                answer = await self._connection.call(self._connection.session.request_report, plan)
            except BusyError:
                if not self._accepted:
                    await self._next_event(events, 5.0)
                    continue
                patience = _OWN_JOB_PATIENCE
            else:
                if isinstance(answer, ReportFile):
                    return SimpleNamespace(url=answer.url)
                self._accepted = True
            first = await self._next_candidate(events, patience)
            if first:
                return await self._settle(events, first)

    async def _settle(self, events: Any, first: EventFrame) -> Any:
        candidates = {(first.succeeded, first.url)}
        end = time.time() + _SETTLE_SECONDS
        while another := await self._next_candidate(events, end - time.time(), losses_matter=False):
            candidates.add((another.succeeded, another.url))
        if len(candidates) > 1:
            raise ReportFailedError("ambiguous")
        if not first.succeeded:
            raise ReportFailedError("failed")
        return SimpleNamespace(url=first.url)

    async def _next_candidate(
        self, events: Any, patience: float | None, *, losses_matter: bool = True
    ) -> EventFrame | None:
        while True:
            event = await self._next_event(events, patience, losses_matter=losses_matter)
            if event is None or PurePosixPath(event.file).suffix in ("", f".{self._request.file_format}"):
                return event

    async def _next_event(
        self, events: Any, patience: float | None, *, losses_matter: bool = True
    ) -> EventFrame | None:
        queue = events.__dict__.setdefault("queue", [])
        end = None if patience is None else time.time() + patience
        while not queue:
            if events.failure:
                if losses_matter:
                    raise events.failure
                return None
            try:
                async with asyncio.timeout(None if end is None else max(0.0, end - time.time())):
                    await events.wait()
            except TimeoutError:
                return None
            queue.extend(events.take_pending())
        return queue.pop(0)  # type: ignore[no-any-return]
