"""Rows of a schema as Arrow tables, for Parquet, pandas, DuckDB and Polars; needs ``pyarrow`` (extra ``parquet``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.values import DECIMAL_DIGITS

if TYPE_CHECKING:
    import pyarrow

__all__ = ["BATCH_ROWS", "arrow_batches", "arrow_schema", "arrow_table", "require_pyarrow"]

BATCH_ROWS = 10_000
"""Rows that are held in memory at a time."""

_QUANTUM = Decimal(1).scaleb(-DECIMAL_DIGITS[1])
_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "decimal": lambda value: Decimal(repr(value)).quantize(_QUANTUM),
    "timestamp": datetime.fromisoformat,
}


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


def arrow_batches(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Iterator[pyarrow.RecordBatch]:
    """Yield rows in batches of one schema.

    :param columns: of the rows; a key that a row lacks is null.
    :param rows: with the values of :class:`.SchemaRows`.
    """
    import pyarrow

    schema = arrow_schema(columns)
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_ROWS)):
        arrays = [
            pyarrow.array(_values(column, batch), field.type) for column, field in zip(columns, schema, strict=True)
        ]
        yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> pyarrow.Table:
    """Return all rows as one table; see :func:`arrow_batches`.

    :raises InvalidRequestError: when ``pyarrow`` is not installed.
    """
    require_pyarrow()
    import pyarrow

    return pyarrow.Table.from_batches(arrow_batches(columns, rows), arrow_schema(columns))


def _values(column: Column, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    key = column.key
    convert = _VALUES.get(column.type)
    if convert is None:
        return [row.get(key) for row in rows]
    return [None if (value := row.get(key)) is None else convert(value) for row in rows]
