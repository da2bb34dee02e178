"""Does a report hold rows, and how many? Judged by its content, because an empty report is a file like any other.

Pure. How the API's own csv and html look is unknown [U]: a preamble or none, localized headers, a total row, nested
tables. So nothing here knows a column; the shape of the rows decides, and what is not understood is said to be unclear.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import chain, islice, repeat

from airflow_provider_yeastar.pbx.files.delimited import (
    HEADER_CELLS,
    decoded,
    delimiter_of,
    filled,
    is_total,
    lines_of,
    says_no_data,
)
from airflow_provider_yeastar.pbx.files.markup import Page

__all__ = ["Content", "content_of", "rows_in"]

_MAX_PREAMBLE_ROWS = 20
_SNIFFED_LINES = 2 * _MAX_PREAMBLE_ROWS
_VALUE = re.compile(r"\d+([.,]\d+)*\s*%?|\d+:\d\d(:\d\d)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_NOTHING = re.compile(r"[-\u2013\u2014]*")
_ZERO = re.compile(r"[-\u2013\u2014]*|0+([.,:]0+)*\s*%?")


class Content(Enum):
    """What a report holds, as far as its file tells."""

    EMPTY = "a header and no row"
    FILLED = "at least one row"
    UNCLEAR = "neither a row nor certainly none"


class _Seen(Enum):
    """What one row tells of the whole."""

    HEADER = "the table begins"
    ROW = "a row of data"
    TOTAL = "a total that is not zero: there are rows, and this is none"
    NOTHING = "a total of zeros, dashes, the words that there is no data"
    DOUBT = "may be data, or not"


def content_of(chunks: Iterable[bytes], file_format: str) -> Content:
    """Return whether a csv or html report holds rows; reading stops at the first, memory does not grow with the report.

    Empty are a csv of blanks alone; a csv of one row of two cells, taken for a header; a header of at least three cells
    (csv) or of ``<th>`` (html), which up to 20 rows of one or two cells may precede. None of a header's cells is a
    number, percentage, duration or date. Below it may stand totals in which everything is zero, rows of dashes, and the
    words that there is no data.

    Filled is a report with any other row of two cells or more below the header, or with a number in it: rows of zeros
    too (a queue without calls). Everything else is unclear, such as a page whose rows a script may fill in, and a row
    with values that stands above the header (csv), or in a table above that with a header (html).

    :param chunks: the file's bytes, cut anywhere.
    :param file_format: ``csv`` or ``html``.
    """
    seen = set()
    for sign in _signs(chunks, file_format):
        if sign in (_Seen.ROW, _Seen.TOTAL):
            return Content.FILLED
        seen.add(sign)
    if _Seen.DOUBT in seen:
        return Content.UNCLEAR
    return Content.EMPTY if _Seen.HEADER in seen or (file_format == "csv" and not seen) else Content.UNCLEAR


def rows_in(chunks: Iterable[bytes], file_format: str) -> int:
    """Return how many rows of data a csv or html report holds, its header, its preamble and its totals aside.

    :param chunks: the file's bytes, cut anywhere.
    :param file_format: ``csv`` or ``html``.
    """
    return sum(sign is _Seen.ROW for sign in _signs(chunks, file_format))


def _signs(chunks: Iterable[bytes], file_format: str) -> Iterator[_Seen]:
    texts = decoded(chunks)
    return _signs_of_page(texts) if file_format == "html" else _signs_of_csv(texts)


def _signs_of_csv(texts: Iterable[str]) -> Iterator[_Seen]:
    lines = lines_of(texts)
    sample = list(islice(lines, _SNIFFED_LINES))
    rows = csv.reader(chain(sample, lines), delimiter=delimiter_of(sample), strict=True)
    narrow: list[list[str]] = []
    header_found = is_row_above = False
    try:
        for cells in filter(None, map(filled, rows)):
            if is_row_above:
                is_row_above = False
                yield from _signs_of_two(cells)
            elif header_found:
                yield _sign_below_header(cells)
            elif len(cells) < HEADER_CELLS:
                narrow.append(cells)
                if len(narrow) > _MAX_PREAMBLE_ROWS:  # too long a preamble, or a table of two columns
                    header_found = all(len(row) > 1 for row in narrow)
                    yield from _signs_of_two_columns(narrow)
                    narrow.clear()
            else:
                header_found, is_row_above = True, _holds_values(cells)
                if not is_row_above:
                    yield _Seen.HEADER
    except csv.Error:
        yield _Seen.DOUBT  # stray quotes or an endless cell
    if is_row_above:
        yield _Seen.ROW
    if not header_found:
        yield from _signs_of_two_columns(narrow)


def _signs_of_two(second: list[str]) -> Iterator[_Seen]:
    """Tell of a row with values above all others, and of the one after it: a header makes a preamble of the first."""
    sign = _sign_below_header(second)
    is_header = sign is _Seen.ROW and len(second) >= HEADER_CELLS and not _holds_values(second)
    yield from (_Seen.DOUBT, _Seen.HEADER) if is_header else (_Seen.ROW, sign)


def _signs_of_two_columns(rows: Sequence[list[str]]) -> Iterator[_Seen]:
    if any(len(cells) < 2 for cells in rows):
        yield _Seen.DOUBT
        return
    for number, cells in enumerate(rows):
        if number == 0 and not _holds_values(cells):
            yield _Seen.HEADER
        else:
            yield _sign_below_header(cells)


def _signs_of_page(texts: Iterable[str]) -> Iterator[_Seen]:
    page = Page()
    header_found = False
    rows_above = 0
    for cells, is_header, is_unclear in page.rows_of(texts):
        holds_values = _holds_values(cells)
        if is_header and not holds_values:
            if rows_above:
                yield _Seen.DOUBT  # of a table above the report's
            header_found, rows_above = True, 0
            yield _Seen.HEADER
        elif header_found:
            sign = _sign_below_header(cells)
            yield _Seen.DOUBT if is_unclear and not holds_values else sign
        elif holds_values and (rows_above or len(cells) >= HEADER_CELLS):
            rows_above += 1
        elif not rows_above and len(cells) >= HEADER_CELLS:
            header_found = True
            yield _Seen.DOUBT  # a header that is not marked as one, or cells of data
        elif rows_above:
            yield _Seen.DOUBT
    yield from repeat(_Seen.ROW, rows_above)
    header_found = header_found or bool(rows_above)
    if page.is_endless or page.has_script or page.has_text_after_table or not header_found:
        yield _Seen.DOUBT


def _sign_below_header(cells: list[str]) -> _Seen:
    if is_total(cells):
        return _Seen.NOTHING if all(_ZERO.fullmatch(cell) for cell in cells[1:]) else _Seen.TOTAL
    if says_no_data(cells) or all(_NOTHING.fullmatch(cell) for cell in cells):
        return _Seen.NOTHING
    return _Seen.ROW if len(cells) > 1 or _holds_values(cells) else _Seen.DOUBT


def _holds_values(cells: Sequence[str]) -> bool:
    return any(_VALUE.fullmatch(cell) for cell in cells)
