"""Run the model for longer than the tests do: ``python -m tests.model --runs 10000``, or one seed, in full.

Prints how many tasks were green and how many of those held another's file, which must be none; a printed seed
reproduces its run.
"""

# ruff: noqa: T201 - a program prints
from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter

from tests.model import scenario


def run(seed: int) -> tuple[int, int, Counter[str], str]:
    """Return the seed, how many wrong files it made, what became of its tasks, and its story if it went wrong."""
    logging.disable(logging.CRITICAL)
    result = scenario.run(seed)
    fates = Counter(
        f"green, identified by {task.identified_by}" if task.found else task.error.split(":")[0] or "killed"
        for task in result.tasks
    )
    is_bad = bool(result.wrong or result.crashes)
    return seed, len(result.wrong), fates, str(result) if is_bad else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--first-seed", type=int, default=0, help="the seed of the first one (default 0)")
    parser.add_argument("--seed", type=int, help="run this one and tell what happened")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: as many as cores")
    options = parser.parse_args()
    if options.seed is not None:
        result = scenario.run(options.seed)
        print(result)
        return int(bool(result.wrong or result.crashes))
    started = time.monotonic()
    done, wrong, bad_runs, fates = 0, 0, 0, Counter[str]()
    seeds = range(options.first_seed, options.first_seed + options.runs)
    with multiprocessing.Pool(options.processes) as pool, contextlib.suppress(KeyboardInterrupt):  # tells what was done
        for seed, wrong_files, its_fates, story in pool.imap_unordered(run, seeds, chunksize=10):
            done += 1
            wrong += wrong_files
            fates += its_fates
            if story:
                bad_runs += 1
                print(f"seed {seed}: {story}")
    print(f"{done} runs of seeds {seeds.start} to {seeds.stop - 1}, {time.monotonic() - started:.0f} s")
    for fate, count in fates.most_common():
        print(f"  {count:7} tasks {fate}")
    print(f"{wrong} green tasks with another's file; {bad_runs} bad runs")
    return int(bad_runs > 0)


if __name__ == "__main__":
    sys.exit(main())
