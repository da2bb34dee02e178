"""A column's type: what is declared, and the rule for a key that nobody declared. Pure.

A type is decided by a column's name alone and never by the values of one night: a column that holds ``1001`` today may
hold ``0302`` tomorrow, and a warehouse needs both nights in one table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["COLUMN_TYPES", "Column", "ColumnType", "Source", "column_name", "rule_for", "type_of_key"]

ColumnType = Literal["text", "integer", "decimal", "duration", "percent", "timestamp"]
Source = Literal["D", "L", "I", "U", ""]

COLUMN_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)


@dataclass(frozen=True)
class Column:
    """One column of a report.

    :param key: the key in the PBX's answer, and the column's name in files of rows.
    :param name: what it is called in the web portal, in English; the header of a CSV file.
    :param type: ``text`` (phone numbers, extensions and ids among it), ``integer``, ``decimal``, ``duration`` (whole
        seconds), ``percent`` (percent points: 77.14), ``timestamp`` (the PBX's local time, without UTC offset).
    :param unit: of the values; empty where the type says all.
    :param source: how the column is known: ``D`` documented by the vendor, ``L`` recorded from a PBX, ``I`` inferred,
        ``U`` unknown; empty for a column that is declared by a user or typed by rule.
    :param number_key: key of the number that a file shows in the same cell as this name, as in ``Sales<6400>``.
    """

    key: str
    name: str
    type: ColumnType = "text"
    unit: str = ""
    source: Source = ""
    number_key: str = ""


_WORDS = re.compile(r"\W+")
# Tried in order; a key that fits none is text, which loses nothing.
_RULES: tuple[tuple[re.Pattern[str], ColumnType], ...] = (
    # How often each key was pressed in an IVR, a column each in files.
    (re.compile(r"(key|press)_\d|no_key|invalid_key|press_(timeout|invalid)"), "integer"),
    (re.compile(r"(.*_)?(id|num|number|caller|callee|name|type|status|reason|result|list|time_range)"), "text"),
    (re.compile(r"(.*_)?(rate|percent|percentage|ratio|sla)"), "percent"),
    (re.compile(r"(.*_)?(charge|cost|price|fee|amount|score|mos)"), "decimal"),
    (re.compile(r"((.*_)?(total|average|avg|max|min|longest|shortest)_(.+_)?)(time|delay|duration)"), "duration"),
    (
        re.compile(
            r"(.*_)?(talking|waiting|holding|ringing|(talk|wait|hold|ring|talking|waiting|holding|ringing|handling)_time)"
        ),
        "duration",
    ),
    (re.compile(r"(.*_)?(duration|delay|seconds)"), "duration"),
    (re.compile(r"(.*_)?(calls|callbacks|count|counts|total|answered|missed|abandoned|times)"), "integer"),
)


def type_of_key(key: str) -> ColumnType:
    """Return the type of a column that is declared nowhere, by its key or its English title; text in doubt.

    :param key: ``answered_calls`` or ``Answered Calls``.
    """
    return rule_for(key) or "text"


def rule_for(key: str) -> ColumnType | None:
    """Return the type that a key or an English title tells of, None where it tells nothing.

    :param key: ``answered_calls`` or ``Answered Calls``.
    """
    plain = column_name(key)
    return next((kind for pattern, kind in _RULES if pattern.fullmatch(plain)), None)


def column_name(title: str) -> str:
    """Return a key made from a title: lower case, ``_`` between words; ``column`` where nothing is left.

    :param title: of a column.
    """
    return _WORDS.sub("_", title.lower()).strip("_") or "column"
