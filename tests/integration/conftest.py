"""A client, a simulated PBX, and nothing between them but sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import Wait, airflow, connect, know_the_past


@pytest.fixture
def waiting(yeastar_pbx: PbxSimulator, tmp_path: Path) -> Wait:
    """A wait at the simulated PBX, with a state directory of its own."""
    return Wait(yeastar_pbx, tmp_path / "state")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another at once; how long the pauses are is tested where the rule is."""
    for delay in ("retry_delay", "busy_delay", "unanswered_delay"):
        monkeypatch.setattr(f"airflow_provider_yeastar.pbx.waiting.bounds.{delay}", lambda attempt, chance: 0.0)


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home with a database, for all runs in processes of their own."""
    home = tmp_path_factory.mktemp("airflow")
    done = airflow(home, {}, "db", "migrate")
    assert done.returncode == 0, done.stdout
    return home


@pytest.fixture
def pbx(yeastar_pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PbxSimulator:
    """A simulated PBX that is `yeastar_default`; the state knows its past."""
    connect(yeastar_pbx, monkeypatch)
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    know_the_past(yeastar_pbx, tmp_path / "state")
    return yeastar_pbx


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A directory for the report, empty, and nothing else in it."""
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.engine.Engine]:
    """A SQLite database that is the Airflow connection `warehouse`."""
    file = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.pool.NullPool)
    yield engine
    engine.dispose()
