"""Blocking calls from asyncio code, in threads of our own: the default pool belongs to the triggerer.

Three things that `concurrent.futures` does not do, and that a triggerer with many PBXs and a killed task need:

1. The threads are daemons. A call that hangs cannot be stopped, and must not keep a killed task's process alive.
2. Few calls compete for the interpreter at a time, because each thread that computes delays the event loop by up to
   5 ms.
3. A call that takes long waits for its PBX and computes nothing: it no longer counts as one of the few, so that PBXs
   that do not answer keep nobody from the others.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeVar

from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop

__all__ = ["in_thread"]

Result = TypeVar("Result")

_QUICK_CALLS = 4
"""How many calls of one event loop compute at a time."""
_QUICK_SECONDS = 0.5
"""A call that has not returned after so many seconds only waits."""
_MOST_CALLS = 128
"""How many calls of one event loop are under way at a time, the waiting ones included."""


class _Threads:
    """Daemon threads that are used again and again; there are as many as were ever busy at once."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)

    def submit(self, work: Callable[[], None]) -> None:
        if not self._idle.acquire(blocking=False):
            threading.Thread(target=self._serve, name="yeastar", daemon=True).start()
        self._work.put(work)

    def _serve(self) -> None:
        while True:
            self._work.get()()
            self._idle.release()


@cache
def _threads() -> _Threads:
    return _Threads()


# Threads do not survive a fork.
os.register_at_fork(after_in_child=_threads.cache_clear)


@dataclass(eq=False)
class _Room:
    quick: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_QUICK_CALLS))
    all: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_CALLS))


_rooms: PerLoop[_Room] = PerLoop()


async def in_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Return what the function returns, without blocking the event loop.

    The context goes along, because Airflow finds by it whose log a record belongs to. A cancelled caller does not
    stop the thread: each call made here is bounded by its own time-out.
    """
    room = _rooms.get(None, _Room)
    async with room.quick:
        await room.all.acquire()
        call = _start(partial(contextvars.copy_context().run, function, *arguments), room)
        try:
            await asyncio.wait({call}, timeout=_QUICK_SECONDS)
        except asyncio.CancelledError:
            call.cancel()
            raise
    return await call


def _start(work: Callable[[], Result], room: _Room) -> asyncio.Future[Result]:
    loop = asyncio.get_running_loop()
    call: asyncio.Future[Any] = loop.create_future()

    result: Any = None
    error: BaseException | None = None

    def settle() -> None:
        room.all.release()
        if call.cancelled():
            return
        if error is None:
            call.set_result(result)
        else:
            call.set_exception(error)

    def run() -> None:
        nonlocal result, error
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - the thread's boundary: whatever it is, the caller gets it
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            # Without arguments: asyncio's debug log would show them, and a token may be among them.
            loop.call_soon_threadsafe(settle)

    _threads().submit(run)
    return call
