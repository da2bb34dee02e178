from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.pbx.errors import ResourceError
from airflow_provider_yeastar.runtime.worker import iterate_on_worker, run_on_worker


async def _answer() -> str:
    await asyncio.sleep(0)
    return "answer"


async def _fail() -> None:
    raise LookupError("lost")


class _Endless:
    cleaned_up = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True


def test_the_coroutine_s_value_is_returned() -> None:
    assert run_on_worker(_answer(), lambda: False) == "answer"


def test_the_coroutine_s_error_is_raised() -> None:
    with pytest.raises(LookupError, match="lost"):
        run_on_worker(_fail(), lambda: False)


def test_a_killed_task_ends_with_an_error_after_cleaning_up() -> None:
    endless = _Endless()

    with pytest.raises(TaskKilledError):
        run_on_worker(endless.run(), lambda: True)

    assert endless.cleaned_up


class _Items:
    """A blocking iterator that yields a few numbers, then waits until it is stopped."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.stopped = threading.Event()
        self.asked = threading.Semaphore(0)

    def __iter__(self) -> _Items:
        return self

    def __next__(self) -> int:
        self.asked.release()
        if self.numbers:
            return self.numbers.pop(0)
        assert self.stopped.wait(10)
        raise StopIteration


def _readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("yeastar-read")]


def test_a_killed_task_ends_although_its_iterator_blocks() -> None:
    items, killed = _Items(1, 2), threading.Event()
    iteration = iterate_on_worker(items, killed=killed.is_set, stop=items.stopped.set)

    assert [next(iteration), next(iteration)] == [1, 2]
    killed.set()
    with pytest.raises(TaskKilledError):
        next(iteration)
    assert items.stopped.is_set()
    assert _readers() == []


def test_a_reader_that_cannot_be_started_is_an_error_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    items = _Items(1)

    with pytest.raises(ResourceError, match="no thread left"):
        next(iterate_on_worker(items, killed=lambda: False, stop=items.stopped.set))
    assert items.stopped.is_set()


def test_while_one_item_is_worked_on_the_next_two_are_read() -> None:
    items = _Items(1, 2)
    iteration = iterate_on_worker(items, killed=lambda: False, stop=items.stopped.set)

    assert next(iteration) == 1
    assert all(items.asked.acquire(timeout=10) for _ in range(3))
    iteration.close()  # type: ignore[attr-defined]


def test_whoever_leaves_early_stops_the_iterator_and_its_thread() -> None:
    items = _Items(1, 2, 3)
    iteration = iterate_on_worker(items, killed=lambda: False, stop=items.stopped.set)
    next(iteration)

    iteration.close()  # type: ignore[attr-defined]

    assert items.stopped.is_set()
    assert _readers() == []


def test_an_iterator_s_error_is_raised_in_its_place() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise LookupError("lost")

    iteration = iterate_on_worker(numbers(), killed=lambda: False, stop=lambda: None)

    assert next(iteration) == 1
    with pytest.raises(LookupError, match="lost"):
        next(iteration)
