"""Waiting on the worker: a coroutine runs to its end, or the task was killed.

SIGTERM alone does not stop a task: Airflow 3 calls ``on_kill`` and lets ``execute`` go on, so that the task would end
as a success. ``on_kill`` runs in a signal handler and can do no more than leave a mark; here it is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from airflow_provider_yeastar.exceptions import TaskKilledError

__all__ = ["run_on_worker"]

Result = TypeVar("Result")

_LOOK_INTERVAL = 0.25
"""Seconds between two looks at the mark: a signal handler cannot wake an event loop, and Airflow kills after 5 s."""


def run_on_worker(work: Coroutine[Any, Any, Result], killed: Callable[[], bool]) -> Result:
    """Return what the coroutine returns.

    :param work: the coroutine.
    :param killed: says whether ``on_kill`` was called.
    :raises TaskKilledError: when it was; the coroutine is cancelled first and has cleaned up.
    """
    return asyncio.run(_until_killed(work, killed))


async def _until_killed(work: Coroutine[Any, Any, Result], killed: Callable[[], bool]) -> Result:
    task = asyncio.create_task(work)
    while not task.done():
        await asyncio.wait({task}, timeout=_LOOK_INTERVAL)
        if killed() and not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise TaskKilledError("The task was killed while it waited for its report")
    return task.result()
