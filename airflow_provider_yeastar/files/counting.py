"""What a stored file of rows holds: how many, if its format tells, and of a manifest the sizes of its files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.files.inventory import facts_of
from airflow_provider_yeastar.pbx.files.emptiness import rows_in
from airflow_provider_yeastar.pbx.files.whole import pieces_of

__all__ = ["COUNTED_FORMATS", "earlier_rows", "rows_of", "sizes_in_manifest"]

log = logging.getLogger(__name__)

COUNTED_FORMATS = frozenset({"csv", "html", "ndjson", "parquet"})

_MANIFEST_COLUMNS = ("path", "size", "bytes")
_SIDECAR_BYTES = 1024 * 1024
# What says which report a file is of. Another one at the same place, of another day for instance, is no measure.
_IDENTITY = (
    *("report_type", "my_report_id", "scheduled_report_id", "start_time", "end_time", "time", "serial_number"),
    *("format",),
)


def rows_of(opened: BinaryIO, file_format: str) -> int | None:
    """Return how many rows an open file holds, None where its format does not tell."""
    return _rows(opened, file_format) if file_format in COUNTED_FORMATS else None


def earlier_rows(path: str, file_format: str, record: Mapping[str, Any]) -> int | None:
    """Return how many rows the file has that stands where another of the same report is to go.

    :param path: of the file, from :func:`.resolve_path`.
    :param file_format: of it.
    :param record: what is to be told of the new file, as :meth:`.ReportRecord.to_dict` has it.
    :return: None if there is none, if its sidecar says that it is of another report or period, and if it cannot be
        counted, which the log then says.
    """
    if file_format not in COUNTED_FORMATS or not storage.exists(path):
        return None
    sidecar = _sidecar(path)
    is_other = any(key in sidecar and sidecar[key] != record.get(key) for key in _IDENTITY)
    if is_other and _sha256(path) == sidecar.get("sha256"):
        log.info("The file at %s is of another report or period; its rows are not compared.", path)
        return None
    try:
        with storage.open_stored(path) as opened:
            return _rows(opened, file_format)
    except Exception as error:  # noqa: BLE001 - the file may be anybody's, and an object store raises what it likes
        log.warning("The rows of the file that is at %s cannot be counted (%s).", path, type(error).__name__)
        return None


def sizes_in_manifest(path: str, file_format: str) -> dict[tuple[str, int | None], int]:
    """Return the bytes of recordings that were stored at another size than the PBX listed.

    :param path: of a manifest that is there, from :func:`.resolve_path`.
    :param file_format: of it, ``ndjson`` or ``parquet``.
    :return: by the file's name and the size that was listed then (bytes, None for none); nothing if the manifest cannot
        be read, which the log then says.
    """
    try:
        with storage.open_stored(path) as opened:
            return {
                (row["path"].rpartition("/")[2], row["size"]): row["bytes"]
                for row in _manifest_rows(opened, file_format)
                if all(name in row for name in _MANIFEST_COLUMNS) and row["path"] and row["size"] != row["bytes"]
            }
    except Exception as error:  # noqa: BLE001 - the file may be anybody's, and an object store raises what it likes
        log.warning("The manifest that is at %s cannot be read (%s).", path, type(error).__name__)
        return {}


def _rows(opened: BinaryIO, file_format: str) -> int:
    if file_format == "parquet":
        from pyarrow import parquet

        return int(parquet.ParquetFile(opened).metadata.num_rows)
    if file_format == "ndjson":
        return sum(piece.count(b"\n") for piece in pieces_of(opened))
    return rows_in(pieces_of(opened), file_format)


def _manifest_rows(opened: BinaryIO, file_format: str) -> Iterator[dict[str, Any]]:
    if file_format == "ndjson":
        yield from map(json.loads, opened)
        return
    from pyarrow import parquet

    for batch in parquet.ParquetFile(opened).iter_batches(columns=list(_MANIFEST_COLUMNS)):
        yield from batch.to_pylist()


def _sha256(path: str) -> str:
    try:
        return facts_of(path).sha256
    except Exception:  # noqa: BLE001 - an object store raises what it likes; the file then counts as one of ours
        return ""


def _sidecar(path: str) -> dict[str, Any]:
    """Return what a file's sidecar says; nothing without one."""
    try:
        with storage.open_stored(storage.sidecar_path(path)) as opened:
            told = json.loads(opened.read(_SIDECAR_BYTES))
    except Exception:  # noqa: BLE001 - an object store raises what it likes, also where there is none
        return {}
    return told if isinstance(told, dict) else {}
