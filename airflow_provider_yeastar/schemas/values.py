"""One value of a report as its column's type wants it, in JSON types; what does not fit is an error. Pure.

Nothing is rounded, cut or guessed. A blank, a dash, null and ``NaN`` are no value (None). Numbers may come as text, as
some firmware writes them; durations as seconds or ``hh:mm:ss``; percentages with or without their sign.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from airflow_provider_yeastar.schemas.batches import Json, Texts
from airflow_provider_yeastar.schemas.columns import ColumnType
from airflow_provider_yeastar.schemas.json_texts import json_texts

__all__ = ["CONVERTERS", "DECIMAL_DIGITS", "NO_VALUE", "ColumnConverter", "JsonValue", "iso_timestamp", "seconds_of"]

JsonValue = int | float | str | None

NO_VALUE = frozenset(("", "-", "--", "\N{EN DASH}", "\N{EM DASH}"))
"""What a PBX writes into a cell that holds nothing."""

DECIMAL_DIGITS = (38, 9)
"""Precision and scale of decimals in Arrow and SQL: the most that all supported warehouses have."""

_INTEGER = re.compile(r"[-+]?\d{1,19}", re.ASCII)
# Before just three digits a comma may part thousands: 1,234 is neither number for certain.
_DECIMAL = re.compile(r"(?![-+]?[1-9]\d{0,2},\d{3}\Z)[-+]?\d{1,15}(?:[.,]\d{1,9})?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,6}):([0-5]\d):([0-5]\d)", re.ASCII)
_YEAR_FIRST = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d[ T]\d\d:\d\d:\d\d(?: ?([AP])M)?", re.ASCII | re.IGNORECASE)
_YEARS_FIRST = re.compile(r"(?:\d{4}[-/.]\d\d[-/.]\d\d[ T]\d\d:\d\d:\d\d\n)+", re.ASCII)
_TO_ISO = str.maketrans("/. ", "--T")
_INT64 = 2**63
_LOOKED_UP = frozenset({str, int, float, bool, type(None)})
_WRITTEN_AS_JSON = frozenset({list, dict})
_MOST_KNOWN = 10_000
"""Values of a column that are kept; memory must not grow with the rows."""


def seconds_of(text: str) -> int | None:
    """Return ``"01:02:03"`` as 3723 seconds; None when the text is no ``hh:mm:ss``. Hours may exceed 23.

    :param text: without surrounding blanks.
    """
    found = _CLOCK.fullmatch(text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None


def iso_timestamp(text: str) -> str | None:
    """Return a local time that begins with its year in ISO 8601, to the second; None for any other.

    Where the year stands first no display format has day and month the other way round.

    :param text: such as ``2026/11/22 08:00:00`` or ``2026-11-22 08:00:00 PM``.
    :raises ValueError: for a time that does not exist, such as hour 25.
    """
    found = _YEAR_FIRST.fullmatch(text)
    if not found:
        return None
    hour = int(text[11:13])
    if found[1]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if found[1] in "pP" else 0)
    moment = f"{text[:4]}-{text[5:7]}-{text[8:10]}T{hour:02d}{text[13:19]}"
    datetime.fromisoformat(moment)  # refuses one that does not exist
    return moment


def _text(value: object) -> str | None:
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        # No warehouse takes a NUL, and no encoding half a character.
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # an extension that passed through a number
    return json_texts([value])[0]


def _integer(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise ValueError("no whole number of 64 bits")
    return value


def _number(value: object) -> int | float:
    if isinstance(value, str):
        value = value.removesuffix("%").rstrip()
        text = value.replace(",", ".")
        if not _DECIMAL.fullmatch(value):
            raise ValueError("no number")
        return int(text) if "." not in text else float(text)
    if type(value) is int and abs(value) < 10**15:
        return value
    if not isinstance(value, float) or not math.isfinite(value) or abs(value) >= 10**15:
        raise ValueError("no number")
    return value


def _decimal(value: object) -> int | float:
    number = _number(value)
    # A float has some 16 digits; what needs more than nine behind the point was no decimal of a PBX.
    if isinstance(number, float) and Decimal(repr(number)) != round(Decimal(repr(number)), DECIMAL_DIGITS[1]):
        raise ValueError("more than nine digits behind the point")
    return number


def _percent(value: object) -> float:
    return float(_number(value))


def _duration(value: object) -> int:
    seconds = seconds_of(value) if isinstance(value, str) else None
    return _integer(value) if seconds is None else seconds


def _timestamp(value: object) -> str:
    found = iso_timestamp(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("no time that begins with its year")
    return found


CONVERTERS: Mapping[ColumnType, Callable[[object], JsonValue]] = MappingProxyType(
    {
        "text": _text,
        "integer": _integer,
        "decimal": _decimal,
        "percent": _percent,
        "duration": _duration,
        "timestamp": _timestamp,
    }
)
"""For each type what makes its value of a PBX's; ``ValueError`` for what is none. Blanks are handled before."""


class ColumnConverter:
    """Converts the values of a column batch by batch.

    Most batches hold plain texts or times, which are judged all at once; else a value that comes again is looked up,
    and lists and objects are written as JSON all at once.

    :param kind: of the column; None where no value is taken as it stands.
    :param convert: makes its value of a PBX's.
    """

    def __init__(self, kind: ColumnType | None, convert: Callable[[Any], JsonValue]) -> None:
        self._all_at_once = _ALL_AT_ONCE.get(kind or "")
        self._writes_json = kind == "text"
        self._convert = convert
        self._known: dict[type, dict[Any, JsonValue]] = {}

    def __call__(self, values: Iterable[Any]) -> list[Any]:
        """Return the values converted, in their order."""
        if self._writes_json and isinstance(values, Json):
            return list(Texts(values.joined, values.size))
        values = list(values)
        types = set(map(type, values))
        found = self._all_at_once(values) if self._all_at_once and types == {str} else None
        return self._one_by_one(values, types) if found is None else found

    def _one_by_one(self, values: list[Any], types: set[type]) -> list[JsonValue]:
        if types <= _LOOKED_UP and not (float in types and 0 in values):  # 0.0 and -0.0 are one key
            return self._looked_up(values, types)
        if self._writes_json and types & _WRITTEN_AS_JSON:
            others = [None if type(value) in _WRITTEN_AS_JSON else value for value in values]
            texts = iter(json_texts([value for value in values if type(value) in _WRITTEN_AS_JSON]))
            found = self._one_by_one(others, set(map(type, others)))
            return [
                next(texts) if type(value) in _WRITTEN_AS_JSON else other
                for value, other in zip(values, found, strict=True)
            ]
        return list(map(self._convert, values))

    def _looked_up(self, values: list[Any], types: set[type]) -> list[JsonValue]:
        # By type, as 1, 1.0 and True are one key.
        for kind in types:
            known = self._known.setdefault(kind, {})
            if len(known) > _MOST_KNOWN:
                known.clear()
            of_kind = values if len(types) == 1 else [value for value in values if type(value) is kind]
            for value in set(of_kind).difference(known):
                known[value] = self._convert(value)
        if len(types) == 1:
            return list(map(known.__getitem__, values))
        return [self._known[type(value)][value] for value in values]


def _plain_texts(texts: Sequence[str]) -> list[str] | None:
    """Return texts as they are if none has blanks around it, means nothing or is broken; else None."""
    try:
        together = "".join(texts).encode()
    except UnicodeEncodeError:
        return None
    is_plain = b"\0" not in together and NO_VALUE.isdisjoint(texts) and list(map(str.strip, texts)) == list(texts)
    return list(texts) if is_plain else None


def _plain_times(texts: Sequence[str]) -> list[str] | None:
    """Return times as :func:`iso_timestamp` does if all begin with their year and have 24 hours; else None."""
    lines = "".join(f"{text}\n" for text in texts)
    if not _YEARS_FIRST.fullmatch(lines):
        return None
    found = lines.translate(_TO_ISO).splitlines()
    try:
        deque(map(datetime.fromisoformat, found), maxlen=0)
    except ValueError:
        return None
    return found if len(found) == len(texts) else None


_ALL_AT_ONCE: Mapping[str, Callable[[Sequence[str]], list[str] | None]] = MappingProxyType(
    {"text": _plain_texts, "timestamp": _plain_times}
)
