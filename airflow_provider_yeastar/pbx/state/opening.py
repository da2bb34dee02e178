"""Opens the shared state that this Airflow's settings name."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.interface import SharedState

__all__ = ["open_state"]


def open_state(url: str, directory: Path) -> SharedState:
    """Return the shared state; nothing is read or written yet.

    :param url: of a Redis server, for processes of several hosts; empty for a directory.
    :param directory: the state directory of this host.
    :raises InvalidSettingsError: if the URL is invalid, or the library `redis` is not installed.
    """
    if not url.strip():
        return DirectoryState(directory)
    from airflow_provider_yeastar.pbx.state.redis import RedisState

    return RedisState(url.strip())
