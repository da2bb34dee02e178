"""What follows a report's header: its rows, the tables of calls under them, its total row. Pure.

The rules stand in :mod:`.parsing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.cells import is_value
from airflow_provider_yeastar.readers.columns import ColumnKind
from airflow_provider_yeastar.readers.layout import ReportRow
from airflow_provider_yeastar.readers.records import TABLE_CELLS, Record, is_like_header, without_blank_end
from airflow_provider_yeastar.readers.totals import LastRow, judge_last_row

__all__ = ["Body"]

_MOST_NAMED_TOTALS = 100


class _CallLayout(NamedTuple):
    """Where the tables of calls stand: in the cells from ``start`` to before ``end``, of rows of ``width`` cells."""

    header: tuple[str, ...]
    start: int
    end: int
    width: int

    @classmethod
    def of(cls, record: Record) -> _CallLayout:
        start = next(index for index, text in enumerate(record.texts) if text)
        end = len(without_blank_end(record.texts))
        return cls(record.texts[start:end], start, end, len(record.cells))

    def holds(self, record: Record) -> bool:
        outside = record.texts[: self.start] + record.texts[self.end :]
        return len(record.cells) == self.width and not any(outside)


class Body:
    """What follows the header, row by row; rules 4 to 6.

    :param header: the titles.
    :param kinds: what the columns hold.
    :param width: cells of the header, blank ones at its end included.
    """

    def __init__(self, header: Sequence[str], kinds: Sequence[ColumnKind], width: int) -> None:
        self._header = header
        self._kinds = kinds
        self._width = width
        self._rows: list[tuple[Record, list[tuple[str, ...]]]] = []
        self._total: Record | None = None
        self._layout: _CallLayout | None = None
        self._in_calls = False
        self._named_totals = 0

    @property
    def call_header(self) -> tuple[str, ...]:
        return self._layout.header if self._layout else ()

    def take(self, record: Record) -> None:
        """Add the next row to what it belongs to.

        :raises ReportLayoutError: when it belongs to nothing.
        """
        if self._total or self._follows_total(record):
            raise record.refused("a row follows the total row")
        if not record.is_indented and record.is_named_total and len(record.cells) < self._width:
            self._total = record  # too narrow for data
        elif not record.is_indented and len(record.cells) == self._width:
            self._take_row(record)
        elif self._is_call_header(record):
            self._layout = self._layout or _CallLayout.of(record)
            self._in_calls = True
        elif self._in_calls and self._layout and self._layout.holds(record):
            self._rows[-1][1].append(record.cells[self._layout.start : self._layout.end])
        else:
            raise record.refused("a row that belongs to no table")

    def rows_and_totals(self, total_row: bool | None) -> tuple[tuple[ReportRow, ...], ReportRow | None]:
        """Return the rows of data, and the total row where there is one.

        :param total_row: whether the last row is one; None lets its figures decide.
        :raises ReportLayoutError: when the last row may be either.
        """
        rows = tuple(ReportRow(record.line, record.cells, tuple(calls)) for record, calls in self._rows)
        if self._total:
            return rows, ReportRow(self._total.line, self._total.cells)
        if not rows or total_row is False:
            return rows, None
        if total_row is None and self._begins_with_total():
            raise self._rows[0][0].refused("the first row may be a total of those below it")
        last = self._judge() if total_row is None else LastRow.TOTAL
        if last is LastRow.UNKNOWN:
            raise ReportLayoutError(
                self._rows[-1][0].refused("the last row may be a total or data").what,
                remedy="Say which it is, with total_row=True or total_row=False.",
            )
        return (rows[:-1], rows[-1]) if last is LastRow.TOTAL else (rows, None)

    def _judge(self) -> LastRow:
        return judge_last_row(self._header, self._kinds, [record.cells for record, _ in self._rows])

    def _begins_with_total(self) -> bool:
        """Whether the first row is named a total and adds up the others: then it is none of their kind."""
        (first, _), *others = self._rows
        rows = [record.cells for record, _ in others]
        named = first.is_named_total and bool(others)
        return named and judge_last_row(self._header, self._kinds, [*rows, first.cells]) is LastRow.TOTAL

    def _follows_total(self, record: Record) -> bool:
        """Whether the row before is named a total, and may be one: then no row of data may follow."""
        if len(self._rows) < 2 or not self._rows[-1][0].is_named_total or record.is_indented:
            return False  # of a first row the end decides
        if len(record.cells) != self._width:
            return False
        self._named_totals += 1
        if self._named_totals > _MOST_NAMED_TOTALS:  # each of them is judged by all rows above it
            raise record.refused(f"more than {_MOST_NAMED_TOTALS} rows call themselves a total")
        return self._judge() is not LastRow.DATA

    def _take_row(self, record: Record) -> None:
        table_like = len(record.filled) >= TABLE_CELLS and is_like_header(record.texts)
        if table_like and self._rows and any(is_value(text) for text in self._rows[0][0].texts):
            raise record.refused("a second header in the report's own columns")
        self._rows.append((record, []))
        self._in_calls = False

    def _is_call_header(self, record: Record) -> bool:
        if not self._rows or len(record.filled) < TABLE_CELLS:
            return False
        if self._layout is None:
            return is_like_header(_CallLayout.of(record).header)
        if record.filled != self._layout.header:
            return False
        if self._in_calls:
            raise record.refused("the header of the calls comes twice under one row")
        return self._layout.holds(record)
