"""What the text of a cell says: figures, percentages, durations, names with their numbers. Pure.

The text itself is never changed; a table keeps it beside the values that are made of it here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Literal, NamedTuple

__all__ = [
    "ColumnKind",
    "Label",
    "ReportColumn",
    "Value",
    "figure",
    "is_value",
    "parse_duration",
    "parse_label",
    "parse_percent",
    "typed_columns",
]

ColumnKind = Literal["blank", "integer", "decimal", "percent", "duration", "text"]
Value = int | float | str | None

# A leading zero makes a phone number or an id of it; more digits than these fit no database's whole number.
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
# A comma before three digits may part thousands: not read as a decimal one.
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+|,\d\d?)?", re.ASCII)
_DURATION = re.compile(r"(\d{1,6}):([0-5]\d):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[ T,-].*)?", re.ASCII | re.DOTALL)
# Figures, percentages, times, and months such as 2026/11.
_FIGURES = re.compile(r"[-+]?\d+(?:[.,:/]\d+)*\s*%?|\d{4}-\d{2}", re.ASCII)
_NUMBER = r"(?P<number>[+*#]?[\d*#]+)"
_NAME_THEN_NUMBER = re.compile(rf"(?P<name>.*)<{_NUMBER}>", re.ASCII | re.DOTALL)
_NUMBER_THEN_NAME = re.compile(rf"{_NUMBER}\s*-\s*(?P<name>[^\W\d_].*)", re.DOTALL)
_NO_VALUE = frozenset(("", "-", "--", "\N{EN DASH}", "\N{EM DASH}"))


class Label(NamedTuple):
    """A name with its number, out of ``Name<1021>`` or ``1021-Name``.

    :param name: without surrounding blanks.
    :param number: a text, for its leading zeros and ``*``.
    """

    name: str
    number: str


@dataclass(frozen=True)
class ReportColumn:
    """One column with typed values.

    :param name: made from the header for databases: lower case, ``_`` between words, different from all others.
    :param header: the header's text.
    :param kind: what all filled cells are. ``blank``: none is filled.
    :param values: one per row, None for a blank cell or a dash: ``int`` for ``integer`` and, in seconds, ``duration``;
        ``float`` for ``decimal`` and, in percent (``"12.50%"`` is 12.5), ``percent``; ``str`` without surrounding
        blanks and tabs for ``text``. Dates stay text, because their order of day and month is the PBX's setting.
    """

    name: str
    header: str
    kind: ColumnKind
    values: tuple[Value, ...]

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers."""
        return self.kind not in ("blank", "text")


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
    found = _DURATION.fullmatch(text.strip())
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None


def parse_label(text: str) -> Label | None:
    """Split ``Name<1021>`` or ``1021-Name``; None when the text is neither.

    In ``1021-Name`` the name begins with a letter: what has a digit there is a date, an id or a range.

    :param text: of a cell; surrounding blanks do not matter.
    """
    text = text.strip()
    found = _NAME_THEN_NUMBER.fullmatch(text) or _NUMBER_THEN_NAME.fullmatch(text)
    return Label(found["name"].strip(), found["number"]) if found else None


def typed_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[ReportColumn, ...]:
    """Give the columns of a table (the report's, or that of the calls under a row) with typed values.

    A column has one kind, that of all its filled cells; where they differ, it is text. A column of names with their
    numbers becomes two columns of text, the numbers' name ending in ``_number``.

    :param header: the columns' titles.
    :param rows: the cells' texts; every row at least as wide as the header.
    """
    taken: set[str] = set()
    columns: list[ReportColumn] = []
    for index, title in enumerate(header):
        texts = [row[index].strip() for row in rows]
        labels = _labels(texts)
        if labels is None:
            columns.append(_typed_column(_free_name(title, taken), title, texts))
            continue
        name = _free_name(title, taken)
        number = _free_name(f"{name}_number", taken)
        columns.append(ReportColumn(name, title, "text", tuple(label and label.name for label in labels)))
        columns.append(ReportColumn(number, title, "text", tuple(label and label.number for label in labels)))
    return tuple(columns)


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


_KINDS: Mapping[ColumnKind, Callable[[str], Value]] = MappingProxyType(
    {"integer": _integer, "decimal": _decimal, "percent": parse_percent, "duration": parse_duration}
)


def _labels(texts: Sequence[str]) -> list[Label | None] | None:
    """Return the cells as labels, None for a cell without value; None at all when they are none."""
    labels = [parse_label(text) for text in texts]
    fit = all(label or text in _NO_VALUE for label, text in zip(labels, texts, strict=True))
    return labels if fit and any(labels) else None


def _typed_column(name: str, header: str, texts: Sequence[str]) -> ReportColumn:
    filled = {text for text in texts if text not in _NO_VALUE}
    if not filled:
        return ReportColumn(name, header, "blank", (None,) * len(texts))
    for kind, parse in _KINDS.items():
        parsed = {text: parse(text) for text in filled}
        if None not in parsed.values():
            return ReportColumn(name, header, kind, tuple(parsed.get(text) for text in texts))
    return ReportColumn(name, header, "text", tuple(text if text in filled else None for text in texts))


def _free_name(title: str, taken: set[str]) -> str:
    """Make a column's name of its title, and enter it among those that are taken."""
    name = next(name for name in _names(title) if name not in taken)
    taken.add(name)
    return name


def _names(title: str) -> Iterator[str]:
    plain = re.sub(r"\W+", "_", title.lower()).strip("_") or "column"
    yield plain
    yield from (f"{plain}_{number}" for number in count(2))
