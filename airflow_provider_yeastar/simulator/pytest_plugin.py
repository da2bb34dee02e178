"""Fixtures for tests of DAGs: ``pytest_plugins = ["airflow_provider_yeastar.simulator.pytest_plugin"]``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator

__all__ = ["yeastar_pbx"]


@pytest.fixture(scope="session")
def _yeastar_pbx_of_the_session() -> Iterator[PbxSimulator]:
    with PbxSimulator() as pbx:
        yield pbx


@pytest.fixture
def yeastar_pbx(_yeastar_pbx_of_the_session: PbxSimulator) -> Iterator[PbxSimulator]:
    """A simulated PBX on a free loopback port, with nothing left over from other tests."""
    yield _yeastar_pbx_of_the_session
    _yeastar_pbx_of_the_session.reset()
