"""The package as its source shows it: its modules and folders, and who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import airflow_provider_yeastar

PACKAGE = "airflow_provider_yeastar"
ROOT = Path(airflow_provider_yeastar.__file__).parent


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
        own_target(found)
        for found in imports_of(module)
        if found.library == PACKAGE and (found.at_parse_time or not at_parse_time)
    }


def own_target(found: Import) -> str:
    origin = found.module.removeprefix(PACKAGE).removeprefix(".")
    inner = f"{origin}.{found.name}".removeprefix(".")
    return inner if inner in modules() else origin or "__init__"


def layer(module: str) -> str:
    return module.partition(".")[0]


def is_within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


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
