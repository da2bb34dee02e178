"""What tests ask of a held turn, and of a state that answers late or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pytest

from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.state.interface import Entry, JointChange
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.state.turns import Turn
from tests.patience import PATIENCE_SECONDS

__all__ = ["Flaky", "in_the_end", "is_unbroken"]


async def is_unbroken(held: Turn) -> bool:
    """Tell whether the lease has never lapsed since the turn was taken, by an update that changes nothing."""
    seen: list[bool] = []

    def look(entry: Entry | None, now: float, has_held: bool) -> tuple[Entry | None, bool]:
        seen.append(has_held)
        return entry, False

    await held.update("pbx/ledger", look, keep_seconds=60)
    return seen[-1]


def in_the_end(call: Callable[[], Entry | None]) -> Entry | None:
    """Return what a call returns that a busy machine may let take longer than the server is waited for."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with suppress(StateUnavailableError):
            return call()
    pytest.fail("the server never answered")


class Flaky(MemoryState):
    """A state that can be made to fail, or to hang.

    :param hangs_for: seconds at the most.
    """

    def __init__(self, hangs_for: float = 30) -> None:
        super().__init__()
        self.hangs_for = hangs_for
        self.was_asked = threading.Event()
        self.under_way: list[object] = []
        self.error: Exception | None = None
        self.is_answering = threading.Event()
        self.is_answering.set()

    def look(self, name: str) -> tuple[Entry | None, float]:
        with self._call():
            return super().look(name)

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        with self._call():
            return super().update_all(names, change)

    @contextmanager
    def _call(self) -> Iterator[None]:
        call = object()
        self.under_way.append(call)
        self.was_asked.set()
        try:
            self.is_answering.wait(self.hangs_for)
            if self.error:
                raise self.error
            yield
        finally:
            self.under_way.remove(call)
