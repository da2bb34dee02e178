"""Read a report that was saved as CSV: the header, rows with typed values, the total row, the calls under each row."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.cells import Label, parse_duration, parse_label, parse_percent
from airflow_provider_yeastar.readers.columns import ColumnKind, ReportColumn, typed_columns
from airflow_provider_yeastar.readers.layout import ReportRow, ReportTable
from airflow_provider_yeastar.readers.parsing import parse_report

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import ObjectStoragePath

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

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_report(
    path: str | os.PathLike[str] | ObjectStoragePath,
    *,
    report_type: str | None = None,
    kinds: Mapping[str, str] | None = None,
    total_row: bool | None = None,
) -> ReportTable:
    """Read a report from a CSV file, as a whole into memory.

    :param path: a local path, an ``ObjectStoragePath``, or its URL such as ``s3://conn@bucket/key``.
    :param report_type: the built-in report that it is; its schema says what the columns hold.
    :param kinds: what columns hold, by title or name, where the schema does not say it or says otherwise; see
        :func:`.typed_columns`.
    :param total_row: whether the last row is a total row; left out, it is one where its figures prove it.
    :raises ReportLayoutError: when the file is no report that can be read without guessing; it names the file.
    :raises OSError: when there is no such file, or it cannot be read.
    """
    name = str(path)
    content = _read_bytes(name)
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        expected = encoding.removesuffix("-sig").upper()
        raise ReportLayoutError(f"{name} is no {expected} text, from byte {error.start}") from None
    return parse_report(text, name, report_type=report_type, kinds=kinds, total_row=total_row)


def _read_bytes(path: str) -> bytes:
    if not _SCHEME.match(path):
        return Path(path).read_bytes()
    from airflow_provider_yeastar.compat import ObjectStoragePath

    with ObjectStoragePath(path).open("rb") as file:
        return bytes(file.read())
