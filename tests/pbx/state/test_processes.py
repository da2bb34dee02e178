"""Turns of real processes, on each back-end that processes can share: killed, stopped and continued ones."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.state.line import Line
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.state.turns import turn
from tests.patience import PATIENCE_SECONDS
from tests.pbx.state.asking import is_unbroken
from tests.pbx.state.redis_server import RedisServer

ROOT = Path(__file__).parents[3]
LEASE = 2.0
PAUSE = threading.Event()

# Takes a turn, says so, and at each line that it reads whether the turn is unbroken; an empty line ends it.
HOLDER = f"""
import asyncio, sys, time
from pathlib import Path
from airflow_provider_yeastar.pbx.state import line, turns
from airflow_provider_yeastar.pbx.state.opening import open_state
from tests.pbx.state.asking import is_unbroken
line.LEASE_SECONDS, turns._RENEWAL_SECONDS = {LEASE}, {LEASE / 8}

async def hold():
    async with turns.turn(open_state(sys.argv[1], Path(sys.argv[2])), "pbx", time.time() + 60) as held:
        print("held", flush=True)
        while (await asyncio.to_thread(sys.stdin.readline)).strip():
            print(await is_unbroken(held), flush=True)

asyncio.run(hold())
"""

# Takes turns until it has held so many without a break, and writes when each of them began and ended, by the clock of
# all processes of a host.
WORKER = f"""
import asyncio, sys, time
from pathlib import Path
from airflow_provider_yeastar.pbx.state import line, turns
from airflow_provider_yeastar.pbx.state.opening import open_state
from tests.pbx.state.asking import is_unbroken
line.LEASE_SECONDS, turns._RENEWAL_SECONDS = {LEASE}, {LEASE / 8}

async def work():
    state, left = open_state(sys.argv[1], Path(sys.argv[2])), int(sys.argv[3])
    while left:
        async with turns.turn(state, "pbx", time.time() + 120) as held:
            began = time.monotonic()
            await asyncio.sleep(0.02)
            ended = time.monotonic()
            if await is_unbroken(held):  # then it was until now, and so until then
                print(held.fence, began, ended, flush=True)
                left -= 1

asyncio.run(work())
"""

# Holds the turn with waits of its own behind it; at a line that it reads more arrive, some of them while turns pass.
MANY = """
import asyncio, sys, time
from pathlib import Path
from airflow_provider_yeastar.pbx.state import turns
from airflow_provider_yeastar.pbx.state.opening import open_state

async def wait(name):
    async with turns.turn(open_state(sys.argv[1], Path(sys.argv[2])), "pbx", time.time() + 120) as held:
        print(held.fence, name, flush=True)
        await asyncio.sleep(0.01)

async def hold():
    async with turns.turn(open_state(sys.argv[1], Path(sys.argv[2])), "pbx", time.time() + 60):
        waits = [asyncio.create_task(wait(f"early-{number}")) for number in range(3)]
        await asyncio.to_thread(sys.stdin.readline)
        waits += [asyncio.create_task(wait(f"later-{number}")) for number in range(10)]
        await asyncio.sleep(0)
    for number in range(10, 30):
        waits.append(asyncio.create_task(wait(f"later-{number}")))
        await asyncio.sleep(0.01)
    await asyncio.gather(*waits)

asyncio.run(wait("other") if sys.argv[3] == "one" else hold())
"""


@pytest.fixture(params=["directory", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Where the state is: the arguments of ``open_state``."""
    if request.param == "directory":
        yield "", tmp_path / "state"
    else:
        server: RedisServer = request.getfixturevalue("redis_of_the_session")
        import redis

        redis.Redis.from_url(server.url).flushall()
        yield server.url, tmp_path


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.pbx.state.line.LEASE_SECONDS", LEASE)
    monkeypatch.setattr("airflow_provider_yeastar.pbx.state.turns._RENEWAL_SECONDS", LEASE / 8)


def launch(program: str, place: tuple[str, Path], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, place[0], str(place[1]), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holder(place: tuple[str, Path]) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the turn."""
    with launch(HOLDER, place) as process:
        assert answer(process) == "held"
        yield process
        process.send_signal(signal.SIGCONT)
        process.kill()


def answer(process: subprocess.Popen[str], ask: bool = False) -> str:
    assert process.stdin
    assert process.stdout
    if ask:
        process.stdin.write("?\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


async def moment_of_the_turn(place: tuple[str, Path]) -> float:
    """When the turn came, by the clock of the state."""
    state = open_state(*place)
    async with turn(state, "pbx", time.time() + 60) as held:
        moment = state.now()
        assert await is_unbroken(held)
        return moment


def until_the_line_has(tickets: int, place: tuple[str, Path]) -> None:
    state, until = open_state(*place), time.monotonic() + 60
    while len(Line.from_entry(state.read("pbx/turn")).tickets) != tickets:
        assert time.monotonic() < until
        PAUSE.wait(0.05)  # what another process writes is no event


def test_a_killed_holder_is_waited_for_until_its_lease_has_lapsed(
    holder: subprocess.Popen[str], place: tuple[str, Path]
) -> None:
    holder.kill()
    holder.wait()
    (lapses,) = Line.from_entry(open_state(*place).read("pbx/turn")).leases.values()

    assert asyncio.run(moment_of_the_turn(place)) >= lapses
    assert Line.from_entry(open_state(*place).read("pbx/turn")).tickets == ()


def test_a_stopped_holder_finds_its_turn_broken_when_it_goes_on(
    holder: subprocess.Popen[str], place: tuple[str, Path]
) -> None:
    assert answer(holder, ask=True) == "True"
    holder.send_signal(signal.SIGSTOP)

    async def take_and_wake_it() -> None:
        async with turn(open_state(*place), "pbx", time.time() + 60) as held:
            holder.send_signal(signal.SIGCONT)
            assert await asyncio.to_thread(answer, holder, True) == "False"
            assert await is_unbroken(held)

    asyncio.run(take_and_wake_it())


def test_a_holder_that_was_stopped_finds_its_turn_broken_though_nobody_took_it(
    holder: subprocess.Popen[str], place: tuple[str, Path]
) -> None:
    holder.send_signal(signal.SIGSTOP)
    state = open_state(*place)
    until = time.monotonic() + 60
    while Line.from_entry(state.read("pbx/turn")).at(state.now()).tickets and time.monotonic() < until:
        PAUSE.wait(0.05)  # a lease lapses without an event
    holder.send_signal(signal.SIGCONT)

    assert answer(holder, ask=True) == "False"


def test_no_two_of_many_processes_hold_the_turn_at_once_although_some_are_stopped(place: tuple[str, Path]) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(launch(WORKER, place, "12")) for _ in range(4)]
        for worker in workers[:2]:
            PAUSE.wait(0.4)  # somewhere in the middle of its work
            os.kill(worker.pid, signal.SIGSTOP)
        PAUSE.wait(1.5 * LEASE)
        for worker in workers[:2]:
            os.kill(worker.pid, signal.SIGCONT)
        output = [worker.communicate(timeout=PATIENCE_SECONDS)[0] for worker in workers]

    turns = [[float(word) for word in line.split()] for text in output for line in text.splitlines()]
    turns.sort()
    assert len(turns) == 4 * 12
    assert len({fence for fence, *_ in turns}) == len(turns)
    assert all(ended <= begins for (_, _, ended), (_, begins, _) in itertools.pairwise(turns))


def test_a_process_with_many_waits_does_not_pass_the_turn_by_the_single_one_of_another(
    place: tuple[str, Path],
) -> None:
    """Fault 6: the process handed the turn to its own next wait, through 30 of 30 later arrivals."""
    with ExitStack() as stack:
        many = stack.enter_context(launch(MANY, place, "many"))
        until_the_line_has(4, place)
        one = stack.enter_context(launch(MANY, place, "one"))
        until_the_line_has(5, place)
        output = [process.communicate("\n", timeout=PATIENCE_SECONDS)[0] for process in (many, one)]

    served = sorted((int(fence), name) for text in output for fence, name in map(str.split, text.splitlines()))
    assert [name for _, name in served] == [
        *(f"early-{number}" for number in range(3)),
        "other",
        *(f"later-{number}" for number in range(30)),
    ]
