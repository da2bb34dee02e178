"""Two loads of one table at once: the second waits. Each database by its own means.

PostgreSQL, MySQL, MariaDB and SQL Server have locks that a program names; Redshift locks the table, SQLite the file.
DuckDB refuses to open a file that another process has open, so a lock file beside it is waited for first. The other
databases only have their own isolation of transactions: a second writer waits or fails there.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import Connection, Engine

from airflow_provider_yeastar.exceptions import DestinationError, TaskKilledError

__all__ = ["connected", "lock_table"]

_PAUSE = 0.2
_TAKEN = 1
_LOCK_SUFFIX = ".yeastar-lock"


def lock_table(connection: Connection, table: sa.Table, *, until: float, killed: Callable[[], bool]) -> None:
    """Wait until no other load writes to a table; the lock ends with the transaction or the connection.

    It is the transaction's first statement, so that what is read after it is what the other load left.

    :param connection: in a transaction.
    :param table: the one.
    :param until: epoch seconds at which the wait is over.
    :param killed: says whether the task was killed.
    :raises DestinationError: at the end of the wait.
    :raises TaskKilledError: when the task was killed.
    """
    try_lock = _LOCKS.get(connection.dialect.name)
    if try_lock:
        _wait(partial(try_lock, connection, table), f"the table {table.fullname}", until=until, killed=killed)


@contextmanager
def connected(engine: Engine, *, until: float, killed: Callable[[], bool]) -> Iterator[Connection]:
    """Connect to a database; of a DuckDB file, other tasks of this provider are waited for.

    :param engine: of the database.
    :param until: epoch seconds at which the wait is over.
    :param killed: says whether the task was killed.
    :raises DestinationError: at the end of the wait, or if the lock file cannot be written.
    :raises TaskKilledError: when the task was killed.
    """
    if not _is_duckdb_file(engine):
        with engine.connect() as connection:
            yield connection
        return
    lock = FileLock(f"{engine.url.database}{_LOCK_SUFFIX}")
    try:
        _wait(partial(_try_file, lock), f"the database {engine.url.database}", until=until, killed=killed)
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()  # a pooled connection would keep the file from other processes
        lock.release()


def _is_duckdb_file(engine: Engine) -> bool:
    database = engine.url.database or ":memory:"
    return engine.dialect.name == "duckdb" and not database.startswith((":memory:", "md:", "motherduck:"))


def _try_file(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as error:
        raise DestinationError(
            f"The lock file {lock.lock_file} of the database cannot be written: {error.strerror or error}",
            remedy="Let the worker write into the database's directory.",
        ) from error
    return True


def _wait(try_lock: Callable[[], bool], what: str, *, until: float, killed: Callable[[], bool]) -> None:
    while not try_lock():
        if killed():
            raise TaskKilledError(f"The task was killed while it waited for another load of {what}")
        if time.time() >= until:
            raise DestinationError(
                f"Another load of {what} did not end within `wait_timeout`",
                remedy="Let runs of a table follow one another, with max_active_runs=1 or a pool.",
            )
        threading.Event().wait(_PAUSE)


def _digest(table: sa.Table) -> bytes:
    return hashlib.sha256(f"yeastar:{table.fullname}".encode()).digest()


def _postgresql(connection: Connection, table: sa.Table) -> bool:
    number = int.from_bytes(_digest(table)[:8], signed=True)
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(number))))


def _mysql(connection: Connection, table: sa.Table) -> bool:
    # Named locks are the server's: the database's name keeps those of equal tables apart.
    name = sa.func.concat(sa.func.database(), ":", _digest(table).hex()[:32])
    return connection.scalar(sa.select(sa.func.get_lock(sa.func.right(name, 64), 0))) == _TAKEN


def _mssql(connection: Connection, table: sa.Table) -> bool:
    statement = sa.text(
        "SET NOCOUNT ON; DECLARE @result INT; EXEC @result = sp_getapplock @Resource = :name, @LockMode = 'Exclusive', "
        "@LockOwner = 'Transaction', @LockTimeout = 0; SELECT @result"
    )
    return int(connection.execute(statement, {"name": _digest(table).hex()}).scalar_one()) >= 0


def _sqlite(connection: Connection, table: sa.Table) -> bool:
    # The driver opens its transaction at the first write, after what was read; this opens it now.
    with suppress(sa.exc.OperationalError):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return True
    return False


def _redshift(connection: Connection, table: sa.Table) -> bool:
    if sa.inspect(connection).has_table(table.name, schema=table.schema):
        connection.execute(sa.text(f"LOCK {connection.dialect.identifier_preparer.format_table(table)}"))
    return True


_LOCKS: Mapping[str, Callable[[Connection, sa.Table], bool]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
    "mssql": _mssql,
    "sqlite": _sqlite,
    "redshift": _redshift,
}
