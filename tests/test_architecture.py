"""Who may import whom. Read from the source, so that imports in functions and for type checkers count as well."""

from __future__ import annotations

import ast
import graphlib
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import (
    PACKAGE,
    docstring,
    folders,
    imports_of,
    is_within,
    layer,
    modules,
    modules_in,
    own_targets,
    room,
)

MOST_AT_THE_ROOT = 8
MOST_IN_A_FOLDER = 12
MOST_LINES = 300

TABLES = {"schemas", "pbx.report.catalogue", "simulator.reports.catalogue"}
"""Tables of data, and folders of them: as long as what they list."""

BESIDE_THE_PACKAGE = ("benchmarks", "example_dags", "tests")
TABLES_OF_TESTS = {"tests/exchanges.py"}
REPOSITORY = Path(__file__).parent.parent

MAY_IMPORT = {
    # From here each may import what stands below it.
    "transfers": {"tasks", "hooks", "links", "runtime", "schemas", "warehouse", "exceptions", "compat", "pbx"},
    "operators": {
        *("tasks", "triggers", "hooks", "links", "files", "runtime", "schemas", "warehouse", "exceptions"),
        *("compat", "pbx"),
    },
    "sensors": {"tasks", "triggers", "hooks", "links", "files", "runtime", "exceptions", "compat", "pbx"},
    "tasks": {"triggers", "hooks", "links", "files", "runtime", "schemas", "exceptions", "compat", "pbx"},
    "triggers": {"hooks", "files", "runtime", "exceptions", "compat", "pbx"},
    "links": {"hooks", "compat", "pbx"},
    "hooks": {"files", "runtime", "schemas", "exceptions", "compat", "get_provider_info", "pbx"},
    "files": {"runtime", "schemas", "exceptions", "compat", "pbx"},
    "runtime": {"exceptions", "compat", "pbx"},
    "exceptions": {"pbx"},
    "pbx": {"__init__"},
    # Beside them.
    # Asked by Airflow about a task's error. No operator imports it: Airflow before 3.3 cannot.
    "policies": {"compat", "pbx"},
    "readers": {"compat", "schemas", "pbx"},
    # Tables of columns.
    "schemas": {"exceptions", "pbx"},
    "warehouse": {"runtime", "schemas", "exceptions", "compat", "pbx"},
    "cli": {"hooks", "pbx"},
    "__main__": {"cli"},
    "simulator": set(),
    "compat": set(),
    "get_provider_info": {"__init__"},
    "__init__": set(),
}
"""For each folder or module at the root of the package, what it may import there beside itself."""

WITHOUT_AIRFLOW = {"__init__", "get_provider_info", "pbx", "schemas", "simulator"}

AIRFLOW_NAMES = ("airflow.triggers.base",)
"""What is the same from Airflow 2.11 to 3.x; every other name of Airflow comes from the package's compat.py."""

AIRFLOW_NAMES_OF_ONE = {
    # The one that looks where an Airflow keeps its names.
    "compat": ("airflow",),
    # The shape of a provider's commands has no other home; only Airflows that read them (3.2 on) import it.
    "cli": ("airflow.cli.cli_config",),
}
"""Exceptions to it, by folder."""

LIBRARIES = {
    "requests": {"pbx.http"},
    "urllib3": {"pbx.http"},
    "websockets": {"pbx.events"},
    "filelock": {"pbx.state.directory", "warehouse.locks"},
    "redis": {"pbx.state.redis"},
    # What a lineage is made of, of the library that the OpenLineage provider brings.
    "openlineage": {"compat"},
    # The way out of an event loop that Airflow's own calls need.
    "asgiref": {"compat"},
    # Airflow's own library for times: any DAG file has it loaded.
    "pendulum": {"pbx.report"},
    # The one place at which JSON of a PBX is read; Airflow 3 requires it too.
    "msgspec": {"pbx.untrusted"},
    # Retries; Airflow requires it too. A download is retried by the same loop.
    "tenacity": {"pbx.waiting", "files.fetching"},
    # Airflow's Fernet keys, with the library that Airflow uses for them; and rows in a temporary file.
    "cryptography": {"hooks", "files.spool", "simulator.certificate"},
    # Only for the connection form of Airflow before 3.2, which brings them.
    "flask_appbuilder": {"hooks"},
    "flask_babel": {"hooks"},
    "wtforms": {"hooks"},
    "jinja2": {"tasks.templates"},
    "pyarrow": {"files.rows", "files.counting", "schemas.arrow", "schemas.result", "readers.layout"},
    "sqlalchemy": {"warehouse", "transfers", "tasks.sql"},
    "aiohttp": {"simulator"},
    "fpdf": {"simulator"},
    "xlsxwriter": {"simulator"},
    "pytest": {"simulator.pytest_plugin"},
}
"""For each library the modules, or folders of modules, that may import it."""

PURE_FOLDERS = {"pbx.calls", "pbx.files", "pbx.report"}
"""Folders of pure modules: data in, data out. A module elsewhere that calls itself "Pure." is held to it as well."""

IMPURE = {"asyncio", "os", "random", "secrets", "socket", "ssl", "subprocess", "tempfile", "threading", "time"}


@cache
def pure_modules() -> list[str]:
    return [
        name
        for name, source in modules().items()
        if is_within(name, PURE_FOLDERS) or (layer(name) == "pbx" and "Pure." in (docstring(source) or ""))
    ]


def files_beside_the_package() -> list[str]:
    paths = [path for folder in BESIDE_THE_PACKAGE for path in (REPOSITORY / folder).rglob("*.py")]
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in paths)


@pytest.mark.parametrize("module", list(modules()))
class TestEveryModule:
    def test_imports_only_layers_to_its_right(self, module: str) -> None:
        assert layer(module) in MAY_IMPORT, "a new layer: say what it may import"

        allowed = MAY_IMPORT[layer(module)] | {layer(module)}
        assert {layer(target) for target in own_targets(module)} <= allowed

    def test_takes_airflow_s_names_from_the_compatibility_layer(self, module: str) -> None:
        taken = {found.module for found in imports_of(module) if found.library == "airflow"}

        allowed = {*AIRFLOW_NAMES, *AIRFLOW_NAMES_OF_ONE.get(layer(module), ())}
        assert {name for name in taken if not is_within(name, allowed)} == set()
        assert not (taken and layer(module) in WITHOUT_AIRFLOW), "no Airflow in here"

    def test_imports_only_the_libraries_that_are_meant_for_it(self, module: str) -> None:
        libraries = {found.library for found in imports_of(module)} - sys.stdlib_module_names - {PACKAGE, "airflow"}

        assert {library for library in libraries if not is_within(module, LIBRARIES.get(library, set()))} == set()

    def test_imports_no_private_name_of_another(self, module: str) -> None:
        names = {found.name or "" for found in imports_of(module) if found.library == PACKAGE}

        assert {name for name in names if name.startswith("_") and not name.endswith("__")} == set()

    def test_imports_nothing_behind_this_test_s_back(self, module: str) -> None:
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(ast.parse(modules()[module]))
            if isinstance(node, ast.Call)
        }

        allowed = {"import_module"} if module == "compat" else set()  # that is its purpose
        assert (called - allowed).isdisjoint({"import_module", "__import__", "exec", "eval"})


@pytest.mark.parametrize("module", pure_modules())
class TestPureModulesOfPbx:
    def test_import_only_pure_modules(self, module: str) -> None:
        assert own_targets(module) <= set(pure_modules())

    def test_import_nothing_that_waits_or_reads_the_world(self, module: str) -> None:
        assert {found.library for found in imports_of(module)}.isdisjoint(IMPURE)

    def test_read_no_clock_and_open_no_file(self, module: str) -> None:
        calls = [node.func for node in ast.walk(ast.parse(modules()[module])) if isinstance(node, ast.Call)]
        methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        functions = {call.id for call in calls if isinstance(call, ast.Name)}

        assert methods.isdisjoint({"now", "today", "utcnow"})
        assert "open" not in functions


@pytest.mark.parametrize("folder", folders())
class TestEveryFolder:
    def test_says_its_purpose_in_its_first_line(self, folder: str) -> None:
        first, *_ = (docstring(modules()[folder or "__init__"]) or "").splitlines() or [""]

        assert len(first) > 10

    def test_holds_no_more_than_one_can_keep_in_mind(self, folder: str) -> None:
        assert len(modules_in(folder)) <= (MOST_IN_A_FOLDER if folder else MOST_AT_THE_ROOT)

    def test_has_no_circle_between_its_modules_and_folders(self, folder: str) -> None:
        graph: dict[str, set[str]] = {}
        for module in modules():
            origin = room(module, folder)
            if origin and origin != "__init__":
                targets = {room(target, folder) for target in own_targets(module)}
                graph.setdefault(origin, set()).update(name for name in targets if name and name != "__init__")
                graph[origin].discard(origin)

        graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", [name for name in modules() if not is_within(name, TABLES)])
def test_no_module_is_longer_than_one_can_read_at_once(module: str) -> None:
    assert len(modules()[module].splitlines()) <= MOST_LINES


@pytest.mark.parametrize("file", [name for name in files_beside_the_package() if name not in TABLES_OF_TESTS])
def test_no_file_beside_the_package_is_longer_either(file: str) -> None:
    assert len((REPOSITORY / file).read_text(encoding="utf-8").splitlines()) <= MOST_LINES
