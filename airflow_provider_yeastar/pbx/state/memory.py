"""The shared state of one process: for logins that are not shared, and for tests and models of what uses a state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from airflow_provider_yeastar.pbx.state.interface import Entry, JointChange, SharedState, decode_entry, encode_entry

__all__ = ["MemoryState"]


class MemoryState(SharedState):
    """Entries that the threads of this process share.

    :param clock: returns epoch seconds; a simulation gives its own.
    """

    spans_hosts = False
    name = "memory"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stored: dict[str, bytes] = {}

    def now(self) -> float:
        return self._clock()

    def look(self, name: str) -> tuple[Entry | None, float]:
        now = self.now()
        return self._load(name, now), now

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        with self._lock:
            now = self.now()
            entries = change([self._load(name, now) for name in names], now)
            for (name, keep_seconds), entry in zip(names.items(), entries, strict=True):
                if entry is None:
                    self._stored.pop(name, None)
                else:
                    # Stored as the other back-ends do, so that nothing passes here that fails there.
                    self._stored[name] = encode_entry(name, entry, now, keep_seconds)
            return [self._load(name, now) for name in names]

    def sweep(self) -> None:
        with self._lock:
            now = self.now()
            for name in [name for name in self._stored if self._load(name, now) is None]:
                del self._stored[name]

    def _load(self, name: str, now: float) -> Entry | None:
        stored = self._stored.get(name)
        return None if stored is None else decode_entry(name, stored, now)
