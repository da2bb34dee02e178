"""What the tests of waits share: requests for reports, what the PBX got and announces, what the ledger knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.waiting import report_wait
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.integration.support import QUEUE_REPORT, Wait

DOWNLOAD = "call_report/download"


def request(queue: int) -> dict[str, Any]:
    return QUEUE_REPORT | {"parameters": {"queue_id_list": [queue]}}


def orders(pbx: PbxSimulator) -> list[dict[str, str]]:
    """The requests for a report that the PBX got."""
    return [dict(call.query) for call in pbx.calls(DOWNLOAD)]


def ways(pbx: PbxSimulator) -> list[str]:
    """How the reports were requested: ``1`` asynchronously, ``0`` synchronously."""
    return [call.query["is_async"] for call in pbx.calls(DOWNLOAD)]


def announced(file: str) -> dict[str, str]:
    """The ``msg`` of an event."""
    return {"result": "success", "file": file, "download_resource_url": f"/api/download/{file}"}


def ledger(waiting: Wait) -> Ledger:
    state = DirectoryState(waiting.state_dir)
    return Ledger.read(state.read(ledger_name(waiting.pbx.settings.serial_number)), state.now())


async def reached(pbx: PbxSimulator, condition: Callable[[PbxSimulator], bool]) -> None:
    await asyncio.to_thread(pbx.wait_until, condition)


@contextlib.contextmanager
def pbx_that(**changes: Any) -> Iterator[PbxSimulator]:
    with PbxSimulator(SimulatorSettings(**changes)) as pbx:
        yield pbx


def label_of(content: bytes) -> str:
    return content.decode("utf-8-sig").splitlines()[1].split(",")[0]


def let_time_pass(seconds: float, patch: pytest.MonkeyPatch) -> None:
    """Set the clocks of the waits on this event loop forward: their deadlines come, on however slow a machine."""
    loop = asyncio.get_running_loop()
    of_loop, of_host = loop.time, report_wait.time.time
    patch.setattr(loop, "time", lambda: of_loop() + seconds)
    patch.setattr(report_wait, "time", SimpleNamespace(time=lambda: of_host() + seconds))


@contextlib.contextmanager
def time_over_when_accepted() -> Iterator[None]:
    """Let the time of each wait be over as soon as the PBX has answered its request."""
    settle = report_wait.ReportWait._settle

    async def settle_late(self: report_wait.ReportWait, *arguments: Any) -> Any:
        let_time_pass(self._turn_until - report_wait.time.time(), patch)
        return await settle(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_wait.ReportWait, "_settle", settle_late)
        yield
