"""One file of an object store, or of whatever file system stands behind ``ObjectStoragePath``.

The connection has to exist: S3's file system takes the machine's own credentials, or none, where it does not.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from airflow_provider_yeastar.exceptions import DestinationError, InvalidDestinationError
from airflow_provider_yeastar.files.paths import LEFT_BEHIND_SECONDS, is_temporary, sidecar_path, temporary_name
from airflow_provider_yeastar.pbx.redaction import clean_text

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import ObjectStoragePath

__all__ = ["exists", "opened", "probe", "remove", "require", "sizes_in", "upload"]

log = logging.getLogger(__name__)

# An upload to these appears at once or not at all; elsewhere (SFTP, HDFS, ...) a reader could see it grow.
_OBJECT_STORES = frozenset({"s3", "s3a", "s3n", "gs", "gcs", "abfs", "abfss", "adl", "oss"})
# What s3fs and gcsfs read into memory at once; their own defaults are ten parts of 50 MiB. 5 MiB is the least S3 takes.
_UPLOAD_OPTIONS: Mapping[str, int] = {"chunksize": 5 * 1024 * 1024, "max_concurrency": 1}


_PLAIN_KEY = (
    "Write `destination` without a version and without characters that have a meaning of their own in S3's URLs."
)
_INSTALL = "Correct `destination`, or install the provider of that object store, with its libraries, on the workers."
_found_connections: set[str] = set()
"""Airflow is asked once for each in a process; a task may store thousands of recordings."""


def require(url: str) -> None:
    """Check that this Airflow has the file system and the connection of a URL, without a look at the store.

    :raises InvalidDestinationError: when no provider serves the scheme, or a library is missing.
    :raises DestinationError: when the connection is not to be had.
    """
    with _store_errors(url, "cannot be used"):
        _object(url)


def exists(url: str) -> bool:
    """Return whether a file is there.

    :raises DestinationError: when the store does not tell.
    """
    with _store_errors(url, "cannot be looked at"):
        target = _object(url)
        target.fs.invalidate_cache()  # file systems are shared in a process and remember listings
        try:
            return bool(target.fs.info(target.path)["type"] == "file")
        except FileNotFoundError:
            return False


def sizes_in(url: str) -> dict[str, int]:
    """Return the sizes (bytes) of the files in a folder, by name; nothing where there is no such folder.

    :raises DestinationError: when the store does not tell.
    """
    with _store_errors(url, "cannot be listed"):
        target = _object(url)
        target.fs.invalidate_cache()
        try:
            entries = target.fs.ls(target.path, detail=True)
        except FileNotFoundError:
            return {}
        return {entry["name"].rpartition("/")[2]: entry["size"] for entry in entries if entry["type"] == "file"}


@contextmanager
def opened(url: str) -> Iterator[BinaryIO]:
    """Open a file for reading; the store raises what it likes."""
    target = _object(url)
    with target.fs.open(target.path, "rb") as file:
        yield cast(BinaryIO, file)


def remove(url: str) -> None:
    """Remove a file, if it is there.

    :raises DestinationError: when it cannot be removed.
    """
    with _store_errors(url, "cannot be removed"):
        target = _object(url)
        with suppress(FileNotFoundError):
            target.fs.rm_file(target.path)


def upload(source: Path, url: str) -> None:
    """Upload a local file, so that a reader sees the old one or the whole new one.

    :raises DestinationError: when it cannot be written.
    """
    with _store_errors(url, "cannot be written"):
        target = _object(url)
        fs, path = target.fs, target.path
        known = inspect.signature(fs.put_file).parameters
        options: dict[str, Any] = {name: value for name, value in _UPLOAD_OPTIONS.items() if name in known}
        if target.protocol in _OBJECT_STORES:
            fs.put_file(str(source), path, **options)
            return
        temporary = f"{_folder(path)}{temporary_name()}"
        try:
            fs.put_file(str(source), temporary, **options)
            _move(fs, temporary, path)
            _check_arrival(fs, path, source.stat().st_size)
        except BaseException:
            with suppress(Exception):  # may never have come into being; the first error is the one to tell
                fs.rm_file(temporary)
            raise


def _move(fs: Any, source: str, target: str) -> None:
    # What fsspec itself makes of a move takes `*`, `?` and `[` in a name for a pattern.
    if getattr(fs.mv, "__module__", None) == "fsspec.spec":
        fs.cp_file(source, target)
        fs.rm_file(source)
    else:
        fs.mv(source, target)


def _check_arrival(fs: Any, path: str, size: int) -> None:
    """Refuse a move that put the file elsewhere, such as into a folder of its name."""
    fs.invalidate_cache()
    found = fs.info(path)
    if found["type"] != "file" or found.get("size") not in (None, size):
        raise DestinationError(f"{path} is no file of {size} bytes after the file was moved there")


def probe(url: str) -> None:
    """Check that the store takes a file there: the connection, the endpoint, the bucket and the right to write.

    Leaves no trace. On S3 a multipart upload is begun and abandoned, so that no object comes into being and no event is
    sent; elsewhere an empty temporary file is written and removed. Unfinished uploads and temporary files that killed
    processes left at this very place are removed if they are older than a day.

    :raises DestinationError: when it does not.
    """
    with _store_errors(url, "cannot be used"):
        target = _object(url)
        fs, path = target.fs, target.path
    with _store_errors(url, "cannot be written"):
        if hasattr(fs, "call_s3"):
            _probe_s3(fs, path)
        else:
            if target.protocol not in _OBJECT_STORES and fs.isdir(path):
                raise DestinationError(
                    f"{url} is a folder", remedy='End `destination` with "/" to put the file into it.'
                )
            _probe_by_file(fs, path, target.protocol)


def _require_connection(url: str, target: ObjectStoragePath) -> None:
    # Some versions of Airflow keep it among the options, without an attribute.
    conn_id = getattr(target, "conn_id", None) or target.storage_options.get("conn_id")
    if not conn_id or target.protocol not in _OBJECT_STORES or conn_id in _found_connections:
        return
    from airflow_provider_yeastar.compat import AirflowNotFoundException, BaseHook

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise DestinationError(
            f"{url} names the Airflow connection {conn_id!r}, which cannot be found",
            remedy="Create it, or correct the part of `destination` before the @. "
            "If it exists, check Airflow's secrets backend and API server.",
        ) from None
    _found_connections.add(conn_id)


def _probe_s3(fs: Any, path: str) -> None:
    bucket, key, version = fs.split_path(path)
    if version is not None or f"{bucket}/{key}" != path:
        raise InvalidDestinationError(
            f"{path} would be the object {key}, without what stands behind it", remedy=_PLAIN_KEY
        )
    begun = fs.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    with suppress(Exception):  # who may write may not always abandon; an upload without parts costs nothing
        fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=begun["UploadId"])
    with suppress(Exception):  # the right to list uploads is one of its own
        for left in fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key).get("Uploads", []):
            is_ours = left["Key"] in (key, sidecar_path(key))
            if is_ours and left["Initiated"].timestamp() < time.time() - LEFT_BEHIND_SECONDS:
                fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=left["Key"], UploadId=left["UploadId"])
                log.info("Abandoned an upload to %s that a killed task left unfinished.", left["Key"])


def _probe_by_file(fs: Any, path: str, protocol: str) -> None:
    folder = _folder(path)
    while protocol not in _OBJECT_STORES and folder.strip("/") and not fs.exists(folder):
        folder = _folder(folder.rstrip("/"))
    written = f"{folder}{temporary_name()}"
    fs.pipe_file(written, b"")
    try:
        fs.rm_file(written)
    except Exception as error:  # noqa: BLE001 - file systems of many makers; it can be written, and that was the question
        log.warning("The empty file %s, written as a test, could not be removed: %s", written, type(error).__name__)
    with suppress(Exception):  # not all can list, and not all know when a file was written
        for left in fs.ls(folder, detail=False):
            name = left.rpartition("/")[2]
            if is_temporary(name) and fs.modified(left).timestamp() < time.time() - LEFT_BEHIND_SECONDS:
                fs.rm_file(left)


def _folder(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}"


def _object(url: str) -> ObjectStoragePath:
    """Return an object, without a look at the store; its file system and the connection that it names are there."""
    from airflow_provider_yeastar.compat import ObjectStoragePath, has_fs

    scheme = url.partition("://")[0].lower()
    try:
        target = ObjectStoragePath(url)
        _require_connection(url, target)
        _ = target.fs
    except ImportError as error:
        raise InvalidDestinationError(f"{url} cannot be used: {clean_text(error)}", remedy=_INSTALL) from None
    except ValueError:
        if has_fs(scheme):
            raise
        raise InvalidDestinationError(
            f"{url} cannot be used: no provider serves the scheme {scheme}", remedy=_INSTALL
        ) from None
    return target


@contextmanager
def _store_errors(url: str, verdict: str) -> Iterator[None]:
    try:
        yield
    except DestinationError:
        raise
    except Exception as error:  # file systems of many makers: each has errors of its own, and they share no base class
        reason = clean_text(error) or type(error).__name__
        raise DestinationError(f"{url} {verdict}: {reason.rstrip('.')}") from error
