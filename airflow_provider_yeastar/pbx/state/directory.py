"""The shared state of one host: files in the state directory, private to their owner.

Each entry is a file that an atomic rename replaces. Updates of the entries of one PBX exclude one another by a lock
file, whose lock the operating system releases when its holder dies. A file is read only if it is a regular file of our
own that nobody else may read or write.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, StateUnavailableError
from airflow_provider_yeastar.pbx.state.interface import (
    Entry,
    JointChange,
    SharedState,
    decode_entry,
    encode_entry,
    entry_name,
    stored_name,
)

__all__ = ["DirectoryState", "state_errors", "sync_directory"]

_PRIVATE_DIRECTORY, _PRIVATE_FILE = 0o700, 0o600
_ENTRY, _LOCK, _TEMPORARY = ".json", ".lock", ".tmp"
_LOCK_SECONDS = 20.0
"""An update takes milliseconds. Longer than this, the file system hangs or the lock's holder is stopped."""
_LOCK_INTERVAL = 0.005
_ABANDONED_SECONDS = 120.0
"""Age at which a temporary file belongs to no running update."""
_LASTING_SECONDS = 365 * 86400.0
"""An entry that is kept for a year outlives a power cut too: after one, a ledger would lack the last jobs."""
_SWEEP_SECONDS = 600.0
_swept_at: dict[Path, float] = {}
"""When this process has swept a directory, which each of its tasks and triggers opens anew."""

_OPEN_FILES = "Raise the limit of open files, of the process or of the host."
_LOCKING = "Use a file system with working locks: set `[yeastar] state_dir` to a directory on a local disk."
_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "Free space on that disk.",
    errno.EDQUOT: "Free space within that quota.",
    errno.ENOLCK: _LOCKING,
    errno.ENOSYS: _LOCKING,
    errno.ENOTSUP: _LOCKING,
    errno.EOPNOTSUPP: _LOCKING,
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
}
_FINAL = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    }
)
"""Errors that only another setting or another mode of the directory corrects; any other may pass by itself."""


class DirectoryState(SharedState):
    """Entries in a directory, shared by the processes of this host that run as the same user.

    :param directory: is created (mode 0700) at the first update; an existing one is used with the mode that it has.
    """

    spans_hosts = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DirectoryState) and other._directory == self._directory

    def __hash__(self) -> int:
        return hash(self._directory)

    @property
    def name(self) -> str:
        return f"directory {self._directory}"

    def now(self) -> float:
        return time.time()

    def look(self, name: str) -> tuple[Entry | None, float]:
        with state_errors(self._directory):
            return self._load(name), self.now()

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        with state_errors(self._directory, _FINAL | {errno.ENOENT}):
            self._create()
        with state_errors(self._directory):
            with self._locked(next(iter(names))):
                now = self.now()
                entries = change([self._load(name) for name in names], now)
                for (name, keep_seconds), entry in zip(names.items(), entries, strict=True):
                    if entry is None:
                        self._path(name).unlink(missing_ok=True)
                    else:
                        stored = encode_entry(name, entry, now, keep_seconds)
                        self._write(name, stored, is_lasting=keep_seconds >= _LASTING_SECONDS)
            if not 0 <= now - _swept_at.get(self._directory, 0.0) < _SWEEP_SECONDS:
                _swept_at[self._directory] = now
                self._remove_leftovers()
        return entries

    def sweep(self) -> None:
        with state_errors(self._directory):
            self._remove_leftovers()

    def _create(self) -> None:
        if self._is_there():
            return
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._directory.mkdir(mode=_PRIVATE_DIRECTORY)
        except FileExistsError:  # another process was faster, or it is no directory
            if not self._is_there():
                raise
        else:
            self._directory.chmod(_PRIVATE_DIRECTORY)  # the umask may have taken from the mode

    def _is_there(self) -> bool:
        # Path.is_dir takes an error of a mount for absence (Python 3.14).
        try:
            return stat.S_ISDIR(self._directory.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        # Entries of a PBX share a lock file: lock files are never removed, and their number stays that of the PBXs.
        path = self._directory / f"{stored_name(name.partition('/')[0])}{_LOCK}"
        lock = FileLock(path, mode=_PRIVATE_FILE, thread_local=False)
        try:
            lock.acquire(timeout=_LOCK_SECONDS, poll_interval=_LOCK_INTERVAL)
        except Timeout:  # an OSError without errno
            raise OSError(errno.ETIMEDOUT, f"another process holds {path.name}") from None
        except NotImplementedError:  # filelock's word for a file system without locks
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP)) from None
        try:
            yield
        finally:
            lock.release()

    def _load(self, name: str) -> Entry | None:
        try:
            stored = _read_private_file(self._path(name))
        except FileNotFoundError:
            return None
        return None if stored is None else decode_entry(name, stored, self.now())

    def _write(self, name: str, stored: bytes, *, is_lasting: bool) -> None:
        descriptor, temporary = tempfile.mkstemp(suffix=_TEMPORARY, dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, _PRIVATE_FILE)  # whatever the umask
                if os.fstat(descriptor).st_mode & 0o077:
                    raise OSError(errno.EPERM, "its file system keeps no file private to its owner")
                file.write(stored)
                if is_lasting:
                    file.flush()
                    os.fsync(descriptor)
            os.replace(temporary, self._path(name))
            if is_lasting:
                sync_directory(self._directory)
        except BaseException:
            with suppress(OSError):  # the sweep removes it
                os.unlink(temporary)
            raise

    def _path(self, name: str) -> Path:
        return self._directory / f"{stored_name(name)}{_ENTRY}"

    def _remove_leftovers(self) -> None:
        """Remove what killed processes left: temporary files, which may hold live tokens, and expired entries."""
        for path in self._directory.glob("*") if self._directory.is_dir() else ():
            with suppress(FileNotFoundError):  # another process removed it
                if path.suffix == _TEMPORARY and abs(self.now() - path.lstat().st_mtime) > _ABANDONED_SECONDS:
                    path.unlink()
                elif path.suffix == _ENTRY:
                    self._remove_expired(path)

    def _remove_expired(self, path: Path) -> None:
        stored = _read_private_file(path)
        name = None if stored is None else entry_name(stored)
        if stored is None or name is None or decode_entry(name, stored, self.now()) is not None:
            return
        with self._locked(name):  # it may be replaced meanwhile
            if self._path(name) == path and self._load(name) is None:
                path.unlink()


def _read_private_file(path: Path) -> bytes | None:
    """Return the content of a file that is ours alone, None of any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EACCES) and path.is_symlink() | path.exists():
            return None
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        return file.read() if is_ours else None


@contextmanager
def state_errors(directory: Path, final: Collection[int] = _FINAL) -> Iterator[None]:
    """Turn an operating system's error into the sentence that says what to do, and whether it may pass by itself."""
    try:
        yield
    except OSError as error:
        what = f"The state directory {directory} cannot be used: {error.strerror or type(error).__name__}"
        if error.errno in final:
            raise InvalidSettingsError(
                what, remedy="Set `[yeastar] state_dir` to a directory that Airflow's user may write to."
            ) from None
        raise StateUnavailableError(what, remedy=_REMEDIES.get(error.errno or 0)) from None


def sync_directory(directory: Path) -> None:
    """Let the names of a directory's files reach the disk.

    :param directory: on any file system; some network file systems cannot do this, which is no error.
    """
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
