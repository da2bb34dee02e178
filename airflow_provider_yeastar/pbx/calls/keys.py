"""A set of row keys that stays small: 64-bit digests in one array, where a ``set`` takes five times as much. Pure."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from struct import unpack
from typing import Any

__all__ = ["KeySet", "digest_of", "digests_of"]

_BYTES = 8
_LEAST_SLOTS = 1 << 10
# Beyond this share of taken slots, looking for a free one becomes slow.
_FULLEST = 0.6


def digest_of(row: Mapping[str, Any], key: str) -> int:
    """Return 64 bits that stand for a row: for its key, or for all of it where it has none.

    :param row: from the PBX.
    :param key: ``new_id`` or ``uid``.
    """
    return digests_of([row], key)[0]


def digests_of(rows: Sequence[Mapping[str, Any]], key: str) -> list[int]:
    """Return what :func:`digest_of` does of each row, faster.

    :param rows: from the PBX.
    :param key: ``new_id`` or ``uid``.
    """
    texts = [
        json.dumps(row, sort_keys=True) if (value := row.get(key)) is None or value == "" else f"{key}={value}"
        for row in rows
    ]
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest() for text in texts]
    return [digest or 1 for digest in unpack(f">{len(rows)}Q", b"".join(digests))]  # 0 is a free slot


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
        return self.add_all([digest])[0]

    def add_all(self, digests: Sequence[int]) -> list[bool]:
        """Add digests; return of each whether it was not there yet, nor among those before it."""
        if self._count + len(digests) > len(self._slots) * _FULLEST:
            self._grow(self._count + len(digests))
        are_new = _put(self._slots, digests)
        self._count += sum(are_new)
        return are_new

    def _grow(self, count: int) -> None:
        slots = len(self._slots)
        while count > slots * _FULLEST:
            slots *= 2
        larger = _empty(slots)
        _put(larger, filter(None, self._slots))
        self._slots = larger


def _empty(slots: int) -> array[int]:
    return array("Q", bytes(_BYTES * slots))


def _put(slots: array[int], digests: Iterable[int]) -> list[bool]:
    """Put digests into their slots; return of each whether it is new. The loop is written for speed."""
    mask = len(slots) - 1
    are_new = []
    for digest in digests:
        at = digest & mask
        while (there := slots[at]) and there != digest:
            at = (at + 1) & mask
        if not there:
            slots[at] = digest
        are_new.append(not there)
    return are_new


def _slot(slots: array[int], digest: int) -> int:
    """Return where a digest stands, or the free slot for it."""
    mask = len(slots) - 1
    at = digest & mask
    while slots[at] not in (0, digest):
        at = (at + 1) & mask
    return at
