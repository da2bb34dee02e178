"""Blocking calls from asyncio code, in a small pool of our own: the default pool belongs to the triggerer."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

__all__ = ["in_thread"]

_MAX_WORKERS = 16
Result = TypeVar("Result")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_MAX_WORKERS, thread_name_prefix="yeastar")


async def in_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Return what the function returns, without blocking the event loop.

    The context goes along, because Airflow finds by it whose log a record belongs to. A cancelled caller does not
    stop the thread: each call made here is bounded by its own time-out.
    """
    work = partial(contextvars.copy_context().run, function, *arguments)
    return await asyncio.get_running_loop().run_in_executor(_pool(), work)
