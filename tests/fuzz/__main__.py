"""Fuzz whatever comes from outside: ``python -m tests.fuzz --inputs 1000000``, or some targets alone.

Each target gets the same share; nine tenths of it are made by a coverage-guided fuzzer (atheris, the dependency group
``fuzz``), the rest by hypothesis, or all of it where atheris is not installed. A target ends with its first finding,
which is kept among its seeds: the tests run it from then on. The same seed makes the same inputs.
"""

# ruff: noqa: T201 - a program prints
from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from tests.fuzz.inputs import CORPUS
from tests.fuzz.targets import TARGETS
from tests.fuzz.worker import Job

_SHARE_OF_HYPOTHESIS = 10


@dataclass(frozen=True)
class Done:
    """What came of a job."""

    job: Job
    inputs: int
    seconds: float
    finding: str
    story: str


def jobs(names: list[str], inputs: int, seed: int, *, is_guided: bool) -> Iterator[Job]:
    """Yield what is to be done; the inputs of all jobs together are as many as were asked for."""
    for number, name in enumerate(names):
        share = inputs * (number + 1) // len(names) - inputs * number // len(names)
        by_rules = share // _SHARE_OF_HYPOTHESIS if is_guided else share
        for engine, some in (("hypothesis", by_rules), ("atheris", share - by_rules)):
            if some:
                yield Job(name, engine, some, seed, str(CORPUS / name))


def carry_out(job: Job) -> Done:
    """Do a job in a process of its own."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "tests.fuzz.worker", json.dumps(asdict(replace(job, scratch=scratch)))]
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    seconds = time.monotonic() - started
    *_, last = ["", *process.stdout.splitlines()]
    try:
        told = json.loads(last)
    except ValueError:  # it did not end by itself
        return Done(job, 0, seconds, f"ended with {process.returncode}", process.stderr)
    return Done(job, told["inputs"], seconds, told["finding"], told["story"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many in all (default 1000000)")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (default 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: as many as cores")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(TARGETS)}")
    options = parser.parse_args()
    if unknown := set(options.targets) - TARGETS.keys():
        parser.error(f"no target: {', '.join(sorted(unknown))}")
    is_guided = importlib.util.find_spec("atheris") is not None
    if not is_guided:
        print("atheris is not installed; hypothesis makes all inputs")
    started, inputs, findings = time.monotonic(), 0, 0
    wanted = jobs(options.targets or list(TARGETS), options.inputs, options.seed, is_guided=is_guided)
    with ThreadPoolExecutor(options.processes) as pool:
        for done in pool.map(carry_out, list(wanted)):
            inputs += done.inputs
            findings += bool(done.finding)
            print(f"{done.job.target:14} {done.job.engine:10} {done.inputs:8} inputs {done.seconds:6.0f} s", end="")
            print(f"  {done.finding}\n{done.story}" if done.finding else "", flush=True)
    print(f"{inputs} inputs, seed {options.seed}, {time.monotonic() - started:.0f} s; {findings} findings")
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())
