"""Schema: the columns of one report, and rows made to fit them. Pure.

A key that the schema does not declare is kept, typed by the rule of :func:`.type_of_key`, and told of; so are declared
columns that no row has. What happens then is ``on_schema_change``.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from airflow_provider_yeastar.exceptions import SchemaError
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.schemas.batches import BatchedRows, Json, RowsInMemory, Texts, Values, packed
from airflow_provider_yeastar.schemas.columns import COLUMN_TYPES, Column, ColumnType, type_of_key
from airflow_provider_yeastar.schemas.protection import JSON_BEGINS, Protection
from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS
from airflow_provider_yeastar.schemas.values import CONVERTERS, NO_VALUE, ColumnConverter, JsonValue

__all__ = ["SCHEMA_CHANGES", "Drift", "Schema", "SchemaRows", "check_schema_arguments", "names_to_tell"]

SCHEMA_CHANGES = ("evolve", "freeze", "drop")

AtOnce = Callable[[Sequence[ColumnType | None], Sequence[Values]], Sequence[Any]]
"""Converts all values of a column, for each column of a batch; None for one that it does not convert as one by one."""

_SHOWN = 40
_MOST_NAMES = 50
_CERTAIN = frozenset({"D", "L", ""})
"""Sources of columns that a PBX is sure to send, so that one that vanished means something."""


@dataclass(frozen=True)
class Schema:
    """The declared columns of a report, in the order of files and tables.

    :param report: how messages name the report.
    :param takes_columns: whether a task's argument ``columns`` may declare others.
    """

    report: str
    columns: tuple[Column, ...]
    takes_columns: bool = False

    @classmethod
    def of(cls, report_type: str | None, columns: Mapping[str, str] | None = None, *, label: str = "") -> Schema:
        """Return the schema of a report.

        :param report_type: a built-in one; None for a user-created report, which has the columns that are given.
        :param columns: types by key, in place of those of the table, or of columns that it does not have.
        :param label: how messages name a report without a type.
        :raises InvalidRequestError: for an unknown type of a column.
        """
        _check_types(columns or {})
        types: dict[str, Any] = dict(columns or {})
        declared = [
            replace(column, type=types.pop(column.key, column.type))
            for column in REPORT_COLUMNS.get(report_type or "", ())
        ]
        declared += [Column(key, key, kind) for key, kind in types.items()]
        return cls(report_type or label, tuple(declared), takes_columns=True)

    @cached_property
    def by_key(self) -> Mapping[str, Column]:
        """The declared columns by their keys."""
        return {column.key: column for column in self.columns}

    def column(self, key: str) -> Column:
        """Return the column of a key: the declared one, else one that is typed by rule."""
        return self.by_key.get(key) or Column(key, key, type_of_key(key))


def check_schema_arguments(on_schema_change: str, columns: Mapping[str, str] | None) -> None:
    """Refuse what no schema can be made of.

    :raises InvalidRequestError: one sentence.
    """
    if on_schema_change not in SCHEMA_CHANGES:
        raise InvalidRequestError(f"`on_schema_change` is {on_schema_change!r}, not one of {', '.join(SCHEMA_CHANGES)}")
    if columns is not None and not isinstance(columns, Mapping):
        raise InvalidRequestError('`columns` is no mapping of column names to types, such as {"caller": "text"}')
    _check_types(columns or {})


def _check_types(columns: Mapping[str, str]) -> None:
    for key, kind in columns.items():
        if kind not in COLUMN_TYPES:
            raise InvalidRequestError(f"`columns` gives {key} the type {kind!r}, not one of {', '.join(COLUMN_TYPES)}")


@dataclass(frozen=True)
class Drift:
    """How an answer differs from the schema: keys that it does not declare, and declared columns that no row has."""

    unknown: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    @property
    def told(self) -> list[str]:
        """The unknown keys as :func:`names_to_tell` lists them."""
        return names_to_tell(self.unknown)


def names_to_tell(names: Iterable[str]) -> list[str]:
    """Return names of columns as a message, the log or XCom lists them: the first 50, and how many more there are.

    :param names: from :class:`Drift`.
    """
    found = list(names)
    more = len(found) - _MOST_NAMES
    return [*found[:_MOST_NAMES], f"… and {more} more"] if more > 0 else found


class SchemaRows:
    """Rows of one answer, made to fit a schema.

    The keys of all rows are known before the first row comes out, and with them the columns. Memory does not grow with
    the rows where they are read from a file.

    :param rows: a collection that can be gone over more than once; each row as the PBX sent it, flattened.
    :param schema: what is declared.
    :param on_schema_change: ``evolve`` keeps undeclared columns, ``drop`` leaves them out, ``freeze`` refuses them, and
        a column that vanished.
    :param protection: what is hidden before anyone sees a row.
    :param display: gives the PBX's display format; asked only for times that do not begin with their year.
    :raises SchemaError: with ``freeze``, for a column that is new or has vanished.
    """

    def __init__(
        self,
        rows: BatchedRows | Iterable[Mapping[str, Any]],
        schema: Schema,
        *,
        on_schema_change: str = "evolve",
        protection: Protection | None = None,
        display: Callable[[], DisplayFormat | None] = lambda: None,
    ) -> None:
        self._rows = rows if isinstance(rows, BatchedRows) else RowsInMemory(rows)
        self._schema = schema
        self._protection = replace(protection or Protection(), declared=frozenset(schema.by_key))
        self._display_format = display
        self.drift = self._compare()
        if on_schema_change == "freeze":
            self._refuse_drift()
        kept = () if on_schema_change == "drop" else self.drift.unknown
        columns = (*schema.columns, *map(schema.column, kept))
        self._sources = {column.key: column for column in columns if not self._protection.drops(column.key)}
        self.columns = tuple(
            replace(column, type="text") if self._protection.of(column.key) else column
            for column in self._sources.values()
        )
        """The columns of every row that comes out, in this order."""

    @property
    def count(self) -> int:
        """The number of rows."""
        return self._rows.count

    def __iter__(self) -> Iterator[dict[str, JsonValue]]:
        """Yield each row with all columns, None where it has no value.

        :raises SchemaError: for a value that does not fit its column.
        """
        keys = tuple(self._sources)
        for columns in self.batches():
            for values in zip(*columns, strict=True):
                yield dict(zip(keys, values, strict=True))

    def batches(self, at_once: AtOnce | None = None) -> Iterator[list[Any]]:
        """Yield the same rows in batches, as one list of values for each of ``columns``.

        :param at_once: is asked first; what it converts comes in the form of its library.
        :raises SchemaError: for a value that does not fit its column.
        """
        kinds = [None if self._protection.of(key) else column.type for key, column in self._sources.items()]
        converters = [
            ColumnConverter(kind, self._converter(column))
            for kind, column in zip(kinds, self._sources.values(), strict=True)
        ]
        for batch in self._rows.batches():
            columns = [self._shown(key, batch.column(key)) for key in self._sources]
            found = at_once(kinds, columns) if at_once else [None] * len(columns)
            yield [
                convert(values) if converted is None else converted
                for convert, values, converted in zip(converters, columns, found, strict=True)
            ]

    def sparse(self) -> list[dict[str, JsonValue]]:
        """Return the rows with the keys that the PBX sent and no others."""
        kept = {key: self._converter(column) for key, column in self._sources.items()}
        return [
            {key: kept[key](self._shown_one(key, value)) for key, value in row.items() if key in kept}
            for batch in self._rows.batches()
            for row in batch.rows()
        ]

    def _shown(self, key: str, values: Values) -> Values:
        """Return values of a column without what is protected within them; plain texts and numbers at once."""
        if not self._may_hold_protected(key, values):
            return values
        return packed(tuple([self._shown_one(key, value) for value in values]))

    def _may_hold_protected(self, key: str, values: Values) -> bool:
        if not self._protection.ways or isinstance(values, array):
            return False
        if isinstance(values, Texts) and not isinstance(values, Json):
            return self._protection.reads_texts(key) and any(sign in values.joined for sign in JSON_BEGINS)
        return not {list, dict, str}.isdisjoint(map(type, values))

    def _shown_one(self, key: str, value: Any) -> Any:
        is_open = self._protection.ways and not self._protection.of(key)
        return self._protection.in_column(key, value) if is_open else value

    def _compare(self) -> Drift:
        seen = dict.fromkeys(self._rows.keys)
        unknown = tuple(key for key in seen if key not in self._schema.by_key)
        expected = (column.key for column in self._schema.columns if column.source in _CERTAIN)
        return Drift(unknown, tuple(key for key in expected if key not in seen) if self.count else ())

    def _refuse_drift(self) -> None:
        for what, keys in (("columns that it did not have", self.drift.unknown), ("no longer", self.drift.vanished)):
            if keys:
                told = ", ".join(names_to_tell(keys))
                raise SchemaError(f"The report {self._schema.report} has {what}: {told} (`on_schema_change` is freeze)")

    def _converter(self, column: Column) -> Callable[[Any], JsonValue]:
        hide = self._protection.of(column.key)
        convert = CONVERTERS["text" if hide else column.type]

        def converted(value: Any) -> JsonValue:
            if hide and isinstance(value, (list, dict)):
                return convert(self._protection.hidden(column.key, value))
            if isinstance(value, str):
                value = value.strip()
                if value in NO_VALUE or (column.type != "text" and value.lower() == "nan"):
                    return None
            elif value is None or (isinstance(value, float) and math.isnan(value)):
                return None
            try:
                found = convert(value)
            except ValueError:
                found = self._in_display_format(column, value)
            return hide(str(found)) if hide else found

        return converted

    @cached_property
    def _display(self) -> DisplayFormat | None:
        return self._display_format()

    def _in_display_format(self, column: Column, value: Any) -> str:
        if column.type == "timestamp" and isinstance(value, str) and self._display:
            try:
                return self._display.parse_datetime(value).replace(tzinfo=None).isoformat()
            except (InvalidSettingsError, ValueError):
                pass  # the error below says more
        # What is hidden in one column may stand in another one's value.
        shown = f"another value, a {type(value).__name__}" if self._protection.ways else repr(value)
        as_text = f'If that is right, say so with columns={{"{column.key}": "text"}}.'
        raise SchemaError(
            f"The column {column.key} of the report {self._schema.report} is {column.type}, and holds "
            f"{shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}",
            remedy=as_text if self._schema.takes_columns else f'Leave it out with protect={{"{column.key}": "drop"}}.',
        )
