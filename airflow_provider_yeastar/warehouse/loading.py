"""One period of a report replaces its rows in a table, in one transaction; whatever fails leaves the old rows.

Only imported when a task runs: it needs SQLAlchemy, 1.4 or 2 (extra ``sql``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from airflow_provider_yeastar.exceptions import DestinationError, SchemaError, TaskKilledError
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.schemas.schema import SchemaRows
from airflow_provider_yeastar.warehouse.locks import connected, lock_table
from airflow_provider_yeastar.warehouse.rules import ColumnChange, Shrink, column_changes, refuse_fewer_rows, sql_names
from airflow_provider_yeastar.warehouse.tables import CHANGED_BY, ORIGIN, Origin, add_column, report_table, sql_value

__all__ = ["Load", "Loaded", "database_errors", "load_period", "look_at_table", "rows_by_day"]

_BATCH_ROWS = 5_000
_SHOWN_CHARACTERS = 300
_DAY_TO_ITS_LAST_SECOND = timedelta(days=1, seconds=-1)
_STRICT = "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES')"
"""Without it MySQL cuts what is too long, and says so in a warning that nobody sees."""


@dataclass(frozen=True)
class Load:
    """What is to be loaded where.

    :param schema: the database's schema; None for the connection's.
    :param apart_from: reports whose rows must not be in the same table.
    :param replace: ``selection`` replaces the rows of the same parameters, ``period`` those of any.
    :param only_changes: leave rows alone that came from an equal answer.
    :param oldest_call: gives the time of the PBX's oldest call.
    :param until: epoch seconds until which another load of the table is waited for.
    :param killed: says whether the task was killed.
    """

    table: str
    schema: str | None
    origin: Origin
    rows: SchemaRows
    apart_from: tuple[str, ...]
    on_schema_change: str
    replace: str
    shrink: Shrink
    only_changes: bool
    oldest_call: Callable[[], datetime | None]
    until: float
    killed: Callable[[], bool]


@dataclass(frozen=True)
class Loaded:
    """What a load did.

    :param rows: rows of the period that the table has of the selection now.
    :param replaced: rows that it had before.
    :param changed: whether rows were written.
    :param others: rows of the same period and another selection that stay.
    """

    rows: int
    replaced: int
    changed: bool
    others: int


@contextmanager
def database_errors(table: str) -> Iterator[None]:
    """Let errors of the database leave with what it said, and without statements and values.

    :param table: the table's name, for the message.
    :raises DestinationError: in place of any error of SQLAlchemy or of its driver.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines() or [""]
        raise DestinationError(
            f"The table {table} cannot be loaded: {type(error).__name__}: {said[0][:_SHOWN_CHARACTERS]}",
            remedy="Nothing was changed in it. Correct the table, its database or the connection `sql_conn_id`.",
        ) from None


def look_at_table(engine: Engine, table: str, schema: str | None, *, until: float, killed: Callable[[], bool]) -> None:
    """Find out before the PBX is asked whether the database is there and the table one of ours, or none yet.

    :param engine: of the warehouse.
    :param table: its name, and its schema.
    :param until: epoch seconds until which another load of a DuckDB file is waited for.
    :param killed: says whether the task was killed.
    :raises DestinationError: when the database cannot be reached.
    :raises SchemaError: for a table that this provider has not made.
    """
    with database_errors(table), connected(engine, until=until, killed=killed) as connection:
        there = _columns_there(connection, table, schema)
    if there is not None:
        column_changes(table, (), there, ORIGIN, "evolve")


def rows_by_day(
    engine: Engine,
    table: str,
    schema: str | None,
    keys: Mapping[str, str],
    *,
    until: float,
    killed: Callable[[], bool],
) -> dict[str, int]:
    """Return how many rows a table has of each period of one day; none where there is no table.

    :param engine: of the warehouse.
    :param table: its name, and its schema.
    :param keys: columns of origin and their values: PBX, report and selection.
    :param until: epoch seconds until which a load of a DuckDB file is waited for.
    :param killed: says whether the task was killed.
    :raises DestinationError: when the database cannot be reached.
    """
    found = report_table(table, schema, (), {})
    begin, end = found.c.period_start, found.c.period_end
    asked = sa.select(begin, end, sa.func.count()).group_by(begin, end)
    for name, value in keys.items():
        asked = asked.where(found.columns[name] == value)
    with database_errors(table), connected(engine, until=until, killed=killed) as connection:
        if _columns_there(connection, table, schema) is None:
            return {}
        return {
            start.date().isoformat(): count
            for start, last, count in connection.execute(asked)
            if start.time() == time.min and last - start == _DAY_TO_ITS_LAST_SECOND
        }


def load_period(engine: Engine, load: Load) -> Loaded:
    """Replace a period's rows: lock, create or change the table, delete, insert, count, commit.

    :param engine: of the warehouse.
    :param load: what to load.
    :raises DestinationError: when the database refuses, or does not count what was inserted.
    :raises FewerRowsError: when fewer rows would replace more, see :func:`.refuse_fewer_rows`.
    :raises SchemaError: with ``on_schema_change`` freeze, for a column that is new or has vanished; for a table that
        holds rows of another kind, or has a column of another type that changes its values.
    :raises TaskKilledError: when the task was killed meanwhile.
    """
    names = sql_names([column.key for column in load.rows.columns], ORIGIN)
    table = report_table(load.table, load.schema, load.rows.columns, names)
    connecting = connected(engine, until=load.until, killed=load.killed)
    with database_errors(load.table), connecting as connection, connection.begin():
        lock_table(connection, table, until=load.until, killed=load.killed)
        if connection.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql(_STRICT)
        change = _prepare(connection, table, load)
        written = {key: name for key, name in names.items() if name not in change.left_out}
        return _replace(connection, table, load, written)


def _prepare(connection: Connection, table: sa.Table, load: Load) -> ColumnChange:
    there = _columns_there(connection, load.table, load.schema)
    if there is None:
        table.create(connection)
        return ColumnChange()
    if load.apart_from:
        _refuse_other_kind(connection, table, load)
    wanted = [column.name for column in table.columns if column.name not in ORIGIN]
    change = column_changes(load.table, wanted, there, ORIGIN, load.on_schema_change)
    for name in change.added:
        connection.execute(add_column(table, table.columns[name], connection.dialect))
    return change


def _refuse_other_kind(connection: Connection, table: sa.Table, load: Load) -> None:
    found = connection.scalar(sa.select(table.c.report).where(table.c.report.in_(load.apart_from)).limit(1))
    if found is not None:
        raise SchemaError(
            f"The table {load.table} holds rows of {found}, and a row of {load.origin.report} is something else",
            remedy="Name another `table`, or set `api_version` to the version whose rows it holds.",
        )


def _columns_there(connection: Connection, table: str, schema: str | None) -> list[str] | None:
    if not sa.inspect(connection).has_table(table, schema=schema):
        return None
    # The names of a result's columns are had from every driver; what inspectors tell is not.
    nothing = sa.select(sa.text("*")).select_from(sa.table(table, schema=schema)).where(sa.false())
    names = connection.execute(nothing).keys()
    return [name.lower() for name in names]


def _replace(connection: Connection, table: sa.Table, load: Load, names: dict[str, str]) -> Loaded:
    where, new = _same_period(table, load.origin), load.rows.count
    same = sa.and_(where, table.c.selection == load.origin.selection)
    replaced = same if load.replace == "selection" else where
    old = _count(connection, table, replaced)
    others = 0 if load.replace == "period" else _count(connection, table, where) - old
    if load.only_changes and old == new and _sources(connection, table, replaced) <= {load.origin.source_sha256}:
        return Loaded(old, old, changed=False, others=others)
    place = f"The period from {load.origin.period_start} of {load.origin.report} in the table {load.table}"
    refuse_fewer_rows(place, old, new, load.origin.period_start, load.shrink, load.oldest_call)
    connection.execute(table.delete().where(replaced))
    for batch in _batches(table, load, names, connection.dialect.name):
        if load.killed():
            raise TaskKilledError("The task was killed while it loaded its rows")
        connection.execute(table.insert(), batch)
    found = _count(connection, table, replaced)
    if found != new:
        raise DestinationError(
            f"The PBX's answer has {counted(new, 'row')}, and the table {load.table} {found} of them"
        )
    _refuse_other_types(connection, table, replaced, load, names)
    return Loaded(new, old, changed=True, others=others)


def _refuse_other_types(
    connection: Connection, table: sa.Table, where: Any, load: Load, names: Mapping[str, str]
) -> None:
    """Refuse what a column of another type has made of the values: of ``0302`` it keeps 302, and says nothing.

    What was written is looked at, because inspectors do not tell the types of every database.
    """
    types = {names[column.key]: column.type for column in load.rows.columns if column.key in names}
    kept = [(name, kind) for name, kind in types.items() if kind in CHANGED_BY]
    if not kept:
        return
    # Without its type, so that a value comes as the database has it. SQLite sorts numbers before texts.
    raw = [sa.type_coerce(table.columns[name], sa.types.NullType()) for name, _ in kept]
    lowest, highest = (
        connection.execute(sa.select(*map(of, raw)).where(where)).one() for of in (sa.func.min, sa.func.max)
    )
    for (name, kind), *values in zip(kept, lowest, highest, strict=True):
        if any(isinstance(value, CHANGED_BY[kind]) for value in values):
            raise SchemaError(
                f"The table {load.table} keeps the column {name} as another type than {kind}, which changes its values",
                remedy="Give the column that type in the table, or name another `table`.",
            )


def _same_period(table: sa.Table, origin: Origin) -> Any:
    keys = ("pbx_serial_number", "report", "period_start", "period_end")
    return sa.and_(*(table.columns[key] == getattr(origin, key) for key in keys))


def _count(connection: Connection, table: sa.Table, where: Any) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0)


def _sources(connection: Connection, table: sa.Table, where: Any) -> set[str]:
    return set(connection.scalars(sa.select(table.c.source_sha256).where(where).distinct()))


def _batches(table: sa.Table, load: Load, names: dict[str, str], dialect: str) -> Iterator[list[dict[str, Any]]]:
    origin = asdict(load.origin)
    types = {column.key: column.type for column in load.rows.columns}
    plan = [(key, name, sql_value(types[key], dialect)) for key, name in names.items()]
    rows = ({**origin, **{name: value(row[key]) for key, name, value in plan}} for row in load.rows)
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch
