"""One value of a report as its column's type wants it, in JSON types; what does not fit is an error. Pure.

Nothing is rounded, cut or guessed. A blank, a dash, null and ``NaN`` are no value (None). Numbers may come as text, as
some firmware writes them; durations as seconds or ``hh:mm:ss``; percentages with or without their sign.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from airflow_provider_yeastar.schemas.columns import ColumnType

__all__ = ["CONVERTERS", "DECIMAL_DIGITS", "NO_VALUE", "JsonValue", "iso_timestamp", "seconds_of"]

JsonValue = int | float | str | None

NO_VALUE = frozenset(("", "-", "--", "\N{EN DASH}", "\N{EM DASH}"))
"""What a PBX writes into a cell that holds nothing."""

DECIMAL_DIGITS = (38, 9)
"""Precision and scale of decimals in Arrow and SQL: the most that all supported warehouses have."""

_INTEGER = re.compile(r"[-+]?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?\d{1,15}(?:[.,]\d{1,9})?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,6}):([0-5]\d):([0-5]\d)", re.ASCII)
_YEAR_FIRST = re.compile(
    r"(\d{4})[-/.](\d\d)[-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)(?: ?([AP])M)?", re.ASCII | re.IGNORECASE
)
_INT64 = 2**63


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
    hour = int(found[4])
    if found[7]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if found[7] in "pP" else 0)
    moment = datetime(int(found[1]), int(found[2]), int(found[3]), hour, int(found[5]), int(found[6]))
    return moment.isoformat()


def _text(value: object) -> str | None:
    if isinstance(value, str):
        # No warehouse takes a NUL, and no encoding half a character.
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # an extension that passed through a number
    return json.dumps(value, ensure_ascii=False).replace("\\u0000", "")


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
