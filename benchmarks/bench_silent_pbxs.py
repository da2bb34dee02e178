"""What 300 PBXs that accept connections and never answer cost a healthy one, all in one event loop.

The silent ones are sockets that listen and are never read. Their waits start first and at the same moment, so that the
healthy PBX's report is the last in every queue. The simulated PBX makes a report at once, so nothing hides the cost: a
report takes some 80 ms, all of them computing. Goal: less than twice as long as alone, at the median of several runs.
Each run is a process of its own, since the threads that the silent ones take stay for those who come later.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in

SILENT, TIMEOUT, REPORTS, RUNS = 300, 6.0, 3, 5
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
    alone = [await seconds_of_a_report(pbx, pbx.port, home / f"alone {number}") for number in range(REPORTS)]
    shared = home / "shared"
    waits = [asyncio.create_task(seconds_of_a_report(pbx, port, shared)) for port in silent_ports]
    first = await seconds_of_a_report(pbx, pbx.port, shared)
    later = [await seconds_of_a_report(pbx, pbx.port, shared) for _ in range(REPORTS)]
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)
    return statistics.median(alone), first, max(later)


def run_once() -> None:
    """Print the three figures of a run as JSON."""
    from airflow_provider_yeastar.simulator import PbxSimulator

    logging.getLogger("airflow_provider_yeastar").setLevel(logging.ERROR)
    with ExitStack() as stack:
        pbx = stack.enter_context(PbxSimulator())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        listeners = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(SILENT)]
        print(json.dumps(asyncio.run(measure(pbx, [each.getsockname()[1] for each in listeners], home))))


def main() -> None:
    command = [sys.executable, __file__, "once"]
    runs = [json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(RUNS)]
    alone, first, later = (statistics.median(run[which] for run in runs) for which in range(3))
    print(f"alone {alone * 1000:.0f} ms; medians of {RUNS} runs")
    for name, which in ((f"while {SILENT} silent PBXs start", 1), (f"after that, the worst of {REPORTS}", 2)):
        milliseconds = statistics.median(run[which] for run in runs) * 1000
        ratios = ", ".join(f"{run[which] / run[0]:.2f}" for run in runs)
        print(f"{name}: {milliseconds:.0f} ms, times as long as alone: {ratios}")
    if max(first, later) >= 2 * alone:
        sys.exit("The goal was missed: twice as long as alone.")


if __name__ == "__main__":
    run_once() if sys.argv[1:] == ["once"] else main()
