"""The argument ``parameters`` of a report: validates the vendor's names and Python's values, and encodes them.

Pure. Names and kinds come from the catalogue. Unknown names pass: newer firmware may know them.
"""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import date
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import OWN_ARGUMENTS, PARAMETERS
from airflow_provider_yeastar.pbx.report.masking import revealed, shown_value

__all__ = [
    "ParameterValue",
    "check_parameters",
    "is_nothing",
    "is_open",
    "is_rendered_collection",
    "joins_none",
    "json_value",
    "query_value",
]

ParameterValue = str | tuple[int | str, ...]
"""A text as it is sent; or ids: an int is an internal id, a text is a dialled number, a name or an id."""

# An unknown name this similar to a known one is refused as a typo. Others pass: newer firmware may know them.
_SLIP_CUTOFF = 0.8
# What templates join values with, ``None`` among them. A hyphen and a space are parts of names.
_APART = re.compile(r"[,;/|&]")


def is_open(value: Any) -> bool:
    """Return whether a value is known at run time only: a template, or another task's output."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    # Dicts are checked entry by entry, so that one template does not hide mistakes in the others.
    if _is_list(value):
        return any(is_open(item) for item in value)
    return not (value is None or isinstance(value, (bool, int, float, date, Mapping)))


def is_nothing(value: Any) -> bool:
    """Return whether a value says nothing: None, NaN, a blank text, the text ``None``, or an empty collection.

    ``None`` is what Jinja writes into a text for Python's None. NaN is one of any class, ``pandas.NA`` too.
    """
    if isinstance(value, str):
        return value.strip() in ("", "None")
    if isinstance(value, Collection):
        return _is_empty(value)
    return value is None or _is_missing(value)


def _is_empty(value: Collection[Any]) -> bool:
    try:
        return len(value) == 0  # the truth of an array is that of its items
    except TypeError:  # an array without dimensions is a single value
        return _is_missing(value)


def _is_missing(value: Any) -> bool:
    try:
        return bool(value != value)  # true of NaN alone, whatever its class
    except (TypeError, ArithmeticError):  # `pandas.NA` and a signalling NaN do not compare
        return True


def _is_list(value: Any) -> bool:
    """Return whether a value is a collection; mapped tasks return a sequence class of Airflow's own."""
    return isinstance(value, (Sequence, Set)) and not isinstance(value, (str, bytes))


def is_rendered_collection(text: str) -> bool:
    """Return whether a text is a list or dict as Jinja writes it where a DAG does not render to native types."""
    if not re.fullmatch(r"\s*[\[({].*[\])}]\s*", text):
        return False
    return any(_is_list(value) or isinstance(value, Mapping) for value in _readings(text.strip()))


def _readings(text: str) -> Iterator[Any]:
    """Yield the value of a text as Python writes it, and as JSON does, where it is one."""
    for read in (literal_eval, json.loads):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            yield read(text)


def joins_none(text: str) -> bool:
    """Return whether a text is joined from several, one of them ``None``: ``1001,None``, ``None/sales``."""
    return "None" in map(str.strip, _APART.split(text))


def query_value(value: ParameterValue) -> str:
    """Return a value as it is sent to the PBX: several ids are joined with commas."""
    return value if isinstance(value, str) else ",".join(map(str, value))


def json_value(value: ParameterValue) -> str | list[int | str]:
    """Return a value in JSON types; :func:`check_parameters` makes the same value of it again."""
    if isinstance(value, str) or all(isinstance(item, str) for item in value):
        return query_value(value)
    return list(value)


def check_parameters(given: Any, *, may_be_open: bool) -> dict[str, ParameterValue]:
    """Return the values by name.

    :param given: the argument ``parameters``; None is none at all. A parameter that is None is refused: left out, it
        would widen the report to all that the PBX has.
    :param may_be_open: whether to accept templates and other tasks' outputs; their value is then an empty text.
    :raises InvalidRequestError: if a name or value is certainly invalid.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidRequestError(
            f"`parameters` is {type(given).__name__}, not a dict of the vendor's names and values"
        )
    values: dict[str, ParameterValue] = {}
    for name, value in given.items():
        _check_name(name)
        if value is None:
            raise InvalidRequestError(f"The parameter {name} is None; name something or leave it out")
        values[name] = "" if may_be_open and is_open(value) else _value(name, value)
    return values


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise InvalidRequestError(f"`parameters` holds {name!r}, which is no parameter's name")
    if name in OWN_ARGUMENTS:
        raise InvalidRequestError(f"`parameters` holds {name}; that is the task's argument {OWN_ARGUMENTS[name]}")
    if name not in PARAMETERS:
        from difflib import get_close_matches  # loaded for a mistake alone, not for each DAG file

        near = get_close_matches(name.lower(), PARAMETERS, n=2, cutoff=_SLIP_CUTOFF)
        if near:
            raise InvalidRequestError(f"There is no parameter {name}; {' or '.join(near)} is probably meant")


def _value(name: str, value: Any) -> ParameterValue:
    kind = PARAMETERS[name].kind if name in PARAMETERS else None
    value = revealed(value)
    if isinstance(value, str) and is_rendered_collection(value):
        raise InvalidRequestError(
            f"The parameter {name} is the text {shown_value(name, value)}, to which a template rendered a list",
            remedy="Add `| join(',')` to the template, or give the DAG render_template_as_native_obj=True.",
        )
    if kind == "flag":
        return _flag(name, value)
    if kind in ("id", "id list"):
        return _ids(name, value)
    if _is_list(value):
        return ",".join(str(item) for item in _items(name, value))
    text = str(_scalar(name, value))
    if kind in ("integer", "seconds") and not text.isdigit():
        raise InvalidRequestError(f"The parameter {name} is {shown_value(name, value)}, not a whole number ({kind})")
    return text


def _flag(name: str, value: Any) -> str:
    flags = {"0": "0", "1": "1", "true": "1", "false": "0"}
    text = str(value).strip().lower()
    if text not in flags:
        raise InvalidRequestError(f"The parameter {name} is {shown_value(name, value)}, neither True nor False")
    return flags[text]


def _ids(name: str, value: Any) -> tuple[int | str, ...]:
    """Keep ints apart from texts: an int is an id, a text may be a dialled number or a name."""
    if _is_list(value):
        return tuple(_items(name, value))
    single = _scalar(name, value)
    # A template or a DAG param gives several ids as one text.
    parts = _parts(single) if isinstance(single, str) else [single]
    ids = tuple(part for part in parts if part != "")
    if not ids:
        raise InvalidRequestError(f"The parameter {name} is {shown_value(name, value)}, which names nothing")
    return ids


def _items(name: str, values: Iterable[Any]) -> list[int | str]:
    in_order = sorted(values, key=str) if isinstance(values, Set) else values
    items = [_scalar(name, item) for item in in_order]
    if not items:
        raise InvalidRequestError(f"The parameter {name} is an empty list; name something or leave it out")
    for item in items:
        if "," in str(item):
            raise InvalidRequestError(
                f"The parameter {name} holds {shown_value(name, item)}; the PBX would take it for several, give a list"
            )
    return items


def _scalar(name: str, value: Any) -> int | str:
    if isinstance(value, int) and value >= 0:
        return int(value)  # True and False are sent as 1 and 0
    if not isinstance(value, str):
        raise InvalidRequestError(
            f"The parameter {name} holds {shown_value(name, value)}, neither a text nor a whole number from 0"
        )
    text = value.strip()
    if is_nothing(text) or joins_none(text):
        what = f"holds the text {shown_value(name, text)}" if text else "is empty"
        raise InvalidRequestError(f"The parameter {name} {what}; name something or leave it out")
    return text


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
