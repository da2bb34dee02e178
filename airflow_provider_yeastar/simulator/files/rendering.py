"""A report as a file: csv, xls, pdf or html, with the same rows and figures in each and the same bytes each time.

Files carry no moment of their making. A report without rows is a file with its header alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import count
from types import MappingProxyType
from typing import Literal

import xlsxwriter
from fpdf import FPDF

from airflow_provider_yeastar.simulator.files.layout import (
    Cell,
    DurationFormat,
    LabelStyle,
    Line,
    Sheet,
    lay_out,
    total_line,
)
from airflow_provider_yeastar.simulator.reports import ReportTable

__all__ = ["CsvLayout", "FileFormat", "render"]

FileFormat = Literal["csv", "xls", "pdf", "html"]

# Spreadsheets and PDFs hold the date of their making: always this one, so that equal reports are equal files.
_MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)

_PDF_WIDTH_MM = 277
_PDF_BOTTOM_MM = 195
_PDF_FONT_PT = 8.0
_PDF_INDENT_MM = 8


@dataclass(frozen=True)
class CsvLayout:
    """The variants of CSV that portal exports are known in; which of them a PBX's API writes is unknown [U].

    :param bom: begin with a UTF-8 byte order mark.
    :param preamble: five lines with title and range before the header.
    :param delimiter: one character between cells.
    :param total_row: end with a line of totals, if there are rows.
    :param label_style: how names and numbers stand together.
    :param tabs: cells of text end in a tab, as portals write them to keep spreadsheets from making numbers of them.
    """

    bom: bool = True
    preamble: bool = False
    delimiter: str = ","
    total_row: bool = False
    label_style: LabelStyle = "name<number>"
    tabs: bool = False


_DEFAULT_CSV = CsvLayout()


def render(
    table: ReportTable,
    file_format: FileFormat,
    duration_format: DurationFormat = "seconds",
    csv_layout: CsvLayout = _DEFAULT_CSV,
) -> bytes:
    """Write a report as a file.

    :param file_format: the vendor's name of the format.
    :param duration_format: durations as whole seconds or as ``hh:mm:ss``.
    :param csv_layout: the variant of CSV; the other formats have one form only.
    """
    if file_format == "csv":
        return _csv(table, duration_format, csv_layout)
    return _WRITERS[file_format](lay_out(table, duration_format))


def _csv(table: ReportTable, duration_format: DurationFormat, layout: CsvLayout) -> bytes:
    sheet = lay_out(table, duration_format, layout.label_style)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=layout.delimiter, lineterminator="\r\n")
    if layout.preamble:
        rows = str(len(sheet.lines))
        writer.writerows([[sheet.title], [], ["Time", sheet.window], ["Records", rows], []])
    writer.writerow(sheet.header)
    for line in sheet.lines:
        writer.writerow(_tabbed(line.cells) if layout.tabs else line.cells)
        writer.writerows(("", *cells) for cells in _nested(sheet, line))
    if layout.total_row and sheet.lines:
        writer.writerow(total_line(table, duration_format))
    return text.getvalue().encode("utf-8-sig" if layout.bom else "utf-8")


def _tabbed(cells: Sequence[Cell]) -> list[Cell]:
    return [f"{cell}\t" if isinstance(cell, str) and cell else cell for cell in cells]


def _nested(sheet: Sheet, line: Line) -> Iterator[Sequence[Cell]]:
    if line.calls:
        yield sheet.call_header
        yield from line.calls


def _html(sheet: Sheet) -> bytes:
    title = escape(sheet.title)
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f"<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{escape(sheet.window)}</p>\n",
        f"<table>\n<thead>\n{_html_row(sheet.header, 'th')}</thead>\n<tbody>\n",
    ]
    for line in sheet.lines:
        parts.append(_html_row(line.cells, "td"))
        if line.calls:
            calls = "".join(_html_row(cells, "td") for cells in line.calls)
            parts.append(f'<tr><td colspan="{len(sheet.header)}"><table class="calls">\n')
            parts.append(f"<thead>\n{_html_row(sheet.call_header, 'th')}</thead>\n<tbody>\n{calls}</tbody>\n")
            parts.append("</table></td></tr>\n")
    parts.append("</tbody>\n</table>\n</body>\n</html>\n")
    return "".join(parts).encode()


def _html_row(cells: Sequence[Cell], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>\n"


def _xls(sheet: Sheet) -> bytes:
    # Whether the PBX's "xls" is the old OLE file or a ZIP is unknown [U]; this is a ZIP (Office Open XML).
    # Without in_memory parts of the book would go through temporary files.
    # Cells stay what they are: a phone number is no formula and no link, even if it begins like one.
    options = {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": sheet.title, "created": _MADE_AT.replace(tzinfo=None)})
        page = book.add_worksheet("Report")
        bold = book.add_format({"bold": True})
        page.write_row(0, 0, sheet.header, bold)
        row_numbers = count(1)
        for line in sheet.lines:
            page.write_row(next(row_numbers), 0, line.cells)
            for cells in _nested(sheet, line):
                page.write_row(next(row_numbers), 1, cells)
    return buffer.getvalue()


def _pdf(sheet: Sheet) -> bytes:
    pdf = FPDF(orientation="landscape", format="A4")
    pdf.set_creation_date(_MADE_AT)
    pdf.set_title(sheet.title)
    pdf.set_auto_page_break(False)
    pdf.set_margin(10)
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    for text in (sheet.title, sheet.window):
        pdf.cell(0, 7, _latin(text), new_x="LMARGIN", new_y="NEXT")
    table = _PdfTable.fitting(pdf, sheet.header, [line.cells for line in sheet.lines], indent=0)
    calls = _PdfTable.fitting(
        pdf, sheet.call_header, [cells for line in sheet.lines for cells in line.calls], indent=_PDF_INDENT_MM
    )
    table.write(pdf, sheet.header, sheet.header)
    for line in sheet.lines:
        table.write(pdf, line.cells, sheet.header)
        for cells in _nested(sheet, line):
            calls.write(pdf, cells, sheet.call_header)
    return bytes(pdf.output())


@dataclass(frozen=True)
class _PdfTable:
    """The measures of one table, which hold for all of its pages."""

    widths: tuple[float, ...]
    font_pt: float
    indent: float

    @classmethod
    def fitting(cls, pdf: FPDF, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: float) -> _PdfTable:
        """Make each column as wide as its longest text, and the letters small enough for the page."""
        pdf.set_font("Helvetica", size=_PDF_FONT_PT)
        longest = [max((_latin(str(cell)) for cell in column), key=len) for column in zip(header, *rows, strict=True)]
        # The longest text is not always the widest: one letter more is room for the difference.
        widths = [pdf.get_string_width(text + "M") + 2 for text in longest]
        scale = min(1.0, (_PDF_WIDTH_MM - indent) / sum(widths)) if widths else 1.0
        return cls(tuple(width * scale for width in widths), _PDF_FONT_PT * scale, indent)

    def write(self, pdf: FPDF, cells: Sequence[Cell], header: Sequence[str]) -> None:
        """Write one line, on a new page and under the header again where the page is full."""
        if pdf.get_y() > _PDF_BOTTOM_MM:
            pdf.add_page()
            if cells is not header:
                self._line(pdf, header)
        self._line(pdf, cells)

    def _line(self, pdf: FPDF, cells: Sequence[Cell]) -> None:
        pdf.set_font("Helvetica", size=self.font_pt)
        pdf.set_x(pdf.l_margin + self.indent)
        for width, cell in zip(self.widths, cells, strict=True):
            pdf.cell(width, 5, _latin(str(cell)), border=1)
        pdf.ln(5)


def _latin(text: str) -> str:
    """Give the text in the letters that a PDF's built-in fonts have, with "?" for the others."""
    return text.encode("latin-1", "replace").decode("latin-1")


_WRITERS: Mapping[str, Callable[[Sheet], bytes]] = MappingProxyType({"html": _html, "xls": _xls, "pdf": _pdf})
