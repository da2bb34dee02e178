"""What the tests of waits share: requests for reports, what the PBX got and announces, what the ledger knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
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
