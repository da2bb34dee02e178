"""What 300 PBXs that accept connections and never answer cost a healthy one, all in one event loop.

The silent ones are sockets that listen and are never read. Their waits start first and at the same moment, so that the
healthy PBX's report is the last in every queue. Goal: it takes less than twice as long as alone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in

SILENT, TIMEOUT, REPORTS = 300, 6.0, 3
REQUEST: dict[str, Any] = {
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": [1]},
}


async def seconds_of_a_report(pbx: Any, port: int, state_dir: Path) -> float:
    """Wait for one report as a trigger does."""
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.request import build_request
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting.bounds import Bounds

    settings = PbxSettings(
        "127.0.0.1",
        pbx.client_id,
        pbx.client_secret,
        port=port,
        scheme="http",
        timezone=pbx.settings.timezone,
        timeout=TIMEOUT,
    )
    started = time.monotonic()
    client = PbxClient(settings, state=open_state("", state_dir))
    await client.wait_for_report(build_request(**REQUEST), Bounds(time.time() + 600, 600))
    return time.monotonic() - started


async def measure(pbx: Any, silent_ports: list[int], home: Path) -> tuple[float, float, float]:
    """Return the seconds of a report alone, while the silent PBXs' waits start, and at worst after that."""
    await seconds_of_a_report(pbx, pbx.port, home / "warm-up")
    alone = await seconds_of_a_report(pbx, pbx.port, home / "alone")
    shared = home / "shared"
    waits = [asyncio.create_task(seconds_of_a_report(pbx, port, shared)) for port in silent_ports]
    first = await seconds_of_a_report(pbx, pbx.port, shared)
    later = [await seconds_of_a_report(pbx, pbx.port, shared) for _ in range(REPORTS)]
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)
    return alone, first, max(later)


def main() -> None:
    from airflow_provider_yeastar.simulator import PbxSimulator

    logging.getLogger("airflow_provider_yeastar").setLevel(logging.ERROR)
    with ExitStack() as stack:
        pbx = stack.enter_context(PbxSimulator())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listeners = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(SILENT)]
        alone, first, later = asyncio.run(measure(pbx, [each.getsockname()[1] for each in listeners], home))
    print(f"alone {alone:.2f} s; while {SILENT} silent PBXs start {first:.2f} s; after that {later:.2f} s at most")
    if max(first, later) >= 2 * alone:
        sys.exit("The goal was missed: twice as long as alone.")


if __name__ == "__main__":
    main()
