"""A set of row keys that stays small: 64-bit digests in one array, where a ``set`` takes five times as much. Pure."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Mapping
from typing import Any

__all__ = ["KeySet", "digest_of"]

_LEAST_SLOTS = 1 << 10
# Beyond this share of taken slots, looking for a free one becomes slow.
_FULLEST = 0.6


def digest_of(row: Mapping[str, Any], key: str) -> int:
    """Return 64 bits that stand for a row: for its key, or for all of it where it has none.

    :param row: from the PBX.
    :param key: ``new_id`` or ``uid``.
    """
    value = row.get(key)
    text = json.dumps(row, sort_keys=True) if value in (None, "") else f"{key}={value}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) or 1  # 0 is a free slot


class KeySet:
    """Digests, by open addressing."""

    def __init__(self) -> None:
        self._slots = _empty(_LEAST_SLOTS)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, digest: int) -> bool:
        return self._slots[_slot(self._slots, digest)] == digest

    def add(self, digest: int) -> bool:
        """Add a digest; return whether it was not there yet."""
        if self._count >= len(self._slots) * _FULLEST:
            self._grow()
        slots = self._slots
        at = _slot(slots, digest)
        if slots[at]:
            return False
        slots[at] = digest
        self._count += 1
        return True

    def _grow(self) -> None:
        larger = _empty(len(self._slots) * 2)
        for digest in self._slots:
            if digest:
                larger[_slot(larger, digest)] = digest
        self._slots = larger


def _empty(slots: int) -> array[int]:
    return array("Q", bytes(8 * slots))


def _slot(slots: array[int], digest: int) -> int:
    """Return where a digest stands, or the free slot for it."""
    mask = len(slots) - 1
    at = digest & mask
    while slots[at] not in (0, digest):
        at = (at + 1) & mask
    return at
