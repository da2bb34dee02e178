"""Who may import whom. Read from the source, so that imports in functions and for type checkers count as well."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import airflow
import pytest

import airflow_provider_yeastar
from tests.examples import needs_retry_policies

PACKAGE = "airflow_provider_yeastar"
ROOT = Path(airflow_provider_yeastar.__file__).parent

MOST_AT_THE_ROOT = 8
MOST_IN_A_FOLDER = 12
MOST_LINES = 300

TABLES = {"schemas", "pbx.report.catalogue", "simulator.reports.catalogue"}
"""Tables of data, and folders of them: as long as what they list."""

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
    "filelock": {"pbx.state.directory"},
    "redis": {"pbx.state.redis"},
    # What a lineage is made of, of the library that the OpenLineage provider brings.
    "openlineage": {"compat"},
    # The way out of an event loop that Airflow's own calls need.
    "asgiref": {"compat"},
    # Airflow's own library for times: any DAG file has it loaded.
    "pendulum": {"pbx.report"},
    # Retries; Airflow requires it too. A download is retried by the same loop.
    "tenacity": {"pbx.waiting", "files.fetching"},
    # Airflow's Fernet keys, with the library that Airflow uses for them.
    "cryptography": {"hooks", "simulator.certificate"},
    # Only for the connection form of Airflow before 3.2, which brings them.
    "flask_appbuilder": {"hooks"},
    "flask_babel": {"hooks"},
    "wtforms": {"hooks"},
    "jinja2": {"tasks.templates"},
    "pyarrow": {"files.rows", "files.counting", "schemas.arrow", "schemas.result", "readers.layout"},
    "sqlalchemy": {"warehouse", "transfers.to_sql", "tasks.sql"},
    "aiohttp": {"simulator"},
    "fpdf": {"simulator"},
    "xlsxwriter": {"simulator"},
    "pytest": {"simulator.pytest_plugin"},
}
"""For each library the modules, or folders of modules, that may import it."""

PURE_FOLDERS = {"pbx.calls", "pbx.files", "pbx.report"}
"""Folders of pure modules: data in, data out. A module elsewhere that calls itself "Pure." is held to it as well."""

IMPURE = {"asyncio", "os", "random", "secrets", "socket", "ssl", "subprocess", "tempfile", "threading", "time"}


@dataclass(frozen=True)
class Import:
    """One imported module; ``name`` is what was taken from it, if anything was."""

    module: str
    name: str | None
    at_parse_time: bool

    @property
    def library(self) -> str:
        return self.module.partition(".")[0]


def imports_in(source: str, package: str = PACKAGE) -> Iterator[Import]:
    """Yield every import of a module, wherever it stands."""
    tree = ast.parse(source)
    late = {id(inner) for node in ast.walk(tree) if _runs_later(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, id(node) not in late)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            for alias in node.names:
                yield Import(origin, alias.name, id(node) not in late)


def _runs_later(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _origin(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


@cache
def modules() -> dict[str, str]:
    """Return the source of every module by its name within the package, such as ``pbx.wire``."""
    return {_module_name(path): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@cache
def imports_of(module: str) -> tuple[Import, ...]:
    is_folder = (ROOT / module.replace(".", "/")).is_dir()
    inside = [PACKAGE, *module.split(".")]
    return tuple(imports_in(modules()[module], ".".join(inside if is_folder else inside[:-1])))


def own_targets(module: str, *, at_parse_time: bool = False) -> set[str]:
    """Return the modules of the package that a module imports, ``__init__`` for the package itself."""
    return {
        _own_target(found)
        for found in imports_of(module)
        if found.library == PACKAGE and (found.at_parse_time or not at_parse_time)
    }


def _own_target(found: Import) -> str:
    origin = found.module.removeprefix(PACKAGE).removeprefix(".")
    inner = f"{origin}.{found.name}".removeprefix(".")
    return inner if inner in modules() else origin or "__init__"


def layer(module: str) -> str:
    return module.partition(".")[0]


def is_within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


@cache
def pure_modules() -> list[str]:
    return [
        name
        for name, source in modules().items()
        if is_within(name, PURE_FOLDERS) or (layer(name) == "pbx" and "Pure." in (docstring(source) or ""))
    ]


def docstring(source: str) -> str | None:
    return ast.get_docstring(ast.parse(source))


def folders() -> list[str]:
    """Return the folders of the package by their names within it, the root as an empty text."""
    return sorted({".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.rglob("*.py")})


def modules_in(folder: str) -> list[str]:
    """Return the names of the modules that lie in a folder itself, its ``__init__`` aside."""
    inside = ROOT / folder.replace(".", "/")
    return [path.stem for path in inside.glob("*.py") if path.stem != "__init__"]


def room(module: str, folder: str) -> str | None:
    """Return in which room of a folder, a module or a folder in it, a module lies; None if it lies outside."""
    if folder and module == folder:
        return "__init__"
    inner = module.removeprefix(f"{folder}.") if folder else module
    return None if folder and inner == module else inner.partition(".")[0]


def loaded_with(module: str) -> set[str]:
    """Return the modules of the package that are loaded when one of them is imported, itself included."""
    loaded: set[str] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current not in loaded:
            loaded.add(current)
            parents = {current.rpartition(".")[0]} & modules().keys()
            waiting += sorted(own_targets(current, at_parse_time=True) | parents)
    return loaded


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


WHAT_ANY_DAG_FILE_IMPORTS = (
    ["from airflow.models import DAG, BaseOperator"]
    if airflow.__version__.startswith("2.")
    else ["from airflow.sdk import DAG, BaseOperator"]
)

NOT_FOR_DAG_FILES = {
    f"{PACKAGE}.triggers",
    f"{PACKAGE}.simulator",
    *(f"{PACKAGE}.{name}" for name in ("files.counting", "files.fetching", "tasks.handover", "tasks.record")),
    *(f"{PACKAGE}.pbx.{name}" for name in ("client", "events", "files.emptiness", "http", "login", "session", "state")),
    *(f"{PACKAGE}.pbx.{name}" for name in ("tokens", "waiting", "wire")),
}
"""What costs much of the few milliseconds that our operators may add, measured by benchmarks/bench_parse.py."""

FOR_DAG_FILES = [
    pytest.param(module, marks=needs_retry_policies if module == "policies.retry" else ())
    for module in modules()
    if module.startswith(("operators.", "policies.", "sensors.", "hooks.", "triggers.")) or module == "transfers.to_sql"
]


@pytest.mark.parametrize("module", FOR_DAG_FILES)
class TestWhatADagFileImports:
    """DAG files are parsed again and again: what they import loads no library that only running tasks need."""

    HEAVY = frozenset({"requests", "urllib3", "websockets", "filelock", "redis", "pyarrow", "sqlalchemy", "tenacity"})

    def test_names_no_heavy_library_directly_or_through_others(self, module: str) -> None:
        named = {found.library for inner in loaded_with(module) for found in imports_of(inner) if found.at_parse_time}

        assert named.isdisjoint(self.HEAVY)

    def test_loads_no_module_of_a_library_that_airflow_has_not_loaded(self, module: str) -> None:
        before, after = loaded_modules(module)

        assert f"{PACKAGE}.{module}" in after - before
        libraries = sys.stdlib_module_names | {PACKAGE, "airflow"}
        assert {name for name in after - before if name.partition(".")[0] not in libraries} == set()

    def test_loads_nothing_that_only_a_running_task_needs(self, module: str) -> None:
        if module.startswith("triggers."):
            pytest.skip("runs in the triggerer")

        _, after = loaded_modules(module)

        assert {name for name in after if is_within(name, NOT_FOR_DAG_FILES)} == set()


def airflow_imports_with(module: str) -> list[str]:
    """Return what is loaded of Airflow before one of our modules is: what any DAG file imports, and for a trigger more.

    Triggers also get what they take of Airflow at parse time. The class that every trigger derives from draws modules
    of pydantic on Airflow 3.2 and later, which a triggerer has and no DAG file of our operators loads. What the others
    draw through Airflow's names counts as theirs.
    """
    if not module.startswith("triggers."):
        return WHAT_ANY_DAG_FILE_IMPORTS
    taken = {
        # What a module takes only where Airflow has it is no loss where it has not.
        f"with contextlib.suppress(ImportError):\n    from {found.module} import {found.name}"
        for inner in loaded_with(module)
        for found in imports_of(inner)
        if found.library == "airflow" and found.at_parse_time
    }
    return [*WHAT_ANY_DAG_FILE_IMPORTS, *sorted(taken)]


@cache
def loaded_modules(module: str) -> tuple[set[str], set[str]]:
    """Return the modules that a fresh interpreter has loaded before and after it imports one of ours for a DAG file."""
    tell = "print('loaded:', *sys.modules)"
    lines = ["import contextlib, sys", *airflow_imports_with(module), tell, f"import {PACKAGE}.{module}", tell]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, before, after = done.stdout.split("loaded:")
    return set(before.split()), set(after.split())


class TestTheReadingOfImports:
    """The tests above are worth as much as this."""

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param("import requests.adapters", ("requests.adapters", None, True), id="plain"),
            pytest.param("from a.b import c as d", ("a.b", "c", True), id="from"),
            pytest.param("def f():\n    import time", ("time", None, False), id="in-a-function"),
            pytest.param("if TYPE_CHECKING:\n    from a import b", ("a", "b", False), id="for-type-checkers"),
            pytest.param("try:\n    import a\nexcept ImportError: ...", ("a", None, True), id="in-a-try"),
            pytest.param("class C:\n    import a", ("a", None, True), id="in-a-class"),
            pytest.param("from .wire import x", (f"{PACKAGE}.pbx.wire", "x", True), id="relative"),
            pytest.param("from ..hooks import x", (f"{PACKAGE}.hooks", "x", True), id="relative-to-the-parent"),
            pytest.param("from . import x", (f"{PACKAGE}.pbx", "x", True), id="relative-to-the-folder"),
        ],
    )
    def test_an_import_is_found(self, source: str, expected: tuple[str, str | None, bool]) -> None:
        assert list(imports_in(source, f"{PACKAGE}.pbx")) == [Import(*expected)]

    def test_a_submodule_taken_from_its_folder_is_that_submodule(self) -> None:
        assert _own_target(Import(f"{PACKAGE}.pbx", "errors", True)) == "pbx.errors"
        assert _own_target(Import(f"{PACKAGE}.pbx.errors", "YeastarError", True)) == "pbx.errors"
        assert _own_target(Import(PACKAGE, "__version__", True)) == "__init__"

    def test_all_modules_are_read(self) -> None:
        assert {"__init__", "get_provider_info", "hooks", "hooks.yeastar", "pbx.errors"} <= modules().keys()
