"""Delimited text, whatever a PBX writes as CSV: its encoding, its delimiter, its rows, and whether it is whole. Pure.

How the API's own CSV looks is unknown [U]: a preamble or none, localized headers, nested tables of other widths, a row
of totals. So nothing here knows a column; the widths of the rows decide.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

__all__ = [
    "HEADER_CELLS",
    "UTF_16",
    "decoded",
    "delimiter_of",
    "filled",
    "holds_error",
    "is_total",
    "lines_of",
    "says_no_data",
    "table_complaint",
]

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The byte order marks with which text in UTF-16 begins."""

HEADER_CELLS = 3
"""Rows before the header (title, time range) have fewer cells than this; wider rows are the table."""

_ERROR_AT_END = "text with a web page or an error message at its end"
_MAX_LINE_CHARACTERS = 128 * 1024
_MOST_LINES_OF_A_ROW = 20
_SAMPLED_LINES = 40
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
# What a report without rows may say of itself, lower case. In another language it can be told from nothing.
_NO_DATA = frozenset(
    (
        *("no data", "no data available", "no data found", "no record", "no records", "no records found", "no result"),
        *("no results", "no results found", "keine daten", "aucune donnée", "sin datos", "nessun dato", "нет данных"),
        *("暂无数据", "无数据", "無資料", "データなし"),
    )
)
# What only a web page, an answer of an API, or a status line holds.
_ERROR = re.compile(
    r"<!doctype\s|</?(html|head|body|title|script|center|h[1-6])[\s>]|\bHTTP/\d(\.\d)? [1-5]\d\d\b"
    r"|\{\s*\"(errcode|errmsg|error|message|status|code)\"\s*:",
    re.IGNORECASE,
)
# What a last line holds that a page, a document or an answer follows within its last cell. A label's number stands in
# angle brackets as well, and may be of letters.
_ERROR_IN_LINE = re.compile(
    r"<!--|<\?(xml|php)\b|</[a-z][\w:.-]*\s*>|<(br|hr|p|div|span|table|pre|font|meta|style|link)(\s[^<>]*)?/?>"
    r"|\{\s*\"[^\"\n]+\"\s*:",
    re.IGNORECASE,
)
# A status in words, as the whole last cell: what a server prints when it fails in the midst of a table. Such words of
# SIP as "Forbidden" are left out; a column of a report may hold them.
_STATUS = re.compile(
    r"(?:error\W*)?(?:5\d\d\W+)?(?:internal server error|bad gateway|gateway time-?out)\W*", re.IGNORECASE
)


def decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the text with plain line ends: UTF-16 with a byte order mark, else UTF-8 with or without one.

    :param chunks: the bytes, cut anywhere; those that are no text become U+FFFD.
    """
    parts = iter(chunks)
    beginning = b""
    while len(beginning) < len(UTF_16[0]) and (part := next(parts, b"")):
        beginning += part
    encoding = "utf-16" if beginning.startswith(UTF_16) else "utf-8-sig"
    newlines = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    for chunk in chain([beginning], parts):
        yield newlines.decode(chunk)
    yield newlines.decode(b"", final=True)


def lines_of(texts: Iterable[str]) -> Iterator[str]:
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


def delimiter_of(lines: Sequence[str]) -> str:
    """Return the delimiter that splits the lines most often; of equals the comma, because cells may hold tabs."""
    return max((",", ";", "\t"), key=lambda delimiter: sum(line.count(delimiter) for line in lines))


def filled(cells: Iterable[str]) -> list[str]:
    """Return the cells that hold something, without the blanks around it."""
    return [text for cell in cells if (text := cell.strip())]


def is_total(cells: Sequence[str]) -> bool:
    """Return whether a row of filled cells calls itself a total."""
    return cells[0].rstrip(_COLONS).strip().lower() in _TOTALS


def says_no_data(cells: Sequence[str]) -> bool:
    """Return whether a row of filled cells says that there are no rows."""
    return len(cells) == 1 and cells[0].strip("-.!* ").lower() in _NO_DATA


def holds_error(text: str) -> bool:
    """Return whether text holds what a table does not, but a web page, an answer of an API, or a status line."""
    return _ERROR.search(text) is not None


def table_complaint(head: str, tail: str, *, may_lack_line_end: bool = False) -> str | None:
    """Return what is wrong with a table of delimited text, None if it begins and ends as one.

    It ends with a line end, in a row as wide as one of the table's (the header, a nested table's header, a row of
    data), in a row of totals or in the words that there is no data. No part of a web page or of an API's answer stands
    at its end.

    :param head: its beginning; all of it if it is short.
    :param tail: its end; all of it if it is short. The first line of a long text's end may be broken.
    :param may_lack_line_end: whether the last line may do without a line end: where the length says that all has come.
        Whether a PBX ends its files with one is unknown [U].
    """
    if holds_error(tail) or _ERROR_IN_LINE.search(tail.rstrip().rpartition("\n")[2]):
        return _ERROR_AT_END
    has_end = tail.endswith("\n" if "\n" in tail else "\r")
    head, tail = _with_plain_line_ends(head), _with_plain_line_ends(tail)
    delimiter = delimiter_of(head.splitlines()[:_SAMPLED_LINES])
    rows = [row for row in csv.reader(io.StringIO(head), delimiter=delimiter) if filled(row)]
    is_all = head == tail
    header = _header(rows, alone=is_all)
    if header is None:
        return "text that is no table"
    if not (has_end or may_lack_line_end):
        return "a table whose last line has no end"
    # The last row of the whole text is judged, not a judge. That of a long text's beginning may be broken.
    widths = {len(row) for row in rows[header:-1]}
    if not is_all:
        widths |= {len(row) for row in [*csv.reader(io.StringIO(tail), delimiter=delimiter)][1:-1]}
    if is_all and header == len(rows) - 1:
        widths = {len(rows[header])}
    narrowest = min(HEADER_CELLS, len(rows[header]))
    may_end = {width for width in widths if width >= narrowest}
    if _ends_with_status(rows, tail, delimiter):
        return _ERROR_AT_END
    has_prose = any(_reads_as_prose(row) for row in rows[header:-1])
    if any(
        _may_be_last(row, may_end) and (has_prose or not _reads_as_prose(row)) for row in _last_rows(tail, delimiter)
    ):
        return None
    return "a table whose last line is not as wide as the others"


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _header(rows: Sequence[list[str]], *, alone: bool) -> int | None:
    """Return which row begins the table; None if there is none, or if a header without rows may as well be prose."""
    narrow = [index for index, row in enumerate(rows) if len(row) == HEADER_CELLS - 1]
    wide = [index for index, row in enumerate(rows) if len(row) >= HEADER_CELLS]
    if not wide and (not narrow or (len(narrow) == 1 and len(rows) > 1)):
        return None
    header = wide[0] if wide else narrow[0]
    return None if alone and header == len(rows) - 1 and _reads_as_prose(rows[header]) else header


def _reads_as_prose(row: Sequence[str]) -> bool:
    """Return whether blanks follow the commas, as in a sentence."""
    return len(row) > 1 and all(cell.startswith(" ") and cell.strip() for cell in row[1:])


def _ends_with_status(rows: Sequence[list[str]], tail: str, delimiter: str) -> bool:
    """Return whether the last cell is a status in words that no row before has."""
    last = next(_last_rows(tail, delimiter), [])
    before = (cell.strip() for row in rows[:-1] for cell in row)
    return bool(last and _STATUS.fullmatch(last[-1].strip())) and not any(map(_STATUS.fullmatch, before))


def _last_rows(tail: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the last row, as it is if it has one line, two and so on: a quoted cell may hold line ends."""
    lines = tail.split("\n")
    while lines and not lines[-1].strip():  # only whole lines: a tab at the end of one is an empty cell
        lines.pop()
    for count in range(1, min(len(lines), _MOST_LINES_OF_A_ROW) + 1):
        row = _row("\n".join(lines[-count:]), delimiter)
        if row is not None:
            yield row


def _row(text: str, delimiter: str) -> list[str] | None:
    """Return the cells of one row, None if the text is none: if it begins or ends within quotes, or holds several.

    Quotes within a quoted cell are doubled, escaped with a backslash, or neither. Of the last kind, only those that are
    even in number are read, as one that is missing may be that at which the text was cut.
    """
    is_escaped = '\\"' in text
    try:
        rows = [*csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)]
    except csv.Error:
        if not is_escaped and text.count('"') % 2:
            return None
        reader = csv.reader(io.StringIO(f"{text}\n."), delimiter=delimiter, escapechar="\\" if is_escaped else None)
        *rows, added = reader
        if added != ["."]:  # it became part of a cell that has not ended
            return None
    return rows[0] if len(rows) == 1 else None


def _may_be_last(row: Sequence[str], widths: set[int]) -> bool:
    cells = filled(row)
    return len(row) in widths or (len(cells) > 1 and is_total(cells)) or says_no_data(cells)
