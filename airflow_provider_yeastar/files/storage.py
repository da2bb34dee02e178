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
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files.progress import watch

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import ObjectStoragePath
    from airflow_provider_yeastar.pbx.files.body import FileFacts

__all__ = [
    "ReceivedFile",
    "StoredFile",
    "StreamCheck",
    "exists",
    "prepare",
    "receive",
    "resolve_path",
    "sidecar_path",
]

_log = logging.getLogger(__name__)

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


class StreamCheck(Protocol):
    """Looks at a stream on its way, and refuses it or tells what it was; see :class:`.FileCheck`."""

    announced_bytes: int | None

    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> FileFacts: ...


@dataclass(frozen=True)
class StoredFile:
    """A file at its destination.

    ``path`` is absolute or an object store's URL with its connection id, as it goes into XCom; ``bytes`` its length,
    ``sha256`` in lower-case hex.
    """

    path: str
    bytes: int
    sha256: str


def resolve_path(destination: str | os.PathLike[str] | ObjectStoragePath, file_name: str) -> str:
    """Return where the file goes: an absolute local path, or an object store's URL as it was given.

    ``~`` is refused rather than expanded, because every worker has a home of its own.

    :param destination: a file, or a directory when it ends in ``/``; a local path, ``file:///…`` or any URL of
        ``ObjectStoragePath``, such as ``s3://conn@bucket/key``; or a path object, which never ends in ``/``.
    :param file_name: the file's name in a directory.
    :raises DestinationError: when it names no file.
    """
    destination = _text_of(destination)
    where = destination + file_name if destination.endswith("/") else destination
    if not destination or "\0" in where:
        raise DestinationError("`destination` is empty or holds a NUL character")
    url = _URL.match(where)
    if url is None and "://" in where:
        raise DestinationError(f"`destination` {destination} is no URL that ObjectStoragePath knows")
    if url is not None and url["scheme"].lower() not in _LOCAL_SCHEMES:
        if not url["rest"].partition("/")[2].strip("/"):
            raise DestinationError(f"`destination` {destination} names a bucket but no file in it")
        return where
    local = where if url is None else url["rest"].removeprefix("localhost")
    if url is not None and not local.startswith("/"):
        raise DestinationError(f"`destination` {destination} lacks a slash: a local file is file:///path")
    if local.startswith("~"):
        raise DestinationError(f"`destination` {destination} begins with ~, which is another directory for each worker")
    return os.path.abspath(local)


def _text_of(destination: object) -> str:
    if isinstance(destination, str):
        return destination
    # An ObjectStoragePath in a cloud is no os.PathLike; what all path objects have is this.
    if not isinstance(destination, os.PathLike) and not hasattr(destination, "as_posix"):
        raise DestinationError(f"`destination` is a {type(destination).__name__}, neither a text nor a path")
    return str(destination)


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
    with _os_errors(path):
        _refuse_what_is_no_file(path)
        parent = next(parent for parent in Path(path).parents if parent.exists())
        probe = parent / _temporary_name()
        probe.open("xb").close()
        probe.unlink()


@contextmanager
def receive(
    chunks: Iterable[bytes], path: str, check: StreamCheck, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[ReceivedFile]:
    """Write a checked stream to a temporary place; in the ``with`` it is whole, and can be put at its destination.

    Logs the progress every ten seconds.

    :param chunks: the file's bytes; what they raise passes through.
    :param path: from :func:`resolve_path`; its directory is made if need be.
    :param check: fresh; what it raises passes through.
    :param clock: seconds, monotonic.
    :raises DestinationError: when the file cannot be written.
    """
    remote = _is_remote(path)
    shown = f"a temporary file in {tempfile.gettempdir()} for {path}" if remote else path
    watched = watch(chunks, path, check.announced_bytes, clock)
    with _staging_directory(shown) if remote else _own_directory(path) as directory:
        temporary = directory / _temporary_name()
        try:
            facts = _write(watched, temporary, shown, check)
            yield ReceivedFile(temporary, StoredFile(path, facts.bytes, facts.sha256))
        finally:
            with suppress(OSError):  # gone after the move; and the first error is the one to tell
                temporary.unlink()


@dataclass(frozen=True)
class ReceivedFile:
    """A whole file in its temporary place ``temporary``, and what it will be at its destination."""

    temporary: Path
    stored: StoredFile

    def put_in_place(self, metadata: str | None = None) -> None:
        """Move or upload the file to its destination, in one step.

        :param metadata: content of a sidecar at :func:`sidecar_path`. It is written whole before the file is moved, and
            takes its place in one step right after it. Where it is refused, a file that was not there before goes too.
        :raises DestinationError: when it cannot be moved or uploaded.
        """
        path = self.stored.path
        if metadata is None:
            _move(self.temporary, path)
        else:
            sidecar = self.temporary.with_name(_temporary_name())
            try:
                with _os_errors(sidecar_path(path)):
                    _refuse_what_is_no_file(sidecar_path(path))
                    _write_whole(sidecar, metadata.encode())
                there_before = exists(path)
                _move(self.temporary, path)
                try:
                    _move(sidecar, sidecar_path(path))
                except BaseException:
                    # Else a re-run that leaves files alone would find this one, and never write its metadata.
                    if not there_before:
                        _remove(path)
                    raise
            finally:
                with suppress(OSError):
                    sidecar.unlink()
        _log.info("Stored %d bytes at %s, SHA-256 %s", self.stored.bytes, path, self.stored.sha256)


def sidecar_path(path: str) -> str:
    """Return where the metadata of a file go: beside it, its whole name with ``.report.json`` behind it."""
    return f"{path}.report.json"


@contextmanager
def _own_directory(path: str) -> Iterator[Path]:
    directory = Path(path).parent
    with _os_errors(path):
        _refuse_what_is_no_file(path)
        _make_directory(directory)
    yield directory


@contextmanager
def _staging_directory(shown: str) -> Iterator[Path]:
    with _os_errors(shown):
        directory = tempfile.TemporaryDirectory(prefix="yeastar-", ignore_cleanup_errors=True)
    with directory as name:
        yield Path(name)


def _move(temporary: Path, path: str) -> None:
    if _is_remote(path):
        with _store_errors(path, "cannot be written"):
            _upload(temporary, _object(path))
        return
    with _os_errors(path):
        os.replace(temporary, path)
    _sync_directory(Path(path).parent)


def _remove(path: str) -> None:
    with suppress(Exception):  # the first error is the one to tell
        (_object(path) if _is_remote(path) else Path(path)).unlink()


def _write(chunks: Iterable[bytes], temporary: Path, shown: str, check: StreamCheck) -> FileFacts:
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


def _write_whole(path: Path, content: bytes) -> None:
    with path.open("xb", buffering=0) as file:
        _write_all(file, content)
        os.fsync(file.fileno())


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
    from airflow_provider_yeastar.compat import ObjectStoragePath

    return ObjectStoragePath(url)


def _temporary_name() -> str:
    return f".yeastar-{secrets.token_hex(8)}.part"


def _refuse_what_is_no_file(path: str) -> None:
    """Refuse what stands at a path and is no file; an object store's keys are all files."""
    target = Path(path)
    if _is_remote(path):
        return
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
