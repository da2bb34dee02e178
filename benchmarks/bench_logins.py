"""Logins and API calls: 200 reports by the tasks of one host, and 50 processes that start at the same moment.

The tasks are real processes, each report has a client of its own as each task has, and all share the state directory of
the host. Counted is what the simulated PBX was asked. A report's WebSocket is not an API call and is counted apart. The
same with a token per task (`login_sharing=none`) stands beside it, for fewer reports.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in

REPORTS, OWN_TOKEN_REPORTS, WORKERS, FLEET = 200, 20, 4, 50
REQUEST: dict[str, Any] = {
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": "1"},
}


# --- the host's processes -------------------------------------------------------------------------------------------


def be_the_tasks(settings: dict[str, Any], state_dir: Path, workers: int, reports_each: int) -> None:
    """Fork so many processes that begin together; each fetches so many reports, or asks who the PBX is if none."""
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.request import build_request
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting import bounds as waiting

    context = multiprocessing.get_context("fork")
    start = context.Barrier(workers)

    def work() -> None:
        start.wait()
        for _ in range(reports_each):
            with PbxClient(PbxSettings(**settings), state=open_state("", state_dir)) as client:
                bounds = waiting.Bounds(time.time() + 600, 600)
                report = asyncio.run(client.wait_for_report(build_request(**REQUEST), bounds))
                with closing(asyncio.run(client.open_file(report.url))) as stream:
                    assert b"".join(stream.chunks)
        if not reports_each:
            with PbxClient(PbxSettings(**settings), state=open_state("", state_dir)) as client:
                assert client.get_information().model

    processes = [context.Process(target=work) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)


# --- the PBX, and what it was asked ---------------------------------------------------------------------------------


def measure(workers: int, reports_each: int, login_sharing: str) -> dict[str, int]:
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings

    with PbxSimulator(SimulatorSettings(report_seconds=0.0)) as pbx, tempfile.TemporaryDirectory() as state_dir:
        settings = PbxSettings(
            pbx.host,
            pbx.client_id,
            pbx.client_secret,
            port=pbx.port,
            scheme=pbx.scheme,
            timezone=pbx.settings.timezone,
            login_sharing=login_sharing,
        )
        tasks = [json.dumps(asdict(settings)), state_dir, str(workers), str(reports_each)]
        subprocess.run([sys.executable, __file__, *tasks], check=True, timeout=600)
        counts = {"logins": len(pbx.calls("get_token")), "sockets": len(pbx.calls("subscribe"))}
        return counts | {"calls": len(pbx.requests) - sum(counts.values())}


def main() -> None:
    shared = measure(WORKERS, REPORTS // WORKERS, "host")
    own = measure(WORKERS, OWN_TOKEN_REPORTS // WORKERS, "none")
    fleet = measure(FLEET, 0, "host")
    rows = [
        ("what", "logins", "goal", "API calls a report", "goal", "WebSockets a report"),
        (
            f"{REPORTS} reports, shared token",
            shared["logins"],
            1,
            shared["calls"] / REPORTS,
            2,
            shared["sockets"] / REPORTS,
        ),
        (
            f"{OWN_TOKEN_REPORTS} reports, a token each",
            own["logins"],
            "",
            own["calls"] / OWN_TOKEN_REPORTS,
            "",
            own["sockets"] / OWN_TOKEN_REPORTS,
        ),
        (f"{FLEET} processes at once", fleet["logins"], 1, "", "", ""),
    ]
    for what, *figures in rows:
        print(f"{what:<28}", *(f"{_shown(figure):>19}" for figure in figures))
    if shared["logins"] != 1 or fleet["logins"] != 1 or round(shared["calls"] / REPORTS) != 2:
        sys.exit("A goal was missed.")


def _shown(figure: object) -> str:
    return f"{figure:.3f}" if isinstance(figure, float) else str(figure)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        be_the_tasks(json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
