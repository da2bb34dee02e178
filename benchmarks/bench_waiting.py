"""A fleet waits: 1,000 deferred reports over 100 PBXs, all triggers in one event loop, the PBXs in another process.

``--state redis`` keeps the shared state in a Redis server (``redis-server`` of the system's packages) in place of the
state directory; ``--certainty`` measures the price of certainty instead: reports per minute and requests per report, by
the event, by an event in doubt, and synchronously.

Every PBX is a simulator of its own, over https and wss with a pinned certificate, as an appliance is. First no report
is finished: what waiting costs is measured. Then all are let go. The latency of an event is counted, by one clock, from
the moment at which its simulator is about to write it to the socket until the trigger has yielded its own event: the
lease and the ledger in the shared state are asked meanwhile. When the reports are let go, all triggers are older
than the first seconds of a trigger, in which it holds its event back for the scheduler's sake. Whatever else the
machine does counts against us: its load is printed along.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from fleet import Fleet, make_certificate, running_fleet, serial_number

PBXS = 100
REPORTS_PER_PBX = 10
IDLE_SECONDS = 30.0
LOOK_SECONDS = 0.002
REQUEST = {"report_type": "queueperformance", "period": "2026-11-20", "parameters": {"queue_id_list": "1,2"}}
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in


# --- the triggers' process ------------------------------------------------------------------------------------------


class LoopWatch:
    """Finds the longest time for which the event loop was kept from running what was due."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            due = time.perf_counter() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.longest = max(self.longest, time.perf_counter() - due)

    async def stop(self) -> float:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        return self.longest


async def fire(conn_id: str, request: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Run one trigger as the triggerer does; return its event's payload and the time at which it came."""
    from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger

    trigger = YeastarCallReportTrigger(
        yeastar_conn_id=conn_id, request=request, queue_until=time.time() + 3600, wait_timeout=1800
    )
    found = [(event.payload, time.time()) async for event in trigger.run()]
    assert len(found) == 1
    return found[0]


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def measure(fleet: Fleet, pbxs: int, request: dict[str, Any]) -> dict[str, Any]:
    from airflow_provider_yeastar.compat import get_async_connection

    await get_async_connection("pbx_0")  # loads parts of Airflow that a triggerer has loaded long before
    figures: dict[str, Any] = {"load": [os.getloadavg()[0]]}
    gc.collect()
    before = resident_bytes()
    watch = LoopWatch()
    started = time.perf_counter()
    triggers = [
        asyncio.create_task(fire(f"pbx_{number}", request)) for _ in range(REPORTS_PER_PBX) for number in range(pbxs)
    ]
    await asyncio.to_thread(fleet.ask, "all asked")
    figures["start"] = time.perf_counter() - started
    figures["block at the start"] = await watch.stop()

    gc.collect()
    figures["memory"] = (resident_bytes() - before) / len(triggers)
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    figures["idle"] = (time.process_time() - cpu) / (time.perf_counter() - began)

    watch = LoopWatch()
    started = time.perf_counter()
    await asyncio.to_thread(fleet.command, "release")
    done = await asyncio.gather(*triggers)
    figures["finish"] = time.perf_counter() - started
    figures["block at the end"] = await watch.stop()

    figures["load"].append(os.getloadavg()[0])
    told = await asyncio.to_thread(fleet.ask, "tell")
    figures |= {name: told[name] for name in ("sockets", "open", "logins")}
    assert all(payload["status"] == "success" for payload, _ in done), [p for p, _ in done if p["status"] != "success"]
    figures["files"] = len({payload["report"]["file"] for payload, _ in done})
    latencies = [at - told["sent"][payload["report"]["file"]] for payload, at in done]
    centiles = statistics.quantiles(latencies, n=100)
    figures |= {"p50": centiles[49], "p99": centiles[98], "worst": max(latencies)}
    return figures


def show(figures: dict[str, Any], pbxs: int) -> None:
    block = max(figures["block at the start"], figures["block at the end"])
    rows = [
        ("sockets opened", figures["sockets"], pbxs, "{:.0f}", figures["sockets"] <= pbxs),
        ("logins", figures["logins"], pbxs, "{:.0f}", figures["logins"] <= pbxs),
        ("event to TriggerEvent, p50", figures["p50"] * 1000, None, "{:.1f} ms", True),
        ("event to TriggerEvent, p99", figures["p99"] * 1000, 20, "{:.1f} ms", figures["p99"] < 0.020),
        ("longest block of the loop", block * 1000, 50, "{:.1f} ms", block < 0.050),
        ("memory per waiter", figures["memory"] / 1024, 64, "{:.1f} KiB", figures["memory"] < 65536),
        ("CPU while all wait", figures["idle"] * 100, 3, "{:.2f} % of a core", figures["idle"] < 0.03),
    ]
    print(f"{pbxs * REPORTS_PER_PBX} deferred reports over {pbxs} PBXs, one process, https and wss")
    for name, value, goal, unit, met in rows:
        aim = "" if goal is None else f"goal {unit.format(goal)}  {'met' if met else 'NOT MET'}"
        print(f"  {name:28} {unit.format(value):>20}   {aim}")
    print(
        f"  {figures['files']} different files; all asked after {figures['start']:.1f} s, all finished "
        f"{figures['finish']:.1f} s after their release; sockets left open: {figures['open']}\n"
        f"  worst latency {figures['worst'] * 1000:.1f} ms; longest block at the start "
        f"{figures['block at the start'] * 1000:.1f} ms, at the end {figures['block at the end'] * 1000:.1f} ms\n"
        f"  load of the machine {figures['load'][0]:.1f} before, {figures['load'][1]:.1f} after; {os.cpu_count()} cores"
    )


def prepare(home: Path, ports: list[int], fingerprint: str) -> None:
    """Give this process an Airflow home of its own and a connection to each PBX."""
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    from airflow_provider_yeastar.simulator import SimulatorSettings

    settings = SimulatorSettings()
    for number, port in enumerate(ports):
        connection = {
            "conn_type": "yeastar",
            "host": "127.0.0.1",
            "port": port,
            "login": settings.client_id,
            "password": settings.client_secret,
            "extra": {"timezone": settings.timezone, "ssl_fingerprint": fingerprint, "exclusive": True},
        }
        os.environ[f"AIRFLOW_CONN_PBX_{number}"] = json.dumps(connection)


def know_the_past(url: str, folder: Path, serial_numbers: Iterable[str]) -> None:
    """Let the state know that nobody has requested a report at these PBXs: they were started a moment ago."""
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting.job_ledger import vouch_for_past

    state = open_state(url, folder)
    for serial in serial_numbers:
        vouch_for_past(state, serial)


# --- the price of certainty -----------------------------------------------------------------------------------------

CERTAINTY_REPORTS, CERTAINTY_SECONDS = 30, 0.5
WAYS: dict[str, dict[str, Any]] = {
    "by the event": {"exclusive": True, "asynchronous": None},
    "by an event in doubt": {"exclusive": False, "asynchronous": True},
    "synchronously": {"exclusive": False, "asynchronous": None},
}


async def reports_of(pbx: Any, folder: Path, exclusive: bool, asynchronous: bool | None) -> set[str]:
    """Have so many reports made by one PBX, as fast as it goes; return how they were identified."""
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.request import build_request
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting.bounds import Bounds

    settings = PbxSettings(
        pbx.host, pbx.client_id, pbx.client_secret, pbx.port, pbx.scheme, timezone="Europe/Berlin", exclusive=exclusive
    )
    request = build_request(**REQUEST, asynchronous=asynchronous)
    with PbxClient(settings, state=open_state("", folder)) as client:
        waits = (client.wait_for_report(request, Bounds(time.time() + 3600, 1800)) for _ in range(CERTAINTY_REPORTS))
        return {report.identified_by for report in await asyncio.gather(*waits)}


def measure_certainty() -> int:
    """Print reports per minute and requests per report of each way."""
    from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings

    print(f"The price of certainty: {CERTAINTY_REPORTS} reports of {CERTAINTY_SECONDS} s, one at a time, on one PBX")
    for name, way in WAYS.items():
        with (
            PbxSimulator(SimulatorSettings(report_seconds=CERTAINTY_SECONDS)) as pbx,
            tempfile.TemporaryDirectory(prefix="yeastar-bench-") as folder,
        ):
            know_the_past("", Path(folder), [pbx.settings.serial_number])
            started = time.perf_counter()
            identified_by = asyncio.run(reports_of(pbx, Path(folder), **way))
            minutes = (time.perf_counter() - started) / 60
            requests = len(pbx.calls("call_report/download"))
        print(
            f"  {name:22} {CERTAINTY_REPORTS / minutes:6.1f} reports per minute  "
            f"{requests / CERTAINTY_REPORTS:4.2f} requests per report  identified by {', '.join(sorted(identified_by))}"
        )
    return 0


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a Redis server on a free port of the loopback address; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if time.monotonic() > until:
                raise RuntimeError("redis-server does not answer")
            threading.Event().wait(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(30)


def measure_fleet(state: str, pbxs: int) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yeastar-bench-")))
        certificate, fingerprint = make_certificate(folder)
        fleet = stack.enter_context(running_fleet(certificate, pbxs))
        prepare(folder, fleet.ports, fingerprint)
        url = stack.enter_context(redis_server(folder)) if state == "redis" else ""
        os.environ["AIRFLOW__YEASTAR__STATE_URL"] = url
        know_the_past(url, folder / "yeastar", map(serial_number, range(pbxs)))
        # What a triggerer has loaded long before.
        import airflow_provider_yeastar.pbx.client
        import airflow_provider_yeastar.triggers.call_report  # noqa: F401 - for what it loads
        from airflow_provider_yeastar.pbx.report.request import build_request

        figures = asyncio.run(measure(fleet, pbxs, build_request(**REQUEST).to_dict()))
    print(f"State: {state}")
    show(figures, pbxs)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", choices=("directory", "redis"), default="directory")
    parser.add_argument("--pbxs", type=int, default=PBXS)
    parser.add_argument("--certainty", action="store_true")
    options = parser.parse_args()
    return measure_certainty() if options.certainty else measure_fleet(options.state, options.pbxs)


if __name__ == "__main__":
    sys.exit(main())
