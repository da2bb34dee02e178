"""The example DAGs as modules, and what the Airflow at hand can do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import airflow
import pytest

from airflow_provider_yeastar.compat import DAG

FOLDER = Path(__file__).parent.parent / "example_dags"

AIRFLOW_2 = airflow.__version__.startswith("2.")
RETRY_POLICIES = PARTITIONS = tuple(int(part) for part in airflow.__version__.split(".")[:2]) >= (3, 3)

DAGS_TEST_IN_TASK_SDK = AIRFLOW_2 or hasattr(DAG, "test")

needs_mapped_outputs = pytest.mark.skipif(
    not DAGS_TEST_IN_TASK_SDK,
    reason="`dags test` of Airflow 3.0.1 has no supervisor, which the outputs of mapped tasks are read from",
)
needs_partitions = pytest.mark.skipif(not PARTITIONS, reason="tasks name partitions from Airflow 3.3 on")
needs_retry_policies = pytest.mark.skipif(not RETRY_POLICIES, reason="retry policies are there from Airflow 3.3 on")

_NO_DAGS = set((FOLDER / ".airflowignore").read_text(encoding="utf-8").split())
_NEED = {
    "yeastar_calls_as_they_end": not AIRFLOW_2,  # asset watchers
    "yeastar_event_driven": not AIRFLOW_2,  # asset watchers
    "yeastar_sites_then_warehouse": PARTITIONS,
}


def _parameter(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.skipif(not _NEED.get(name, True), reason="needs a newer Airflow"))


EXAMPLES = [_parameter(path.stem) for path in sorted(FOLDER.glob("*.py")) if path.name not in _NO_DAGS]
"""The name of each, which is that of its file and of its DAG, as parameters of a test."""


def import_example(name: str) -> ModuleType:
    """Return an example as Airflow's parser would import it."""
    return import_file(FOLDER / f"{name}.py")


def import_file(path: Path) -> ModuleType:
    """Return a module that is no part of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
