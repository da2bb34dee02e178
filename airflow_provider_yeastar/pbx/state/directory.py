"""The state directory, in which the processes of a host keep their locks and tokens: private to its owner."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, StateDirectoryError

__all__ = ["prepare_state_dir", "state_errors"]

_PRIVATE = 0o700

_OPEN_FILES = "Raise the limit of open files, of the process or of the host."
# What may pass without another setting; a wrong directory stays wrong.
_PASSING: Mapping[int, str] = {
    errno.ENOSPC: "Free space on that disk.",
    errno.EDQUOT: "Free space within that quota.",
    errno.EIO: StateDirectoryError.default_remedy,
    errno.ESTALE: StateDirectoryError.default_remedy,
    errno.ENOLCK: "Let that file system give locks, or set `[yeastar] state_dir` to a directory on a local disk.",
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
}


def prepare_state_dir(directory: Path) -> None:
    """Make the directory, or take the one that is there, and let nobody in but its owner.

    One that belongs to somebody else, such as a mounted volume's, is taken as it is: its files are believed only if
    they are our own and private.

    :raises InvalidSettingsError: when it cannot be made.
    :raises StateDirectoryError: when it cannot be made at the moment, as of a full disk.
    """
    with state_errors(directory):
        directory.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        found = directory.stat()
        # An umask may have taken from the mode, or whoever made the directory may have been more generous.
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != _PRIVATE:
            directory.chmod(_PRIVATE)


@contextmanager
def state_errors(directory: Path) -> Iterator[None]:
    """Turn an operating system's error into the sentence that says what to do, and whether it may pass."""
    try:
        yield
    except OSError as error:
        what = f"The state directory {directory} cannot be used: {error.strerror}"
        if passing := _PASSING.get(error.errno or 0):
            raise StateDirectoryError(what, remedy=passing) from None
        raise InvalidSettingsError(
            what,
            remedy="Set `[yeastar] state_dir` to a directory that Airflow's user may write to.",
        ) from None
