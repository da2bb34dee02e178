"""Places that are taken for a while, and who gets the next free one."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Places"]


class Places:
    """So many places of one event loop.

    Of those who queue, the oldest and the newest get the next one by turns: nobody waits for ever, and who comes while
    hundreds queue is not the last of them. Who hurries goes before them all.

    :param number: of places.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._hurried: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._newest_is_next = False

    async def take(self, *, hurries: bool = False) -> None:
        """Return when a place has been got; :meth:`give_back` it.

        :param hurries: goes before all that do not.
        """
        if self._free:
            self._free -= 1
            return
        given = asyncio.get_running_loop().create_future()
        (self._hurried if hurries else self._others).append(given)
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():  # it was given in the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a place to the next, or leave it free."""
        while self._hurried or self._others:
            given = self._next()
            if not given.done():  # else its caller was cancelled
                given.set_result(None)
                return
        self._free += 1

    def _next(self) -> asyncio.Future[None]:
        if self._hurried:
            return self._hurried.popleft()
        self._newest_is_next = not self._newest_is_next
        return self._others.popleft() if self._newest_is_next else self._others.pop()
