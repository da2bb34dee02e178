"""Tell header, preamble, total row and nested tables of a report's CSV apart. Pure.

How the files of a PBX's API look is unknown [U]; portal exports come with and without a byte order mark and a preamble,
with localized headers, with tabs in cells, with a total row, and with a table of calls under each row. So no word of a
header and no line number is relied on, the raw text of every cell is kept, and what fits none of these rules is a
:class:`ReportLayoutError` rather than a guess. A blank line is nothing anywhere.

1.  A *value* is a number, a percentage, a duration, a time, a date, or a name with its number (``Name<1021>``). A row
    is *like a header* if it has no blank cell but at its end, no cell twice, and no value.
2.  The *header* is the first row with three or more filled cells; it is like a header, and the row after it is as wide.
    What precedes it is the *preamble*: at most twenty rows of one or two filled cells. A table of two columns is read
    too, but only without a preamble, because nothing would tell them apart.
3.  The *delimiter* is the one of comma, semicolon and tab with which rule 2 finds a header, and finds it first in the
    file. The tab comes last, because cells may hold tabs; between comma and semicolon nothing is preferred.
4.  A *row* of the report has as many cells as the header, and its first one is filled.
5.  A *table of calls* begins under a row, with a header of its own: a row like a header that is indented by blank
    cells, or has not as many cells as the report. Its rows are indented, or as wide, alike; a row of the report ends
    it. All tables of calls of a file have the same header.
6.  The *total row* is the last row. Its first cell is a word for "total" in a language that is known here; or it is
    plain text where all rows above have a value or a name with its number, and the figures are the sums of theirs. If
    these sums are all zero, and so prove nothing, the layout is unknown. A total row in another language among rows
    whose first cells are plain text counts as data.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.cells import ReportColumn, figure, is_value, parse_label, typed_columns

__all__ = ["ReportRow", "ReportTable", "parse_report"]

_DELIMITERS = (",", ";", "\t")
_TABLE_CELLS = 3
_MAX_PREAMBLE_ROWS = 20
_HEAD_ROWS = _MAX_PREAMBLE_ROWS + 2
"""The preamble, the header, and the row that confirms it."""
_SHOWN_CHARACTERS = 200
_TOTALS = frozenset(
    (
        *("total", "totals", "sum", "summary", "totale", "totaux", "gesamt", "summe", "insgesamt", "итого", "всего"),
        *("toplam", "razem", "suma", "celkem", "összesen", "totaal", "totalt", "yhteensä"),
        *("合计", "总计", "合計", "總計", "합계", "총계"),
    )
)


@dataclass(frozen=True)
class ReportRow:
    """One row of the report.

    :param line: line of the file at which the row ends, from 1.
    :param cells: the cells' text, exactly as it stands in the file.
    :param calls: the rows of the table of calls under it, as text, default ``()``; cells that only indent are left out.
    """

    line: int
    cells: tuple[str, ...]
    calls: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ReportTable:
    """A report.

    :param header: the columns' titles, without surrounding blanks.
    :param rows: the rows of data, without the total row.
    :param totals: the total row, where the file has one.
    :param preamble: the rows before the header, as text, default ``()``.
    :param call_header: header of the tables of calls, default ``()``: there are none.
    """

    header: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    totals: ReportRow | None = None
    preamble: tuple[tuple[str, ...], ...] = ()
    call_header: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[ReportColumn, ...]:
        """The rows' values by column, typed; see :func:`.typed_columns`."""
        return typed_columns(self.header, [row.cells for row in self.rows])


def parse_report(text: str, source: str = "The report") -> ReportTable:
    """Read a report from text.

    :param text: the whole file, with or without a byte order mark.
    :param source: how errors name it, default ``The report``.
    :raises ReportLayoutError: when it is no report that can be read without guessing.
    """
    try:
        return _parse(text.removeprefix("\ufeff"))
    except csv.Error as error:
        raise ReportLayoutError(f"{source} is no CSV: {error}") from None
    except ReportLayoutError as error:
        raise ReportLayoutError(f"{source} is laid out in an unknown way: {error.what}") from None


class _Record(NamedTuple):
    """One line of cells that are not all blank, before it is known what it is."""

    line: int
    cells: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The cells without surrounding blanks and tabs."""
        return tuple(cell.strip() for cell in self.cells)

    @property
    def filled(self) -> tuple[str, ...]:
        """The texts that are not blank."""
        return tuple(text for text in self.texts if text)

    @property
    def is_indented(self) -> bool:
        return not self.texts[0]

    @property
    def is_named_total(self) -> bool:
        return self.texts[0].rstrip(":\N{FULLWIDTH COLON}").rstrip().lower() in _TOTALS

    def refused(self, why: str) -> ReportLayoutError:
        """Return an error that shows this row."""
        shown = repr(list(self.cells))
        cut = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"
        return ReportLayoutError(f"{why}, line {self.line}: {cut}")


def _parse(text: str) -> ReportTable:
    delimiter = _delimiter(text)
    records = _records(text, delimiter, strict=True)
    preamble = list(islice(records, _header_index(_head(text, delimiter))))
    header = next(records)
    body = _Body(len(header.cells))
    for record in records:
        body.take(record)
    rows, totals = body.rows_and_totals()
    return ReportTable(
        header=_without_blank_end(header.texts),
        rows=rows,
        totals=totals,
        preamble=tuple(record.cells for record in preamble),
        call_header=body.call_header,
    )


def _records(text: str, delimiter: str, *, strict: bool) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield _Record(reader.line_num, tuple(cells))


def _head(text: str, delimiter: str) -> list[_Record]:
    # Not strict: with a wrong delimiter, correct quotes look wrong.
    return list(islice(_records(text, delimiter, strict=False), _HEAD_ROWS))


class _Found(NamedTuple):
    """A header that a delimiter makes: where it stands, and how wide the file's beginning gets."""

    line: int
    width: int
    delimiter: str


def _delimiter(text: str) -> str:
    """Return the delimiter of rule 3."""
    headers: list[_Found] = []
    refusals: list[tuple[int, ReportLayoutError]] = []
    for delimiter in _DELIMITERS:
        head = _head(text, delimiter)
        width = max((len(record.filled) for record in head), default=0)
        try:
            headers.append(_Found(head[_header_index(head)].line, width, delimiter))
        except ReportLayoutError as error:
            refusals.append((width, error))
    if not headers:
        raise max(refusals, key=itemgetter(0))[1]
    # With one delimiter a table of many columns, with another one by chance a table of two: the former.
    headers = [found for found in headers if found.width >= _TABLE_CELLS] or headers
    first = min(found.line for found in headers)
    fitting = [found.delimiter for found in headers if found.line == first]
    if {",", ";"} <= set(fitting):
        raise _head(text, ",")[0].refused("comma and semicolon both make a table of it")
    return fitting[0]


def _header_index(head: Sequence[_Record]) -> int:
    """Return which row of a file's beginning is the header of rule 2."""
    if not head:
        raise ReportLayoutError("there is nothing in it")
    index = next((index for index, record in enumerate(head) if len(record.filled) >= _TABLE_CELLS), 0)
    header = head[index]
    if index > _MAX_PREAMBLE_ROWS or len(header.filled) < 2 or not _is_like_header(header.texts):
        raise header.refused("this is no header, and none was before it")
    for after in head[index + 1 : index + 2]:
        if len(after.cells) != len(header.cells) and not after.is_named_total:
            raise after.refused(f"the header has {len(header.cells)} cells, the row after it {len(after.cells)}")
    return index


def _is_like_header(texts: Sequence[str]) -> bool:
    titles = _without_blank_end(texts)
    return all(titles) and len(set(titles)) == len(titles) and not any(is_value(title) for title in titles)


def _without_blank_end(texts: Sequence[str]) -> tuple[str, ...]:
    width = max((number for number, text in enumerate(texts, 1) if text), default=0)
    return tuple(texts[:width])


class _CallLayout(NamedTuple):
    """Where the tables of calls stand: in the cells from ``start`` to before ``end``, of rows of ``width`` cells."""

    header: tuple[str, ...]
    start: int
    end: int
    width: int

    @classmethod
    def of(cls, record: _Record) -> _CallLayout:
        start = next(index for index, text in enumerate(record.texts) if text)
        end = len(_without_blank_end(record.texts))
        return cls(record.texts[start:end], start, end, len(record.cells))

    def holds(self, record: _Record) -> bool:
        outside = record.texts[: self.start] + record.texts[self.end :]
        return len(record.cells) == self.width and not any(outside)


class _Body:
    """What follows the header, row by row; rules 4 to 6."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: list[tuple[_Record, list[tuple[str, ...]]]] = []
        self._total: _Record | None = None
        self._layout: _CallLayout | None = None
        self._in_calls = False

    @property
    def call_header(self) -> tuple[str, ...]:
        return self._layout.header if self._layout else ()

    def take(self, record: _Record) -> None:
        """Add the next row to what it belongs to.

        :raises ReportLayoutError: when it belongs to nothing.
        """
        if self._total:
            raise record.refused("a row follows the total row")
        if not record.is_indented and record.is_named_total and len(record.cells) <= self._width:
            self._total = record
        elif not record.is_indented and len(record.cells) == self._width:
            self._take_row(record)
        elif self._is_call_header(record):
            self._layout = self._layout or _CallLayout.of(record)
            self._in_calls = True
        elif self._in_calls and self._layout and self._layout.holds(record):
            self._rows[-1][1].append(record.cells[self._layout.start : self._layout.end])
        else:
            raise record.refused("a row that belongs to no table")

    def rows_and_totals(self) -> tuple[tuple[ReportRow, ...], ReportRow | None]:
        """Return the rows of data, and the total row where there is one.

        :raises ReportLayoutError: when the last row may be either.
        """
        rows = tuple(ReportRow(record.line, record.cells, tuple(calls)) for record, calls in self._rows)
        if self._total:
            return rows, ReportRow(self._total.line, self._total.cells)
        if _ends_in_unnamed_total([record for record, _ in self._rows]):
            return rows[:-1], rows[-1]
        return rows, None

    def _take_row(self, record: _Record) -> None:
        table_like = len(record.filled) >= _TABLE_CELLS and _is_like_header(record.texts)
        if table_like and self._rows and any(is_value(text) for text in self._rows[0][0].texts):
            raise record.refused("a second header in the report's own columns")
        self._rows.append((record, []))
        self._in_calls = False

    def _is_call_header(self, record: _Record) -> bool:
        if not self._rows or len(record.filled) < _TABLE_CELLS:
            return False
        if self._layout is None:
            return _is_like_header(_CallLayout.of(record).header)
        if record.filled != self._layout.header:
            return False
        if self._in_calls:
            raise record.refused("the header of the calls comes twice under one row")
        return self._layout.holds(record)


def _ends_in_unnamed_total(records: Sequence[_Record]) -> bool:
    """Return whether the last row is a total row by its figures; rule 6.

    :raises ReportLayoutError: when all sums are zero.
    """
    if len(records) < 2 or _begins_with_key(records[-1]) or not all(map(_begins_with_key, records[:-1])):
        return False
    columns = [[figure(text) for text in column] for column in zip(*(record.texts for record in records), strict=True)]
    sums = [(sum(known), column[-1]) for column in columns if len(known := _known(column[:-1])) == len(records) - 1]
    sums = [(total, shown) for total, shown in sums if shown is not None]
    if not sums or sums[0][0] != sums[0][1]:
        return False
    if not any(total == shown != 0 for total, shown in sums):
        raise records[-1].refused("the last row may be a total or data")
    return True


def _known(figures: Sequence[int | None]) -> list[int]:
    return [value for value in figures if value is not None]


def _begins_with_key(record: _Record) -> bool:
    return is_value(record.texts[0]) or parse_label(record.texts[0]) is not None
