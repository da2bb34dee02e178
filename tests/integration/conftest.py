"""A client, a simulated PBX, and nothing between them but sockets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState
from tests.integration.delivering import BIG, WAYS, serving
from tests.integration.evidence import LOGGERS, SECRET, Evidence
from tests.integration.recordings import Serve
from tests.integration.support import Wait, airflow, connect, connection_to, know_the_past


@pytest.fixture
def waiting(yeastar_pbx: PbxSimulator, tmp_path: Path) -> Wait:
    """A wait at the simulated PBX, with a state directory of its own."""
    return Wait(yeastar_pbx, tmp_path / "state")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another at once; how long the pauses are is tested where the rule is."""
    for delay in ("retry_delay", "busy_delay", "unanswered_delay"):
        monkeypatch.setattr(f"airflow_provider_yeastar.pbx.waiting.bounds.{delay}", lambda attempt, chance: 0.0)


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second attempt, which might be under way at the end of the wait and leave its outcome in doubt."""
    for delay in ("retry_delay", "busy_delay", "unanswered_delay"):
        monkeypatch.setattr(f"airflow_provider_yeastar.pbx.waiting.bounds.{delay}", lambda attempt, chance: 60.0)


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


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The three ways in which a report is had."""
    return WAYS[request.param]


@pytest.fixture(params=[True, False], ids=["ranges", "no ranges"])
def big(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PbxSimulator]:
    """A PBX with a big report, with and without ranges."""
    with serving(monkeypatch, tmp_path, BIG, serves_ranges=request.param) as pbx:
        yield pbx


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """Start a PBX that is `yeastar_default`."""

    @contextmanager
    def started(**settings: Any) -> Iterator[PbxSimulator]:
        with PbxSimulator(SimulatorSettings(**settings)) as pbx:
            connect(pbx, monkeypatch)
            monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
            yield pbx

    return started


@pytest.fixture(scope="module")
def _awkward_pbx_of_the_module() -> Iterator[PbxSimulator]:
    with PbxSimulator(SimulatorSettings(client_secret=SECRET, awkward_tokens=True)) as pbx:
        yield pbx


@pytest.fixture
def awkward_pbx(
    _awkward_pbx_of_the_module: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[PbxSimulator]:
    """A PBX whose tokens need encoding, as `yeastar_default`."""
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(_awkward_pbx_of_the_module))
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    know_the_past(_awkward_pbx_of_the_module, tmp_path / "state")
    yield _awkward_pbx_of_the_module
    _awkward_pbx_of_the_module.reset()


@pytest.fixture
def evidence(
    awkward_pbx: PbxSimulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, no_pauses: None
) -> Evidence:
    """Everything talks as much as it can, and each token that the PBX issues is noted."""
    kept = Evidence(caplog)
    issue = PbxState._issue

    def issue_and_note(state: PbxState, now: float) -> dict[str, Any]:
        answer = issue(state, now)
        kept.secrets += [answer["access_token"], answer["refresh_token"]]
        return answer

    monkeypatch.setattr(PbxState, "_issue", issue_and_note)
    for name, value in {"_MEMORIES": {}, "_MEMORY": 0.0, "_FOREVER": 0.0, "_MOST_ATTEMPTS": 1000}.items():
        monkeypatch.setattr(f"airflow_provider_yeastar.pbx.login.record.{name}", value)
    for name in (None, *LOGGERS):
        caplog.set_level(logging.DEBUG, name)
    return kept
