"""The end of a process, at which a token that no other process has ever used is given back.

A pod with a state directory of its own would leave a live token behind, and an application may have only eight. Python
calls this at the end of the interpreter, Airflow 3 at the end of a task's process; Airflow 2 ends that one without.
"""

from __future__ import annotations

import atexit
import os
import time
import uuid
from collections.abc import Callable, Hashable
from functools import cache

__all__ = ["at_the_end_of_this_process", "process_name"]

_MOST_SECONDS = 3.0
"""Airflow gives a killed task five seconds for everything."""
_to_do: dict[Hashable, Callable[[], None]] = {}


@cache
def process_name() -> str:
    """Return a name for this process that no other one has."""
    return uuid.uuid4().hex


def at_the_end_of_this_process(key: Hashable, work: Callable[[], None]) -> None:
    """Do some work when this process ends, once for each key; a child that is forked meanwhile does not do it."""
    if not _to_do:
        atexit.register(_finish)
    _to_do[key] = work


def _finish() -> None:
    until = time.monotonic() + _MOST_SECONDS
    while _to_do and time.monotonic() < until:
        _to_do.popitem()[1]()


def _forget() -> None:
    atexit.unregister(_finish)
    _to_do.clear()
    process_name.cache_clear()


os.register_at_fork(after_in_child=_forget)
