"""Rows of a report as a file: newline-delimited JSON or Parquet, written in batches. No I/O; Airflow has no part in it.

Every file of a report has the columns of its schema, in one order and of one type each, whatever the night's rows hold.
Memory does not grow with the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.concurrency.running import thread_errors
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.files.body import FileFacts
from airflow_provider_yeastar.schemas.arrow import arrow_batches, arrow_columns, arrow_schema, require_pyarrow
from airflow_provider_yeastar.schemas.batches import column_lists
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.json_texts import json_lines
from airflow_provider_yeastar.schemas.schema import SchemaRows

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

__all__ = ["ROW_FORMATS", "RowsDigest", "check_row_format", "encoded_rows", "require_writer"]

ROW_FORMATS = ("ndjson", "parquet")

_LINES = 500
"""Lines of NDJSON that are made at a time."""
_GROUP_ROWS = 20_000
"""Rows of a row group of Parquet, about: so many are held in memory."""


class RowsDigest:
    """Counts and hashes a file of our own while it is stored; there is nothing about it to be checked."""

    def __init__(self) -> None:
        self.announced_bytes: int | None = None
        self._digest = hashlib.sha256()
        self._bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next part of the file."""
        self._digest.update(chunk)
        self._bytes += len(chunk)

    def finish(self) -> FileFacts:
        """Return the facts of the file that was fed."""
        return FileFacts(bytes=self._bytes, sha256=self._digest.hexdigest())


def check_row_format(file_format: str) -> None:
    """Refuse an unknown format.

    :raises InvalidRequestError: one sentence.
    """
    if file_format not in ROW_FORMATS:
        raise InvalidRequestError(f"`file_format` is {file_format!r}, not one of {', '.join(ROW_FORMATS)}")


def require_writer(file_format: str) -> None:
    """Refuse a format that this machine cannot write; the one that parses the DAG need not be able to.

    :raises InvalidRequestError: for Parquet without ``pyarrow``.
    """
    if file_format == "parquet":
        require_pyarrow()


def encoded_rows(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], file_format: str) -> Iterator[bytes]:
    """Yield the file, in parts.

    :param columns: of every row; a key that a row lacks is null.
    :param rows: with the values of :class:`.SchemaRows`; they are gone over once.
    :param file_format: one of ``ROW_FORMATS``.
    :raises ValueError: for a number that JSON does not have (``NaN``, infinity).
    """
    return _parquet(columns, rows) if file_format == "parquet" else _ndjson(columns, rows)


def _ndjson(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    keys = [column.key for column in columns]
    whole = rows if isinstance(rows, SchemaRows) else ({key: row.get(key) for key in keys} for row in rows)
    remaining = iter(whole)
    while part := list(islice(remaining, _LINES)):
        yield json_lines(part).encode()


class _Sink:
    """What a writer of Parquet writes into, piece by piece; taken out between two batches."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The parts stay until they are taken."""

    def writable(self) -> bool:
        return True

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _parquet(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    import pyarrow
    from pyarrow import parquet

    keys = [column.key for column in columns]
    schema = arrow_schema(columns)
    batches = rows.batches(arrow_columns) if isinstance(rows, SchemaRows) else column_lists(keys, rows)
    groups = _groups(arrow_batches(columns, batches))
    first = list(islice(groups, 1))
    sink = _Sink()
    file = pyarrow.PythonFile(sink, mode="w")
    # One group is compressed while the next is typed: Arrow needs no lock of the interpreter for it.
    with (
        parquet.ParquetWriter(file, schema, use_dictionary=_repetitive_columns(first)) as writer,
        ThreadPoolExecutor(1, "yeastar-parquet") as thread,
    ):
        written: Future[None] | None = None
        for group in chain(first, groups):
            if written:
                written.result()
                yield sink.take()
            written = _start(thread, writer, group)
        if written:
            written.result()
    yield sink.take()


def _start(thread: ThreadPoolExecutor, writer: ParquetWriter, group: pyarrow.Table) -> Future[None]:
    with thread_errors():
        return thread.submit(writer.write_table, group)


def _repetitive_columns(groups: Iterable[pyarrow.Table]) -> list[str]:
    """Return the columns whose values come again: a dictionary of them is smaller, and of any other larger."""
    from pyarrow import compute

    return [
        name
        for group in groups
        for name, column in zip(group.column_names, group.columns, strict=True)
        if 2 * compute.count_distinct(column).as_py() < len(column)
    ]


def _groups(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.Table]:
    import pyarrow

    group: list[pyarrow.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(part.num_rows for part in group) >= _GROUP_ROWS:
            yield pyarrow.Table.from_batches(group)
            group = []
    if group:
        yield pyarrow.Table.from_batches(group)
