"""Rows of a report as a file: newline-delimited JSON or Parquet. No I/O; Airflow has no part in it.

A column of a Parquet file has one type: whole numbers stay whole, a column with whole and broken numbers is of doubles,
and one whose values differ in kind, or are lists or objects, holds them as text (JSON where they are none).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.files.body import FileFacts

__all__ = ["ROW_FORMATS", "RowsDigest", "check_row_format", "encoded_rows", "require_writer"]

ROW_FORMATS = ("ndjson", "parquet")

_INT64 = range(-(2**63), 2**63)


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
    if file_format == "parquet" and find_spec("pyarrow") is None:
        raise InvalidRequestError(
            "Parquet is written with pyarrow, which is not installed here",
            remedy="pip install 'airflow-provider-yeastar[parquet]', or choose ndjson.",
        )


def encoded_rows(rows: Sequence[Mapping[str, Any]], file_format: str) -> Iterator[bytes]:
    """Yield the file, in parts.

    :param rows: flat; they need not have the same keys. None at all is a file of 0 bytes, in Parquet one of no columns.
    :param file_format: one of ``ROW_FORMATS``.
    """
    if file_format == "parquet":
        yield _parquet(rows)
        return
    for row in rows:
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _column(pyarrow, [row.get(name) for row in rows]) for name in names}
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def _column(pyarrow: Any, values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value in _INT64 for value in values if value is not None):
        return pyarrow.array(values, pyarrow.int64())
    if float in kinds and kinds <= {int, float}:
        return pyarrow.array([None if value is None else float(value) for value in values], pyarrow.float64())
    if kinds == {bool}:
        return pyarrow.array(values, pyarrow.bool_())
    return pyarrow.array(list(_texts(values)), pyarrow.string())


def _texts(values: Iterable[Any]) -> Iterator[str | None]:
    for value in values:
        yield value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
