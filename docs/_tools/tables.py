"""The tables of the docs that are made from the code, so that they cannot contradict it (a hook of mkdocs).

A page asks for one with a line of its own, such as ``<!-- table: errors by code -->``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_yeastar import __file__ as package_file
from airflow_provider_yeastar.get_provider_info import get_provider_info
from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.errors import Reaction
from airflow_provider_yeastar.pbx.wire import LOGIN_ENDPOINT, answer_error

__all__ = ["classes", "connection_fields", "errors_by_cause", "errors_by_code", "on_page_markdown"]

_PACKAGE = Path(package_file).parent
_MARK = re.compile(r"^<!-- table: (?P<name>.+) -->$", re.MULTILINE)
_REACTIONS = {
    Reaction.ASK_AGAIN: "yes",
    Reaction.LOG_IN_AGAIN: "yes, after a new login",
    Reaction.GIVE_UP: "no",
}
_WORDS = {
    -2: "INTERNAL SERVER ERROR",
    -1: "FAILURE",
    10001: "INTERFACE NOT EXISTED",
    10002: "API VERSION OUT OF MAINTENANCE",
    10003: "API VERSION UNSUPPORTED",
    10004: "TOKEN EXPIRED",
    10005: "ACCESS DENIED",
    10009: "OPERATION FAILED",
    40001: "PARAMETER SYNTAX ERROR",
    40002: "PARAMETER ERROR",
    40003: "DUPLICATE KEY VALUE",
    40004: "FILE SIZE EXCEEDED",
    60001: "DATA NOT FOUND",
    60002: "MAX LIMITATION EXCEEDED",
    70004: "ACCOUNT IP BLOCKED",
    70082: "OVERLOAD_TASK_RUNNING",
    70087: "IP FORBIDDEN",
    70106: "RATE_NOT_EXISTED",
    70123: "API UNAVAILABLE",
}
"""What the PBX calls each errcode that a reader may meet."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables where a page asks for them; mkdocs calls this for every page.

    :raises KeyError: for a table that there is not.
    """
    return _MARK.sub(lambda mark: _TABLES[mark["name"]](), markdown)


def errors_by_code() -> str:
    """One line for each errcode: the PBX's word, our error, whether it is tried again, what to do."""
    return _table(
        ("the PBX says", "error", "tried again", "what to do"),
        (
            (f"`{code}` {word}", f"`{type(error).__name__}`", _REACTIONS[error.reaction], error.remedy)
            for code, word in _WORDS.items()
            for error in [_error_for(code)]
        ),
    )


def errors_by_cause() -> str:
    """One line for each error without errcode: whether it is tried again, what to do."""
    causes = [
        cause
        for cause in errors.error_tree().values()
        if cause.default_remedy and not issubclass(cause, errors.AnswerError)
    ]
    return _table(
        ("error", "tried again", "what to do"),
        ((f"`{cause.__name__}`", _REACTIONS[cause.reaction], cause.default_remedy) for cause in causes),
    )


def connection_fields() -> str:
    """One line for each extra of the connection: its name, its label in the form, what it means."""
    fields: Mapping[str, Mapping[str, Any]] = get_provider_info()["connection-types"][0]["conn-fields"]
    return _table(
        ("extra", "in the form", "meaning"),
        ((f"`{name}`", field["label"], field["description"]) for name, field in fields.items()),
    )


def classes() -> str:
    """The classes in the modules that Airflow is told of, for the API reference."""
    info = get_provider_info()
    kinds = ("operators", "sensors", "triggers", "hooks")
    modules = [name for kind in kinds for entry in info.get(kind, ()) for name in entry["python-modules"]]
    names = [f"{module}.{cls}" for module in modules for cls in _classes_in(module)]
    return "\n\n".join(f"::: {name}" for name in names)


def _classes_in(module: str) -> list[str]:
    path = _PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Yeastar")]


def _error_for(code: int) -> errors.AnswerError:
    """The error of an errcode; -1 is told apart by where it comes from, which for a reader is the login."""
    endpoint = LOGIN_ENDPOINT if code == -1 else "openapi/v2.0/call_report/download"
    error = answer_error({"errcode": code}, pbx="", endpoint=endpoint)
    assert error is not None
    return error


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_TABLES = {
    "classes": classes,
    "connection fields": connection_fields,
    "errors by cause": errors_by_cause,
    "errors by code": errors_by_code,
}
