"""The state directory, in which the processes of a host keep their locks and tokens: private to its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError

__all__ = ["prepare_state_dir", "state_errors"]


def prepare_state_dir(directory: Path) -> None:
    """Make the directory, for its owner only, unless it is there.

    :raises InvalidSettingsError: when it cannot be made.
    """
    with state_errors(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def state_errors(directory: Path) -> Iterator[None]:
    """Turn an operating system's error into the sentence that says what to set."""
    try:
        yield
    except OSError as error:
        raise InvalidSettingsError(
            f"The state directory {directory} cannot be used: {error.strerror}",
            remedy="Set `[yeastar] state_dir` to a directory that Airflow's user may write to.",
        ) from None
