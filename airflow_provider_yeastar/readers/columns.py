"""The columns of a CSV report with typed values. Pure.

What a column holds is decided by the caller, else by the schema of the report, else by the column's English title,
else it is text. It is never decided by the values: ``1001`` tonight would be a number, ``0302`` tomorrow none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Literal, get_args

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.cells import Label, parse_label
from airflow_provider_yeastar.schemas.columns import (
    Column,
    ColumnType,
    column_name,
    rule_for,
    type_of_key,
)
from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS
from airflow_provider_yeastar.schemas.values import CONVERTERS, NO_VALUE, JsonValue

__all__ = ["ColumnKind", "ReportColumn", "is_understood", "kinds_of", "typed_columns"]

ColumnKind = Literal["text", "label", "integer", "decimal", "duration", "percent"]

_KINDS = get_args(ColumnKind)
_CALLERS = frozenset({"caller", "call_from", "call_to"})
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class ReportColumn:
    """One column with typed values.

    :param name: made from the header for databases: lower case, ``_`` between words, different from all others.
    :param header: the header's text.
    :param kind: what the column holds; a label's two columns are ``text``.
    :param values: one per row, None for a blank cell or a dash: ``int`` for ``integer`` and, in seconds, ``duration``;
        ``float`` or ``int`` for ``decimal``; ``float`` for ``percent``, in percent points (``"12.50%"`` is 12.5);
        ``str`` without surrounding blanks and tabs for ``text``. Dates stay text, because their order of day and month
        is the PBX's setting.
    """

    name: str
    header: str
    kind: ColumnKind
    values: tuple[JsonValue, ...]

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers."""
        return self.kind != "text"

    @property
    def type(self) -> ColumnType:
        """The column's type in a schema."""
        return "text" if self.kind == "label" else self.kind


def typed_columns(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    report_type: str | None = None,
    kinds: Mapping[str, str] | None = None,
) -> tuple[ReportColumn, ...]:
    """Give the columns of a table (the report's, or that of the calls under a row) with typed values.

    A label (``Sales<6400>``) becomes two columns of text, the number's name ending in ``_number``. A cell of such a
    column that is no label is the name, and the number as well if it is one.

    :param header: the columns' titles.
    :param rows: the cells' texts; every row at least as wide as the header.
    :param report_type: the built-in report that it is; left out, a title means what it means in all of them.
    :param kinds: ``text``, ``label``, ``integer``, ``decimal``, ``duration`` or ``percent`` by title or name, default
        none. ``label`` by the caller also splits ``1021-Name``, which may be a name such as ``24-Hour Line``.
    :raises ReportLayoutError: for a cell that does not fit its column, or ``kinds`` that fit no column.
    """
    taken: set[str] = set()
    columns: list[ReportColumn] = []
    given = kinds_of(header, report_type, kinds)
    for index, (title, kind) in enumerate(zip(header, given, strict=True)):
        texts = [row[index].strip() for row in rows]
        name = _free_name(title, taken)
        if kind != "label":
            columns.append(ReportColumn(name, title, kind, tuple(_values(title, kind, texts))))
            continue
        number = _free_name(f"{name}_number", taken)
        said = not {title, column_name(title)}.isdisjoint(kinds or {})
        labels = [_label(text, either_way=said) for text in texts]
        columns.append(ReportColumn(name, title, "text", tuple(label.name or None for label in labels)))
        columns.append(ReportColumn(number, title, "text", tuple(label.number or None for label in labels)))
    return tuple(columns)


def kinds_of(
    header: Sequence[str], report_type: str | None = None, kinds: Mapping[str, str] | None = None
) -> tuple[ColumnKind, ...]:
    """Return what each column holds; see :func:`typed_columns`.

    :raises ReportLayoutError: when ``kinds`` names no column, or no kind.
    """
    given = dict(kinds or {})
    found = tuple(
        _checked(given.pop(title, None) or given.pop(column_name(title), None)) or _declared(title, report_type)
        for title in header
    )
    if given:
        raise ReportLayoutError(f"`kinds` names {', '.join(given)}, and the columns are {', '.join(header)}")
    return found


def is_understood(title: str) -> bool:
    """Whether a column's title says what it holds: it is that of a built-in report, or fits the rule for keys."""
    name = column_name(title)
    return name in _CALLERS or name in _titles(None) or rule_for(name) is not None


def _checked(kind: str | None) -> ColumnKind | None:
    if kind is not None and kind not in _KINDS:
        raise ReportLayoutError(f"`kinds` has {kind!r}, which is none of {', '.join(_KINDS)}")
    return next((known for known in _KINDS if known == kind), None)


def _declared(title: str, report_type: str | None) -> ColumnKind:
    name = column_name(title)
    if name in _CALLERS:
        return "label"
    declared = _titles(report_type).get(name) or _titles(None).get(name)
    kind = declared or type_of_key(name)
    return "text" if kind == "timestamp" else kind


@cache
def _titles(report_type: str | None) -> Mapping[str, ColumnKind | Literal["timestamp"]]:
    """Return what the titles of a report, or of all, mean; without those that mean different things."""
    reports = REPORT_COLUMNS.values() if report_type is None else [REPORT_COLUMNS.get(report_type, ())]
    meanings: dict[str, set[ColumnKind | Literal["timestamp"]]] = {}
    for columns in reports:
        for column in columns:
            meanings.setdefault(column_name(column.name), set()).add(_kind(column))
    return {title: kinds.pop() for title, kinds in meanings.items() if len(kinds) == 1}


def _kind(column: Column) -> ColumnKind | Literal["timestamp"]:
    return "label" if column.number_key else column.type


def _label(text: str, *, either_way: bool) -> Label:
    if text in NO_VALUE:
        return Label("", "")
    label = parse_label(text)
    if label and (either_way or text.endswith(">")):
        return label
    return Label(text, text if text.lstrip("+*#").isdigit() else "")


def _values(title: str, kind: ColumnType, texts: Sequence[str]) -> Iterator[JsonValue]:
    convert: Callable[[object], JsonValue] = CONVERTERS[kind]
    for text in texts:
        if text in NO_VALUE:
            yield None
            continue
        try:
            yield convert(text)
        except ValueError:
            shown = repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
            raise ReportLayoutError(
                f"The column {title} is {kind}, and holds {shown}",
                remedy=f'If that is right, say so with kinds={{"{title}": "text"}}.',
            ) from None


def _free_name(title: str, taken: set[str]) -> str:
    """Make a column's name of its title, and enter it among those that are taken."""
    name = next(name for name in _names(title) if name not in taken)
    taken.add(name)
    return name


def _names(title: str) -> Iterator[str]:
    plain = column_name(title)
    yield plain
    yield from (f"{plain}_{number}" for number in count(2))
