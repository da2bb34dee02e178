"""What importing an operator adds to a DAG file: DAG files are parsed again and again, each time in a fresh process.

Each figure comes from processes of its own, which take turns: first Airflow's names that every DAG file needs, then on
top of them our operators, a task of ours or, for comparison, the HTTP provider's operator. The modules are compiled, as
those of an installation are. The median of the CPU time is held against the goal. On an idle machine it equals the
wall time; a busy one lengthens both, and the least CPU time is then nearer to the truth.

    python benchmarks/bench_parse.py [ROUNDS]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROUNDS = 15
GOAL_MILLISECONDS = 20.0
ROOT = Path(__file__).resolve().parent.parent
OURS = "airflow_provider_yeastar.operators.call_report"
TASK = (
    f"from {OURS} import YeastarCallReportOperator as Operator; Operator(task_id='fetch', "
    "report_type='queueperformance', period='{{ ds }}', parameters={'queue_id_list': [1]}, destination='/data/')"
)
SUBJECTS = {
    "our operators": f"import {OURS}",
    "a task of ours": TASK,
    "the HTTP provider's operator": "import airflow.providers.http.operators.http",
}
PROGRAM = """
import sys, time
from importlib.metadata import version

def cost(statement):
    cpu, wall = time.process_time(), time.perf_counter()
    exec(statement, {})
    return 1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)

new = "from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator"
old = "from airflow.models import DAG, BaseOperator; from airflow.hooks.base import BaseHook"
print("took", *cost(old if version("apache-airflow").startswith("2.") else new), *cost(sys.argv[1]))
"""


ALONE, ADDED = "Airflow's own names", "added by "


def measure(statement: str, environment: dict[str, str]) -> list[tuple[float, float]]:
    """Return what Airflow costs and what the statement adds, in a new process: milliseconds of CPU and of wall time."""
    command = [sys.executable, "-c", PROGRAM, statement]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    figures = [float(figure) for figure in done.stdout.rpartition("took")[2].split()]
    return [(figures[0], figures[1]), (figures[2], figures[3])]


def measure_all(rounds: int) -> dict[str, tuple[float, float, float]]:
    """Return by name the median CPU time, the least CPU time, the median wall time."""
    runs: dict[str, list[tuple[float, float]]] = {ALONE: [], **{ADDED + name: [] for name in SUBJECTS}}
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for statement in SUBJECTS.values():
            measure(statement, environment)  # compiles, and writes Airflow's configuration
        for _ in range(rounds):
            for name, statement in SUBJECTS.items():
                for key, figures in zip((ALONE, ADDED + name), measure(statement, environment), strict=True):
                    runs[key].append(figures)
    return {key: summary(taken) for key, taken in runs.items()}


def summary(taken: list[tuple[float, float]]) -> tuple[float, float, float]:
    cpu, wall = zip(*taken, strict=True)
    return median(cpu), min(cpu), median(wall)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(f"{rounds} processes each, milliseconds; goal for {OURS}: median CPU < {GOAL_MILLISECONDS:.0f}")
    figures = measure_all(rounds)
    print(f"  {'imported':<42}{'CPU':>9}{'least':>9}{'wall':>9}")
    for key, (cpu, least, wall) in figures.items():
        print(f"  {key:<42}{cpu:9.1f}{least:9.1f}{wall:9.1f}")
    met = figures[ADDED + next(iter(SUBJECTS))][0] < GOAL_MILLISECONDS
    print("met" if met else "MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
