"""Retries with exponential back-off, by tenacity: the one loop, for coroutines and for blocking code.

`bounds.Setbacks` decides which errors are retried and how long a pause is; here the pauses are made and logged.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception

from airflow_provider_yeastar.pbx.errors import TokenCapError, WaitTimeoutError, YeastarError
from airflow_provider_yeastar.pbx.waiting.bounds import Setbacks

__all__ = ["retrying", "retrying_blocking"]

log = logging.getLogger(__name__)


def retrying(
    setbacks: Setbacks,
    *,
    until: Callable[[], float] = lambda: math.inf,
    then: str = "Retrying",
    reraise: bool = True,
) -> AsyncRetrying:
    """Return the attempts at work in a coroutine, to loop over.

    The work stands in the loop: ``async for attempt in ...: with attempt: ...``. The loop ends after the first attempt
    without an error. An error that is not retried leaves the loop as it is.

    :param setbacks: records the errors, and decides about them.
    :param until: returns the deadline in epoch seconds, which may move. A pause that would outlast it is not begun.
    :param then: what the log says of the next attempt, such as ``Retrying``.
    :param reraise: at the deadline raise the last error; False raises :class:`tenacity.RetryError`.
    """

    def may_pass(error: YeastarError) -> bool:
        return not isinstance(error, WaitTimeoutError)

    return AsyncRetrying(sleep=asyncio.sleep, reraise=reraise, **_rules(setbacks, may_pass, until, then))


def retrying_blocking(
    setbacks: Setbacks, *, may_pass: Callable[[YeastarError], bool], sleep: Callable[[float], None], then: str
) -> Retrying:
    """Return the attempts at blocking work, to loop over with ``for``; see :func:`retrying`.

    :param setbacks: records the errors, and decides about them.
    :param may_pass: whether a retry may help against an error.
    :param sleep: makes a pause of so many seconds; what it raises ends the loop.
    :param then: what the log says of the next attempt.
    """
    return Retrying(sleep=sleep, reraise=True, **_rules(setbacks, may_pass, lambda: math.inf, then))


def _rules(
    setbacks: Setbacks, may_pass: Callable[[YeastarError], bool], until: Callable[[], float], then: str
) -> dict[str, Any]:
    """Return what both kinds of loop have in common, as arguments of tenacity; it calls them in this order."""

    def is_retried(error: BaseException) -> bool:
        return isinstance(error, YeastarError) and may_pass(error) and setbacks.add(error)

    def pause(_: RetryCallState) -> float:
        return setbacks.delay(random.random())

    def is_too_late(state: RetryCallState) -> bool:
        return time.time() + state.upcoming_sleep >= until()

    def announce(state: RetryCallState) -> None:
        # All tokens may be taken for half an hour; one line about it is enough.
        if not isinstance(setbacks.last, TokenCapError) or setbacks.count[TokenCapError] == 1:
            log.warning("%s %s in %.0f s.", setbacks.last, then, state.upcoming_sleep)

    return {"retry": retry_if_exception(is_retried), "wait": pause, "stop": is_too_late, "before_sleep": announce}
