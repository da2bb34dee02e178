"""Rows of a report as a file: newline-delimited JSON or Parquet, written in batches. No I/O; Airflow has no part in it.

Every file of a report has the columns of its schema, in one order and of one type each, whatever the night's rows hold.
Memory does not grow with the rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.files.body import FileFacts
from airflow_provider_yeastar.schemas.arrow import arrow_batches, arrow_schema, require_pyarrow
from airflow_provider_yeastar.schemas.batches import column_lists
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.schema import SchemaRows

if TYPE_CHECKING:
    import pyarrow

__all__ = ["ROW_FORMATS", "RowsDigest", "check_row_format", "encoded_rows", "require_writer"]

ROW_FORMATS = ("ndjson", "parquet")

_CHUNK_BYTES = 1 << 18
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
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    keys = [column.key for column in columns]
    lines: list[str] = []
    size = 0
    for row in rows:
        lines.append(encode({key: row.get(key) for key in keys}))
        size += len(lines[-1])
        if size >= _CHUNK_BYTES:
            yield "".join(f"{line}\n" for line in lines).encode()
            lines, size = [], 0
    if lines:
        yield "".join(f"{line}\n" for line in lines).encode()


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

    sink = _Sink()
    keys = [column.key for column in columns]
    batches = rows.batches() if isinstance(rows, SchemaRows) else column_lists(keys, rows)
    with parquet.ParquetWriter(pyarrow.PythonFile(sink, mode="w"), arrow_schema(columns)) as writer:
        for group in _groups(arrow_batches(columns, batches)):
            writer.write_table(pyarrow.Table.from_batches(group))
            yield sink.take()
    yield sink.take()


def _groups(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[list[pyarrow.RecordBatch]]:
    group: list[pyarrow.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(part.num_rows for part in group) >= _GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group
