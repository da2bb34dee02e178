"""Template rendering: a template that renders to nothing is an error, and texts stay texts.

Jinja renders a missing value to an empty text, to ``None`` or to the text ``None``. With
``render_template_as_native_obj`` Airflow also turns texts that look like numbers into numbers. Either would silently
request another report, mostly one of all calls on the PBX.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import BaseOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.masking import HiddenValue, hidden_parameters
from airflow_provider_yeastar.pbx.report.parameters import is_nothing, is_open, is_rendered_collection
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow

if TYPE_CHECKING:
    import jinja2

    from airflow_provider_yeastar.compat import Context

__all__ = ["RenderedToNothing", "TemplatedTask", "check_rendered_name"]

_REMEDY = "A part that may be missing goes into `{% if … %}…{% endif %}`."
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_NO_NAME = re.compile(r"(?<![^\W_])(?:None|nan|NaN|NaT)(?![^\W_])|<NA>|<[^<>]* at 0x[^<>]*>")
"""What an expression leaves in a name where it makes a text of None, NaN or an object itself: ``none ~ '.csv'``."""
_NO_STEM = re.compile(r"(?<![^/])(?:none|nan|nat|null|undefined)(?=[./]|$)", re.IGNORECASE)
"""What a filter makes of these, ``none | string | lower``: no name of a file, folder or table, but perhaps a part."""


class RenderedToNothing:
    """Placeholder for a template, or another task's output, that rendered to nothing, or to what is no text.

    Every validation rejects it, so it is never mistaken for an argument that was left out.

    :param source: str, the template, or the name of the other source.
    :param value: the rendered value: None, a blank text, an empty collection; where it was to become a part of a text
        any collection, or an object.
    """

    def __init__(self, source: str, value: object) -> None:
        self.source = source
        self.value = value

    def __repr__(self) -> str:
        return f"<{self.source!r} rendered to {self.outcome}>"

    @property
    def outcome(self) -> str:
        """The rendered value, in words."""
        if isinstance(self.value, str):
            return f"the text {self.value.strip()!r}" if self.value.strip() else "an empty text"
        kind = type(self.value).__name__
        if not is_nothing(self.value) and _is_no_text(self.value):
            return f"a {kind}, which is no part of a text"
        return f"an empty {kind}" if isinstance(self.value, Collection) else str(self.value)


class _EmptyExpressionError(Exception):
    """An expression in a template renders to nothing."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class TemplatedTask(BaseOperator):
    """A task whose arguments may be templates; it rejects those that render to nothing."""

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Return the rendered value, or :class:`RenderedToNothing`.

        In a DAG that renders to native types, an expression that is the whole text keeps its type. A text stays a
        text: ``+4930123456``, ``007`` and ``1e5`` do not become numbers. Path objects are rendered too. PINs become
        :class:`.HiddenValue`, because Airflow stores the rendered fields and shows them in its UI.

        :param content: text, path, list, dict or another task's output.
        :param context: the task's context.
        :param jinja_env: the DAG's environment.
        :param seen_oids: ids of values that other tasks returned; these are not templates.
        """
        rendered = self._rendered(content, context, jinja_env, seen_oids)
        return hidden_parameters(rendered) if isinstance(rendered, Mapping) else rendered

    def _rendered(
        self, content: Any, context: Context, jinja_env: jinja2.Environment | None, seen_oids: set[int] | None
    ) -> Any:
        if seen_oids is not None and id(content) in seen_oids:
            return content
        if _is_object_storage_path(content):
            return self._render_object_storage_path(content, context, jinja_env or self.get_template_env())
        if isinstance(content, PurePath):  # in Airflow 2 a path in an object store is one too
            rendered = self.render_template(str(content), context, jinja_env, seen_oids)
            return type(content)(rendered) if isinstance(rendered, str) else rendered
        if isinstance(content, str):
            return self._render_text(content, context, jinja_env)
        rendered = super().render_template(content, context, jinja_env, seen_oids)
        if rendered is not content and is_nothing(rendered) and not is_nothing(content):
            return RenderedToNothing(f"output of {_name_of(content)}", rendered)
        return rendered

    def _render_text(self, text: str, context: Context, jinja_env: jinja2.Environment | None) -> Any:
        if "{" not in text:
            return text  # Airflow would evaluate it as a Python literal
        from jinja2.nativetypes import NativeEnvironment  # not needed to parse a DAG file

        environment = jinja_env or self.get_template_env()
        try:
            values: list[Any] = []
            parts = list(_parts_of(text, context, environment, values))
        except _EmptyExpressionError as empty:
            return RenderedToNothing(text, empty.value)
        if len(parts) == 1 and isinstance(environment, NativeEnvironment):
            return parts[0]
        for value in filter(_is_no_text, values):
            if len(parts) > 1 or not is_rendered_collection(str(value)):
                return RenderedToNothing(text, value)
        rendered = "".join(map(str, parts))
        return RenderedToNothing(text, rendered) if is_nothing(rendered) else rendered

    def _render_object_storage_path(self, path: Any, context: Context, jinja_env: jinja2.Environment) -> Any:
        serialized = path.serialize()
        rendered = self._render_text(serialized["path"], context, jinja_env)
        if not isinstance(rendered, str):
            return rendered
        return path.deserialize({**serialized, "path": rendered}, path.__version__)

    def check_templates(self) -> None:
        """Reject arguments that a template, another task's output or ``expand`` rendered to nothing.

        :raises InvalidRequestError: with the argument and its template.
        """
        for name in self.template_fields:
            value = getattr(self, name)
            for where, nothing in _nothing_in(value, f"`{name}`"):
                raise InvalidRequestError(
                    f"{where} was rendered to {nothing.outcome} ({nothing.source!r}); give it a value or leave it out",
                    remedy=_REMEDY,
                )
            if value is None and name in self._mapped_to_none():
                raise InvalidRequestError(f"`{name}` was expanded to None; give it a value or leave it out")
            if isinstance(value, str) and is_nothing(value):
                raise InvalidRequestError(f"`{name}` is {RenderedToNothing(name, value).outcome}; give it a value")

    def _mapped_to_none(self) -> set[str]:
        """Return the names of arguments that ``expand`` set to None; Airflow has no public API for that."""
        if not getattr(self, "_BaseOperator__from_mapped", False):
            return set()
        given = getattr(self, "_BaseOperator__init_kwargs", {})
        mapped = self.dag.task_dict.get(self.task_id)
        partial = getattr(mapped, "partial_kwargs", {})
        return {name for name, value in given.items() if value is None and name not in partial}

    def pre_execute(self, context: Any) -> None:
        """Reject arguments that rendered to nothing, before any operator uses them."""
        with errors_for_airflow():
            self.check_templates()
        super().pre_execute(context)


def check_rendered_name(name: str, value: object, given: str, kind: str = "path") -> None:
    """Reject a path or name of which an expression of its template made a part of None, of an object or a collection.

    :param name: of the argument.
    :param value: what was rendered; None where the argument was left out.
    :param given: the argument as it was given, as a text. One without a template may hold anything, and so may what
        stands around the expressions of others.
    :param kind: what the argument is, in words.
    :raises InvalidRequestError: with the argument and its template.
    """
    text = str(value)
    if value is None or not is_open(given):
        return
    found = "a collection" if is_rendered_collection(text) else _nothing_named(text, _EXPRESSION.sub("-", given))
    if found:
        raise InvalidRequestError(f"`{name}` was rendered to a {kind} with {found} in it ({given!r})", remedy=_REMEDY)


def _nothing_named(text: str, literal: str) -> str | None:
    """Return a part of a name that says nothing, None if all of them stand in the literal text of the template."""
    parts, written = (
        Counter(match.group() for pattern in (_NO_NAME, _NO_STEM) for match in pattern.finditer(shown))
        for shown in (text, literal)
    )
    return next(iter(parts - written), None)


def _is_object_storage_path(content: Any) -> bool:
    # By its methods, because importing Airflow's class costs time in each DAG file. In Airflow 3 it is no os.PathLike.
    return not isinstance(content, str) and hasattr(content, "as_posix") and hasattr(content, "deserialize")


def _parts_of(text: str, context: Context, environment: jinja2.Environment, values: list[Any]) -> Iterator[Any]:
    """Yield the plain parts of a template as texts, and its expressions as their values, or as texts of these.

    :param values: the values of the expressions are added to it.
    """
    from jinja2 import pass_context  # not needed to parse a DAG file

    # With `pass_context`, Jinja does not evaluate constant expressions to text when it compiles the template.
    strict = environment.overlay(finalize=pass_context(_noting(values)))
    template = strict.from_string(text)
    # As Airflow does: `Template.render` copies the context eagerly, which warns about each deprecated entry.
    variables: Any = copy.copy(context)
    variables.update({name: value for name, value in template.globals.items() if name not in variables})
    yield from template.root_render_func(strict.context_class(strict, variables, template.name, template.blocks))


def _noting(values: list[Any]) -> Callable[[object, Any], Any]:
    def noted(_: object, value: Any) -> Any:
        values.append(_something(value))
        return values[-1]

    return noted


def _something(value: Any) -> Any:
    from jinja2 import Undefined

    if isinstance(value, Undefined):
        value = None
    # The filter `tojson` writes None and NaN like this.
    if is_nothing(value) or (isinstance(value, str) and value in ("null", "NaN")):
        raise _EmptyExpressionError(value)
    return value


def _is_no_text(value: Any) -> bool:
    """Return whether Python's text of a value is none for people: that of a collection, or ``<an object at …>``."""
    return not isinstance(value, str) and (isinstance(value, Collection) or str(value).startswith("<"))


def _nothing_in(value: Any, where: str) -> Iterator[tuple[str, RenderedToNothing]]:
    """Yield each value that rendered to nothing, with its place, also inside lists and dicts."""
    if isinstance(value, RenderedToNothing):
        yield where, value
    elif isinstance(value, HiddenValue):
        yield from _nothing_in(value.value, where)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _nothing_in(item, f"{where} ({key})")
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _nothing_in(item, where)


def _name_of(output: object) -> str:
    """Return the id of the task that returned the output."""
    return str(getattr(getattr(output, "operator", None), "task_id", type(output).__name__))
