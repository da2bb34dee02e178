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
        self._longest = self._outside = self._collected = self._began = 0.0
        gc.callbacks.append(self._note_collection)
        self._task = asyncio.create_task(self._watch())

    def _note_collection(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "stop" and info["generation"] == FULL_COLLECTION:
            self._collected += now - self._began
        self._began = now

    async def _watch(self) -> None:
        while True:
            due, collected = time.perf_counter() + LOOK_SECONDS, self._collected
            await asyncio.sleep(LOOK_SECONDS)
            late = time.perf_counter() - due
            self._longest = max(self._longest, late)
            self._outside = max(self._outside, late - (self._collected - collected))

    async def stop(self) -> Block:
        gc.callbacks.remove(self._note_collection)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        return Block(self._longest, self._outside)
