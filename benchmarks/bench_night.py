"""A fleet's night on a real deployment: with the deferrable operator, and with a Python task and ``requests``.

Both DAGs (``dags/fleet_night.py``) have the deployment of ``make e2e``: two Celery workers of four processes, two
triggerers, a pool of eight slots; and the same simulated PBXs, each of which makes one report at a time in 20 s, times
``--factor``. The PBXs' own time is what they need when each makes its reports one after the other without a pause.

How to read it when it is scaled: only PBXs and pauses get faster or slower with ``--factor``. What Airflow itself needs
for a task is not scaled: the CPU of its processes, and the few seconds for which a trigger holds its event back for the
scheduler. So a small factor measures Airflow, and so do many PBXs on few cores. Who waits in worker slots needs PBXs /
slots times the PBXs' own time or more, on any machine: more than 5 x from 41 PBXs on. ``--pbxs 100 --reports 5`` is the
night that the goals are for; the default stands for it on two cores, in about 25 minutes.

Before that each DAG fetches a report of eight other PBXs: a triggerer builds Airflow's API in its process for its first
trigger, which takes many seconds once.

A slot is taken from the moment at which a task runs until it has ended or deferred; a trigger in Airflow's database
notes both moments.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in

import pytest  # noqa: E402
from fleet import serial_number  # noqa: E402

from airflow_provider_yeastar.simulator import SimulatorSettings  # noqa: E402
from tests.e2e.cluster import Dags  # noqa: E402
from tests.e2e.deployment import FIRST_DAY, Deployment, running_deployment  # noqa: E402
from tests.e2e.warehouse import file_of  # noqa: E402

SLOTS = 8
REPORT_SECONDS, PAUSE_SECONDS = 20.0, 5.0
LIMIT_SECONDS = 3600
OURS, OTHER = "fleet_with_provider", "fleet_with_requests"
DAGS = Dags(Path(__file__).parent / "dags", frozenset({OURS, OTHER}))
WATCH = """
    CREATE TABLE slots (dag_id text, task_id text, seconds double precision);
    CREATE FUNCTION note_slot() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO slots VALUES (NEW.dag_id, NEW.task_id,
            extract(epoch FROM clock_timestamp()) * CASE NEW.state WHEN 'running' THEN -1 ELSE 1 END);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_slot AFTER UPDATE OF state ON task_instance FOR EACH ROW
        WHEN ((OLD.state IS NOT DISTINCT FROM 'running') <> (NEW.state IS NOT DISTINCT FROM 'running'))
        EXECUTE FUNCTION note_slot()
"""
"""The moments at which slots were given back, less those at which they were taken."""


Jobs: TypeAlias = dict[Path, tuple[str, date]]
"""For each file that a night brings, the connection and the day of its report."""


@dataclass(frozen=True)
class Figures:
    """What a night took; all but the seconds of wall clock are sums over its reports."""

    wall: float
    slot_seconds: float
    calls: int
    logins: int
    bad_files: int
    leaks: int


def run(deployment: Deployment, dag_id: str, names: Iterable[str], reports: int, pause: float) -> Jobs:
    """Run a night to its end; which file must be which report."""
    folder = deployment.cluster.home / uuid4().hex
    folder.mkdir()
    # The first report of each PBX comes before the second of any: no task has to wait for another's.
    jobs = {
        folder / f"{name}-{number}.csv": (name, FIRST_DAY + timedelta(days=number))
        for number, name in itertools.product(range(reports), names)
    }
    asked = [
        {"yeastar_conn_id": name, "period": day.isoformat(), "destination": str(path)}
        for path, (name, day) in jobs.items()
    ]
    run_id = deployment.cluster.run(dag_id, {"reports": asked, "pause": pause})
    if deployment.cluster.wait_for_end(dag_id, run_id, LIMIT_SECONDS) != "success":
        print(deployment.cluster.story(dag_id, run_id))
    return jobs


def measure(deployment: Deployment, dag_id: str, names: Sequence[str], reports: int, pause: float) -> Figures:
    """Run a night, look at its files, and count."""
    calls, logins = requests_of(deployment)
    leaks = len(deployment.leaks())
    began = time.perf_counter()
    jobs = run(deployment, dag_id, names, reports, pause)
    wall = time.perf_counter() - began
    slots = f"SELECT sum(seconds) FROM slots WHERE dag_id = '{dag_id}' AND task_id = 'fetch'"
    all_calls, all_logins = requests_of(deployment)
    return Figures(
        wall=wall,
        slot_seconds=deployment.cluster.metadata.query(slots)[0][0],
        calls=all_calls - calls,
        logins=all_logins - logins,
        bad_files=sum(not is_right(deployment, path, *job) for path, job in jobs.items()),
        leaks=len(deployment.leaks()) - leaks,
    )


def pbxs(name: str, numbers: Iterable[int], seconds: float) -> dict[str, SimulatorSettings]:
    """PBXs that need so many seconds for a report, by connection."""
    return {
        f"{name}_{number}": SimulatorSettings(serial_number=serial_number(number), seed=number, report_seconds=seconds)
        for number in numbers
    }


def requests_of(deployment: Deployment) -> tuple[int, int]:
    """API calls, logins among them, and logins that the PBXs have had until now."""
    calls = [call.endpoint for pbx in deployment.pbxs.values() for call in pbx.requests]
    return len(calls), calls.count("get_token")


def is_right(deployment: Deployment, path: Path, name: str, day: date) -> bool:
    return path.is_file() and path.read_bytes() == file_of(deployment.pbxs[name], day)


def show(ours: Figures, other: Figures, own: float, reports: int) -> None:
    """Print both nights side by side."""
    times, slots = [each.wall / own for each in (ours, other)], [each.slot_seconds / reports for each in (ours, other)]
    rows: list[tuple[str, str, list[Any], str, bool]] = [
        ("wall clock", "{:.0f} s", [ours.wall, other.wall], "", True),
        ("times the PBXs' own", "{:.2f} x", times, "<= 1.3 x and > 5 x", times[0] <= 1.3 and times[1] > 5),
        ("slot-seconds a report", "{:.2f} s", slots, "< 3 s", slots[0] < 3),
        ("API calls a report", "{:.2f}", [ours.calls / reports, other.calls / reports], "", True),
        ("logins", "{}", [ours.logins, other.logins], "", True),
        ("files wrong or missing", "{}", [ours.bad_files, other.bad_files], "0", not ours.bad_files),
        ("logs and tables with a token", "{}", [ours.leaks, other.leaks], "0", not ours.leaks),
    ]
    print(f"{'':<30}{'deferrable':>12}{'requests':>12}")
    for name, unit, figures, goal, met in rows:
        aim = f"   goal {goal}  {'met' if met else 'NOT MET'}" if goal else ""
        print(f"{name:<30}" + "".join(f"{unit.format(figure):>12}" for figure in figures) + aim)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pbxs", type=int, default=48, help="default %(default)s")
    parser.add_argument("--reports", type=int, default=2, help="of each PBX (default %(default)s)")
    parser.add_argument("--factor", type=float, default=5.0, help="of a report's 20 s (default %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended in any case
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the object store's server tells each request
    seconds, reports = options.factor * REPORT_SECONDS, options.pbxs * options.reports
    own = options.reports * seconds
    print(f"{options.pbxs} PBXs x {options.reports} reports of {seconds:g} s: {own:g} s are the PBXs' own time")
    print(f"{SLOTS} slots: who waits in them needs {options.pbxs / SLOTS:.1f} x that or more")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    fleet = pbxs("site", range(options.pbxs), seconds)
    others = pbxs("other", range(options.pbxs, options.pbxs + SLOTS), seconds=1)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="yeastar-bench-") as home,
            running_deployment(Path(home), fleet | others, DAGS) as deployment,
        ):
            deployment.cluster.ask("pools", {"name": "fleet", "slots": SLOTS, "include_deferred": False})
            for dag_id in DAGS.ids:
                deployment.cluster.unpause(dag_id)
                run(deployment, dag_id, others, reports=1, pause=1)
            deployment.cluster.metadata.query(WATCH)
            pause = options.factor * PAUSE_SECONDS
            nights = [measure(deployment, dag_id, [*fleet], options.reports, pause) for dag_id in (OURS, OTHER)]
    except pytest.skip.Exception as reason:
        print(f"skipped: {reason}")
        return 0
    show(*nights, own, reports)
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    return int(bool(nights[0].bad_files or nights[0].leaks))


if __name__ == "__main__":
    sys.exit(main())
