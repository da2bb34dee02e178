"""The tables of the docs that are made from the code, so that they cannot contradict it (a hook of mkdocs).

A page asks for one with a line of its own, such as ``<!-- table: connection fields -->``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_yeastar import __file__ as package_file
from airflow_provider_yeastar.get_provider_info import get_provider_info
from airflow_provider_yeastar.pbx.calls.query import CALL_APIS
from airflow_provider_yeastar.schemas.calls import CALL_SCHEMAS, LEG_SCHEMA
from airflow_provider_yeastar.schemas.recordings import RECORDING_SCHEMA
from airflow_provider_yeastar.schemas.schema import Schema
from airflow_provider_yeastar.simulator.faults import FAULT_KINDS

__all__ = [
    "call_columns",
    "call_filters",
    "classes",
    "connection_fields",
    "faults",
    "on_page_markdown",
    "recording_columns",
]

_PACKAGE = Path(package_file).parent
_MARK = re.compile(r"^<!-- table: (?P<name>.+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables where a page asks for them; mkdocs calls this for every page.

    :raises KeyError: for a table that there is not.
    """
    return _MARK.sub(lambda mark: _TABLES[mark["name"]](), markdown)


def connection_fields() -> str:
    """One line for each extra of the connection: its name, its label in the form, what it means."""
    fields: Mapping[str, Mapping[str, Any]] = get_provider_info()["connection-types"][0]["conn-fields"]
    return _table(
        ("extra", "in the form", "meaning"),
        ((f"`{name}`", field["label"], field["description"]) for name, field in fields.items()),
    )


def call_filters() -> str:
    """One line for each version of the CDR interface: what its calls can be filtered by."""
    rows = (
        (name, f"`{api.key}`", ", ".join(f"`{filter_}`" for filter_ in sorted(api.filters)))
        for name, api in CALL_APIS.items()
    )
    return _table(("`api_version`", "key", "filters"), rows)


def call_columns() -> str:
    """A table for each version of the CDR interface, and one for legs: the columns of their rows."""
    schemas = {**CALL_SCHEMAS, "Legs of v2.0": LEG_SCHEMA}
    return "\n\n".join(f"### {name}\n\n{_columns_of(schema)}" for name, schema in schemas.items())


def recording_columns() -> str:
    """The columns of a manifest of recordings."""
    return _columns_of(RECORDING_SCHEMA)


def _columns_of(schema: Schema) -> str:
    rows = ((f"`{column.key}`", column.name, column.type, column.unit, column.source) for column in schema.columns)
    return _table(("column", "in the portal", "type", "unit", "source"), rows)


def faults() -> str:
    """One line for each kind of fault of the simulator."""
    rows = (
        (f"`{kind}`", meaning.strikes, meaning.value, meaning.what.replace("``", "`"))
        for kind, meaning in FAULT_KINDS.items()
    )
    return _table(("kind", "strikes", "`value`", "what goes wrong"), rows)


def classes() -> str:
    """The classes in the modules that Airflow is told of, for the API reference."""
    info = get_provider_info()
    kinds = ("operators", "sensors", "triggers", "hooks")
    modules = [name for kind in kinds for entry in info.get(kind, ()) for name in entry["python-modules"]]
    modules += [entry["python-module"] for entry in info.get("transfers", ())]
    names = [f"{module}.{cls}" for module in modules for cls in _classes_in(module)]
    return "\n\n".join(f"::: {name}" for name in names)


def _classes_in(module: str) -> list[str]:
    path = _PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Yeastar")]


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_TABLES = {
    "call columns": call_columns,
    "call filters": call_filters,
    "classes": classes,
    "connection fields": connection_fields,
    "faults": faults,
    "recording columns": recording_columns,
}
