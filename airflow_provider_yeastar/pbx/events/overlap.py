"""Two sockets for a moment: which event of the one is the same announcement as an event of the other. Pure.

While a socket is renewed, both the old and the new one are subscribed, and the PBX sends each event on both. An event
of one socket is therefore matched with an equal one of the other. Equal events of the *same* socket are none of this
module's business: the PBX has then announced something twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

__all__ = ["Overlap"]

_LATE_SECONDS = 5.0
"""Seconds after the old socket is closed in which the new one may still deliver what the old one has."""


class Overlap:
    """Matches the events of two sockets; the channels are only compared, never used."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self._unmatched: Counter[tuple[Hashable, Hashable]] = Counter()

    def begin(self) -> None:
        """A second socket is being opened."""
        self._until = float("inf")

    def end(self, now: float) -> None:
        """The old socket is closed; ``now`` by the event loop's clock."""
        self._until = now + _LATE_SECONDS

    def is_repeated(self, channel: Hashable, event: Hashable, now: float) -> bool:
        """Tell whether the other socket has delivered this announcement already.

        :param channel: on which it arrived.
        :param event: that arrived.
        :param now: by the event loop's clock.
        """
        if now > self._until:
            self._unmatched.clear()
            return False
        for other, delivered in list(self._unmatched):
            if other is not channel and delivered == event:
                self._unmatched[other, delivered] -= 1
                self._unmatched += Counter()  # drops what is matched
                return True
        self._unmatched[channel, event] += 1
        return False
