"""A verified stream into a local path or an object store, in one step: a reader sees the old file or the whole new one.

Locally the bytes go into a hidden file beside the destination, which is renamed over it when everything is checked; for
an object store into a local temporary file, then into one upload. A stream that is written straight into
``ObjectStoragePath.open("wb")`` would be committed even when an exception ends it.

Whatever raises, an interrupt included, leaves nothing behind but the directories that were made. A process that is
killed outright leaves one hidden ``.yeastar-….part``, which may be deleted. Of two writers to one destination the last
to finish wins. A symbolic link at the destination is replaced, not followed. Airflow is imported when an object store
is first used, not before.
"""

from __future__ import annotations

import errno
import inspect
import logging
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.exceptions import DestinationError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_yeastar.pbx.files import FileCheck, FileFacts

__all__ = ["StoredFile", "exists", "prepare", "resolve_path", "store"]

_log = logging.getLogger(__name__)

_PROGRESS_SECONDS = 10.0
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_LOCAL_SCHEMES = frozenset({"file", "local"})
# An upload to these appears at once or not at all; elsewhere (SFTP, HDFS, ...) a reader could see it grow.
_OBJECT_STORES = frozenset({"s3", "s3a", "s3n", "gs", "gcs", "abfs", "abfss", "adl", "oss"})
# What s3fs and gcsfs read into memory at once; their own defaults are ten parts of 50 MiB. 5 MiB is the least S3 takes.
_UPLOAD_OPTIONS: Mapping[str, int] = {"chunksize": 5 * 1024 * 1024, "max_concurrency": 1}
_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "Free space on that disk.",
    errno.EDQUOT: "Free space within that quota.",
    errno.EACCES: "Let the worker's user write there.",
    errno.EPERM: "Let the worker's user write there.",
    errno.EROFS: "Choose a destination that is not mounted read-only.",
    errno.EISDIR: 'End `destination` with "/" to put the file into the directory.',
    errno.ENOTDIR: "Choose a destination whose parents are directories.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


@dataclass(frozen=True)
class StoredFile:
    """A file at its destination.

    ``path`` is absolute or an object store's URL with its connection id, as it goes into XCom; ``bytes`` its length,
    ``sha256`` in lower-case hex.
    """

    path: str
    bytes: int
    sha256: str


def resolve_path(destination: str, file_name: str) -> str:
    """Return where the file goes: an absolute local path, or an object store's URL as it was given.

    ``~`` is refused rather than expanded, because every worker has a home of its own.

    :param destination: a file, or a directory when it ends in ``/``; a local path, ``file:///…`` or any URL of
        ``ObjectStoragePath``, such as ``s3://conn@bucket/key``.
    :param file_name: the file's name in a directory.
    :raises DestinationError: when it names no file.
    """
    where = destination + file_name if destination.endswith("/") else destination
    if not destination or "\0" in where:
        raise DestinationError("`destination` is empty or holds a NUL character")
    url = _URL.match(where)
    if url is None and "://" in where:
        raise DestinationError(f"`destination` {destination} is no URL that ObjectStoragePath knows")
    if url is not None and url["scheme"].lower() not in _LOCAL_SCHEMES:
        if not url["rest"].rpartition("@")[2].partition("/")[2].strip("/"):
            raise DestinationError(f"`destination` {destination} names a bucket but no file in it")
        return where
    local = where if url is None else url["rest"].removeprefix("localhost")
    if url is not None and not local.startswith("/"):
        raise DestinationError(f"`destination` {destination} lacks a slash: a local file is file:///path")
    if local.startswith("~"):
        raise DestinationError(f"`destination` {destination} begins with ~, which is another directory for each worker")
    return os.path.abspath(local)


def exists(path: str) -> bool:
    """Return whether a file (no directory) is at a path of :func:`resolve_path`.

    :raises DestinationError: when the object store does not tell.
    """
    if not _is_remote(path):
        return os.path.isfile(path)
    with _store_errors(path, "cannot be looked at"):
        target = _object(path)
        target.fs.invalidate_cache()  # file systems are shared in a process and remember listings
        try:
            return bool(target.fs.info(target.path)["type"] == "file")
        except FileNotFoundError:
            return False


def prepare(path: str) -> None:
    """Check early, before the PBX works for nothing, that a file can be written at a path of :func:`resolve_path`.

    Leaves no trace: locally a temporary file is made and removed in the directory, or in its nearest existing parent.
    Of an object store only that its file system can be built is checked.

    :raises DestinationError: when it cannot.
    """
    if _is_remote(path):
        with _store_errors(path, "cannot be used"):
            _ = _object(path).fs
        return
    target = Path(path)
    with _os_errors(path):
        _refuse_what_is_no_file(target)
        parent = next(parent for parent in target.parents if parent.exists())
        probe = parent / _temporary_name()
        probe.open("xb").close()
        probe.unlink()


def store(
    chunks: Iterable[bytes],
    path: str,
    check: FileCheck,
    *,
    accept: Callable[[Path], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> StoredFile:
    """Write a checked stream to its destination, whole or not at all. Logs the progress every ten seconds.

    :param chunks: the file's bytes; what they raise passes through.
    :param path: from :func:`resolve_path`; its directory is made if need be.
    :param check: fresh; what it raises passes through.
    :param accept: looks at the whole file, which is still in its temporary place, and raises to refuse it.
    :param clock: seconds, monotonic.
    :raises DestinationError: when the file cannot be written, moved or uploaded.
    """
    progress = _Progress(path, check.announced_bytes, clock)
    write_through = _store_remotely if _is_remote(path) else _store_locally
    facts = write_through(progress.watch(chunks), path, check, accept)
    _log.info("Stored %d bytes at %s, SHA-256 %s", facts.bytes, path, facts.sha256)
    return StoredFile(path=path, bytes=facts.bytes, sha256=facts.sha256)


def _store_locally(
    chunks: Iterable[bytes], path: str, check: FileCheck, accept: Callable[[Path], None] | None
) -> FileFacts:
    target = Path(path)
    with _os_errors(path):
        _refuse_what_is_no_file(target)
        _make_directory(target.parent)
    temporary = target.parent / _temporary_name()
    try:
        facts = _write(chunks, temporary, path, check)
        if accept is not None:
            accept(temporary)
        with _os_errors(path):
            os.replace(temporary, target)
    finally:
        with suppress(OSError):  # gone after the move; and the first error is the one to tell
            temporary.unlink()
    _sync_directory(target.parent)
    return facts


def _store_remotely(
    chunks: Iterable[bytes], path: str, check: FileCheck, accept: Callable[[Path], None] | None
) -> FileFacts:
    with _os_errors(f"a temporary file in {tempfile.gettempdir()} for {path}"):
        directory = tempfile.TemporaryDirectory(prefix="yeastar-", ignore_cleanup_errors=True)
    with directory as name:
        temporary = Path(name) / _temporary_name()
        facts = _write(chunks, temporary, f"a temporary file in {tempfile.gettempdir()} for {path}", check)
        if accept is not None:
            accept(temporary)
        with _store_errors(path, "cannot be written"):
            _upload(temporary, _object(path))
    return facts


def _write(chunks: Iterable[bytes], temporary: Path, shown: str, check: FileCheck) -> FileFacts:
    with _os_errors(shown):
        file = temporary.open("xb", buffering=0)  # unbuffered: no second attempt to write while closing after an error
    with file:
        for chunk in chunks:
            check.feed(chunk)
            with _os_errors(shown):
                _write_all(file, chunk)
        facts = check.finish()
        with _os_errors(shown):
            os.fsync(file.fileno())
    return facts


def _write_all(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _upload(source: Path, target: ObjectStoragePath) -> None:
    fs, path = target.fs, target.path
    known = inspect.signature(fs.put_file).parameters
    options: dict[str, Any] = {name: value for name, value in _UPLOAD_OPTIONS.items() if name in known}
    if target.protocol in _OBJECT_STORES:
        fs.put_file(str(source), path, **options)
        return
    directory, slash, _ = path.rpartition("/")
    temporary = f"{directory}{slash}{_temporary_name()}"
    try:
        fs.put_file(str(source), temporary, **options)
        fs.mv(temporary, path)
    except BaseException:
        with suppress(Exception):  # may never have come into being; the first error is the one to tell
            fs.rm_file(temporary)
        raise


def _is_remote(path: str) -> bool:
    return _URL.match(path) is not None


def _object(url: str) -> ObjectStoragePath:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return ObjectStoragePath(url)


def _temporary_name() -> str:
    return f".yeastar-{secrets.token_hex(8)}.part"


def _refuse_what_is_no_file(target: Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if target.exists() and not target.is_file():
        raise DestinationError(f"{target} is a device, socket or pipe, not a file")


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _sync_directory(directory: Path) -> None:
    with suppress(OSError):  # the file is in place by now; some network file systems cannot sync a directory
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _os_errors(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DestinationError(
            f"{shown[0].upper()}{shown[1:]} cannot be written: {error.strerror or error}",
            remedy=_REMEDIES.get(error.errno or 0),
        ) from error


@contextmanager
def _store_errors(url: str, verdict: str) -> Iterator[None]:
    try:
        yield
    # The boundary to file systems of many makers: each has errors of its own, and they share no base class.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DestinationError(f"{url} {verdict}: {reason.rstrip('.')}") from error


class _Progress:
    """Says now and then how far a download has come."""

    def __init__(self, path: str, announced_bytes: int | None, clock: Callable[[], float]) -> None:
        self._path = path
        self._announced_bytes = announced_bytes
        self._clock = clock

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the chunks on; one line for each period of ten seconds in which something came."""
        done = told_bytes = 0
        told_at = self._clock()
        for chunk in chunks:
            done += len(chunk)
            now = self._clock()
            if now - told_at >= _PROGRESS_SECONDS:
                self._tell(done, (done - told_bytes) / (now - told_at))
                told_at, told_bytes = now, done
            yield chunk

    def _tell(self, done: int, rate: float) -> None:
        whole = self._announced_bytes
        share = f" of {whole} bytes ({100 * done // whole} %)" if whole else " bytes"
        _log.info("Downloaded %d%s for %s, %.1f MiB/s", done, share, self._path, rate / 1024**2)
