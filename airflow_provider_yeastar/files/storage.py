"""A verified stream into a local path or an object store, in one step: a reader sees the old file or the whole new one.

Locally the bytes go into a hidden file beside the destination, which is renamed over it when everything is checked; for
an object store into a local temporary file, then into one upload. A stream that is written straight into
``ObjectStoragePath.open("wb")`` would be committed even when an exception ends it.

Whatever raises, an interrupt included, leaves nothing behind but the directories that were made. A process that is
killed outright leaves a hidden ``.yeastar-….part`` beside the destination, or a directory ``yeastar-…`` of temporary
files; a later task removes them after a day. Of two writers to one destination the last to finish wins. A symbolic link
at the destination is replaced, not followed.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files import object_store
from airflow_provider_yeastar.files.destination import (
    exists,
    open_stored,
    os_errors,
    prepare,
    refuse_what_is_no_file,
    remove,
    require_store,
    temporary_errors,
)
from airflow_provider_yeastar.files.paths import (
    LEFT_BEHIND_SECONDS,
    is_remote,
    resolve_path,
    sidecar_path,
    temporary_name,
)
from airflow_provider_yeastar.files.progress import watch

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.files.body import FileFacts

# What a task needs to store a file is all to be had from here.
__all__ = [
    "ReceivedFile",
    "StoredFile",
    "StreamCheck",
    "exists",
    "open_stored",
    "prepare",
    "receive",
    "remove",
    "require_store",
    "resolve_path",
    "sidecar_path",
]

_log = logging.getLogger(__name__)

_STAGING_PREFIX = "yeastar-"


class Errors(Protocol):
    """Turns the operating system's errors about one file into ours; ``done`` says what is done to it."""

    def __call__(self, done: str = ...) -> AbstractContextManager[None]: ...


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
    remote = is_remote(path)
    errors = partial(temporary_errors, f" for {path}") if remote else partial(os_errors, path)
    watched = watch(chunks, path, check.announced_bytes, clock)
    with _staging_directory(errors) if remote else _own_directory(path) as directory:
        temporary = directory / temporary_name()
        try:
            facts = _write(watched, temporary, errors, check)
            yield ReceivedFile(temporary, StoredFile(path, facts.bytes, facts.sha256), errors)
        finally:
            with suppress(OSError):  # gone after the move; and the first error is the one to tell
                temporary.unlink()


@dataclass(frozen=True)
class ReceivedFile:
    """A whole file in its temporary place ``temporary``, and what it will be at its destination.

    ``errors`` names the file in errors of the operating system.
    """

    temporary: Path
    stored: StoredFile
    errors: Errors

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the file in its temporary place for reading.

        :raises DestinationError: when it cannot be read, as when a clean-up removed it.
        """
        with self.errors("read"), self.temporary.open("rb") as file:
            yield file

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
            sidecar = self.temporary.with_name(temporary_name())
            try:
                with os_errors(sidecar_path(path)):
                    refuse_what_is_no_file(sidecar_path(path))
                    _write_whole(sidecar, metadata.encode())
                there_before = exists(path)
                _move(self.temporary, path)
                try:
                    _move(sidecar, sidecar_path(path))
                except BaseException:
                    # Else a re-run that leaves files alone would find this one, and never write its metadata.
                    if not there_before:
                        with suppress(DestinationError):  # the first error is the one to tell
                            remove(path)
                    raise
            finally:
                with suppress(OSError):
                    sidecar.unlink()
        _log.info("Stored %d bytes at %s, SHA-256 %s", self.stored.bytes, path, self.stored.sha256)


@contextmanager
def _own_directory(path: str) -> Iterator[Path]:
    directory = Path(path).parent
    with os_errors(path):
        refuse_what_is_no_file(path)
        _make_directory(directory)
    yield directory


@contextmanager
def _staging_directory(errors: Errors) -> Iterator[Path]:
    with errors():
        _sweep_staging_directories()
        directory = tempfile.TemporaryDirectory(prefix=_STAGING_PREFIX, ignore_cleanup_errors=True)
    with directory as name:
        yield Path(name)


def _sweep_staging_directories() -> None:
    """Remove what killed processes of this user left there, if nobody has written to it for a day."""
    for left in Path(tempfile.gettempdir()).glob(f"{_STAGING_PREFIX}*"):
        with suppress(OSError):  # another process may have been quicker
            times = [entry.lstat() for entry in (left, *left.iterdir())]
            is_old = max(entry.st_mtime for entry in times) < time.time() - LEFT_BEHIND_SECONDS
            if is_old and all(entry.st_uid == os.getuid() for entry in times) and not left.is_symlink():
                shutil.rmtree(left)


def _move(temporary: Path, path: str) -> None:
    if is_remote(path):
        object_store.upload(temporary, path)
        return
    from airflow_provider_yeastar.pbx.state.directory import sync_directory  # not needed to parse a DAG file

    with os_errors(path, "renamed into place"):
        os.replace(temporary, path)
    sync_directory(Path(path).parent)


def _write(chunks: Iterable[bytes], temporary: Path, errors: Errors, check: StreamCheck) -> FileFacts:
    with errors():
        file = temporary.open("xb", buffering=0)  # unbuffered: no second attempt to write while closing after an error
    with _closing(file, errors):
        for chunk in chunks:
            check.feed(chunk)
            with errors():
                _write_all(file, chunk)
        facts = check.finish()
        with errors("synced to the disk"):
            os.fsync(file.fileno())
    return facts


@contextmanager
def _closing(file: FileIO, errors: Errors) -> Iterator[None]:
    """Close a file at the end; network file systems tell by it that what was written did not arrive."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            file.close()
        raise
    with errors():
        file.close()


def _write_whole(path: Path, content: bytes) -> None:
    with path.open("xb", buffering=0) as file:
        _write_all(file, content)
        os.fsync(file.fileno())


def _write_all(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
