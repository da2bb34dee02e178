"""What all tests need: an Airflow home of their own, the simulated PBX, and a marker for each folder."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent

pytest_plugins = ["airflow_provider_yeastar.simulator.pytest_plugin"]


def _move_to_an_airflow_home_of_our_own() -> None:
    """Leave the user's Airflow alone. Airflow reads these variables when it is imported: too early for a fixture."""
    home = tempfile.mkdtemp(prefix="airflow-provider-yeastar-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Triggers hold their event back by it, for the sake of workers that are not there.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "0",
        # Airflow 2.11 warns of its own default, and warnings are errors here.
        "AIRFLOW__METRICS__TIMER_UNIT_CONSISTENCY": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }


_move_to_an_airflow_home_of_our_own()


# No test depends on how fast the machine is, and a change is not judged by the luck of the draw.
hypothesis.settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("patient")


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here has to notice a deferral before its trigger may fire."""
    monkeypatch.setattr("airflow_provider_yeastar.triggers.call_report._SCHEDULER_SECONDS", 0.0)


@pytest.fixture
def limited_file_size() -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond 100 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def pytest_configure(config: pytest.Config) -> None:
    for folder in sorted(path.name for path in TESTS.iterdir() if path.is_dir() and path.name.isidentifier()):
        config.addinivalue_line("markers", f"{folder}: the tests in tests/{folder}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the folder it lies in, so that ``-m pbx`` runs the tests of ``tests/pbx``."""
    for item in items:
        folders = item.path.relative_to(TESTS).parts[:-1]
        if folders:
            item.add_marker(folders[0])
