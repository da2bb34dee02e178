"""A report's table in SQLAlchemy's terms: types, columns of origin, the statement that adds a column.

Only imported when a task runs: it needs SQLAlchemy, 1.4 or 2 (extra ``sql``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn

from airflow_provider_yeastar.schemas.columns import Column, ColumnType
from airflow_provider_yeastar.schemas.values import DECIMAL_DIGITS

__all__ = ["CHANGED_BY", "ORIGIN", "Origin", "add_column", "report_table", "sql_value"]

_KEY_CHARACTERS = 255
_REDSHIFT_TEXT = 65535
"""Redshift makes 256 bytes of what is called text, and refuses longer values."""

_ORIGIN_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "pbx_serial_number": sa.Unicode(_KEY_CHARACTERS),
    "report": sa.Unicode(_KEY_CHARACTERS),
    "period_start": sa.DateTime(),
    "period_end": sa.DateTime(),
    "pbx_timezone": sa.Unicode(_KEY_CHARACTERS),
    "selection": sa.String(64),
    "source_sha256": sa.String(64),
    "loaded_at": sa.DateTime(),
    "dag_run_id": sa.Unicode(_KEY_CHARACTERS),
}

CHANGED_BY: Mapping[ColumnType, tuple[type, ...]] = {
    "text": (int, float, Decimal, date),
    "decimal": (int,),
    "percent": (int,),
}
"""For types whose values another column type would change: as what a driver would then return them."""

ORIGIN = tuple(_ORIGIN_TYPES)
"""The columns that tell where a row comes from, in every table."""


@dataclass(frozen=True)
class Origin:
    """Where the rows of one load come from.

    :param period_start: first second of the period, naive, by the PBX's clock; ``period_end`` is its last.
    :param selection: hash of the request's parameters.
    :param source_sha256: of the rows.
    :param loaded_at: naive, UTC.
    """

    pbx_serial_number: str
    report: str
    period_start: datetime
    period_end: datetime
    pbx_timezone: str
    selection: str
    source_sha256: str
    loaded_at: datetime
    dag_run_id: str


def _types() -> Mapping[ColumnType, sa.types.TypeEngine[Any]]:
    # Double is SQLAlchemy 2 only; a float of 53 bits is the same type in every dialect.
    double = sa.Float(53)
    decimal = sa.Numeric(*DECIMAL_DIGITS)
    # What SQL Server calls text is deprecated and knows no Unicode.
    text = sa.Text().with_variant(sa.String(_REDSHIFT_TEXT), "redshift").with_variant(sa.Unicode(), "mssql")
    return {
        "text": text,
        "integer": sa.BigInteger(),
        "duration": sa.BigInteger(),
        "percent": double,
        # SQLite has no decimals, and its driver takes none.
        "decimal": decimal.with_variant(sa.Float(53), "sqlite"),
        "timestamp": sa.DateTime(),
    }


def report_table(table: str, schema: str | None, columns: Sequence[Column], names: Mapping[str, str]) -> sa.Table:
    """Return the table of a report: columns of origin, then its own, all of which may be null.

    :param table: its name.
    :param schema: the database's schema, None for the connection's.
    :param columns: of the report.
    :param names: the columns' names by their keys.
    """
    types = _types()
    return sa.Table(
        table,
        sa.MetaData(),
        *(sa.Column(name, kind, nullable=False) for name, kind in _ORIGIN_TYPES.items()),
        *(sa.Column(names[column.key], types[column.type]) for column in columns),
        schema=schema,
        mysql_charset="utf8mb4",
    )


def add_column(table: sa.Table, column: sa.Column[Any], dialect: Dialect) -> sa.TextClause:
    """Return the statement that adds a column to a table, for which SQLAlchemy has none.

    :param table: where to.
    :param column: of that table.
    :param dialect: of the database.
    """
    name = dialect.identifier_preparer.format_table(table)
    added = CreateColumn(column).compile(dialect=dialect)
    keyword = "ADD" if dialect.name == "mssql" else "ADD COLUMN"
    # A colon would be taken for a parameter's mark.
    return sa.text(f"ALTER TABLE {name} {keyword} {str(added).strip()}".replace(":", "\\:"))


_VALUES: Mapping[ColumnType, Callable[[Any], Any]] = {
    "decimal": lambda value: Decimal(repr(value)),
    "timestamp": datetime.fromisoformat,
}


def sql_value(kind: ColumnType, dialect: str) -> Callable[[Any], Any]:
    """Return what makes a driver's value of a row's.

    :param kind: of the column.
    :param dialect: the database's.
    """
    convert = None if kind == "decimal" and dialect == "sqlite" else _VALUES.get(kind)
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value)
