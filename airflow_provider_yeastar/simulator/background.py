"""An event loop in a thread of its own, driven from other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["BackgroundLoop", "Changes"]

Result = TypeVar("Result")

_SECONDS = 30.0
"""Deadline for anything that the loop is asked to do."""


class Changes:
    """Lets a thread wait until what another thread changes has come to a certain state."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def tell(self) -> None:
        """Say that something changed."""
        with self._condition:
            self._condition.notify_all()

    def wait_until(self, holds: Callable[[], bool], timeout: float) -> None:
        """Return once something holds; it is looked at after each change.

        :param holds: what has to hold.
        :param timeout: seconds.
        :raises TimeoutError: when it does not hold by then.
        """
        with self._condition:
            if not self._condition.wait_for(holds, timeout):
                raise TimeoutError("the simulated PBX did not get there")


class BackgroundLoop:
    """An event loop that runs from :meth:`start` to :meth:`end`.

    :param name: of its thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop and return its result.

        :param work: the coroutine.
        :raises TimeoutError: if it takes longer than 30 s.
        """
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function on the loop, without waiting for it; safe on the loop's own thread.

        :param function: to be called.
        :param arguments: its arguments.
        """
        self._loop.call_soon_threadsafe(function, *arguments)

    def end(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()
