"""Report jobs: accepted or refused, made, and told of in the answer or by event 30027.

How many jobs a PBX runs at once, whether it queues more, and when it announces a finished one are unknown [U]:
``parallel_jobs``, ``queued_jobs`` and ``announce_seconds`` of the settings cover each way.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_yeastar.simulator.api.listings import local_time
from airflow_provider_yeastar.simulator.api.orders import ReportOrder
from airflow_provider_yeastar.simulator.api.subscribers import Subscribers
from airflow_provider_yeastar.simulator.faults import Fault, FaultKind, Faults
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState, Refusal

__all__ = ["JobLostError", "Jobs"]

_AT_ORDER: tuple[FaultKind, ...] = (
    "event before answer",
    "duplicate event",
    "foreign event",
    "late event",
    "no event",
    "failure event",
    "drop sockets",
    "restart",
    "expire tokens",
    "url",
    "file name",
    "processing",
    "cut answer",
)

_File = dict[str, Any]


class JobLostError(Exception):
    """A synchronous request gets no answer: its connection is cut, by a time limit, a fault or a reboot."""


@dataclass(eq=False)
class _Job:
    """A report that was accepted and is not finished.

    :param id: the ``download_id`` of its event.
    :param order: what is to be made.
    :param announced: whether an event follows.
    :param faults: what goes wrong with it.
    :param file: its file once made; None if the simulator itself failed.
    :param released: keeps it unfinished until set.
    """

    id: int
    order: ReportOrder
    announced: bool
    faults: Mapping[FaultKind, Fault]
    file: asyncio.Future[_File | None]
    released: asyncio.Event = field(default_factory=asyncio.Event)


class Jobs:
    """Makes reports, as many at a time as the settings say.

    :param settings: the PBX's.
    :param state: keeps the files.
    :param subscribers: learn that a report is ready.
    :param faults: what is to go wrong with the next report.
    :param now: epoch seconds by the PBX's clock.
    :param changed: is called when a job is accepted or finished.
    :param failed: is told what went wrong in the simulator itself.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        state: PbxState,
        subscribers: Subscribers,
        faults: Faults,
        now: Callable[[], float],
        changed: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._subscribers = subscribers
        self._faults = faults
        self._now = now
        self._changed = changed
        self._failed = failed
        self._open: dict[int, _Job] = {}
        self._tasks: dict[asyncio.Task[None], _Job] = {}
        self._slots = asyncio.Semaphore(settings.parallel_jobs)
        self._next_id = 1
        self._held = False
        self._announcing = asyncio.Event()
        self._announcing.set()

    @property
    def open(self) -> tuple[int, ...]:
        """The ids of the jobs that were accepted and are not finished, oldest first."""
        return tuple(self._open)

    def hold(self) -> None:
        """Leave every job unfinished from now on."""
        self._held = True

    def release(self, *ids: int) -> None:
        """Let held jobs be finished: these alone, or without ids all of them and those to come."""
        self._held = self._held and bool(ids)
        for id_ in ids or self.open:
            if id_ in self._open:
                self._open[id_].released.set()
            else:
                self._failed(LookupError(f"release_reports: there is no job {id_} among {self.open}"))

    def hold_events(self) -> None:
        """Let jobs be finished, but announce none from now on."""
        self._announcing.clear()

    def release_events(self) -> None:
        """Announce what was finished meanwhile."""
        self._announcing.set()

    async def take(self, order: ReportOrder) -> dict[str, Any]:
        """Answer ``download``: with the file, or with PROCESSING and an event to come.

        :raises Refusal: 70082, if no further job is accepted.
        :raises JobLostError: if a synchronous request gets no answer.
        """
        if len(self._open) >= self._settings.parallel_jobs + self._settings.queued_jobs:
            raise Refusal(70082)
        faults = {kind: fault for kind in _AT_ORDER if (fault := self._faults.take(kind))}
        waits_for_event = self._waits_for_event(order, faults)
        job = self._accept(order, waits_for_event or self._settings.sync_announces, faults)
        if not waits_for_event:
            return await self._answer(job)
        if "event before answer" in faults:
            await self._finished(job)
        answer: dict[str, Any] = {"errcode": 2, "errmsg": "PROCESSING"}
        return answer | ({"download_id": job.id} if self._settings.answer_has_id else {})

    async def make_at_once(self, order: ReportOrder) -> dict[str, Any]:
        """Make a report beside all jobs and announce it, as a download in the portal may [U].

        :return: the ``msg`` of its event.
        """
        message = self._message(await self._make(order, {}), self._new_id())
        await self._subscribers.publish(message)
        return message

    def abandon(self) -> None:
        """Forget all jobs and the events to come, as a reboot does."""
        for task, job in list(self._tasks.items()):
            if task is not asyncio.current_task():
                task.cancel()
                self._forget(job)

    def _waits_for_event(self, order: ReportOrder, faults: Mapping[FaultKind, Fault]) -> bool:
        if order.asynchronous:
            return not self._settings.answers_at_once
        return self._settings.sync_says_processing or "processing" in faults

    def _accept(self, order: ReportOrder, announced: bool, faults: Mapping[FaultKind, Fault]) -> _Job:
        job = _Job(self._new_id(), order, announced, faults, asyncio.get_running_loop().create_future())
        if not self._held:
            job.released.set()
        self._open[job.id] = job
        task = asyncio.create_task(self._work(job))
        self._tasks[task] = job
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        self._changed()
        return job

    async def _answer(self, job: _Job) -> dict[str, Any]:
        limit = 0.0 if "cut answer" in job.faults else self._settings.sync_limit
        await asyncio.wait([job.file], timeout=limit)
        if not job.file.done() or job.file.cancelled():
            raise JobLostError
        file = job.file.result()
        if file is None:
            raise Refusal(-2)
        return file

    async def _finished(self, job: _Job) -> None:
        tasks = [task for task, worked_on in self._tasks.items() if worked_on is job]
        await asyncio.wait(tasks)

    def _forget(self, job: _Job) -> None:
        self._open.pop(job.id, None)
        job.file.cancel()
        self._changed()

    async def _work(self, job: _Job) -> None:
        try:
            async with self._slots:
                file = await self._make_in_turn(job)
            self._open.pop(job.id, None)
            if not job.file.done():
                job.file.set_result(file)
            self._changed()
            if job.announced:
                await self._announce(job, file)
        except Exception as error:  # noqa: BLE001 - the simulator's own boundary: its test must learn of it
            self._failed(error)
            if not job.file.done():
                job.file.set_result(None)
            self._forget(job)

    async def _make_in_turn(self, job: _Job) -> _File:
        await asyncio.sleep(self._settings.report_seconds)
        await job.released.wait()
        file = await self._make(job.order, job.faults)
        if job.announced:
            await self._upset(job.faults)
        return file

    async def _make(self, order: ReportOrder, faults: Mapping[FaultKind, Fault]) -> _File:
        log = self._state.call_log(local_time(self._settings, self._now()))
        content = await asyncio.to_thread(order.render, log, self._settings.csv_layout)
        stamp = f"{local_time(self._settings, self._now()):%Y%m%d%H%M%S}"
        title = order.kind.title.replace(" ", "-").replace("/", "-")
        unique = "" if self._settings.plain_names else f"-download-{stamp}-{secrets.token_hex(8)}"
        name = f"{title}{unique}.{order.file_format}"
        self._state.keep(name, content, self._now())
        return {
            "file": faults["file name"].value if "file name" in faults else name,
            "download_resource_url": faults["url"].value if "url" in faults else f"/api/download/{name}",
        }

    async def _upset(self, faults: Mapping[FaultKind, Fault]) -> None:
        if "restart" in faults:
            self.abandon()
            self._state.restart(self._now())
        if "restart" in faults or "drop sockets" in faults:
            self._subscribers.drop()
            # An event is never replayed: this one goes out while nobody is subscribed.
            await self._subscribers.empty.wait()
        if "expire tokens" in faults:
            self._state.tokens.clear()
            await self._subscribers.expire()

    async def _announce(self, job: _Job, file: _File) -> None:
        faults = job.faults
        late = self._settings.announce_seconds + (faults["late event"].value if "late event" in faults else 0.0)
        if late:
            await asyncio.sleep(late)
        if not self._announcing.is_set():
            await self._announcing.wait()
        if "foreign event" in faults:
            name = faults["foreign event"].value
            foreign = {"file": name, "download_resource_url": f"/api/download/{name}"}
            await self._subscribers.publish(self._message(foreign, self._new_id()))
        if "no event" in faults:
            return
        message = self._message(file, job.id)
        if "failure event" in faults:
            nothing = {"file": "", "download_resource_url": "", "error": faults["failure event"].value}
            message |= {"result": "failure", **nothing}
        for _ in range(2 if "duplicate event" in faults else 1):
            await self._subscribers.publish(message)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _message(self, file: _File, download_id: int) -> dict[str, Any]:
        return {"key": "report_download", "result": "success", "error": "", "download_id": download_id} | file
