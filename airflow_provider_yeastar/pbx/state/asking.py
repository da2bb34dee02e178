"""Calls to the shared state from asyncio code that end even where its server or file system hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import TypeVar

from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.state.interface import SharedState

__all__ = ["StateCalls", "ask_state"]

Result = TypeVar("Result")

_SECONDS = 30.0
"""Longer than both back-ends try by themselves; a file system that hangs never comes back to its caller."""


async def ask_state(
    state: SharedState, function: Callable[..., Result], *arguments: object, of: Hashable = None
) -> Result:
    """Return what a function returns that calls the state in a thread; it goes before other calls.

    :param state: that it calls, for the message.
    :param function: what it does may happen later, after this has given it up.
    :param arguments: of the function.
    :param of: see :func:`.in_thread`.
    :raises StateUnavailableError: when it has not come back after half a minute.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            return await in_thread(function, *arguments, of=of, hurries=True)
    except TimeoutError:
        raise StateUnavailableError(f"{state.name} has not answered within {_SECONDS:g} seconds") from None


class StateCalls:
    """Calls to the state that are made one after the other, and how long one has been without an answer.

    :param state: that they call.
    :param of: see :func:`.in_thread`.
    """

    def __init__(self, state: SharedState, of: Hashable) -> None:
        self._state = state
        self._of = of
        self._asked_at: float | None = None

    async def make(self, function: Callable[..., Result], *arguments: object) -> Result:
        """See :func:`ask_state`."""
        self._asked_at = time.monotonic()
        try:
            return await ask_state(self._state, function, *arguments, of=self._of)
        finally:
            self._asked_at = None

    def silence(self, seconds: float) -> StateUnavailableError | None:
        """Return that the state does not answer, None if no call has been under way for so many seconds."""
        if self._asked_at is None or (silent_for := time.monotonic() - self._asked_at) < seconds:
            return None
        return StateUnavailableError(f"{self._state.name} has not answered for {silent_for:.1f} seconds")
