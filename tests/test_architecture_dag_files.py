"""What a DAG file loads with what it imports of the package."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import airflow
import pytest

from tests.architecture import PACKAGE, imports_of, is_within, loaded_with, modules
from tests.examples import needs_retry_policies

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

ROLES = ("operators.", "policies.", "sensors.", "hooks.", "transfers.", "triggers.")
FOR_DAG_FILES = [module for module in modules() if module.startswith(ROLES)]


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, marks=needs_retry_policies if module == "policies.retry" else ())
        for module in FOR_DAG_FILES
    ],
)
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


def loaded_modules(module: str) -> tuple[set[str], set[str]]:
    """Return the modules that an interpreter has loaded before and after it imports one of ours for a DAG file."""
    before, after = loaded_modules_of(tuple(airflow_imports_with(module)))
    return before, after[module]


@cache
def loaded_modules_of(airflow_imports: tuple[str, ...]) -> tuple[set[str], dict[str, set[str]]]:
    """Return what is loaded with these imports alone, and with each of our modules that is imported after them.

    One interpreter loads Airflow; a fork of it, which has loaded nothing else of ours, imports each module.
    """
    ours = [module for module in FOR_DAG_FILES if tuple(airflow_imports_with(module)) == airflow_imports]
    script = "\n".join(["import contextlib", *airflow_imports, _LOAD_EACH])
    command = [sys.executable, "-c", script, PACKAGE, *ours]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (_, *before), *after = map(str.split, done.stdout.split("loaded with ")[1:])
    return set(before), {module: set(loaded) for module, *loaded in after}


_LOAD_EACH = """
import importlib, os, sys
package, *modules = sys.argv[1:]
print("loaded with nothing", *sys.modules, flush=True)
for module in modules:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(f"{package}.{module}")
            print("loaded with", module, *sys.modules, flush=True)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""
