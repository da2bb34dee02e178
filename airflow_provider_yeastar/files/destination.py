"""What stands where a file is to go, and whether one can be written there.

Airflow is imported when an object store is first used, not before.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files import object_store
from airflow_provider_yeastar.files.paths import LEFT_BEHIND_SECONDS, is_remote, is_temporary, temporary_name

__all__ = [
    "exists",
    "open_stored",
    "os_errors",
    "prepare",
    "probe",
    "refuse_what_is_no_file",
    "remove",
    "require_store",
    "temporary_errors",
]

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
# A symbolic link that leads to itself leads nowhere.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
# What a mount answers to a call that it does not have.
_NOT_SUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV})
_OTHER_MOUNT = (
    "This mount lacks what an atomic write needs: choose a destination on another file system, or an object store."
)
_OTHER_FOLDER = "Free space there, or set TMPDIR to a directory that the worker's user may write to."


def require_store(path: str) -> None:
    """Check that this Airflow can reach what a path of :func:`resolve_path` names; nothing is looked at there.

    :raises InvalidDestinationError: for a URL of an object store that no provider serves.
    :raises DestinationError: when the connection is not to be had.
    """
    if is_remote(path):
        object_store.require(path)


def exists(path: str) -> bool:
    """Return whether a file (no directory) is at a path of :func:`resolve_path`.

    :raises DestinationError: when the file system or object store does not tell.
    """
    if is_remote(path):
        return object_store.exists(path)
    with os_errors(path, "looked at"):
        found = probe(path)
        return found is not None and stat.S_ISREG(found.st_mode)


def probe(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return what the file system tells of a local path, None where it says that nothing is there.

    ``Path.exists`` and its like take any error for absence, from Python 3.14 on.

    :raises OSError: when the file system does not tell.
    """
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


@contextmanager
def open_stored(path: str) -> Iterator[BinaryIO]:
    """Open the file at a path of :func:`resolve_path` for reading.

    :raises OSError: when it cannot be read; an object store raises what it likes.
    """
    if is_remote(path):
        with object_store.opened(path) as remote:
            yield remote
        return
    with open(path, "rb") as local:
        yield cast(BinaryIO, local)


def remove(path: str) -> None:
    """Remove the file at a path of :func:`resolve_path`, if there is one.

    :raises DestinationError: when it cannot be removed.
    """
    if is_remote(path):
        object_store.remove(path)
        return
    with os_errors(path, "removed"):
        Path(path).unlink(missing_ok=True)


def prepare(path: str) -> None:
    """Check early, before the PBX works for nothing, that a file can be written at a path of :func:`resolve_path`.

    Leaves no trace. Locally a temporary file is written, synced, renamed and removed in the directory, or in its
    nearest existing parent; an object store has to take a file, see :func:`.object_store.probe`, and the machine's
    directory for temporary files as well. Temporary files that processes left there when they were killed are removed,
    if nobody has written to them for a day.

    :raises DestinationError: when it cannot.
    """
    if is_remote(path):
        with temporary_errors(f" for {path}"), tempfile.TemporaryFile(buffering=0) as file:
            file.write(b"\0")
        object_store.probe(path)
        return
    with os_errors(path):
        refuse_what_is_no_file(path)
        parent = next(parent for parent in Path(path).parents if probe(parent))
        _sweep(parent)
        written, renamed = parent / temporary_name(), parent / temporary_name()
        try:
            with written.open("xb") as file, os_errors(path, "synced to the disk"):
                os.fsync(file.fileno())
            with os_errors(path, "renamed into place"):
                os.replace(written, renamed)
        finally:
            for left in (written, renamed):
                left.unlink(missing_ok=True)


def _sweep(directory: Path) -> None:
    for left in directory.glob(".yeastar-*.part"):
        with suppress(OSError):  # another process may have been quicker, or may own it
            if is_temporary(left.name) and left.stat().st_mtime < time.time() - LEFT_BEHIND_SECONDS:
                left.unlink()


def refuse_what_is_no_file(path: str) -> None:
    """Refuse what stands at a path and is no file; an object store's keys are all files."""
    found = None if is_remote(path) else probe(path)
    if found and stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if found and not stat.S_ISREG(found.st_mode):
        raise DestinationError(f"{path} is a device, socket or pipe, not a file")


@contextmanager
def os_errors(shown: str, done: str = "written", *, remedy: str | None = None) -> Iterator[None]:
    """Turn an error of the operating system into a :class:`.DestinationError` that says what to do.

    :param shown: what cannot be written, in words.
    :param done: what is done to it.
    :param remedy: what to do; the remedy of the error's number when left out.
    """
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        unsupported = done != "written" and number in _NOT_SUPPORTED
        raise DestinationError(
            f"{shown[0].upper()}{shown[1:]} cannot be {done}: {error.strerror or error}",
            remedy=remedy or (_OTHER_MOUNT if unsupported else _REMEDIES.get(number)),
        ) from error


@contextmanager
def temporary_errors(purpose: str = "", done: str = "written") -> Iterator[None]:
    """Turn an error of a temporary file, or the lack of a directory for them, into a :class:`.DestinationError`.

    It is retried: Python does not tell a full disk from a directory that is not there.

    :param purpose: what the file is for, such as ``" for s3://…"``.
    :param done: what is done to it.
    """
    with os_errors(f"a temporary file{purpose}", done, remedy=_OTHER_FOLDER):
        shown = f"a temporary file in {tempfile.gettempdir()}{purpose}"
    with os_errors(shown, done, remedy=_OTHER_FOLDER):
        yield
