"""One target in a process of its own, with inputs of one engine: ``python -m tests.fuzz.worker '{"target": …}'``.

It ends with one line of JSON: how many inputs it made, and where the finding is, if there was one.
"""

# ruff: noqa: T201 - a program prints
from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import hypothesis

__all__ = ["ENGINES", "Job"]

ENGINES = ("hypothesis", "atheris")
PACKAGE = "airflow_provider_yeastar"
_SHOWN_FRAMES = 8
_ROUND = 1000
"""Inputs of one run of hypothesis, which keeps all of them, up to 256 KiB each, until its end."""


@dataclass(frozen=True)
class Job:
    """What a process is to do.

    :param target: its name in the table.
    :param engine: one of :data:`ENGINES`.
    :param inputs: how many.
    :param seed: of the engine's random numbers.
    :param findings: folder in which an input that fails is kept.
    :param scratch: folder for inputs that reached new code.
    """

    target: str
    engine: str
    inputs: int
    seed: int
    findings: str
    scratch: str = ""


class Runner:
    """Runs inputs of a job, and ends the process."""

    def __init__(self, job: Job) -> None:
        with _instrumented() if job.engine == "atheris" else nullcontext():
            from tests.fuzz import targets
        self._job = job
        self._done = 0
        self._run = targets.run
        self.target = targets.TARGETS[job.target]
        self.failing = b""

    def take(self, data: bytes) -> None:
        """Run one input; what comes of it passes through."""
        self._done += 1
        try:
            self._run(self.target, data)
        except BaseException:
            self.failing = data
            raise

    @property
    def is_done(self) -> bool:
        return self._done >= self._job.inputs

    def end(self, error: BaseException | None = None) -> NoReturn:
        """Print what came of the job, and end the process at once: libFuzzer's own end prints more than it tells."""
        if isinstance(error, KeyboardInterrupt):
            os._exit(130)
        finding = story = ""
        if error is not None:
            story = "".join(traceback.format_exception(error, limit=-_SHOWN_FRAMES))
            path = Path(self._job.findings) / sha256(self.failing).hexdigest()[:12]
            path.write_bytes(self.failing)
            finding = str(path)
        print(json.dumps({"inputs": self._done, "finding": finding, "story": story}), flush=True)
        os._exit(int(error is not None))


def _instrumented() -> AbstractContextManager[None]:
    import atheris

    return atheris.instrument_imports(include=[PACKAGE])


def with_hypothesis(job: Job) -> NoReturn:
    """Make inputs by the table's rules; a failing one is made as small as can be."""
    runner = Runner(job)

    def explore(first: int) -> None:
        @hypothesis.seed(job.seed * job.inputs + first)
        @hypothesis.settings(
            max_examples=min(_ROUND, job.inputs - first),
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            report_multiple_bugs=False,
        )
        @hypothesis.given(runner.target.inputs(job.target))
        def take(data: bytes) -> None:
            runner.take(data)

        take()

    try:
        for first in range(0, job.inputs, _ROUND):
            explore(first)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
        runner.end(error)
    runner.end()


def with_atheris(job: Job) -> NoReturn:
    """Make inputs that reach new code, from the corpus on."""
    import atheris

    from tests.fuzz.inputs import CORPUS, MOST_BYTES

    runner = Runner(job)

    def explore(data: bytes) -> None:
        try:
            runner.take(data)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
            runner.end(error)
        if runner.is_done:
            runner.end()

    options = [f"-seed={job.seed}", f"-max_len={MOST_BYTES}", "-timeout=600", "-verbosity=0", "-handle_int=0"]
    folders = [f"-artifact_prefix={job.findings}/", job.scratch, str(CORPUS / job.target)]
    atheris.Setup([job.target, *options, *folders], explore)
    atheris.Fuzz()
    runner.end()


if __name__ == "__main__":
    import pyarrow

    from tests.fuzz.watchdog import bound_memory

    pyarrow.array([0])  # its allocator reserves addresses of a gigabyte, which count here although none is used
    job = Job(**json.loads(sys.argv[1]))
    logging.disable(logging.CRITICAL)
    bound_memory()
    {"hypothesis": with_hypothesis, "atheris": with_atheris}[job.engine](job)
