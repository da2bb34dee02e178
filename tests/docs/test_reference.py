"""The API reference shows the arguments of a class in one signature, read from the source."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.examples import import_file

griffe = pytest.importorskip("griffe")

OPERATOR = "operators.call_report.YeastarCallReportOperator"
CLASSES = re.findall(r"airflow_provider_yeastar\.(\S+)", import_file(DOCS / "_tools" / "tables.py").classes())
AIRFLOWS = {"mode", "soft_fail", "timeout"}
"""Arguments of Airflow's that a sensor has more to say about."""


@pytest.fixture(scope="module")
def package() -> Any:
    extensions = griffe.load_extensions(DOCS / "_tools" / "reference.py")
    return griffe.load("airflow_provider_yeastar", search_paths=[ROOT], extensions=extensions)


def test_the_arguments_of_all_bases_stand_in_one_signature(package: Any) -> None:
    parameters = package[f"{OPERATOR}.__init__"].parameters
    assert {"report_type", "destination", "wait_timeout", "deferrable"} <= {parameter.name for parameter in parameters}
    assert str(parameters["wait_timeout"].default) == "1800"
    assert parameters["destination"].default is None
    assert [parameter.name for parameter in parameters][-1] == "kwargs"


def test_an_argument_of_ones_own_stands_once(package: Any) -> None:
    names = [
        parameter.name for parameter in package["triggers.call_report.YeastarCallReportTrigger.__init__"].parameters
    ]
    assert len(names) == len(set(names))


def test_every_argument_of_the_operator_is_explained(package: Any) -> None:
    assert arguments(package[OPERATOR]) - explained(package[OPERATOR]) == {"self", "kwargs"}


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_explained_is_an_argument(name: str, package: Any) -> None:
    assert explained(package[name]) - AIRFLOWS <= arguments(package[name])


def arguments(cls: Any) -> set[str]:
    return {parameter.name for parameter in cls["__init__"].parameters}


def explained(cls: Any) -> set[str]:
    sections = cls.docstring.parse("sphinx", warnings=False)
    parameters = [section.value for section in sections if section.kind.value == "parameters"]
    return {parameter.name for section in parameters for parameter in section}


def test_roles_of_sphinx_become_code(package: Any) -> None:
    text = package["hooks.yeastar.client_for"].docstring.value
    assert "`settings_from_connection`" in text
    assert ":func:" not in text
