"""Rows column by column, as they are typed and written fastest; in memory here, in a file in `files.spool`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import methodcaller
from typing import Any, NamedTuple, Protocol, runtime_checkable

__all__ = ["Batch", "BatchedRows", "RowsInMemory", "batches_of", "column_lists"]

_BATCH_ROWS = 2_000
"""Rows of a batch at the most."""
_values = methodcaller("values")


class Batch(NamedTuple):
    """Rows that have the same keys in the same order.

    :param keys: of each row.
    :param columns: the values, one sequence for each key.
    :param size: how many rows there are.
    """

    keys: tuple[str, ...]
    columns: tuple[tuple[Any, ...], ...]
    size: int

    def column(self, key: str) -> tuple[Any, ...]:
        """Return the values of a key, None where the rows do not have it."""
        return self.columns[self.keys.index(key)] if key in self.keys else (None,) * self.size

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        values = zip(*self.columns, strict=True) if self.keys else ((),) * self.size
        return (dict(zip(self.keys, row, strict=True)) for row in values)


@runtime_checkable
class BatchedRows(Protocol):
    """A collection of rows that can be gone over more than once.

    ``keys`` are those of all rows, in the order in which they came; ``count`` is the number of rows.
    """

    @property
    def keys(self) -> Iterable[str]: ...

    @property
    def count(self) -> int: ...

    def batches(self) -> Iterator[Batch]:
        """Yield all rows."""


class RowsInMemory:
    """Rows that somebody holds.

    :param rows: a collection that can be gone over more than once.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows
        self.keys: dict[str, None] = {}
        self.count = 0
        for row in rows:
            self.count += 1
            self.keys.update(dict.fromkeys(row))

    def batches(self) -> Iterator[Batch]:
        """Yield all rows."""
        return batches_of(self._rows)


def batches_of(rows: Iterable[Mapping[str, Any]]) -> Iterator[Batch]:
    """Yield rows in batches, in their order.

    :param rows: of any keys; those that follow one another with the same keys share a batch.
    """
    for keys, alike in groupby(rows, tuple):
        while part := list(islice(alike, _BATCH_ROWS)):
            yield Batch(keys, tuple(zip(*map(_values, part), strict=True)), len(part))


def column_lists(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[list[Any]]]:
    """Yield rows in batches, as one list of values for each key.

    :param keys: of the columns; one that a row lacks is None there.
    :param rows: are gone over once.
    """
    remaining = iter(rows)
    while part := list(islice(remaining, _BATCH_ROWS)):
        yield [[row.get(key) for row in part] for key in keys]
