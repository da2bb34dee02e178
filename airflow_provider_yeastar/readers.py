"""Read a report that was saved as CSV: the header, the rows with typed values, the total row, the calls under each row.

How the files of a PBX's API look is unknown [U]; portal exports come with and without a byte order mark and a preamble,
with localized headers, with tabs in cells, with a total row, and with a table of calls under each row. So no word of a
header and no line number is relied on, the raw text of every cell is kept, and what fits none of these rules is a
:class:`ReportLayoutError` rather than a guess. A blank line is nothing anywhere.

1.  A *value* is a whole or decimal number, a percentage, a duration, a time, a date, or a name with its number
    (``Name<1021>``). A row is *like a header* if its cells are filled, different from one another and no values.
2.  The *header* is the first row with three or more filled cells, and is like a header; the row after it is as wide.
    What precedes it is the *preamble*: at most twenty rows of one or two filled cells. A table of two columns is read
    too, but only without a preamble, because nothing would tell them apart.
3.  The *delimiter* is the one of comma and semicolon with which rule 2 finds a header; the tab if neither does,
    because cells may hold tabs.
4.  A *row* of the report is as wide as the header, and its first cell is filled.
5.  A *table of calls* begins under a row with a header of its own: a row like a header that is indented by blank cells,
    or is of another width than the report. Its rows are indented, or as wide, alike; a row of the report ends it. Every
    table of calls of a file has the same header.
6.  The *total row* is the last row, and its first cell is either a word for "total" in a language that is known here,
    or plain text where all rows above have a value or a name with its number, while its figures are the sums of
    theirs. If these sums are all zero, and so prove nothing, the layout counts as unknown.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple

from airflow_provider_yeastar.pbx.errors import BadFileError, Reaction

__all__ = [
    "ColumnKind",
    "Label",
    "ReportColumn",
    "ReportLayoutError",
    "ReportRow",
    "ReportTable",
    "parse_duration",
    "parse_label",
    "parse_percent",
    "parse_report",
    "read_report",
    "typed_columns",
]

ColumnKind = Literal["blank", "integer", "decimal", "percent", "duration", "text"]
Value = int | float | str | None

_DELIMITERS = (",", ";", "\t")
_MAX_PREAMBLE_ROWS = 20
_TABLE_CELLS = 3
_SHOWN_CHARACTERS = 200
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

# A leading zero makes a phone number or an id of it; more digits than these fit no database's whole number.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
# A comma with three digits may part thousands: not read.
_DECIMAL = re.compile(r"-?\d{1,17}(\.\d+|,\d\d?)?", re.ASCII)
_LEADING_ZERO = re.compile(r"-?0\d")
_DURATION = re.compile(r"(\d+):([0-5]\d):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?(\D.*)?", re.ASCII | re.DOTALL)
_OTHER_VALUE = re.compile(r"[-+]?\d+([.,:]\d+)*\s*%?", re.ASCII)
_NAME_THEN_NUMBER = re.compile(r"(?P<name>.*)<(?P<number>[+*#]?[\d*#]+)>", re.ASCII | re.DOTALL)
_NUMBER_THEN_NAME = re.compile(r"(?P<number>[+*#]?\d+)-\s*(?P<name>[^\W\d_].*)", re.DOTALL)
_NO_VALUE = frozenset(("", "-", "--", "\u2013", "\u2014"))
_TOTALS = frozenset(
    (
        *("total", "totals", "sum", "summary", "totale", "totaux", "gesamt", "summe", "insgesamt", "итого", "всего"),
        *("toplam", "razem", "suma", "celkem", "összesen", "totaal", "totalt", "yhteensä"),
        *("合计", "总计", "合計", "總計", "합계", "총계"),
    )
)


class ReportLayoutError(BadFileError):
    """A file is not laid out in any way that is known; the text shows what was met."""

    reaction = Reaction.GIVE_UP
    default_remedy: ClassVar[str] = "The file is whole and unchanged: read it by other means, and report its layout."


class Label(NamedTuple):
    """A name with its number, out of ``Name<1021>`` or ``1021-Name``; the number is text (leading zeros, ``*``)."""

    name: str
    number: str


@dataclass(frozen=True)
class ReportRow:
    """One row of the report.

    :param line: line of the file at which the row ends, from 1.
    :param cells: the cells' text, exactly as it stands in the file.
    :param calls: the rows of the table of calls under it, as text; cells that only indent are left out.
    """

    line: int
    cells: tuple[str, ...]
    calls: tuple[tuple[str, ...], ...] = ()


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
        """Whether the values can be added up."""
        return self.kind not in ("blank", "text")


@dataclass(frozen=True)
class ReportTable:
    """A report.

    :param header: the columns' names, without surrounding blanks.
    :param rows: the rows of data, without the total row.
    :param totals: the total row, where the file has one.
    :param preamble: the rows before the header, as text.
    :param call_header: header of the tables of calls; empty where there are none.
    """

    header: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    totals: ReportRow | None = None
    preamble: tuple[tuple[str, ...], ...] = ()
    call_header: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[ReportColumn, ...]:
        """The rows' values by column, see :func:`typed_columns`."""
        return typed_columns(self.header, [row.cells for row in self.rows])


def read_report(path: str) -> ReportTable:
    """Read a report from a CSV file.

    :param path: a local path, or any URL of ``ObjectStoragePath`` such as ``s3://conn@bucket/key``.
    :raises ReportLayoutError: when the file is no report that can be read without guessing.
    :raises OSError: when there is no such file, or it cannot be read.
    """
    try:
        text = _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportLayoutError(f"{path} is no UTF-8 text, from byte {error.start}") from None
    return parse_report(text, path)


def parse_report(text: str, source: str = "The report") -> ReportTable:
    """Read a report from text.

    :param source: how errors name it.
    :raises ReportLayoutError: when it is no report that can be read without guessing.
    """
    try:
        return _parse(text.removeprefix("\ufeff"))
    except csv.Error as error:
        raise ReportLayoutError(f"{source} is no CSV: {error}") from None
    except ReportLayoutError as error:
        raise ReportLayoutError(f"{source} is laid out in an unknown way: {error.what}") from None


def typed_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[ReportColumn, ...]:
    """Give the columns of a table (the report's, or the calls of a row) with typed values.

    A column has one kind, that of all its filled cells, else it is text. A column of labels becomes two columns of text:
    the names, and the numbers in a column whose name ends in ``_number``.
    """
    taken: set[str] = set()
    columns: list[ReportColumn] = []
    for index, title in enumerate(header):
        texts = [row[index].strip() for row in rows]
        labels = [None if text in _NO_VALUE else parse_label(text) for text in texts]
        if any(labels) and all(label or text in _NO_VALUE for label, text in zip(labels, texts, strict=True)):
            name = _unused(title, taken)
            numbers = _unused(f"{name}_number", taken)
            columns.append(ReportColumn(name, title, "text", tuple(label and label.name for label in labels)))
            columns.append(ReportColumn(numbers, title, "text", tuple(label and label.number for label in labels)))
        else:
            columns.append(_typed_column(_unused(title, taken), title, texts))
    return tuple(columns)


def parse_percent(text: str) -> float | None:
    """Return ``"12.50%"`` as 12.5; None when the text is no percentage."""
    number = text.strip()
    return _decimal(number[:-1].rstrip()) if number.endswith("%") else None


def parse_duration(text: str) -> int | None:
    """Return ``"01:02:03"`` as 3723 seconds; None when the text is no ``hh:mm:ss``. Hours may exceed 23."""
    found = _DURATION.fullmatch(text.strip())
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None


def parse_label(text: str) -> Label | None:
    """Split ``Name<1021>`` or ``1021-Name``; None when the text is neither. ``1021-Name`` wants a letter after the dash."""
    text = text.strip()
    found = _NAME_THEN_NUMBER.fullmatch(text) or _NUMBER_THEN_NAME.fullmatch(text)
    return Label(found["name"].strip(), found["number"]) if found else None


class _Record(NamedTuple):
    """One row of the CSV that is not blank, before it is known what it is."""

    line: int
    cells: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(cell.strip() for cell in self.cells)

    @property
    def filled(self) -> tuple[str, ...]:
        return tuple(text for text in self.texts if text)

    @property
    def is_indented(self) -> bool:
        return not self.cells[0].strip()

    def shown(self) -> str:
        text = repr(list(self.cells))
        return f"line {self.line}: {text[:_SHOWN_CHARACTERS]}{'…' if len(text) > _SHOWN_CHARACTERS else ''}"


def _parse(text: str) -> ReportTable:
    delimiter = _delimiter(text)
    records = _records(text, delimiter)
    preamble = list(islice(records, _header_index(list(islice(_records(text, delimiter), _HEAD_ROWS)))))
    body = _Body(header := next(records))
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


_HEAD_ROWS = _MAX_PREAMBLE_ROWS + 2


def _records(text: str, delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield _Record(reader.line_num, tuple(cells))


def _delimiter(text: str) -> str:
    heads = {delimiter: list(islice(_records(text, delimiter), _HEAD_ROWS)) for delimiter in _DELIMITERS}
    wide = {delimiter: any(len(record.filled) >= _TABLE_CELLS for record in heads[delimiter]) for delimiter in heads}
    refusals: dict[str, ReportLayoutError] = {}
    for delimiter, head in heads.items():
        try:
            _header_index(head)
        except ReportLayoutError as error:
            refusals[delimiter] = error
    fitting = [delimiter for delimiter in _DELIMITERS if delimiter not in refusals]
    # With one delimiter a table of many columns, with another one of two by chance: the former.
    fitting = [delimiter for delimiter in fitting if wide[delimiter]] or fitting
    if not fitting:
        widest = max(heads, key=lambda delimiter: max((len(record.filled) for record in heads[delimiter]), default=0))
        raise refusals[widest]
    if {",", ";"} <= set(fitting):
        raise ReportLayoutError(f"comma and semicolon both make a table of it; {heads[','][0].shown()}")
    return fitting[0]


def _header_index(head: Sequence[_Record]) -> int:
    """Return which row of a file's beginning is the header; rule 2."""
    if not head:
        raise ReportLayoutError("it holds nothing")
    wide = [index for index, record in enumerate(head) if len(record.filled) >= _TABLE_CELLS]
    index = wide[0] if wide else 0
    header = head[index]
    if len(_without_blank_end(header.texts)) < 2 or index > _MAX_PREAMBLE_ROWS or not _is_like_header(header.texts):
        raise ReportLayoutError(f"no header where one is expected; {header.shown()}")
    for after in head[index + 1 : index + 2]:
        if len(after.cells) != len(header.cells) and not _is_named_total(after):
            raise ReportLayoutError(f"the row after the header is not as wide as it; {header.shown()}; {after.shown()}")
    return index


def _is_like_header(texts: Sequence[str]) -> bool:
    names = _without_blank_end(texts)
    return all(names) and len(set(names)) == len(names) and not any(_is_value(name) for name in names)


def _is_value(text: str) -> bool:
    # Not `1021-Name`: a header may read `0-10s`, and a row that holds such a name holds figures as well.
    return any(form.fullmatch(text) for form in (_OTHER_VALUE, _DATE, _NAME_THEN_NUMBER))


def _is_named_total(record: _Record) -> bool:
    return record.texts[0].rstrip(":\uff1a").rstrip().lower() in _TOTALS


def _without_blank_end(texts: Sequence[str]) -> tuple[str, ...]:
    width = max((index for index, text in enumerate(texts, 1) if text), default=0)
    return tuple(texts[:width])


class _CallLayout(NamedTuple):
    """Where the cells of the tables of calls stand: from ``start`` to before ``end`` in rows of ``width`` cells."""

    header: tuple[str, ...]
    start: int
    end: int
    width: int

    @classmethod
    def of(cls, record: _Record) -> _CallLayout:
        end = len(_without_blank_end(record.texts))
        start = next(index for index, text in enumerate(record.texts) if text)
        return cls(record.texts[start:end], start, end, len(record.cells))

    def holds(self, record: _Record) -> bool:
        outside = record.texts[: self.start] + record.texts[self.end :]
        return len(record.cells) == self.width and not any(outside)

    def cut(self, record: _Record) -> tuple[str, ...]:
        return record.cells[self.start : self.end]


class _Body:
    """What follows the header, row by row; rules 4 to 6."""

    def __init__(self, header: _Record) -> None:
        self._width = len(header.cells)
        self._rows: list[tuple[_Record, list[tuple[str, ...]]]] = []
        self._total: _Record | None = None
        self._calls: _CallLayout | None = None
        self._in_calls = False

    @property
    def call_header(self) -> tuple[str, ...]:
        return self._calls.header if self._calls else ()

    def take(self, record: _Record) -> None:
        """Add the next row to what it belongs to.

        :raises ReportLayoutError: when it belongs to nothing.
        """
        if self._total:
            raise ReportLayoutError(f"a row follows the total row; {record.shown()}")
        if self._is_of_the_report(record):
            self._take_row(record)
        elif _is_named_total(record) and not record.is_indented and len(record.cells) < self._width:
            self._total = record
        elif self._is_call_header(record):
            self._calls = self._calls or _CallLayout.of(record)
            self._in_calls = True
        elif self._in_calls and self._calls and self._calls.holds(record):
            self._rows[-1][1].append(self._calls.cut(record))
        else:
            raise ReportLayoutError(f"this row belongs to no table; {record.shown()}")

    def rows_and_totals(self) -> tuple[tuple[ReportRow, ...], ReportRow | None]:
        """Return the rows of data, and the total row where there is one.

        :raises ReportLayoutError: when the last row may be either.
        """
        rows = tuple(ReportRow(record.line, record.cells, tuple(calls)) for record, calls in self._rows)
        if self._total:
            return rows, ReportRow(self._total.line, self._total.cells)
        if len(rows) > 1 and _is_unnamed_total(*(record for record, _ in self._rows)):
            return rows[:-1], rows[-1]
        return rows, None

    def _is_of_the_report(self, record: _Record) -> bool:
        return not record.is_indented and len(record.cells) == self._width

    def _take_row(self, record: _Record) -> None:
        if _is_named_total(record):
            self._total = record
            return
        if self._rows and _is_second_header(record, self._rows[0][0]):
            raise ReportLayoutError(f"this row looks like another header; {record.shown()}")
        self._rows.append((record, []))
        self._in_calls = False

    def _is_call_header(self, record: _Record) -> bool:
        if not self._rows or len(record.filled) < _TABLE_CELLS:
            return False
        if self._calls is None:
            return _is_like_header(_CallLayout.of(record).header)
        if record.filled != self._calls.header:
            return False
        if self._in_calls:
            raise ReportLayoutError(f"the header of the calls comes twice; {record.shown()}")
        return True


def _is_second_header(record: _Record, first: _Record) -> bool:
    table_like = len(record.filled) >= _TABLE_CELLS and _is_like_header(record.texts)
    return table_like and any(_is_value(text) for text in first.texts)


def _is_unnamed_total(*records: _Record) -> bool:
    *above, last = records
    if _begins_with_key(last) or not all(_begins_with_key(record) for record in above):
        return False
    figures = [[_figure(text) for text in column] for column in zip(*(record.texts for record in records), strict=True)]
    sums = [(sum(parts), total) for *parts, total in figures if total is not None and None not in parts]
    if not sums or sums[0][0] != sums[0][1]:
        return False
    if not any(added == total != 0 for added, total in sums):
        raise ReportLayoutError(f"the last row may be a total or data; {last.shown()}")
    return True


def _begins_with_key(record: _Record) -> bool:
    return _is_value(record.texts[0]) or parse_label(record.texts[0]) is not None


def _figure(text: str) -> int | None:
    whole = _integer(text)
    return parse_duration(text) if whole is None else whole


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _decimal(text: str) -> float | None:
    if not _DECIMAL.fullmatch(text) or _LEADING_ZERO.match(text):
        return None
    return float(text.replace(",", "."))


_KINDS: Mapping[ColumnKind, Callable[[str], Value]] = MappingProxyType(
    {"integer": _integer, "decimal": _decimal, "percent": parse_percent, "duration": parse_duration}
)


def _typed_column(name: str, header: str, texts: Sequence[str]) -> ReportColumn:
    filled = [text for text in texts if text not in _NO_VALUE]
    if not filled:
        return ReportColumn(name, header, "blank", (None,) * len(texts))
    for kind, parse in _KINDS.items():
        parsed = {text: parse(text) for text in set(filled)}
        if None not in parsed.values():
            return ReportColumn(name, header, kind, tuple(parsed.get(text) for text in texts))
    return ReportColumn(name, header, "text", tuple(text or None for text in texts))


def _unused(title: str, taken: set[str]) -> str:
    """Make a column's name of its title, and enter it among those that are taken."""
    plain = re.sub(r"\W+", "_", title.lower()).strip("_") or "column"
    name = next(name for name in _numbered(plain) if name not in taken)
    taken.add(name)
    return name


def _numbered(plain: str) -> Iterator[str]:
    yield plain
    yield from (f"{plain}_{number}" for number in count(2))


def _read_bytes(path: str) -> bytes:
    if not _SCHEME.match(path):
        return Path(path).read_bytes()
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return bytes(ObjectStoragePath(path).read_bytes())
