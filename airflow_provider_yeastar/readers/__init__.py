"""Read a report that was saved as CSV: the header, rows with typed values, the total row, the calls under each row."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.cells import (
    ColumnKind,
    Label,
    ReportColumn,
    parse_duration,
    parse_label,
    parse_percent,
    typed_columns,
)
from airflow_provider_yeastar.readers.layout import ReportRow, ReportTable, parse_report

__all__ = [
    "ColumnKind",
    "Label",
    "ReportColumn",
    "ReportLayoutError",
    "ReportRow",
    "ReportTable",
    "parse_duration",
    "parse_label",
    "parse_percent",
    "parse_report",
    "read_report",
    "typed_columns",
]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_report(path: str) -> ReportTable:
    """Read a report from a CSV file, as a whole into memory.

    :param path: a local path, or any URL of ``ObjectStoragePath`` such as ``s3://conn@bucket/key``.
    :raises ReportLayoutError: when the file is no report that can be read without guessing; it names the file.
    :raises OSError: when there is no such file, or it cannot be read.
    """
    try:
        text = _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportLayoutError(f"{path} is no UTF-8 text, from byte {error.start}") from None
    return parse_report(text, source=path)


def _read_bytes(path: str) -> bytes:
    if not _SCHEME.match(path):
        return Path(path).read_bytes()
    from airflow_provider_yeastar.compat import ObjectStoragePath

    with ObjectStoragePath(path).open("rb") as file:
        return bytes(file.read())
