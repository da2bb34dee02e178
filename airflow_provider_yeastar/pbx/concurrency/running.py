"""A coroutine run to its end from blocking code, also where an event loop runs already."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from airflow_provider_yeastar.pbx.errors import ResourceError

__all__ = ["run_coroutine", "thread_errors"]

Result = TypeVar("Result")


def run_coroutine(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what a coroutine returns; block until then.

    In a notebook and in an ``async def`` task an event loop runs on this thread, where ``asyncio.run`` refuses to work:
    the coroutine then gets a thread and a loop of its own.

    :raises ResourceError: when there is no thread to be had.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    done: Future[Result] = Future()
    context = contextvars.copy_context()  # Airflow finds by it whose log a record belongs to

    def run() -> None:
        try:
            done.set_result(context.run(_run, work))
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: whatever it is, the caller gets it
            done.set_exception(error)

    try:
        with thread_errors():
            threading.Thread(target=run, name="yeastar-loop", daemon=True).start()
    except ResourceError:
        work.close()
        raise
    return done.result()


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    # The main task must return nothing: asyncio.run of Python 3.11 writes its result out, however large it is, when it
    # puts the handler of Ctrl-C back (`signal` takes the handler for a number first, and builds an error message).
    found: list[Result] = []

    async def keep() -> None:
        found.append(await work)

    asyncio.run(keep())
    return found[0]


@contextmanager
def thread_errors() -> Iterator[None]:
    """Raise what a thread that cannot be started raises as an error that is retried.

    :raises ResourceError: in place of RuntimeError and MemoryError.
    """
    try:
        yield
    except (RuntimeError, MemoryError):
        raise ResourceError("This machine has no thread left for a call to a PBX") from None
