"""The back-ends of the shared state, as tests open them; each opening stands for another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.state.memory import MemoryState

Opening = Callable[[], SharedState]
"""Opens the same state once more, as another process would."""


@pytest.fixture(params=["memory", "directory"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Each back-end in turn, with nothing in it."""
    if request.param == "memory":
        memory = MemoryState()
        yield lambda: memory
    else:
        yield lambda: DirectoryState(tmp_path / "state")


@pytest.fixture
def state(opening: Opening) -> SharedState:
    """Each back-end in turn, opened once."""
    return opening()
