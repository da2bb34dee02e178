"""What the API reference shows of our classes, read from the source without importing it (an extension of griffe).

Operators and sensors are put together from classes that take their own arguments and pass the others on; the reference
shows all of them, with types and defaults, as if they stood in one signature. Sphinx's roles become plain code.
"""

from __future__ import annotations

import ast
import re
import textwrap
from typing import Any

import griffe

_ROLE = re.compile(r":\w+:`[~!.]*([^`]+)`")


class OneSignature(griffe.Extension):
    """Gives classes with ``**kwargs`` the keyword arguments of their bases, as far as those are ours."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Turn the roles in a docstring into code."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(r"`\1`", obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Complete the signatures, once all classes are known."""
        for module in _modules(pkg):
            for cls in module.classes.values():
                if not cls.is_alias:
                    _complete(cls)


def _modules(module: griffe.Module) -> list[griffe.Module]:
    children = [child for child in module.modules.values() if not child.is_alias]
    return [module, *(found for child in children for found in _modules(child))]


def _complete(cls: griffe.Class) -> None:
    own = cls.members.get("__init__")
    if own is None or "kwargs" not in own.parameters:
        return
    above = [base.members["__init__"] for base in cls.mro() if "__init__" in base.members]
    settled = {name for init in (own, *above) for name in _settled_by(init)}
    inherited = [
        parameter
        for base in cls.mro()
        if "__init__" in base.members
        for parameter in base.members["__init__"].parameters
        if parameter.kind is griffe.ParameterKind.keyword_only and parameter.name not in own.parameters
        if parameter.name not in settled
    ]
    rest = own.parameters["kwargs"]
    del own.parameters["kwargs"]
    for parameter in inherited:
        if parameter.name not in own.parameters:
            own.parameters.add(parameter)
    own.parameters.add(rest)


def _settled_by(init: griffe.Function) -> set[str]:
    """Return the arguments of its bases that a class gives by itself, and so takes from nobody."""
    calls = (node for node in ast.walk(ast.parse(textwrap.dedent(init.source))) if isinstance(node, ast.Call))
    return {
        keyword.arg for call in calls if ast.unparse(call.func) == "super().__init__" for keyword in call.keywords
    } - {None}
