"""The one report that the PBX makes at a time, and how it says so: in the answer, or once by event 30027."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from airflow_provider_yeastar.simulator.api.listings import local_time
from airflow_provider_yeastar.simulator.api.orders import ReportOrder
from airflow_provider_yeastar.simulator.api.subscribers import Subscribers
from airflow_provider_yeastar.simulator.faults import Fault, FaultKind, Faults
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState, Refusal

__all__ = ["Jobs"]

_AT_ORDER: tuple[FaultKind, ...] = (
    "event before answer",
    "duplicate event",
    "foreign event",
    "no event",
    "failure event",
    "drop sockets",
    "restart",
    "expire tokens",
    "url",
    "file name",
)


class Jobs:
    """Makes reports, one at a time.

    :param settings: the PBX's.
    :param state: keeps the files.
    :param subscribers: learn that one is ready.
    :param faults: what is to go wrong with the next report.
    :param now: epoch seconds by the PBX's clock.
    :param changed: is called when a report is begun or finished.
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
        self._task: asyncio.Task[None] | None = None
        self._busy = False
        self._next_id = 1
        self.released = asyncio.Event()
        self.released.set()

    @property
    def busy(self) -> bool:
        """Whether a report is being made."""
        return self._busy

    async def take(self, order: ReportOrder) -> dict[str, Any]:
        """Answer ``download``: with the file, or with PROCESSING and an event to come."""
        if self._busy:
            raise Refusal(70082)
        faults = {kind: fault for kind in _AT_ORDER if (fault := self._faults.take(kind))}
        self._busy = True
        self._changed()
        if order.asynchronous and not self._settings.answers_at_once:
            own_id = self._new_id()
            if "event before answer" in faults:
                await self._make_and_tell(order, faults, own_id)
            else:
                self._task = asyncio.create_task(self._make_and_tell(order, faults, own_id))
            answer: dict[str, Any] = {"errcode": 2, "errmsg": "PROCESSING"}
            return answer | ({"download_id": own_id} if self._settings.answer_has_id else {})
        try:
            return await self._make(order, faults)
        finally:
            self._done()

    def abandon(self) -> None:
        """Forget the report that is being made, as a reboot does."""
        if self._task and self._task is not asyncio.current_task():
            self._task.cancel()
        self._done()

    def _done(self) -> None:
        self._busy = False
        self._changed()

    async def _make(self, order: ReportOrder, faults: dict[FaultKind, Fault]) -> dict[str, Any]:
        await asyncio.sleep(self._settings.report_seconds)
        await self.released.wait()
        content = await asyncio.to_thread(order.render, self._settings)
        stamp = f"{local_time(self._settings, self._now()):%Y%m%d%H%M%S}"
        title = order.kind.title.replace(" ", "-").replace("/", "-")
        name = f"{title}-download-{stamp}-{secrets.token_hex(8)}.{order.file_format}"
        self._state.keep(name, content, self._now())
        return {
            "file": faults["file name"].value if "file name" in faults else name,
            "download_resource_url": faults["url"].value if "url" in faults else f"/api/download/{name}",
        }

    async def _make_and_tell(self, order: ReportOrder, faults: dict[FaultKind, Fault], own_id: int) -> None:
        try:
            file = await self._make(order, faults)
            await self._upset(faults)
            self._done()
            await self._tell(file, faults, own_id)
        except Exception as error:  # noqa: BLE001 - the simulator's own boundary: its test must learn of it
            self._failed(error)
            self._done()

    async def _upset(self, faults: dict[FaultKind, Fault]) -> None:
        if "restart" in faults:
            self._state.restart()
        if "restart" in faults or "drop sockets" in faults:
            self._subscribers.drop()
            # A report that is announced while nobody listens stays unknown: an event is never replayed.
            await self._subscribers.empty.wait()
        if "expire tokens" in faults:
            self._state.tokens.clear()
            await self._subscribers.expire()

    async def _tell(self, file: dict[str, Any], faults: dict[FaultKind, Fault], own_id: int) -> None:
        if "foreign event" in faults:
            name = faults["foreign event"].value
            foreign = {"file": name, "download_resource_url": f"/api/download/{name}"}
            await self._subscribers.publish(self._message(foreign, self._new_id()))
        if "no event" in faults:
            return
        if "failure event" in faults:
            nothing = {"file": "", "download_resource_url": "", "error": faults["failure event"].value}
            await self._subscribers.publish(self._message(nothing, own_id) | {"result": "failure"})
            return
        message = self._message(file, own_id)
        for _ in range(2 if "duplicate event" in faults else 1):
            await self._subscribers.publish(message)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _message(self, file: dict[str, Any], download_id: int) -> dict[str, Any]:
        return {"key": "report_download", "result": "success", "error": "", "download_id": download_id} | file
