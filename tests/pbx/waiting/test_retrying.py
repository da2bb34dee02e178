"""The loop of retries; how long a pause is and what is tolerated is tested in `test_bounds`."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from tenacity import RetryError

from airflow_provider_yeastar.pbx.errors import (
    CertificateError,
    CredentialsError,
    NetworkError,
    PbxInternalError,
    TokenCapError,
    WaitTimeoutError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.waiting import retrying as module
from airflow_provider_yeastar.pbx.waiting.bounds import Setbacks
from airflow_provider_yeastar.pbx.waiting.retrying import retrying, retrying_blocking

Run = Callable[..., str]


@dataclass
class World:
    """A clock that only pauses move on, and the work that is retried: it fails in a row, then returns.

    :param now: epoch seconds.
    :param moves: by how much each pause moves the deadline.
    """

    now: float = 1000.0
    chance: float = 1.0
    moves: float = 0.0
    until: float = math.inf
    attempts: int = 0
    pauses: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def random(self) -> float:
        return self.chance

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self.until += self.moves

    async def sleep(self, seconds: float) -> None:
        self.pause(seconds)

    def work(self, errors: list[BaseException]) -> str:
        self.attempts += 1
        if errors:
            raise errors.pop(0)
        return "done"

    def run(self, *errors: BaseException, reraise: bool = True) -> str:
        """Return what the work returns in a coroutine."""

        async def work() -> str:
            async for attempt in retrying(Setbacks(), until=lambda: self.until, reraise=reraise):
                with attempt:
                    result = self.work(failures)
            return result

        failures = list(errors)
        return asyncio.run(work())

    def run_blocking(self, *errors: BaseException, most: float = math.inf) -> str:
        """Return what the work returns on this thread, where only the network is worth a retry."""
        failures = list(errors)
        for attempt in retrying_blocking(
            Setbacks(most=most),
            may_pass=lambda error: isinstance(error, NetworkError),
            sleep=self.pause,
            then="Going on",
        ):
            with attempt:
                result = self.work(failures)
        return result


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    for name in ("time", "random"):
        monkeypatch.setattr(module, name, world)
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=world.sleep))
    return world


def network_errors(number: int) -> list[NetworkError]:
    return [NetworkError(f"failure {turn}") for turn in range(1, number + 1)]


class TestBothLoops:
    @pytest.mark.parametrize("run", [World.run, World.run_blocking])
    def test_what_may_pass_is_retried_after_growing_pauses(self, world: World, run: Run) -> None:
        assert run(world, *network_errors(3)) == "done"
        assert (world.attempts, world.pauses) == (4, [2.0, 4.0, 8.0])

    @pytest.mark.parametrize("run", [World.run, World.run_blocking])
    def test_a_pause_is_shortened_by_chance(self, world: World, run: Run) -> None:
        world.chance = 0.0

        run(world, *network_errors(2))

        assert world.pauses == [1.0, 2.0]

    @pytest.mark.parametrize("run", [World.run, World.run_blocking])
    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(CredentialsError("refused"), id="no-retry-helps"),
            pytest.param(CertificateError("untrusted"), id="no-retry-helps-against-one-of-a-kind-that-may-pass"),
            pytest.param(WaitTimeoutError("over"), id="deadline-of-an-inner-wait"),
            pytest.param(ValueError("a bug"), id="not-ours"),
            pytest.param(KeyboardInterrupt(), id="interrupted"),
        ],
    )
    def test_every_other_error_leaves_the_loop_as_it_is(self, world: World, run: Run, error: BaseException) -> None:
        with pytest.raises(type(error)) as raised:
            run(world, NetworkError("first"), error)

        assert (world.attempts, world.pauses) == (2, [2.0])
        assert raised.value is error
        assert raised.value.__cause__ is None

    @pytest.mark.parametrize(
        ("run", "then"), [(World.run, "Retrying"), (World.run_blocking, "Going on")], ids=["coroutine", "blocking"]
    )
    def test_each_retry_is_told_in_one_line(
        self, world: World, run: Run, then: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, second = network_errors(2)

        run(world, first, second)

        assert caplog.messages == [f"{first} {then} in 2 s.", f"{second} {then} in 4 s."]
        assert {record.levelno for record in caplog.records} == {logging.WARNING}


class TestRetrying:
    def test_an_error_beyond_the_limit_of_its_kind_is_the_last(self, world: World) -> None:
        errors = [PbxInternalError(f"failure {turn}") for turn in range(4)]

        with pytest.raises(PbxInternalError, match="failure 2"):
            world.run(*errors)

        assert world.pauses == [2.0, 4.0]

    @pytest.mark.parametrize(("seconds", "pauses"), [(6.0, [2.0]), (6.5, [2.0, 4.0])])
    def test_a_pause_that_would_outlast_the_deadline_is_not_begun(
        self, world: World, caplog: pytest.LogCaptureFixture, seconds: float, pauses: list[float]
    ) -> None:
        world.until = world.now + seconds

        with pytest.raises(NetworkError, match=f"failure {len(pauses) + 1}"):
            world.run(*network_errors(9))

        assert world.pauses == pauses
        assert len(caplog.messages) == len(pauses)

    def test_a_deadline_that_moves_is_read_anew(self, world: World) -> None:
        world.until = world.now + 3.0
        world.moves = 5.0

        with pytest.raises(NetworkError, match="failure 3"):
            world.run(*network_errors(9))

    def test_the_deadline_can_be_told_from_the_last_error(self, world: World) -> None:
        world.until = world.now

        with pytest.raises(RetryError):
            world.run(NetworkError("dropped"), reraise=False)
        with pytest.raises(CredentialsError):
            world.run(CredentialsError("refused"), reraise=False)

    def test_that_all_tokens_are_taken_is_told_once(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        world.run(TokenCapError("taken"), TokenCapError("taken"), NetworkError("dropped"))

        assert [line.partition(". ")[0] for line in caplog.messages] == ["taken", "dropped"]

    def test_a_cancellation_is_no_failure(self, world: World) -> None:
        with pytest.raises(asyncio.CancelledError):
            world.run(NetworkError("first"), asyncio.CancelledError())

        assert world.attempts == 2

    def test_who_stops_listening_within_an_attempt_is_let_go(self) -> None:
        closed = []

        async def listening() -> AsyncGenerator[int]:
            async for attempt in retrying(Setbacks()):
                with attempt:
                    try:
                        yield 1
                    finally:
                        closed.append(True)

        async def listen_once() -> None:
            async with aclosing(listening()) as events:
                assert await anext(events) == 1

        asyncio.run(listen_once())

        assert closed == [True]


class TestRetryingBlocking:
    def test_an_error_beyond_the_number_of_all_is_the_last(self, world: World) -> None:
        with pytest.raises(NetworkError, match="failure 3"):
            world.run_blocking(*network_errors(9), most=2)

        assert world.pauses == [2.0, 4.0]

    def test_what_the_work_does_not_want_retried_is_not(self, world: World) -> None:
        with pytest.raises(YeastarError, match="internal"):
            world.run_blocking(PbxInternalError("internal"))

        assert world.attempts == 1

    def test_what_a_pause_raises_ends_the_loop(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def killed(self: World, seconds: float) -> None:
            raise InterruptedError

        monkeypatch.setattr(World, "pause", killed)

        with pytest.raises(InterruptedError):
            world.run_blocking(NetworkError("dropped"))

        assert world.attempts == 1

    def test_who_reads_no_further_within_an_attempt_is_let_go(self) -> None:
        closed = []

        def reading() -> Generator[int]:
            for attempt in retrying_blocking(Setbacks(), may_pass=bool, sleep=abs, then=""):
                with attempt:
                    try:
                        yield 1
                    finally:
                        closed.append(True)

        with closing(reading()) as chunks:
            assert next(chunks) == 1

        assert closed == [True]
