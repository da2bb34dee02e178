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
6.  The *total row* is the last row, if every column that can be added up agrees over two rows or more, and its first
    cell is a word for "total" in a language that is known here, or plain text where all rows above have a value or a
    label and two sums that differ agree; or if it begins with such a word and is narrower than the header. What may be
    either is refused, and so is a total above the rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.body import Body
from airflow_provider_yeastar.readers.columns import kinds_of
from airflow_provider_yeastar.readers.layout import ReportTable
from airflow_provider_yeastar.readers.records import TABLE_CELLS, Record, is_like_header, without_blank_end

__all__ = ["parse_report"]

_DELIMITERS = (",", ";", "\t")
_MAX_PREAMBLE_ROWS = 20
_HEAD_ROWS = _MAX_PREAMBLE_ROWS + 2
"""The preamble, the header, and the row that confirms it."""


def parse_report(
    text: str,
    source: str = "The report",
    *,
    report_type: str | None = None,
    kinds: Mapping[str, str] | None = None,
    total_row: bool | None = None,
) -> ReportTable:
    """Read a report from text.

    :param text: the whole file, with or without a byte order mark.
    :param source: how errors name it, default ``The report``.
    :param report_type: the built-in report that it is; its schema says what the columns hold.
    :param kinds: what columns hold, by title or name, where the schema does not say it or says otherwise; see
        :func:`.typed_columns`.
    :param total_row: whether the last row is a total row; left out, it is one where its figures prove it.
    :raises ReportLayoutError: when it is no report that can be read without guessing.
    """
    reading = _Reading(report_type, dict(kinds) if kinds else None, total_row)
    try:
        return _parse(text.removeprefix("\ufeff"), reading)
    except csv.Error as error:
        raise ReportLayoutError(f"{source} is no CSV: {error}") from None
    except ReportLayoutError as error:
        what = f"{source} is laid out in an unknown way: {error.what}"
        raise ReportLayoutError(what, remedy=error.remedy) from None


class _Reading(NamedTuple):
    """What the caller said about the report."""

    report_type: str | None
    kinds: Mapping[str, str] | None
    total_row: bool | None


def _parse(text: str, reading: _Reading) -> ReportTable:
    delimiter = _delimiter(text)
    records = _records(text, delimiter, strict=True)
    preamble = list(islice(records, _header_index(_head(text, delimiter))))
    titles = next(records)
    header = without_blank_end(titles.texts)
    body = Body(header, kinds_of(header, reading.report_type, reading.kinds), len(titles.cells))
    for record in records:
        body.take(record)
    rows, totals = body.rows_and_totals(reading.total_row)
    return ReportTable(
        header=header,
        rows=rows,
        totals=totals,
        preamble=tuple(record.cells for record in preamble),
        call_header=body.call_header,
        report_type=reading.report_type,
        kinds=reading.kinds,
    )


def _records(text: str, delimiter: str, *, strict: bool) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield Record(reader.line_num, tuple(cells))


def _head(text: str, delimiter: str) -> list[Record]:
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
    headers = [found for found in headers if found.width >= TABLE_CELLS] or headers
    first = min(found.line for found in headers)
    fitting = [found.delimiter for found in headers if found.line == first]
    if {",", ";"} <= set(fitting):
        raise _head(text, ",")[0].refused("comma and semicolon both make a table of it")
    return fitting[0]


def _header_index(head: Sequence[Record]) -> int:
    """Return which row of a file's beginning is the header of rule 2."""
    if not head:
        raise ReportLayoutError("there is nothing in it")
    index = next((index for index, record in enumerate(head) if len(record.filled) >= TABLE_CELLS), 0)
    header = head[index]
    if index > _MAX_PREAMBLE_ROWS or len(header.filled) < 2 or not is_like_header(header.texts):
        raise header.refused("this is no header, and none was before it")
    for after in head[index + 1 : index + 2]:
        if len(after.cells) != len(header.cells) and not after.is_named_total:
            raise after.refused(f"the header has {len(header.cells)} cells, the row after it {len(after.cells)}")
    return index
