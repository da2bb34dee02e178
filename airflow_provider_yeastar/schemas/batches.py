"""Rows column by column, as they are typed and written fastest; in memory here, in a file in `files.spool`. Pure."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from airflow_provider_yeastar.schemas.json_texts import APART, NONE, joined_json

__all__ = [
    "Batch",
    "BatchedRows",
    "Json",
    "RowsInMemory",
    "Texts",
    "Values",
    "batches_of",
    "column_lists",
    "packed",
]

_BATCH_ROWS = 2_000
"""Rows of a batch at the most."""
_MOST_SHAPES = 256
"""Of a batch; so many keys, too, unless a single row has more."""
_NESTED = frozenset({list, dict})


@dataclass(frozen=True)
class Texts:
    """Texts and None as one text, which is stored and read much faster than many. It is gone over as often as needed.

    :param joined: the texts, NUL between them; None is the sign U+0001.
    :param size: how many there are.
    """

    joined: str
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[str | None]:
        texts = self.joined.split(APART)
        return iter([None if text == NONE else text for text in texts] if NONE in self.joined else texts)


class Json(Texts):
    """Lists, objects and None, as one text of their JSON; they come out as they went in.

    :param joined: see :class:`Texts`.
    """

    def __iter__(self) -> Iterator[Any]:
        return (None if text is None else json.loads(text) for text in super().__iter__())


Values: TypeAlias = "Texts | array[int] | tuple[Any, ...]"
"""The values of a column in a batch: as one text, as integers of 64 bits, or one by one."""


def packed(values: tuple[Any, ...]) -> Values:
    """Return values of a column in the form in which they are stored fastest.

    :param values: at least one; texts that hold NUL or U+0001 stay as they are, and so do values of several types.
    """
    try:
        found: Values | None = _texts(values, 0)
    except TypeError:  # not texts alone
        found = _packed_others(values)
    return values if found is None else found


def _packed_others(values: tuple[Any, ...]) -> Values | None:
    kinds = set(map(type, values))
    if kinds == {int}:
        try:
            return array("q", values)
        except OverflowError:
            return None
    if kinds & _NESTED and kinds <= _NESTED | {type(None)}:
        as_json = joined_json(values)
        return None if as_json is None else Json(as_json, len(values))
    if kinds == {str, type(None)}:
        return _texts([NONE if value is None else value for value in values], values.count(None))
    return None


def _texts(texts: Sequence[str], nones: int) -> Texts | None:
    joined = APART.join(texts)
    is_clear = joined.count(APART) == len(texts) - 1 and joined.count(NONE) == nones
    return Texts(joined, len(texts)) if is_clear else None


class Batch(NamedTuple):
    """Rows that follow one another.

    :param keys: of all of them, in the order in which they came.
    :param columns: the values of each key, None where a row does not have it.
    :param size: how many rows there are.
    :param shapes: the keys of a row, for all kinds of rows.
    :param shape_of: for each row the number of its shape; empty where there is one.
    """

    keys: tuple[str, ...]
    columns: tuple[Values, ...]
    size: int
    shapes: tuple[tuple[str, ...], ...]
    shape_of: bytes

    def column(self, key: str) -> Values:
        """Return the values of a key, None where a row does not have it."""
        return self.columns[self.keys.index(key)] if key in self.keys else (None,) * self.size

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        values = zip(*self.columns, strict=True) if self.keys else ((),) * self.size
        whole = (dict(zip(self.keys, row, strict=True)) for row in values)
        if not self.shape_of:
            return whole
        return ({key: row[key] for key in self.shapes[shape]} for row, shape in zip(whole, self.shape_of, strict=True))


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

    :param rows: of any keys.
    """
    remaining = iter(rows)
    while part := list(islice(remaining, _BATCH_ROWS)):
        yield from _batches(part)


def _batches(rows: Sequence[Mapping[str, Any]]) -> Iterator[Batch]:
    """Yield one batch; where rows have little in common several, as a column takes room for all rows."""
    shapes = tuple(dict.fromkeys(map(tuple, rows)))
    keys = tuple(dict.fromkeys(chain.from_iterable(shapes)))
    if len(shapes) == 1:
        columns = (packed(tuple(map(itemgetter(key), rows))) for key in keys)
        yield Batch(keys, tuple(columns), len(rows), shapes, b"")
    elif max(len(shapes), len(keys)) > _MOST_SHAPES:
        middle = len(rows) // 2
        yield from _batches(rows[:middle])
        yield from _batches(rows[middle:])
    else:
        numbers = {shape: number for number, shape in enumerate(shapes)}
        cells = ([row.get(key) for row in rows] for key in keys)
        shape_of = bytes(map(numbers.__getitem__, map(tuple, rows)))
        yield Batch(keys, tuple(packed(tuple(column)) for column in cells), len(rows), shapes, shape_of)


def column_lists(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[list[Any]]]:
    """Yield rows in batches, as one list of values for each key.

    :param keys: of the columns; one that a row lacks is None there.
    :param rows: are gone over once.
    """
    remaining = iter(rows)
    while part := list(islice(remaining, _BATCH_ROWS)):
        yield [[row.get(key) for row in part] for key in keys]
