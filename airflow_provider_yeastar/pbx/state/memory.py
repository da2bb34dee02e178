"""The shared state of one process: for logins that are not shared, and for tests and models of what uses a state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from airflow_provider_yeastar.pbx.state.interface import Change, Entry, decode_entry, encode_entry

__all__ = ["MemoryState"]


class MemoryState:
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

    def read(self, name: str) -> Entry | None:
        stored = self._stored.get(name)
        return None if stored is None else decode_entry(name, stored, self.now())

    def update(self, name: str, change: Change, *, keep_seconds: float) -> Entry | None:
        with self._lock:
            now = self.now()
            entry = change(self.read(name), now)
            if entry is None:
                self._stored.pop(name, None)
                return None
            # Stored as the other back-ends do, so that nothing passes here that fails there.
            self._stored[name] = encode_entry(name, entry, now, keep_seconds)
            return self.read(name)

    def sweep(self) -> None:
        with self._lock:
            for name in [name for name in self._stored if self.read(name) is None]:
                del self._stored[name]
