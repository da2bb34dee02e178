"""Calls to the shared state from asyncio code that end even where its server or file system hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import TypeVar

from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.state.interface import SharedState

__all__ = ["ask_state"]

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
