"""What the text of a cell says: figures, percentages, durations, names with their numbers. Pure.

The text itself is never changed; a table keeps it beside the values that are made of it here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from airflow_provider_yeastar.schemas.values import seconds_of

__all__ = [
    "Label",
    "figure",
    "is_value",
    "parse_duration",
    "parse_label",
    "parse_percent",
]

# A leading zero makes a phone number or an id of it; more digits than these fit no database's whole number.
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
# A comma before three digits may part thousands: not read as a decimal one.
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+|,\d\d?)?", re.ASCII)
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[ T,-].*)?", re.ASCII | re.DOTALL)
# Figures, percentages, times, and months such as 2026/11.
_FIGURES = re.compile(r"[-+]?\d+(?:[.,:/]\d+)*\s*%?|\d{4}-\d{2}", re.ASCII)
_NUMBER = r"(?P<number>[+*#]?[\d*#]+)"
_NAME_THEN_NUMBER = re.compile(rf"(?P<name>.*)<{_NUMBER}>", re.ASCII | re.DOTALL)
_NUMBER_THEN_NAME = re.compile(rf"{_NUMBER}\s*-\s*(?P<name>[^\W\d_].*)", re.DOTALL)


class Label(NamedTuple):
    """A name with its number, out of ``Name<1021>`` or ``1021-Name``.

    :param name: without surrounding blanks.
    :param number: a text, for its leading zeros and ``*``.
    """

    name: str
    number: str


def parse_percent(text: str) -> float | None:
    """Return ``"12.50%"`` as 12.5; None when the text is no percentage.

    :param text: of a cell; surrounding blanks do not matter.
    """
    number = text.strip()
    return _decimal(number[:-1].rstrip()) if number.endswith("%") else None


def parse_duration(text: str) -> int | None:
    """Return ``"01:02:03"`` as 3723 seconds; None when the text is no ``hh:mm:ss``. Hours may exceed 23.

    :param text: of a cell; surrounding blanks do not matter.
    """
    return seconds_of(text.strip())


def parse_label(text: str) -> Label | None:
    """Split ``Name<1021>`` or ``1021-Name``; None when the text is neither.

    In ``1021-Name`` the name begins with a letter: what has a digit there is a date, an id or a range.

    :param text: of a cell; surrounding blanks do not matter.
    """
    text = text.strip()
    found = _NAME_THEN_NUMBER.fullmatch(text) or _NUMBER_THEN_NAME.fullmatch(text)
    return Label(found["name"].strip(), found["number"]) if found else None


def is_value(text: str) -> bool:
    """Whether a cell holds what no header would: a figure, percentage, time, date, or a name like ``Name<1021>``.

    Not ``1021-Name``: a header may well read ``0-Key``.
    """
    return any(form.fullmatch(text) for form in (_FIGURES, _DATE, _NAME_THEN_NUMBER))


def figure(text: str) -> int | None:
    """Return what can be added up exactly: a whole number, or a duration in seconds; else None."""
    whole = _integer(text)
    return parse_duration(text) if whole is None else whole


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _decimal(text: str) -> float | None:
    return float(text.replace(",", ".")) if _DECIMAL.fullmatch(text) else None
