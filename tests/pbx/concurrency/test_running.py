"""A coroutine run from blocking code, with and without an event loop on the same thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.pbx.concurrency.running import run_coroutine
from airflow_provider_yeastar.pbx.errors import NetworkError, ResourceError
from airflow_provider_yeastar.runtime.worker import run_on_worker

NAME = contextvars.ContextVar("NAME", default="none")


async def who() -> tuple[str, str]:
    await asyncio.sleep(0)
    return NAME.get(), threading.current_thread().name


async def fail() -> None:
    raise NetworkError("It broke")


def test_without_a_loop_it_runs_here() -> None:
    assert run_coroutine(who())[1] == threading.current_thread().name


def test_within_a_loop_it_runs_in_a_loop_of_its_own_with_the_context() -> None:
    async def notebook() -> tuple[str, str]:
        NAME.set("here")
        return run_coroutine(who())

    assert asyncio.run(notebook()) == ("here", "yeastar-loop")


def test_an_error_passes_in_either_case() -> None:
    async def notebook() -> None:
        run_coroutine(fail())

    with pytest.raises(NetworkError):
        run_coroutine(fail())
    with pytest.raises(NetworkError):
        asyncio.run(notebook())


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_thread_that_cannot_be_started_is_an_error_to_retry(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=error))

    async def notebook() -> None:
        run_coroutine(who())

    with pytest.raises(ResourceError, match="no thread left"):
        asyncio.run(notebook())


def test_a_wait_on_the_worker_works_within_a_loop() -> None:
    async def task() -> str:
        return run_on_worker(who(), lambda: False)[0]

    assert asyncio.run(task()) == "none"


class Rows:
    """Stands for an answer of 10,000 rows, which take longer to write out than to read."""

    written_out = 0

    def __repr__(self) -> str:
        self.written_out += 1
        return "rows"


def test_what_it_returns_is_never_written_out() -> None:
    rows = Rows()

    async def read() -> Rows:
        return rows

    assert run_coroutine(read()) is rows
    assert not rows.written_out
