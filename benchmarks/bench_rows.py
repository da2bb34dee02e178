"""Rows into files and tables: time and memory of this provider against pandas, on the same pages in one run.

Both begin with the PBX's answers, pages of JSON, and end with a file or a table. The provider's figure covers all that
a task does between: pages are checked and counted, rows kept in a temporary file, surveyed, typed, and written in
batches; for a table they are hashed, inserted in one transaction and counted. pandas makes a frame of all rows and
writes it, untyped. Each run is a process of its own; memory is its peak above what it holds after its imports. On a
busy machine the ratio by CPU time is nearer to the truth.

    python benchmarks/bench_rows.py [ROWS] [ROUNDS]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROWS, ROUNDS = 1_000_000, 3
PAGE_ROWS = 1_000
GOAL_RATIO, GOAL_MEMORY_MIB = 1.0, 64
SECONDS = 3600

START = """
import json, sys, time
from itertools import islice
from pathlib import Path

pages, out = Path(sys.argv[1]), Path(sys.argv[2])

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
"""
OURS = """
from airflow_provider_yeastar.files.rows import encoded_rows
from airflow_provider_yeastar.files.spool import Spool
from airflow_provider_yeastar.pbx.report.paging import row_pages
from airflow_provider_yeastar.pbx.report.rows import flattened_rows
from airflow_provider_yeastar.pbx.untrusted import loads
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows

def fetch(spool):
    with pages.open() as lines:
        for page in row_pages(lambda page: loads(next(lines)), pbx="pbx", endpoint="list"):
            spool.extend(flattened_rows(page))
    return SchemaRows(spool, Schema.of("unreturnmisscall"))
"""
INTO_FILE = """
def work():
    with Spool() as spool, out.open("wb") as file:
        rows = fetch(spool)
        for chunk in encoded_rows(rows.columns, rows, "{file_format}"):
            file.write(chunk)
    return rows.count
"""
INTO_TABLE = """
from datetime import datetime
import sqlalchemy as sa
from airflow_provider_yeastar.warehouse.answers import Answer
from airflow_provider_yeastar.warehouse.loading import Load, load_period
from airflow_provider_yeastar.warehouse.periods import TablePeriod
from airflow_provider_yeastar.warehouse.rules import Shrink

DAY = TablePeriod(datetime(2026, 11, 22), datetime(2026, 11, 22, 23, 59, 59))

def work():
    engine = sa.create_engine(f"sqlite:///{out}")
    with Spool() as spool:
        answer = Answer("unreturnmisscall", DAY, "all", "SN", "UTC", fetch(spool), "evolve", {})
        load = Load("calls", None, answer.origin("run"), answer.rows, (), "evolve", "selection", Shrink(), False,
                    lambda: None, time.time() + 60, lambda: False)
        return load_period(engine, load).rows
"""
PANDAS = """
import pandas

def frame():
    with pages.open() as lines:
        return pandas.DataFrame([row for page in lines for row in json.loads(page)["unreturn_miss_call_list"]])
"""
PANDAS_FILE = """
import pyarrow.parquet

def work():
    rows = frame()
    rows.{write}
    return len(rows)
"""
PANDAS_TABLE = """
import sqlalchemy as sa

def work():
    rows = frame()
    with sa.create_engine(f"sqlite:///{out}").begin() as connection:
        rows.to_sql("calls", connection, index=False)
    return len(rows)
"""
END = """
{warm_up}
base, started, cpu = peak(), time.perf_counter(), time.process_time()
count = work()
print(json.dumps([count, time.perf_counter() - started, time.process_time() - cpu, peak() - base]))
"""
# What is imported at the first use is no memory of the rows.
WARM_UP = {
    "parquet": "list(encoded_rows(Schema.of('unreturnmisscall').columns, [{}], 'parquet'))",
    "ndjson": "list(encoded_rows(Schema.of('unreturnmisscall').columns, [{}], 'ndjson'))",
    "table": "",
}
CONTENDERS = {
    "parquet": (
        OURS + INTO_FILE.replace("{file_format}", "parquet"),
        PANDAS + PANDAS_FILE.replace("{write}", "to_parquet(out)"),
    ),
    "ndjson": (
        OURS + INTO_FILE.replace("{file_format}", "ndjson"),
        PANDAS + PANDAS_FILE.replace("{write}", "to_json(out, orient='records', lines=True)"),
    ),
    "table": (OURS + INTO_TABLE, PANDAS + PANDAS_TABLE),
}


@dataclass(frozen=True)
class Run:
    """One run: seconds, those of all its threads' CPU, and MiB above what the process held before."""

    seconds: float
    cpu: float
    added_mib: float


def answers(count: int) -> Iterator[str]:
    """Yield what a PBX answers, page by page, as JSON."""
    for first in range(0, count, PAGE_ROWS):
        rows = [row(number) for number in range(first, min(first + PAGE_ROWS, count))]
        yield json.dumps({"errcode": 0, "total_number": count, "unreturn_miss_call_list": rows})


def row(number: int) -> dict[str, object]:
    second = number % 86_400
    caller, callee = f"0151{number % 9_999_991:07d}", f"{6400 + number % 40}"
    return {
        "time": f"2026/11/22 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}",
        "call_from": f"Caller {number % 5_000}<{caller}>",
        "call_from_name": f"Caller {number % 5_000}",
        "call_from_number": caller,
        "call_to": f"Sales<{callee}>",
        "call_to_name": "Sales",
        "call_to_number": callee,
        "did_number": f"030555{number % 100:02d}",
        "miss_call_type": "Queue Missed Call",
        "ring_duration": number % 120,
    }


def measure(program: str, warm_up: str, pages: Path, folder: Path, count: int) -> Run:
    """Run a program in a process and a directory of its own."""
    out = folder / "out"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-c", START + program + END.replace("{warm_up}", warm_up), str(pages), str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=SECONDS)
    found, seconds, cpu, added = json.loads(done.stdout.splitlines()[-1])
    if found != count:
        raise SystemExit(f"{found} of {count} rows were written")
    return Run(seconds, cpu, added)


def median(runs: list[Run]) -> Run:
    return Run(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu for run in runs),
        max(run.added_mib for run in runs),
    )


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    print(f"{count} rows in pages of {PAGE_ROWS}; medians of {rounds} interleaved rounds, greatest memory")
    print(f"goals: Parquet >= {GOAL_RATIO} x pandas, memory < {GOAL_MEMORY_MIB} MiB above the base")
    print(f"  {'into':<10}{'ours s':>9}{'MiB':>8}{'pandas s':>11}{'MiB':>8}{'ratio':>8}{'by CPU':>8}")
    met = True
    with tempfile.TemporaryDirectory(prefix="yeastar-rows-") as folder:
        pages = Path(folder) / "pages"
        with pages.open("w") as file:
            file.writelines(f"{page}\n" for page in answers(count))
        for name, (ours_program, pandas_program) in CONTENDERS.items():
            ours, pandas = [], []
            for _ in range(rounds):
                ours.append(measure(ours_program, WARM_UP[name], pages, Path(folder), count))
                pandas.append(measure(pandas_program, "", pages, Path(folder), count))
            mine, theirs = median(ours), median(pandas)
            ratio = theirs.seconds / mine.seconds
            print(
                f"  {name:<10}{mine.seconds:9.1f}{mine.added_mib:8.0f}"
                f"{theirs.seconds:11.1f}{theirs.added_mib:8.0f}{ratio:8.2f}{theirs.cpu / mine.cpu:8.2f}"
            )
            met = met and mine.added_mib < GOAL_MEMORY_MIB and (name != "parquet" or ratio >= GOAL_RATIO)
    print("met" if met else "MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
