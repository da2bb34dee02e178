"""Does a report hold a row? Judged by its content, because an empty report is a file like any other.

Pure. How the API's own csv and html look is unknown [U]: a preamble or none, localized headers, a total row, nested
tables. So nothing here knows a column; the shape of the rows decides, and what is not understood counts as data.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html.parser import HTMLParser
from itertools import chain, islice
from typing import NamedTuple

__all__ = ["is_empty_report"]

_MAX_LINE_CHARACTERS = 128 * 1024
_MAX_MARKUP_CHARACTERS = 1024 * 1024
"""A page's scripts and styles may be long."""
_CELL_CHARACTERS = 256
"""As much of a cell of a page is looked at."""
_MAX_PREAMBLE_ROWS = 20
_SNIFFED_LINES = 2 * _MAX_PREAMBLE_ROWS
_HEADER_CELLS = 3
"""Rows before the header (title, time range) have fewer filled cells than this; wider rows are the table."""
_VALUE = re.compile(r"\d+([.,]\d+)*\s*%?|\d+:\d\d(:\d\d)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_ZERO = re.compile(r"[-\u2013\u2014]*|0+([.,:]0+)*\s*%?")
_COLONS = ":\uff1a"
# Labels are localized: the words for "total" that can be expected, lower case. A total row in a language that is not
# here counts as data.
_TOTALS = frozenset(
    (
        *("total", "totals", "sum", "summary", "totale", "totaux", "gesamt", "summe", "insgesamt", "итого", "всего"),
        *("toplam", "razem", "suma", "celkem", "összesen", "totaal", "totalt", "yhteensä"),
        *("合计", "总计", "合計", "總計", "합계", "총계"),
    )
)


class _Row(NamedTuple):
    """The filled cells of one row, and whether its markup calls it a header (None: there is no markup)."""

    cells: list[str]
    marked_header: bool | None


def is_empty_report(chunks: Iterable[bytes], file_format: str) -> bool:
    """Return whether a csv or html report certainly holds no row of data.

    Empty are:

    - csv: nothing but blanks; or one row of two filled cells, taken for a header;
    - csv: a header of at least three filled cells; up to 20 rows of one or two (title, time range) may precede it;
    - html: a table with a header of ``<th>`` cells; up to 20 rows of one or two filled ``<td>`` may precede it;
    - the last two with total rows in which everything is zero.

    A cell of a header is no number, percentage, duration or date.
    Anything else counts as data, a layout that is not understood included: to keep an empty report is a smaller harm
    than to drop one with calls in it. So rows of zeros (a queue without calls, an hour without calls) are data, and so
    is a text such as "No data" in a row of its own.

    Reading stops at the first row of data; memory does not grow with the report.

    :param chunks: the file's bytes, cut anywhere.
    :param file_format: ``csv`` or ``html``; what the others hold cannot be seen.
    """
    return _EMPTY_JUDGES[file_format](_decoded(chunks))


def _is_empty_csv(texts: Iterable[str]) -> bool:
    lines = _lines(texts)
    sample = list(islice(lines, _SNIFFED_LINES))
    rows = filter(None, map(_filled, csv.reader(chain(sample, lines), delimiter=_delimiter(sample), strict=True)))
    try:
        first = list(islice(rows, 2))
        if len(first) < 2 and all(len(cells) == 2 and not _holds_values(cells) for cells in first):
            return True
        return _is_header_alone(_Row(cells, marked_header=None) for cells in chain(first, rows))
    except csv.Error:
        return False  # stray quotes or an endless cell: not certainly empty


def _is_empty_html(texts: Iterable[str]) -> bool:
    return _is_header_alone(_TableParser().rows_of(texts))


_EMPTY_JUDGES: Mapping[str, Callable[[Iterable[str]], bool]] = {"csv": _is_empty_csv, "html": _is_empty_html}


def _is_header_alone(rows: Iterable[_Row]) -> bool:
    header_found = False
    preamble_rows = 0
    for cells, marked in rows:
        wide = len(cells) >= _HEADER_CELLS
        may_be_header = wide and not header_found if marked is None else marked
        if may_be_header and not _holds_values(cells):
            header_found = True
        elif header_found:
            if not _is_total_of_zeros(cells):
                return False
        elif wide or preamble_rows == _MAX_PREAMBLE_ROWS:
            return False
        else:
            preamble_rows += 1
    return header_found


def _holds_values(cells: list[str]) -> bool:
    return any(_VALUE.fullmatch(cell) for cell in cells)


def _is_total_of_zeros(cells: list[str]) -> bool:
    return cells[0].rstrip(_COLONS).strip().lower() in _TOTALS and all(_ZERO.fullmatch(cell) for cell in cells[1:])


def _filled(cells: Iterable[str]) -> list[str]:
    return [text for cell in cells if (text := cell.strip())]


def _delimiter(sample: list[str]) -> str:
    """Return the delimiter that makes a table of the lines; tabs last, because cells may hold them."""
    for delimiter in (",", ";"):
        if any(line.count(delimiter) >= _HEADER_CELLS - 1 for line in sample):
            return delimiter
    return "\t" if any("\t" in line for line in sample) else ","


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    utf8 = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    newlines = io.IncrementalNewlineDecoder(utf8, translate=True)
    for chunk in chunks:
        yield newlines.decode(chunk)
    yield newlines.decode(b"", final=True)


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield lines; one that is longer than any of a report comes in pieces, to bound the memory."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from (f"{line}\n" for line in whole)
        if len(rest) > _MAX_LINE_CHARACTERS:
            yield rest
            rest = ""
    if rest:
        yield rest


class _TableParser(HTMLParser):
    """Gathers the rows of all tables of a page; a row of `<th>` alone is marked as a header."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._rows: list[_Row] = []
        self._cells: list[str] = []
        self._has_data_cell = False
        self._in_cell = False
        # Characters since the last tag or text. The base class has no such figure: from Python 3.14 on it keeps
        # unfinished markup in more than one place.
        self._unfinished = 0

    def rows_of(self, texts: Iterable[str]) -> Iterator[_Row]:
        """Yield the rows while the page is read; what is too long to be a row counts as a row of data."""
        for text in texts:
            self._unfinished += len(text)
            self.feed(text)
            yield from self._taken()
            if self._unfinished + len(self._cells) * _CELL_CHARACTERS > _MAX_MARKUP_CHARACTERS:
                yield _Row(["1"] * _HEADER_CELLS, marked_header=False)
                return
        self.close()
        self._end_row()
        yield from self._taken()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unfinished = 0
        if tag == "tr":
            self._end_row()
        elif tag in ("td", "th"):
            self._cells.append("")
            self._in_cell = True
            self._has_data_cell |= tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._unfinished = 0
        if tag in ("tr", "table"):
            self._end_row()
        elif tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self._unfinished = 0
        if self._in_cell and len(self._cells[-1]) < _CELL_CHARACTERS:
            self._cells[-1] = (self._cells[-1] + data).lstrip()[:_CELL_CHARACTERS]

    def _end_row(self) -> None:
        cells = _filled(self._cells)
        if cells:
            self._rows.append(_Row(cells, marked_header=not self._has_data_cell))
        self._cells, self._has_data_cell, self._in_cell = [], False, False

    def _taken(self) -> list[_Row]:
        rows, self._rows = self._rows, []
        return rows
