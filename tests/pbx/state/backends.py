"""The back-ends of the shared state, as tests open them; each opening stands for another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.pbx.state.opening import open_state
from tests.pbx.state.redis_server import RedisServer, redis_server

__all__ = ["Opening", "opening", "state"]

Opening = Callable[[], SharedState]
"""Opens the same state once more, as another process would."""


@pytest.fixture(scope="session")
def redis_of_the_session() -> Iterator[RedisServer]:
    """One server for all tests that do it no harm."""
    with redis_server() as server:
        yield server


@pytest.fixture(params=["memory", "directory", "redis"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Each back-end in turn, with nothing in it."""
    if request.param == "memory":
        memory = MemoryState()
        yield lambda: memory
    elif request.param == "directory":
        yield lambda: open_state("", tmp_path / "state")
    else:
        server: RedisServer = request.getfixturevalue("redis_of_the_session")
        import redis

        redis.Redis.from_url(server.url).flushall()
        yield lambda: open_state(server.url, tmp_path)


@pytest.fixture
def state(opening: Opening) -> SharedState:
    """Each back-end in turn, opened once."""
    return opening()
