"""docs/reports.md is written from the catalogue, and is in step with it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from airflow_provider_yeastar.pbx.report.catalogue import OWN_ARGUMENTS, PARAMETERS, REPORT_TYPES

SCRIPT = Path(__file__).parent.parent / "docs" / "make_reference.py"


@pytest.fixture(scope="module")
def make_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_in_step_with_the_catalogue(make_reference: ModuleType) -> None:
    written = (SCRIPT.parent / "reports.md").read_text(encoding="utf-8")

    assert written == make_reference.reference_page(), "run `make reference`"


@pytest.mark.parametrize("name", [*REPORT_TYPES, *PARAMETERS, *OWN_ARGUMENTS])
def test_it_has_a_line_for(make_reference: ModuleType, name: str) -> None:
    lines = [line for line in make_reference.reference_page().splitlines() if line.startswith(f"| `{name}` |")]

    assert lines
    assert {line.count(" | ") for line in lines} <= {1, 4}
