"""The end of a process, at which a token that no other process has ever used is given back.

A pod with a state directory of its own would leave a live token behind, and an application may have only eight. Python
calls this at the end of the interpreter, Airflow 3 at the end of a task's process; Airflow 2 ends that one without.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import uuid
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import cache

from airflow_provider_yeastar.pbx.concurrency.running import thread_errors
from airflow_provider_yeastar.pbx.errors import ResourceError

__all__ = ["at_the_end_of_this_process", "process_name"]

_MOST_SECONDS = 3.0
"""Airflow gives a killed task five seconds for everything."""
_to_do: dict[Hashable, Callable[[], None]] = {}


@cache
def process_name() -> str:
    """Return a name for this process that no other one has."""
    return uuid.uuid4().hex


def at_the_end_of_this_process(key: Hashable, work: Callable[[], None]) -> None:
    """Do some work when this process ends, once for each key; a child that is forked meanwhile does not do it.

    Its end does not wait for work that hangs, as on a file system that does not answer.
    """
    with suppress(ResourceError):  # without a thread the work is left undone
        _end()
    _to_do[key] = work


class _End:
    """The end of this process, for which a thread waits from now on: Python 3.12 starts none then."""

    def __init__(self) -> None:
        self._has_come, self._is_done = threading.Event(), threading.Event()
        with thread_errors():
            threading.Thread(target=self._work, name="yeastar-end", daemon=True).start()
        atexit.register(_finish)

    def come(self) -> None:
        """Let the thread do the work, and wait for it as long as there is time."""
        self._has_come.set()
        self._is_done.wait(_MOST_SECONDS)

    def _work(self) -> None:
        self._has_come.wait()
        until = time.monotonic() + _MOST_SECONDS
        try:
            while _to_do and time.monotonic() < until:
                _to_do.popitem()[1]()
        finally:
            self._is_done.set()


@cache
def _end() -> _End:
    return _End()


def _finish() -> None:
    _end().come()


def _forget() -> None:
    atexit.unregister(_finish)
    _to_do.clear()
    _end.cache_clear()
    process_name.cache_clear()


os.register_at_fork(after_in_child=_forget)
