"""Calls from a simulated PBX into Parquet: this provider against a plain loop of requests and pandas, in one run.

``bench_calls.py [CALLS]``, default 1,000,000. Each contender is a process of its own, and all get the same bytes: the
simulator answers each page once, before the clock starts, and the pages are served from a disk from then on. What a
contender that only reads and discards them takes is shown too; neither of the others can be faster than that.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests
from replay import CALLS_A_DAY, SEARCH, searches, serving

ROOT = Path(__file__).parent.parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CALLS = 1_000_000
PART = 10
"""The memory of all calls is compared with that of a tenth of them."""
FIRST_DAY = date(2026, 1, 1)
PAGE_ROWS = 10_000
GOAL_SPEED, GOAL_MEMORY_MIB = 1.0, 64
LOGIN = {"username": "simulated-client-id", "password": "simulated-client-secret"}


@dataclass(frozen=True)
class Run:
    """One contender's way from the first request to the file.

    :param peak_mib: peak memory of its process.
    :param grown_mib: by how much that is more than before the first request.
    """

    rows: int
    seconds: float
    peak_mib: float
    grown_mib: float
    requests: int


def window(calls: int) -> tuple[date, date]:
    """Return the first and the last day of so many calls."""
    return FIRST_DAY, FIRST_DAY + timedelta(days=max(1, round(calls / CALLS_A_DAY)) - 1)


# -- the contenders, each in a process of its own ----------------------------------------------------------------------


def provider(port: int, calls: int, target: str) -> int:
    first, last = window(calls)
    connection = {
        "conn_type": "yeastar",
        "schema": "http",
        "host": "127.0.0.1",
        "port": port,
        "login": LOGIN["username"],
        "password": LOGIN["password"],
        "extra": {"timezone": "Europe/Berlin", "timeout": 600},
    }
    os.environ["AIRFLOW_CONN_YEASTAR_DEFAULT"] = json.dumps(connection)
    from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator

    task = YeastarCdrOperator(
        task_id="bench",
        start_time=f"{first}T00:00:00",
        end_time=f"{last}T23:59:59",
        file_format="parquet",
        destination=target,
    )
    told = XComs()
    context: dict[str, object] = {"ti": told}
    task.execute(context)  # type: ignore[arg-type]  # all it needs of one
    return int(told.values["report"]["rows"])


class XComs:
    """Takes what Airflow would."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value


def pages(port: int, calls: int) -> Iterator[Any]:
    """Yield the answers to a plain loop: the next page until as many rows have come as the PBX counts."""
    base = f"http://127.0.0.1:{port}"
    first, last = window(calls)
    token = requests.post(f"{base}/openapi/v1.0/get_token", json=LOGIN, timeout=60).json()["access_token"]
    query: dict[str, str | int] = {
        "access_token": token,
        "time_begin": f"{first:%Y/%m/%d} 00:00:00",
        "time_end": f"{last:%Y/%m/%d} 23:59:59",
        "sort_by": "time",
        "order_by": "asc",
        "page_size": PAGE_ROWS,
    }
    number, total = 1, 1
    while (number - 1) * PAGE_ROWS < total:
        answer = requests.get(f"{base}{SEARCH}", {**query, "page": number}, timeout=3600)
        yield answer
        # As cheap as can be: who only reads does not decode.
        total = int(answer.content.partition(b'"total_number":')[2].partition(b",")[0])
        number += 1
    # Of eight tokens the PBX gives no more: those of all rounds would be too many.
    requests.get(f"{base}/openapi/v1.0/del_token", {"access_token": token}, timeout=60)


def plain_loop(port: int, calls: int, target: str) -> int:
    import pandas

    rows: list[dict[str, Any]] = []
    for answer in pages(port, calls):
        rows.extend(answer.json()["data"])
    pandas.DataFrame(rows).to_parquet(target)
    return len(rows)


def only_read(port: int, calls: int, target: str) -> int:
    return sum(answer.content.count(b'"uid"') for answer in pages(port, calls))


CONTENDERS: dict[str, Callable[[int, int, str], int]] = {
    "provider": provider,
    "plain_loop": plain_loop,
    "only_read": only_read,
}


def contend(name: str, port: int, calls: int, target: str) -> None:
    """Run one contender; what it needs is loaded before the clock starts."""
    import pandas  # noqa: F401
    import pyarrow.parquet

    if name == "provider":
        import airflow_provider_yeastar.operators.cdr
        import airflow_provider_yeastar.pbx.client
        import airflow_provider_yeastar.tasks.record  # noqa: F401 - for what it loads
    before = memory_mib("VmRSS")
    started = time.perf_counter()
    rows = CONTENDERS[name](port, calls, target)
    seconds, peak = time.perf_counter() - started, memory_mib("VmHWM")
    if name != "only_read":
        uids = pyarrow.parquet.read_table(target, columns=["uid"])["uid"]
        assert len(uids) == len(uids.unique()) == rows, f"{name} has calls twice"
    print(rows, seconds, peak, peak - before)


def memory_mib(name: str) -> float:
    # Not ru_maxrss, which begins with what the process that forked this one held.
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) / 1024


def race(port: int, folder: Path, name: str, calls: int) -> Run:
    before = searches(port)
    target = folder / f"{name}.parquet"
    command = [sys.executable, __file__, name, str(port), str(calls), str(target)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    rows, *figures = map(float, output.splitlines()[-1].split())
    target.unlink(missing_ok=True)
    run = Run(int(rows), *figures, searches(port) - before)
    print(f"{calls} calls: {name} {run.seconds:.1f} s", file=sys.stderr, flush=True)
    return run


# -- the table ---------------------------------------------------------------------------------------------------------


def show(runs: dict[tuple[str, int], list[Run]], sizes: tuple[int, int]) -> None:
    head = ("calls", "", "seconds", "rows/s", "peak MiB", "grown by", "requests")
    print("{:>10}  {:12} {:>8} {:>9} {:>9} {:>9} {:>9}".format(*head))
    for size in sizes:
        for name in CONTENDERS:
            some = runs[name, size]
            seconds = statistics.median(run.seconds for run in some)
            print(
                f"{some[0].rows:>10}  {name:12} {seconds:8.1f} {some[0].rows / seconds:9.0f} "
                f"{max(run.peak_mib for run in some):9.1f} {max(run.grown_mib for run in some):9.1f} "
                f"{some[0].requests:9}"
            )
    print()
    for text, met in goals(runs, sizes):
        print(f"{'met   ' if met else 'MISSED'} {text}")


def goals(runs: dict[tuple[str, int], list[Run]], sizes: tuple[int, int]) -> Iterator[tuple[str, bool]]:
    part, whole = sizes

    def seconds(name: str) -> float:
        return statistics.median(run.seconds for run in runs[name, whole])

    def more(name: str) -> float:
        return max(run.peak_mib for run in runs[name, whole]) - max(run.peak_mib for run in runs[name, part])

    speed = seconds("plain_loop") / seconds("provider")
    yield f"at least {GOAL_SPEED} x the plain loop: {speed:.2f}", speed >= GOAL_SPEED
    yield (
        f"all calls take less than {GOAL_MEMORY_MIB} MiB more than a part of them: {more('provider'):.1f} "
        f"(plain loop: {more('plain_loop'):.0f})",
        more("provider") < GOAL_MEMORY_MIB,
    )
    run = runs["provider", whole][0]
    least = -(-run.rows // PAGE_ROWS)
    yield (
        "one request for each 10,000 calls, one for the count afterwards, and one for calls of older firmware: "
        f"{run.requests} for {run.rows}",
        run.requests <= least + 2,
    )


def main(calls: int) -> None:
    sizes = (max(1, calls // PART), calls)
    with tempfile.TemporaryDirectory(prefix="yeastar-bench-") as name:
        os.environ["AIRFLOW_HOME"] = f"{name}/airflow"
        os.environ["PYTHONPATH"] = str(ROOT)
        folder = Path(name) / "pages"
        folder.mkdir()
        with serving(folder) as port:
            for size in sizes:  # the simulator makes the pages
                race(port, Path(name), "only_read", size)
                race(port, Path(name), "provider", size)
            runs: dict[tuple[str, int], list[Run]] = {}
            for _ in range(ROUNDS):
                for size in sizes:
                    for contender in CONTENDERS:
                        runs.setdefault((contender, size), []).append(race(port, Path(name), contender, size))
        show(runs, sizes)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        contend(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else CALLS)
