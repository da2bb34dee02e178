"""Hosts on one simulated clock: each is an asyncio event loop that can be paused (SIGSTOP) or killed (SIGKILL).

The loops are real ones with simulated time: the code under test runs in them as it is, and no second passes. A paused
host runs nothing until it is resumed, when all its timers fire late; a dead one never runs again, not even a
``finally``.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

EPOCH = 1_790_000_000.0


class Clock:
    """Simulated time."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return EPOCH + self.seconds


class _NoSelector:
    """Stands where a loop waits for sockets; there are none."""

    def select(self, timeout: float | None) -> list[Any]:
        return []


class HostLoop(asyncio.BaseEventLoop):
    """An event loop that is stepped from outside.

    :param clock: simulated time.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._selector = _NoSelector()
        self._clock_resolution = 1e-9
        self.is_paused = self.is_dead = False
        self.set_exception_handler(self._remember)
        self.crashes: list[str] = []

    def _remember(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.crashes.append(f"{context.get('message')}: {context.get('exception')!r}")

    def time(self) -> float:
        return self._clock.monotonic()

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def next_at(self) -> float:
        """The moment at which something is due; infinite for a host that does not run."""
        if self.is_dead or self.is_paused:
            return float("inf")
        if self._ready:  # type: ignore[attr-defined]  # asyncio's own list of what is due
            return self._clock.monotonic()
        scheduled = self._scheduled  # type: ignore[attr-defined]  # asyncio's own heap of timers
        while scheduled and scheduled[0]._cancelled:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            self._timer_cancelled_count -= 1
        return scheduled[0]._when if scheduled else float("inf")

    def step(self) -> None:
        """Run what is due."""
        asyncio._set_running_loop(self)
        try:
            self._run_once()  # type: ignore[attr-defined]  # one iteration of asyncio's own loop
        finally:
            asyncio._set_running_loop(None)


class World:
    """Runs hosts and everything else in the order of simulated time.

    :param chance: the only source of randomness.
    """

    def __init__(self, chance: random.Random) -> None:
        self.clock = Clock()
        self.chance = chance
        self.hosts: list[HostLoop] = []
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def new_host(self) -> HostLoop:
        host = HostLoop(self.clock)
        self.hosts.append(host)
        return host

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._due, (self.clock.seconds + seconds, next(self._order), action))

    def run(self, is_over: Callable[[], bool], limit_seconds: float) -> bool:
        """Let time pass until something holds; return whether it did within the limit."""
        while not is_over():
            next_action = self._due[0][0] if self._due else float("inf")
            at = min(next_action, *(host.next_at() for host in self.hosts))
            if at > limit_seconds:
                return False
            self.clock.seconds = max(self.clock.seconds, at)
            if next_action <= self.clock.seconds:
                heapq.heappop(self._due)[2]()
                continue
            due = [host for host in self.hosts if host.next_at() <= self.clock.seconds]
            self.chance.choice(due).step()
        return True

    def close(self) -> None:
        """Unwind what is left in the hosts, so that nothing of this world outlives it."""
        for host in self.hosts:
            host.is_dead = host.is_paused = False
            while tasks := asyncio.all_tasks(host):
                for task in tasks:
                    task.cancel()
                if host.next_at() == float("inf"):
                    raise RuntimeError(f"These tasks cannot be cancelled: {tasks}")
                self.clock.seconds = max(self.clock.seconds, host.next_at())
                host.step()
            host.close()
