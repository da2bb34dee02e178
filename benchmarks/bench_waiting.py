"""A fleet waits: 1,000 deferred reports over 100 PBXs, all triggers in one event loop, the PBXs in another process.

``--state redis`` keeps the shared state in a Redis server (``redis-server`` of the system's packages) in place of the
state directory.

Every PBX is a simulator of its own, over https and wss with a pinned certificate, as an appliance is. First no report
is finished: what waiting costs is measured. Then they are let go, in two ways, each for 1,000 reports:

- *spread*, the main figure: at seeded moments over 20 seconds, 50 events a second. After each event the next waiter of
  that PBX requests its report, so this process also makes 50 requests a second.
- *burst*: all 100 PBXs at the same instant, and each next report as soon as it is requested. That is more than two
  cores carry, as the 100 simulators run on them too: the figure is the length of the queue in front of them.

The latency of an event is counted, by one clock, from the moment at which its simulator is about to write it to the
socket until the trigger has yielded its own event: the lease and the ledger in the shared state are asked meanwhile.
The longest block of the event loop is told with and without Python's full garbage collections: these walk over all
objects of the process, most of which are Airflow's. Whatever else the machine does counts against us: its load is
printed along.

The provider's log, three lines for each report, goes into a file: to write it is part of a triggerer's work.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet import Fleet, know_the_past, make_certificate, running_fleet, serial_number
from loop_watch import LoopWatch

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.state.interface import SharedState

PBXS = 100
REPORTS_PER_PBX = 10
IDLE_SECONDS = 30.0
SPREAD_SECONDS = 20
YOUTH_SECONDS = 10.0
"""A trigger that is younger may hold its event back for the scheduler's sake."""
REQUEST = {"report_type": "queueperformance", "period": "2026-11-20", "parameters": {"queue_id_list": "1,2"}}
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in


@dataclass(frozen=True)
class Latencies:
    """From an event to the trigger's own, in seconds.

    :param finish: from the first release to the last trigger's end.
    """

    p50: float
    p99: float
    worst: float
    finish: float
    files: int


async def fire(conn_id: str, request: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Run one trigger as the triggerer does; return its event's payload and the time at which it came."""
    from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger

    trigger = YeastarCallReportTrigger(
        yeastar_conn_id=conn_id, request=request, queue_until=time.time() + 3600, wait_timeout=1800
    )
    found = [(event.payload, time.time()) async for event in trigger.run()]
    assert len(found) == 1
    return found[0]


Triggers = list[asyncio.Task[tuple[dict[str, Any], float]]]


async def start(fleet: Fleet, state: SharedState, pbxs: int, request: dict[str, Any]) -> Triggers:
    """Start all triggers; return when each PBX makes a report and all others wait in its line."""
    triggers = []
    for number in [*range(pbxs)] * REPORTS_PER_PBX:
        triggers.append(asyncio.create_task(fire(f"pbx_{number}", request)))
        await asyncio.sleep(0)  # as the triggerer does it
    await asyncio.to_thread(fleet.ask, "all asked")
    while await asyncio.to_thread(waiters_in, state, pbxs) < len(triggers):  # noqa: ASYNC110 - the state tells no event
        await asyncio.sleep(0.5)
    return triggers


def waiters_in(state: SharedState, pbxs: int) -> int:
    """Return how many waiters stand in the lines of all PBXs."""
    from airflow_provider_yeastar.pbx.state.line import Line

    entries = (state.read(f"{serial_number(number)}/turn") for number in range(pbxs))
    return sum(len(Line.from_entry(entry).tickets) for entry in entries)


async def finish(fleet: Fleet, release: str, triggers: Triggers) -> Latencies:
    """Have the reports released and all triggers fire."""
    started = time.perf_counter()
    await asyncio.to_thread(fleet.command, release)
    done = await asyncio.gather(*triggers)
    seconds = time.perf_counter() - started
    assert all(payload["status"] == "success" for payload, _ in done), [p for p, _ in done if p["status"] != "success"]
    sent = (await asyncio.to_thread(fleet.ask, "tell"))["sent"]
    latencies = [at - sent[payload["report"]["file"]] for payload, at in done]
    centiles = statistics.quantiles(latencies, n=100)
    files = len({payload["report"]["file"] for payload, _ in done})
    return Latencies(centiles[49], centiles[98], max(latencies), seconds, files)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def measure(fleet: Fleet, state: SharedState, pbxs: int, request: dict[str, Any]) -> dict[str, Any]:
    from airflow_provider_yeastar.compat import get_async_connection

    await get_async_connection("pbx_0")  # loads parts of Airflow that a triggerer has loaded long before
    figures: dict[str, Any] = {"load": [os.getloadavg()[0]]}
    gc.collect()
    before, objects = resident_bytes(), len(gc.get_objects())
    watch = LoopWatch()
    started = time.perf_counter()
    triggers = await start(fleet, state, pbxs, request)
    figures["start"] = time.perf_counter() - started
    figures["at the start"] = await watch.stop()

    gc.collect()
    figures["memory"] = (resident_bytes() - before) / len(triggers)
    figures["objects"] = objects, (len(gc.get_objects()) - objects) / len(triggers)
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)  # longer than the youth of a trigger
    figures["idle"] = (time.process_time() - cpu) / (time.perf_counter() - began)

    watch = LoopWatch()
    figures["spread"] = await finish(fleet, f"release within {SPREAD_SECONDS} {REPORTS_PER_PBX}", triggers)
    figures["at the end"] = await watch.stop()
    told = await asyncio.to_thread(fleet.ask, "tell")
    figures |= {name: told[name] for name in ("sockets", "logins")}

    triggers = await start(fleet, state, pbxs, request)
    await asyncio.sleep(YOUTH_SECONDS)
    watch = LoopWatch()
    figures["burst"] = await finish(fleet, "release", triggers)
    figures["in the burst"] = await watch.stop()
    figures["load"].append(os.getloadavg()[0])
    told = await asyncio.to_thread(fleet.ask, "tell")
    return figures | {"open": told["open"], "logins": told["logins"]}


def show(figures: dict[str, Any], pbxs: int) -> None:
    spread, burst, objects = figures["spread"], figures["burst"], figures["objects"]
    moments = ("at the start", "at the end", "in the burst")
    longest = max(figures[moment].longest for moment in moments)
    outside = max(figures[moment].outside for moment in moments)
    rows = [
        ("sockets opened", figures["sockets"], pbxs, "{:.0f}", figures["sockets"] <= pbxs),
        ("logins", figures["logins"], pbxs, "{:.0f}", figures["logins"] <= pbxs),
        ("event to TriggerEvent, p50", spread.p50 * 1000, None, "{:.1f} ms", True),
        ("event to TriggerEvent, p99", spread.p99 * 1000, 20, "{:.1f} ms", spread.p99 < 0.020),
        ("  in the burst, p50", burst.p50 * 1000, None, "{:.1f} ms", True),
        ("  in the burst, p99", burst.p99 * 1000, 20, "{:.1f} ms", burst.p99 < 0.020),
        ("longest block of the loop", longest * 1000, 50, "{:.1f} ms", longest < 0.050),
        ("  but for full collections", outside * 1000, 50, "{:.1f} ms", outside < 0.050),
        ("memory per waiter", figures["memory"] / 1024, 64, "{:.1f} KiB", figures["memory"] < 65536),
        ("CPU while all wait", figures["idle"] * 100, 3, "{:.2f} % of a core", figures["idle"] < 0.03),
    ]
    print(f"{pbxs * REPORTS_PER_PBX} deferred reports over {pbxs} PBXs, one process, https and wss")
    for name, value, goal, unit, met in rows:
        aim = "" if goal is None else f"goal {unit.format(goal)}  {'met' if met else 'NOT MET'}"
        print(f"  {name:28} {unit.format(value):>20}   {aim}")
    blocks = (
        f"{moment} {figures[moment].longest * 1000:.1f} ({figures[moment].outside * 1000:.1f})" for moment in moments
    )
    print(
        f"  all in line after {figures['start']:.1f} s; spread: {pbxs * REPORTS_PER_PBX / spread.finish:.0f} events/s, "
        f"worst {spread.worst * 1000:.1f} ms, {spread.files} files; burst: {pbxs * REPORTS_PER_PBX / burst.finish:.0f} "
        f"events/s, worst {burst.worst * 1000:.1f} ms, {burst.files} files; sockets left open: {figures['open']}\n"
        f"  longest block in ms (but for full collections): {', '.join(blocks)}\n"
        f"  objects for a full collection to walk over: {objects[0]}, and {objects[1]:.0f} more for each waiter\n"
        f"  load of the machine {figures['load'][0]:.1f} before, {figures['load'][1]:.1f} after; {os.cpu_count()} cores"
    )


def log_into(file: Path) -> None:
    """Write the provider's records into a file, as a triggerer does: on a terminal they would be coloured for eyes."""
    logger = logging.getLogger("airflow_provider_yeastar")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.FileHandler(file))


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
        log_into(folder / "log")
        url = stack.enter_context(redis_server(folder)) if state == "redis" else ""
        os.environ["AIRFLOW__YEASTAR__STATE_URL"] = url
        know_the_past(url, folder / "yeastar", map(serial_number, range(pbxs)))
        # What a triggerer has loaded long before.
        import airflow_provider_yeastar.pbx.client
        import airflow_provider_yeastar.triggers.call_report  # noqa: F401 - for what it loads
        from airflow_provider_yeastar.pbx.report.request import build_request
        from airflow_provider_yeastar.pbx.state.opening import open_state

        state_of_all = open_state(url, folder / "yeastar")
        figures = asyncio.run(measure(fleet, state_of_all, pbxs, build_request(**REQUEST).to_dict()))
    print(f"State: {state}")
    show(figures, pbxs)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", choices=("directory", "redis"), default="directory")
    parser.add_argument("--pbxs", type=int, default=PBXS)
    options = parser.parse_args()
    return measure_fleet(options.state, options.pbxs)


if __name__ == "__main__":
    sys.exit(main())
