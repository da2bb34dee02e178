"""A small part of `make fuzz`: all seeds, some of them findings of earlier runs, new inputs, and its own machinery."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from airflow_provider_yeastar.pbx.errors import BusyError
from tests.fuzz.__main__ import carry_out, jobs
from tests.fuzz.inputs import CORPUS, MOST_BYTES, repeated, seeds
from tests.fuzz.targets import TARGETS, Target, WrongValueError, run
from tests.fuzz.watchdog import TooSlowError, deadline
from tests.fuzz.worker import _ROUND, Job

SEEDS = [(name, seed) for name in TARGETS for seed in seeds(name)]
NEW_INPUTS = 10


@pytest.mark.parametrize(("name", "seed"), SEEDS, ids=[f"{name}-{seed.name}" for name, seed in SEEDS])
def test_a_seed_ends_in_an_error_of_ours_or_a_right_value(name: str, seed: Path) -> None:
    run(TARGETS[name], seed.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_new_input_ends_in_an_error_of_ours_or_a_right_value(name: str) -> None:
    @settings(max_examples=NEW_INPUTS, deadline=None)
    @given(TARGETS[name].inputs(name))
    def explore(data: bytes) -> None:
        assert len(data) <= MOST_BYTES
        run(TARGETS[name], data)

    explore()


def test_each_folder_of_the_corpus_belongs_to_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == TARGETS.keys()


def target_that(returns: object = None, raises: Exception | None = None, *, is_storable: bool = True) -> Target:
    def call(data: bytes) -> object:
        if raises:
            raise raises
        return returns

    return Target(call, lambda name: st.binary(), (str,), is_storable)


def test_what_may_come_out_is_no_finding() -> None:
    run(target_that(returns="x"), b"")
    run(target_that(raises=BusyError("The PBX is busy")), b"")
    run(target_that(returns="\0", is_storable=False), b"")


def test_another_exception_is_a_finding() -> None:
    with pytest.raises(KeyError):
        run(target_that(raises=KeyError("x")), b"")


@pytest.mark.parametrize("value", [None, "\0", "\ud800"], ids=["of another type", "a NUL", "half a character"])
def test_a_wrong_value_is_a_finding(value: object) -> None:
    with pytest.raises(WrongValueError):
        run(target_that(returns=value), b"")


def test_a_hang_is_a_finding() -> None:
    with pytest.raises(TooSlowError), deadline(0.05):
        for _ in count():
            pass


def test_memory_is_bounded() -> None:
    program = (
        "from tests.fuzz.watchdog import bound_memory; bound_memory(1 << 26); bytearray(1 << 24); bytearray(1 << 28)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr.splitlines()[-1] == "MemoryError"


@pytest.mark.parametrize("times", [0, 2, 100, MOST_BYTES])
@pytest.mark.parametrize("part", [b"", b"x", bytes(1000), bytes(MOST_BYTES)], ids=len)
@pytest.mark.parametrize("room", [0, 1, 4096, MOST_BYTES])
def test_what_is_repeated_takes_no_more_room_than_there_is(part: bytes, times: int, room: int) -> None:
    made = repeated(part, times, room)

    assert len(made) == len(part) * times if len(part) * times <= room else room - len(part) < len(made) <= room


def test_all_jobs_together_make_as_many_inputs_as_were_asked_for() -> None:
    guided = list(jobs(["csv", "url", "xls"], 1000, 7, is_guided=True))
    assert sum(job.inputs for job in guided) == 1000
    assert Counter(job.engine for job in guided) == {"hypothesis": 3, "atheris": 3}
    alone = list(jobs(["csv", "url", "xls"], 1000, 7, is_guided=False))
    assert [(job.target, job.engine, job.seed) for job in alone] == [
        (name, "hypothesis", 7) for name in ("csv", "url", "xls")
    ]
    assert sum(job.inputs for job in alone) == 1000


def test_a_job_tells_how_many_inputs_it_made(tmp_path: Path) -> None:
    done = carry_out(Job("url", "hypothesis", _ROUND + 1, 1, str(tmp_path)))
    assert (done.inputs, done.finding, done.story) == (_ROUND + 1, "", "")
    assert not list(tmp_path.iterdir())


def test_a_finding_is_kept_and_told(tmp_path: Path) -> None:
    program = (
        "import sys; from tests.fuzz import calls, worker; calls.url = lambda data: 1 / (b'x' not in data)\n"
        "worker.with_hypothesis(worker.Job(**__import__('json').loads(sys.argv[1])))"
    )
    job = json.dumps(asdict(Job("url", "hypothesis", 500, 1, str(tmp_path))))
    done = subprocess.run(
        [sys.executable, "-c", program, job], capture_output=True, text=True, check=False, timeout=300
    )
    told = json.loads(done.stdout.splitlines()[-1])
    (kept,) = tmp_path.iterdir()
    assert done.returncode == 1
    assert told["finding"] == str(kept)
    assert "ZeroDivisionError" in told["story"]
    assert b"x" in kept.read_bytes()
