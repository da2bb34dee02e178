"""Things of which every event loop has its own, shared by all that runs in it and gone when nobody uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

__all__ = ["PerLoop"]

Thing = TypeVar("Thing")


class PerLoop(Generic[Thing]):
    """A registry; what it hands out lives as long as its users hold it."""

    def __init__(self) -> None:
        self._of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[Hashable, Thing]] = (
            WeakKeyDictionary()
        )

    def find(self, key: Hashable) -> Thing | None:
        """Return what the running loop has under a key, None if there is nothing."""
        return self._of_this_loop().get(key)

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """Return what the running loop has under a key, made now if there is nothing."""
        of_loop = self._of_this_loop()
        thing = of_loop.get(key)
        if thing is None:
            thing = of_loop[key] = make()
        return thing

    def forget(self, key: Hashable) -> None:
        """Let the next user get a new one, whoever still holds the old one."""
        self._of_this_loop().pop(key, None)

    def _of_this_loop(self) -> WeakValueDictionary[Hashable, Thing]:
        loop = asyncio.get_running_loop()
        of_loop = self._of_loops.get(loop)
        if of_loop is None:
            of_loop = self._of_loops[loop] = WeakValueDictionary()
        return of_loop
