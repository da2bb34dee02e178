"""Rows of a schema as Arrow tables, for Parquet, pandas, DuckDB and Polars; needs ``pyarrow`` (extra ``parquet``)."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.schemas.batches import Texts, Values, column_lists
from airflow_provider_yeastar.schemas.columns import Column, ColumnType
from airflow_provider_yeastar.schemas.json_texts import APART, NONE
from airflow_provider_yeastar.schemas.values import DECIMAL_DIGITS, NO_VALUE

if TYPE_CHECKING:
    import pyarrow

__all__ = ["arrow_batches", "arrow_columns", "arrow_schema", "arrow_table", "require_pyarrow"]

_BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
"""All that ``str.strip`` takes away."""
_YEARS_FIRST = re.compile(r"((?!0000)\d{4}[-/.]\d\d[-/.]\d\d[ T]\d\d:\d\d:\d\d(\0(?!\Z)|\Z))+", re.ASCII)
_TO_ISO = str.maketrans("/. ", "--T")
_QUANTUM = Decimal(1).scaleb(-DECIMAL_DIGITS[1])


def require_pyarrow() -> None:
    """Refuse to go on without ``pyarrow``; the machine that parses the DAG need not have it.

    :raises InvalidRequestError: with what to install.
    """
    if find_spec("pyarrow") is None:
        raise InvalidRequestError(
            "Arrow tables and Parquet files are made with pyarrow, which is not installed here",
            remedy="pip install 'airflow-provider-yeastar[parquet]', or choose ndjson.",
        )


def arrow_schema(columns: Sequence[Column]) -> pyarrow.Schema:
    """Return the Arrow schema of columns; each field's metadata tells the unit.

    :param columns: of the rows.
    """
    import pyarrow

    types = {
        "text": pyarrow.string(),
        "integer": pyarrow.int64(),
        "duration": pyarrow.int64(),
        "decimal": pyarrow.decimal128(*DECIMAL_DIGITS),
        "percent": pyarrow.float64(),
        "timestamp": pyarrow.timestamp("us"),
    }
    return pyarrow.schema(
        [
            pyarrow.field(column.key, types[column.type], metadata={"unit": column.unit} if column.unit else None)
            for column in columns
        ]
    )


def arrow_columns(kinds: Sequence[ColumnType | None], columns: Sequence[Values]) -> list[pyarrow.Array | None]:
    """Return the arrays of a batch's columns where Arrow itself can do what :data:`.CONVERTERS` does to each value.

    :param kinds: type of each column; None for one whose values are hidden.
    :param columns: as the PBX sent them.
    :return: None for a column that holds anything but texts, whole numbers, and times that begin with their year.
    """
    texts = [
        values if kind == "text" and isinstance(values, Texts) else None
        for kind, values in zip(kinds, columns, strict=True)
    ]
    plain = iter(_plain_texts([values for values in texts if values is not None]))
    return [
        _plain(kind, values) if text is None else next(plain)
        for text, kind, values in zip(texts, kinds, columns, strict=True)
    ]


def _plain(kind: ColumnType | None, values: Values) -> pyarrow.Array | None:
    if kind == "timestamp" and isinstance(values, Texts):
        return _plain_times(values)
    return _integers(kind, values) if isinstance(values, array) else None


def arrow_batches(columns: Sequence[Column], batches: Iterable[Sequence[Any]]) -> Iterator[pyarrow.RecordBatch]:
    """Yield batches of one schema.

    :param columns: of the rows.
    :param batches: of :meth:`.SchemaRows.batches`: the values of each column, or their array.
    """
    import pyarrow

    schema = arrow_schema(columns)
    for batch in batches:
        arrays = [
            values if isinstance(values, pyarrow.Array) else _ARRAYS.get(column.type, pyarrow.array)(values, field.type)
            for column, field, values in zip(columns, schema, batch, strict=True)
        ]
        yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> pyarrow.Table:
    """Return all rows as one table.

    :param columns: of the rows; a key that a row lacks is null.
    :param rows: with the values of :class:`.SchemaRows`.
    :raises InvalidRequestError: when ``pyarrow`` is not installed.
    """
    require_pyarrow()
    import pyarrow

    batches = arrow_batches(columns, column_lists([column.key for column in columns], rows))
    return pyarrow.Table.from_batches(batches, arrow_schema(columns))


def _decimals(values: Sequence[Any], type_: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow

    return pyarrow.array(
        [None if value is None else Decimal(repr(value)).quantize(_QUANTUM) for value in values], type_
    )


def _timestamps(values: Sequence[Any], type_: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow

    return pyarrow.array(values, pyarrow.string()).cast(type_)


_ARRAYS: Mapping[str, Callable[[Sequence[Any], pyarrow.DataType], pyarrow.Array]] = {
    "decimal": _decimals,
    "timestamp": _timestamps,
}
"""What makes an array of the values of a type that Arrow does not take as they are."""


def _plain_texts(columns: Sequence[Texts]) -> list[pyarrow.Array] | list[None]:
    """Return the texts of each column without the blanks around them, null for what means nothing."""
    import pyarrow
    from pyarrow import compute

    try:
        lists = compute.split_pattern(pyarrow.array([texts.joined for texts in columns], pyarrow.string()), APART)
    except UnicodeEncodeError:  # half a character
        return [None] * len(columns)
    texts = compute.utf8_trim(lists.values, characters=_BLANKS)
    texts = compute.if_else(compute.is_in(texts, _no_values()), None, texts)
    begins = lists.offsets.to_pylist()
    return [texts.slice(begin, end - begin) for begin, end in pairwise(begins)]


@cache
def _no_values() -> pyarrow.Array:
    import pyarrow

    return pyarrow.array([*NO_VALUE, NONE])


def _plain_times(texts: Texts) -> pyarrow.Array | None:
    """Return times that begin with their year and have 24 hours."""
    import pyarrow
    from pyarrow import compute

    if not _YEARS_FIRST.fullmatch(texts.joined):
        return None
    try:
        found = compute.split_pattern(pyarrow.array([texts.joined.translate(_TO_ISO)]), APART).values
        return found.cast(pyarrow.timestamp("us"))
    except pyarrow.ArrowInvalid:  # one that does not exist
        return None


def _integers(kind: ColumnType | None, values: array[int]) -> pyarrow.Array | None:
    import pyarrow

    found = pyarrow.Array.from_buffers(pyarrow.int64(), len(values), [None, pyarrow.py_buffer(values)])
    if kind == "text":
        return found.cast(pyarrow.string())
    return found if kind in ("integer", "duration") else None
