"""A page of HTML: the rows of its tables while it is read, and afterwards whether it is a whole report. Pure.

An error page, a login form and a report are HTML alike. A report has a table of more than one label and a text, no form
and no field to fill in, and ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import chain
from typing import NamedTuple

from airflow_provider_yeastar.pbx.files.delimited import filled

__all__ = ["Page", "PageRow"]

_MAX_MARKUP_CHARACTERS = 1024 * 1024
"""A page's scripts and styles may be long."""
_MAX_REST_CHARACTERS = 4096
"""At the end of a page, markup that has not ended is no more than that: the base class tries it again at each ``<``."""
_CELL_CHARACTERS = 256
"""As much of a cell of a page is looked at."""
_ERROR_TITLE = re.compile(
    r"((server|runtime) )?error( in .*)?|([45]\d\d\W*)?(bad request|forbidden|unauthorized|not found)"
    r"|index of /.*|(web ?page|site|url|request) (is |was |has been )?blocked\b.*"
    r"|.*\b(internal server error|bad gateway|gateway time-?out|request time-?out|service (temporarily )?unavailable"
    r"|access denied|detailed error|could not be retrieved)\b.*",
    re.IGNORECASE,
)
_ERROR_NUMBER = re.compile(r"((http|error|status)\W*)*[45]\d\d\b.*", re.IGNORECASE)
"""In a title alone: a heading may be a queue, such as 501-Support."""
# Of a page for people. A report may be called so as well, but then it has a header or rows of three cells.
_NOTICE_TITLE = re.compile(
    r"(please )?(log|sign) ?in( (to|with|required|page)\b.*)?|(your )?session\b.*\b(expired|ended|timed out)"
    r"|.*\bmaintenance( mode| page)?|please wait\b.*|(redirecting|loading|restarting|rebooting|starting up)\W*"
    r"|.*\b(unavailable|too many requests|moved (permanently|temporarily))\b.*|.*\berror|error\b.*",
    re.IGNORECASE,
)
_TITLES = frozenset({"title", "h1", "h2", "h3"})
# What belongs to a page whose content comes from elsewhere, or that wants something from a person.
_NO_REPORT = frozenset({"form", "frame", "iframe", "frameset"})
_SECTIONS = frozenset({"section", "main", "article", "div"})
"""What a table may stand in without a page around it; none of them may do without its end tag."""
_DIGIT = re.compile(r"\d")
_FIELDS = frozenset({"", "text", "password", "email", "tel"})
"""Types of `<input>` that want an entry from a person; a report may have buttons, or a field that filters its rows."""


class PageRow(NamedTuple):
    """The filled cells of one row of a table.

    :param cells: without the blanks around them.
    :param is_header: whether the markup says so: it stands in a ``<thead>``, or begins its table with ``<th>`` alone.
    :param is_unclear: whether its cells are all ``<th>`` although a header is there already.
    """

    cells: list[str]
    is_header: bool
    is_unclear: bool = False


@dataclass
class _OpenTable:
    """A table that is being read: how many cells its header has, and whether rows followed."""

    header_cells: int = 0
    has_rows: bool = False

    def takes_as_header(self, cells: list[str]) -> bool:
        """Return whether a row of ``<th>`` is a header: the first is, and one below it if the first groups columns."""
        return not self.has_rows and self.header_cells < len(cells)


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + _MAX_REST_CHARACTERS] for at in range(0, len(text), _MAX_REST_CHARACTERS))


class Page(HTMLParser):
    """Reads one page; use it once."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._rows: list[PageRow] = []
        self._cells: list[str] = []
        self._has_data_cell = self._in_cell = self._in_head = False
        self._tables: list[_OpenTable] = []
        # Characters since the last piece of markup or text. The base class has no such figure: from Python 3.14 on it
        # keeps unfinished markup in more than one place.
        self._unfinished = 0
        self._opened: dict[str, int] = {}
        self._closed: dict[str, int] = {}
        self._open = ""  # the tag in which text now stands, if it matters
        self._title = ""
        self._is_error = self._is_notice = False
        self._ended_with = ""
        self._leads_away = False
        self._cells_side_by_side = False
        self._pairs = 0  # rows of two cells, neither marked as a header nor with a digit in them
        self._has_table_row = self._has_header_or_three = False
        self.is_endless = False
        self.has_script = False
        """Whether a script may still add rows to the page."""
        self.has_text_after_table = False
        """Whether there is text outside of the tables, behind the beginning of the first one."""

    def rows_of(self, texts: Iterable[str]) -> Iterator[PageRow]:
        """Yield the rows while the page is read; it ends at markup that is too long to be a row."""
        # In small pieces, as what stands behind the last tag of one is not counted.
        for piece in chain.from_iterable(map(_pieces, texts)):
            self._unfinished += len(piece)
            self.feed(piece)
            yield from self._taken()
            if self._unfinished + len(self._cells) * _CELL_CHARACTERS > _MAX_MARKUP_CHARACTERS:
                self.is_endless = True
                return
        if self._unfinished > _MAX_REST_CHARACTERS:
            self.is_endless = True
            return
        self.close()
        self._end_row()
        yield from self._taken()

    def complaint(self) -> str | None:
        """Return what is wrong with the page that was read, None if it is a whole report."""
        opened, closed = self._opened, self._closed
        if self._leads_away or _NO_REPORT & opened.keys():
            return "an HTML page with a form or a frame, or one that leads to another"
        self._judge("title")
        if self._is_error:
            return "an HTML page whose title is that of an error"
        if not opened.get("table"):
            return "an HTML page without a table"
        if opened.get("html", 0) > 1:
            return "an HTML page with another one at its end"
        whole = "html" if opened.get("html") else "table"
        must_end = {"table"} if whole == "html" else {"table", *_SECTIONS}
        has_open = any(opened.get(tag) != closed.get(tag) for tag in must_end)
        if self.is_endless or has_open or self._ended_with != whole:
            return "an HTML page without its end"
        if not self._cells_side_by_side:
            return "an HTML page whose table is empty"
        if self._is_notice and not self._has_header_or_three:
            return "an HTML page of pairs under the title of a notice"
        if not self._has_table_row and self._pairs < 2:
            return "an HTML page whose only row may be a label and a text"
        return None

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Take a marked section that cannot be read for one that has not ended: the base class fails an assertion."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return -1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unfinished = 0
        self._ended_with = ""
        self._opened[tag] = self._opened.get(tag, 0) + 1
        self._open = tag if tag in ("script", "style") or (tag in _TITLES and not self._in_cell) else ""
        if tag == "input":
            self._leads_away |= (dict(attrs).get("type") or "").strip().lower() in _FIELDS
        elif tag == "meta":
            self._leads_away |= (dict(attrs).get("http-equiv") or "").strip().lower() == "refresh"
        elif tag == "script":
            self.has_script = True
        elif tag == "table":
            self._end_row()
            self._tables.append(_OpenTable())
        elif tag in ("thead", "tbody", "tfoot"):
            self._end_row()
            self._in_head = tag == "thead"
        elif tag == "tr":
            self._end_row()
        elif tag in ("td", "th"):
            self._cells.append("")
            self._in_cell = True
            self._has_data_cell |= tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._unfinished = 0
        if tag not in _SECTIONS:
            self._ended_with = tag if tag in ("html", "table") else ""
        self._closed[tag] = self._closed.get(tag, 0) + 1
        self._open = ""
        if tag in _TITLES:
            self._judge(tag)
        if tag in ("tr", "table", "thead", "tbody"):
            self._end_row()
            self._in_head = False if tag != "tr" else self._in_head
        elif tag in ("td", "th"):
            self._in_cell = False
        if tag == "table" and self._tables:
            self._tables.pop()

    def handle_comment(self, data: str) -> None:
        self._unfinished = 0

    def handle_decl(self, decl: str) -> None:
        self._unfinished = 0

    def unknown_decl(self, data: str) -> None:
        self._unfinished = 0

    def handle_pi(self, data: str) -> None:
        self._unfinished = 0

    def handle_data(self, data: str) -> None:
        self._unfinished = 0
        if self._open in _TITLES:
            self._title = (self._title + data)[:_CELL_CHARACTERS]
        if self._open in ("title", "script", "style"):
            return
        if self._in_cell and self._cells:
            if len(self._cells[-1]) < _CELL_CHARACTERS:
                self._cells[-1] = (self._cells[-1] + data).lstrip()[:_CELL_CHARACTERS]
        elif data.strip():
            self._ended_with = ""
            self.has_text_after_table |= "table" in self._opened

    def _judge(self, tag: str) -> None:
        """Take note of an error that a title or a heading tells of, also behind the beginning of a report."""
        title, self._title = " ".join(self._title.split()), ""
        self._is_error |= bool(_ERROR_TITLE.fullmatch(title) or (tag == "title" and _ERROR_NUMBER.fullmatch(title)))
        self._is_notice |= _NOTICE_TITLE.fullmatch(title) is not None

    def _end_row(self) -> None:
        cells = filled(self._cells)
        if cells:
            row = self._judged(cells)
            self._rows.append(row)
            self._cells_side_by_side |= len(cells) > 1
            is_marked = row.is_header or self._in_head
            self._has_header_or_three |= len(cells) > 2 or (is_marked and len(cells) > 1)
            if len(cells) == 2 and not is_marked and self._has_data_cell and not any(map(_DIGIT.search, cells)):
                self._pairs += 1
            else:
                self._has_table_row |= len(cells) > 1
        self._cells, self._has_data_cell, self._in_cell = [], False, False

    def _judged(self, cells: list[str]) -> PageRow:
        table = self._tables[-1] if self._tables else _OpenTable()
        all_marked = not self._has_data_cell
        is_header = all_marked and (self._in_head or table.takes_as_header(cells))
        if is_header:
            table.header_cells = max(table.header_cells, len(cells))
        elif table.header_cells:
            table.has_rows = True
        return PageRow(cells, is_header, is_unclear=all_marked and not is_header)

    def _taken(self) -> list[PageRow]:
        rows, self._rows = self._rows, []
        return rows
