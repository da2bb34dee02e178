"""Waits on the worker for a coroutine or for blocking reads, and stops when the task is killed.

SIGTERM alone does not stop a task: Airflow 3 calls ``on_kill`` and lets ``execute`` go on, so that the task would end
as a success. ``on_kill`` runs in a signal handler and can only set a flag; the waits here poll it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.pbx.concurrency.running import run_coroutine, thread_errors

__all__ = ["iterate_on_worker", "run_on_worker"]

Result = TypeVar("Result")

_LOOK_INTERVAL = 0.25
"""Seconds between two polls of the flag: a signal handler cannot wake an event loop, and Airflow kills after 5 s."""

_READ_AHEAD = 2


def run_on_worker(work: Coroutine[Any, Any, Result], killed: Callable[[], bool]) -> Result:
    """Return what the coroutine returns; also works while an event loop runs on this thread.

    :param work: the coroutine.
    :param killed: says whether ``on_kill`` was called.
    :raises TaskKilledError: when it was; the coroutine is cancelled first and has cleaned up.
    """
    return run_coroutine(_until_killed(work, killed))


async def _until_killed(work: Coroutine[Any, Any, Result], killed: Callable[[], bool]) -> Result:
    task = asyncio.create_task(work)
    while not task.done():
        await asyncio.wait({task}, timeout=_LOOK_INTERVAL)
        if killed() and not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise TaskKilledError("The task was killed while it waited for its report")
    return task.result()


def iterate_on_worker(
    items: Iterator[Result], *, killed: Callable[[], bool], stop: Callable[[], None]
) -> Iterator[Result]:
    """Yield what a blocking iterator yields; while one item is worked on, a thread reads the next two.

    Two, because with one the thread would idle whenever the work on an item takes longer than the reading of the next.

    :param items: used by that thread alone until this ends.
    :param killed: says whether ``on_kill`` was called.
    :param stop: makes a blocked iterator end at once; called whatever ends this.
    :raises TaskKilledError: when the task was killed; whatever the iterator raises passes through.
    :raises ResourceError: when there is no thread to be had.
    """
    with ThreadPoolExecutor(1, "yeastar-read") as thread:
        try:
            with thread_errors():
                upcoming = deque(thread.submit(next, items, None) for _ in range(_READ_AHEAD))
            while (item := _result(upcoming.popleft(), killed)) is not None:
                upcoming.append(thread.submit(next, items, None))
                yield item
        finally:
            stop()


def _result(future: Future[Result], killed: Callable[[], bool]) -> Result:
    arrived = False
    while not arrived:
        arrived = bool(wait({future}, _LOOK_INTERVAL).done)
        if killed():
            raise TaskKilledError("The task was killed while it fetched its report")
    return future.result()
