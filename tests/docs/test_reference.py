"""The API reference: the arguments of a class in one signature, each explained, read from the source."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.examples import import_file

griffe = pytest.importorskip("griffe")

PACKAGE = "airflow_provider_yeastar"
OPERATOR = "operators.call_report.YeastarCallReportOperator"
CLASSES = re.findall(rf"{PACKAGE}\.(\S+)", import_file(DOCS / "_tools" / "tables.py").classes())
AIRFLOWS = {"mode", "soft_fail", "timeout"}
"""Arguments of Airflow's that a sensor has more to say about."""
NOT_EXPLAINED = {"self", "cls", "kwargs"}
WITH_TEMPLATES = [name for name in CLASSES if name.startswith(("operators.", "sensors.", "transfers."))]
CALLED_BY_AIRFLOW = re.compile(
    "_|execute|execute_complete|on_kill|poke|serialize|run|cleanup|get_connection_form_widgets|get_ui_field_behaviour"
)
IN_WORDS = {"MAX_FILE_BYTES": "4 GiB", "default_conn_name": "yeastar_default"}
"""Defaults that the source names."""


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


def test_an_argument_that_a_class_gives_its_base_by_itself_is_not_shown(package: Any) -> None:
    assert "deferrable" not in parameters_of(package["operators.report_rows.YeastarCallReportRowsOperator"])


def held_by_users(package: Any) -> dict[str, Any]:
    """Return the classes, functions and methods that a user calls, by path: the Airflow side, readers, simulator.

    Of other modules, such as those of the PBX's answers, what the page names.
    """
    modules = {*(name.rpartition(".")[0] for name in CLASSES), "policies.retry", "readers", "simulator"}
    names = [f"{module}.{name}" for module in modules for name in package[module].exports]
    names += re.findall(rf"^::: {PACKAGE}\.(\S+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    held: dict[str, Any] = {}
    for name in names:
        member = package[name]
        found = member.final_target if member.is_alias else member
        shown = [found, *methods(found)] if found.is_class else [found]
        held |= {each.path.removeprefix(f"{PACKAGE}."): each for each in shown if each.is_class or each.is_function}
    return held


def methods(cls: Any) -> list[Any]:
    members = [member for member in cls.members.values() if not member.is_alias and member.is_function]
    return [member for member in members if not CALLED_BY_AIRFLOW.match(member.name)]


def test_all_that_users_hold_is_looked_at(package: Any) -> None:
    names = held_by_users(package).keys()
    assert {*CLASSES, "policies.retry.YeastarRetryPolicy.evaluate", "hooks.yeastar.YeastarHook.get_report_rows"} < names
    assert {"readers.layout.ReportTable", "readers.read_report", "simulator.settings.SimulatorSettings"} < names
    assert {"pbx.report.listings.MenuOption", "pbx.wire.PbxInformation", "pbx.client.PbxClient.list_my_reports"} < names


def test_the_page_shows_what_the_readers_the_hook_and_the_simulator_hand_out(package: Any) -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(rf"^::: {PACKAGE}\.\S+\.(\w+)$", page, re.MULTILINE))
    handed_out = {"PbxClient", "PbxInformation", "MenuOption", "MyReport", "ScheduledReport"}
    for module in ("readers", "simulator"):
        handed_out |= {str(name) for name in package[module].exports}
    assert handed_out - shown == {"ColumnKind", "ReportLayoutError"}, "an alias, and an error of the table of causes"


def test_every_argument_of_what_users_hold_is_explained(package: Any) -> None:
    missing = {
        path: names
        for path, found in held_by_users(package).items()
        if (names := parameters_of(found).keys() - explained(found).keys() - NOT_EXPLAINED)
    }
    assert missing == {}


def test_an_explanation_names_the_default(package: Any) -> None:
    missing = [
        f"{path}({name}={default})"
        for path, found in held_by_users(package).items()
        for name, text in explained(found).items()
        if (default := default_of(parameters_of(found).get(name)))
        if f"default {default}" not in " ".join(text.replace("`", "").split())
    ]
    assert missing == []


def default_of(parameter: Any) -> str | None:
    """The default as a reader would name it; None where there is none to name."""
    if parameter is None or parameter.default in (None, "None") or "variadic" in parameter.kind.value:
        return None
    text = str(parameter.default).rpartition(".")[2] if "default_conn_name" in str(parameter.default) else None
    text = text or str(parameter.default)
    return IN_WORDS.get(text, text.strip("'\""))


@pytest.mark.parametrize("name", WITH_TEMPLATES)
def test_what_is_templated_is_said(name: str, package: Any) -> None:
    module, _, cls = f"{PACKAGE}.{name}".rpartition(".")
    (said,) = re.findall(r"^Templated: (.*?)\.$", package[name].docstring.value, re.MULTILINE | re.DOTALL)
    assert re.findall(r"\w+", said) == list(getattr(importlib.import_module(module), cls).template_fields)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_names_the_page_of_the_vendor(name: str, package: Any) -> None:
    assert re.search(r"Vendor's (page|endpoint)s?: ", package[name].docstring.value)


@pytest.mark.parametrize("name", WITH_TEMPLATES)
def test_a_task_names_what_it_raises_and_where_all_causes_stand(name: str, package: Any) -> None:
    raised = {item.annotation: item.description for item in section(package[name], "raises")}
    assert {"InvalidRequestError", "AirflowFailException", "YeastarError", "AirflowTaskTimeout"} <= raised.keys()
    assert "docs/errors.md" in raised["YeastarError"]


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_explained_is_an_argument(name: str, package: Any) -> None:
    assert explained(package[name]).keys() - AIRFLOWS <= parameters_of(package[name]).keys()


def parameters_of(found: Any) -> dict[str, Any]:
    """The parameters of a function, or of a class's constructor; none of a class without."""
    if found.is_class and "__init__" not in found.members:
        return {}
    function = found["__init__"] if found.is_class else found
    return {parameter.name: parameter for parameter in function.parameters}


def explained(found: Any) -> dict[str, str]:
    return {item.name: item.description for item in section(found, "parameters")}


def section(found: Any, kind: str) -> list[Any]:
    if found.docstring is None:
        return []
    sections = found.docstring.parse("sphinx", warnings=False)
    return [item for parsed in sections if parsed.kind.value == kind for item in parsed.value]


def test_roles_of_sphinx_become_code(package: Any) -> None:
    text = package["hooks.connection.client_for"].docstring.value
    assert "`settings_from_connection`" in text
    assert ":func:" not in text
