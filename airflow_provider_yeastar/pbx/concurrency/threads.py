"""Blocking calls from asyncio code, in threads of our own: the default pool belongs to the triggerer.

Four things that `concurrent.futures` does not do, and that a triggerer with many PBXs and a killed task need:

1. The threads are daemons. A call that hangs must not keep a killed task's process alive. One that says how is stopped
   when its caller is cancelled.
2. One call computes at a time: each thread that computes delays the event loop by up to 5 ms, and several are no faster
   than one. The lease and the verdict on an event go first.
3. A call that is about to wait for its PBX says so with :func:`about_to_wait`, and no longer counts as the one that
   computes, so that PBXs that do not answer delay nobody else. One that has not returned after a while, such as one
   that waits for the shared state, counts as waiting too.
4. At most two calls to one PBX are under way: its hardware is small, and a third would only wait in a thread of ours.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Generic, TypeVar

from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.concurrency.places import Places
from airflow_provider_yeastar.pbx.concurrency.running import thread_errors
from airflow_provider_yeastar.pbx.errors import ResourceError

__all__ = ["about_to_wait", "in_thread"]

Result = TypeVar("Result")

_COMPUTING_CALLS = 1
"""How many calls of one event loop compute at a time."""
_COMPUTING_SECONDS = 0.05
"""A call that has not returned after so many seconds only waits."""
_CALLS_OF_ONE = 2
"""How many calls to one PBX are under way at a time, the waiting ones included."""
_MOST_CALLS = 4096
"""How many calls of one event loop are under way at a time: more than there are PBXs, so that none takes all."""


class _Threads:
    """Daemon threads that are used again and again; there are as many as were ever busy at once.

    One of them only starts the others: who starts a thread waits until it runs, which takes milliseconds while others
    compute, and must not stop the event loop.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wanted: queue.SimpleQueue[tuple[Callable[[], None], Callable[[ResourceError], None]]] = (
            queue.SimpleQueue()
        )
        self._idle = threading.Semaphore(0)
        _start_thread(self._start_threads)

    def submit(self, work: Callable[[], None], failed: Callable[[ResourceError], None]) -> None:
        """Have work done.

        :param work: raises nothing.
        :param failed: is called instead, on another thread, if there is no thread to be had.
        """
        if self._idle.acquire(blocking=False):
            self._work.put(work)
        else:
            self._wanted.put((work, failed))

    def _start_threads(self) -> None:
        while True:
            work, failed = self._wanted.get()
            try:
                _start_thread(self._serve)
            except ResourceError as error:
                failed(error)
            else:
                self._work.put(work)

    def _serve(self) -> None:
        while True:
            self._work.get()()
            self._idle.release()


def _start_thread(run: Callable[[], None]) -> None:
    with thread_errors():
        threading.Thread(target=run, name="yeastar", daemon=True).start()


@cache
def _threads() -> _Threads:
    return _Threads()


# Threads do not survive a fork.
os.register_at_fork(after_in_child=_threads.cache_clear)


@dataclass(eq=False)
class _Room:
    computing: Places = field(default_factory=lambda: Places(_COMPUTING_CALLS))
    all: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_CALLS))


_rooms: PerLoop[_Room] = PerLoop()
_lanes: PerLoop[asyncio.Semaphore] = PerLoop()


async def in_thread(
    function: Callable[..., Result],
    *arguments: object,
    of: Hashable = None,
    hurries: bool = False,
    discard: Callable[[Result], object] | None = None,
) -> Result:
    """Return what the function returns, without blocking the event loop.

    The context goes along, because Airflow finds by it whose log a record belongs to. A cancelled caller stops the call
    only where :func:`about_to_wait` was told how: each call made here is bounded by its own timeout.

    :param of: what is called, such as a PBX, of which two calls at most are under way; None for calls without bound.
    :param hurries: goes before the calls that do not, where many would compute.
    :param discard: gets the result if the caller was cancelled and nobody else has it, so that what is open is closed;
        does not block, raises nothing.
    :raises ResourceError: if no thread can be started.
    """
    room = _rooms.get(None, _Room)
    places = [room.all] if of is None else [_lanes.get(of, partial(asyncio.Semaphore, _CALLS_OF_ONE)), room.all]
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    await _take(places, room.computing, hurries)
    caller = _Caller(loop, room.computing)
    context.run(_caller.set, caller)
    only_waits = loop.call_later(_COMPUTING_SECONDS, caller.rest)
    try:
        return await _start(partial(context.run, function, *arguments), places, discard).outcome()
    except asyncio.CancelledError:
        caller.leave()
        raise
    finally:
        only_waits.cancel()
        caller.rest()


@dataclass(eq=False)
class _Caller:
    """Who waits for a call in a thread.

    :param loop: on which it waits.
    :param computing: of which it holds a place as long as the call computes.
    """

    loop: asyncio.AbstractEventLoop
    computing: Places
    computes: bool = True
    is_gone: bool = False
    stop: Callable[[], None] | None = None

    def rest(self) -> None:
        """Give the place back, if that has not been done."""
        if self.computes:
            self.computes = False
            self.computing.give_back()

    def leave(self) -> None:
        """Stop the call, now or as soon as it says how."""
        self.is_gone = True
        if stop := self.stop:
            stop()

    def hear(self, stop: Callable[[], None] | None) -> None:
        """Hear from the thread that the call will wait."""
        self.stop = stop
        if stop and self.is_gone:
            stop()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(self.rest)


_caller: contextvars.ContextVar[_Caller | None] = contextvars.ContextVar("_caller", default=None)


def about_to_wait(stop: Callable[[], None] | None = None) -> None:
    """Say that the call in this thread will now wait and compute nothing; elsewhere it does nothing.

    :param stop: ends that wait when the caller is cancelled, from the event loop's thread and without blocking; None
        for a wait that has to be carried to its end.
    """
    caller = _caller.get()
    if caller:
        caller.hear(stop)


async def _take(places: list[asyncio.Semaphore], computing: Places, hurries: bool) -> None:
    """Take a place of each kind, or none if the caller is cancelled."""
    taken: list[asyncio.Semaphore] = []
    try:
        for place in places:
            await place.acquire()
            taken.append(place)
        await computing.take(hurries=hurries)
    except asyncio.CancelledError:
        for place in taken:
            place.release()
        raise


def _start(
    work: Callable[[], Result], places: list[asyncio.Semaphore], discard: Callable[[Result], object] | None
) -> _Call[Result]:
    call = _Call(work, places, discard, asyncio.get_running_loop())
    try:
        _threads().submit(call.run, call.fail)
    except ResourceError as failure:
        call.error = failure
        call.settle()
    return call


class _Call(Generic[Result]):
    """A call in a thread, and what its caller waits for on the event loop.

    :param work: what is called.
    :param places: are given back at its end.
    :param discard: gets a result that nobody takes; None where nothing has to be done with it.
    :param loop: the caller's.
    """

    def __init__(
        self,
        work: Callable[[], Result],
        places: list[asyncio.Semaphore],
        discard: Callable[[Result], object] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.error: BaseException | None = None
        self._result: asyncio.Future[Result] = loop.create_future()
        self._work = work
        self._places = places
        self._discard = discard
        self._loop = loop
        self._returned: Any = None

    async def outcome(self) -> Result:
        """Return what the call returns, or raise what it raises."""
        try:
            return await self._result
        except asyncio.CancelledError:
            if self._result.done() and not self._result.cancelled():  # it came while the cancellation was on its way
                self._drop()
            raise

    def run(self) -> None:
        """Make the call, on this thread."""
        try:
            self._returned = self._work()
        except BaseException as raised:  # noqa: BLE001 - the thread's boundary: whatever it is, the caller gets it
            self.error = raised
        self._end()

    def fail(self, error: BaseException) -> None:
        """End without a call, on any thread."""
        self.error = error
        self._end()

    def settle(self) -> None:
        """Give the outcome to the caller, on the event loop's thread."""
        for place in self._places:
            place.release()
        if self._result.cancelled():
            self._drop()
        elif self.error is None:
            self._result.set_result(self._returned)
        else:
            self._result.set_exception(self.error)

    def _end(self) -> None:
        try:
            # Without arguments: asyncio's debug log would show them, and a token may be among them.
            self._loop.call_soon_threadsafe(self.settle)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._drop()

    def _drop(self) -> None:
        if self._discard and self.error is None:
            self._discard(self._returned)
