"""Rows of a schema as Arrow tables, for Parquet, pandas, DuckDB and Polars; needs ``pyarrow`` (extra ``parquet``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.schemas.batches import column_lists
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.values import DECIMAL_DIGITS

if TYPE_CHECKING:
    import pyarrow

__all__ = ["arrow_batches", "arrow_schema", "arrow_table", "require_pyarrow"]

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


def arrow_batches(
    columns: Sequence[Column], batches: Iterable[Sequence[Sequence[Any]]]
) -> Iterator[pyarrow.RecordBatch]:
    """Yield batches of one schema.

    :param columns: of the rows.
    :param batches: of :meth:`.SchemaRows.batches`: the values of each column.
    """
    import pyarrow

    schema = arrow_schema(columns)
    for batch in batches:
        arrays = [
            _ARRAYS.get(column.type, pyarrow.array)(values, field.type)
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
