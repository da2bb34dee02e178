"""How long an event loop was kept from running what was due."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from dataclasses import dataclass

LOOK_SECONDS = 0.002
FULL_COLLECTION = 2


@dataclass(frozen=True)
class Block:
    """The longest time (seconds) for which the event loop was kept from running what was due.

    :param outside: of full garbage collections.
    """

    longest: float
    outside: float


class LoopWatch:
    """Finds the longest block of the event loop, from its making on."""

    def __init__(self) -> None:
        self._longest = self._outside = self._collected = 0.0
        self._collecting_since: float | None = None
        gc.callbacks.append(self._note_collection)
        self._task = asyncio.create_task(self._watch())

    def _note_collection(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != FULL_COLLECTION:
            return
        if phase == "start":
            self._collecting_since = time.perf_counter()
        else:
            self._collected, self._collecting_since = self._collected_until(time.perf_counter()), None

    def _collected_until(self, now: float) -> float:
        # Another thread collects as well, and may not have come to say that it has ended.
        return self._collected + (0.0 if self._collecting_since is None else now - self._collecting_since)

    async def _watch(self) -> None:
        while True:
            started = time.perf_counter()
            collected = self._collected_until(started)
            await asyncio.sleep(LOOK_SECONDS)
            now = time.perf_counter()
            late = now - started - LOOK_SECONDS
            self._longest = max(self._longest, late)
            self._outside = max(self._outside, late - (self._collected_until(now) - collected))

    async def stop(self) -> Block:
        gc.callbacks.remove(self._note_collection)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        return Block(self._longest, self._outside)
