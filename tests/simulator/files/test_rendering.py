"""Reports as files: the same figures in all formats, the same bytes each time, and every known variant of CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import openpyxl
import pypdf
import pytest

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.files.layout import DurationFormat, LabelStyle
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout, FileFormat, render
from airflow_provider_yeastar.simulator.reports import ReportQuery, ReportTable, build_report, empty_report
from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS

DETAILED = ("ivr", "queueperformance", "queueperformanceactivity", "queueagentperformance")
FORMATS: tuple[FileFormat, ...] = ("csv", "html", "xls", "pdf")
FIRST_BYTES = {"csv": b"\xef\xbb\xbf", "html": b"<!DOCTYPE html>", "xls": b"PK\x03\x04", "pdf": b"%PDF-"}

Grid = list[list[str]]


def build(type_: str, need_detail: bool = False) -> ReportTable:
    start, end = datetime(2026, 11, 23), datetime(2026, 11, 23, 23, 59, 59)
    return build_report(1, DIRECTORY, ReportQuery(REPORTS[type_], start, end, need_detail=need_detail))


def csv_grid(data: bytes, delimiter: str = ",") -> Grid:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


class _Cells(HTMLParser):
    """Collects every table row's own cells, those of nested tables as rows of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Grid = []
        self.in_cell = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and not dict(attrs).get("colspan"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data


def html_grid(data: bytes) -> Grid:
    parser = _Cells()
    parser.feed(data.decode())
    return [row for row in parser.rows if row]


def xls_grid(data: bytes) -> Grid:
    page = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    return [["" if cell is None else str(cell) for cell in row] for row in page.iter_rows(values_only=True)]


def pdf_words(data: bytes) -> list[str]:
    """Give every text the pages draw, one per cell."""
    texts: list[str] = []
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        page.extract_text(visitor_text=lambda text, *_: texts.append(text))
    return [word for text in texts for word in re.split(r"\s+", text) if word]


def filled(grid: Grid) -> Grid:
    """Strip the indentation of nested rows and the padding of a sheet, keeping the cells that say something."""
    return [[cell for cell in row if cell] for row in grid]


@pytest.mark.parametrize("type_", REPORTS)
class TestEveryReport:
    @pytest.mark.parametrize("duration_format", ["seconds", "hhmmss"])
    def test_all_formats_hold_the_same_cells(self, type_: str, duration_format: DurationFormat) -> None:
        table = build(type_, need_detail=True)
        files = {name: render(table, name, duration_format) for name in FORMATS}
        expected = filled(csv_grid(files["csv"]))
        assert filled(html_grid(files["html"])) == expected
        assert filled(xls_grid(files["xls"])) == expected
        words = " ".join(" ".join(row) for row in expected).split()
        drawn = pdf_words(files["pdf"])
        assert [word for word in words if drawn.count(word) < words.count(word)] == []

    def test_the_csv_holds_the_rows_of_the_report(self, type_: str) -> None:
        table = build(type_)
        header, *rows = csv_grid(render(table, "csv"))
        assert header == [column.label for column in table.columns]
        for cells, row in zip(rows, table.rows, strict=True):
            for cell, column in zip(cells, table.columns, strict=True):
                if column.kind in ("integer", "seconds"):
                    assert cell == str(row[column.key])
                if column.kind == "percent":
                    assert cell == f"{row[column.key]:.2f}%"

    @pytest.mark.parametrize("file_format", FORMATS)
    def test_equal_reports_are_equal_files(self, type_: str, file_format: FileFormat) -> None:
        assert render(build(type_), file_format) == render(build(type_), file_format)

    @pytest.mark.parametrize("file_format", FORMATS)
    def test_an_empty_report_is_a_file_with_its_header_alone(self, type_: str, file_format: FileFormat) -> None:
        table = empty_report(REPORTS[type_])
        labels = [column.label for column in table.columns]
        data = render(table, file_format)
        if file_format == "pdf":
            title = table.kind.title.split()
            assert pdf_words(data) == title + " ".join(labels).split()
        else:
            grid = {"csv": csv_grid, "html": html_grid, "xls": xls_grid}[file_format](data)
            assert grid == [labels]

    def test_files_begin_as_their_format_does(self, type_: str) -> None:
        for file_format in FORMATS:
            assert render(build(type_), file_format).startswith(FIRST_BYTES[file_format])


def test_csv_lines_end_in_carriage_return_and_line_feed() -> None:
    data = render(build("queueperformance"), "csv")
    assert data.count(b"\n") == data.count(b"\r\n") == 4


def test_durations_of_more_than_a_day_keep_their_hours() -> None:
    table = build("extcallstatistics")
    long = replace(table, rows=({**table.rows[0], "total_talking_time": 100 * 3600 + 61},))
    assert csv_grid(render(long, "csv", "hhmmss"))[1][-1] == "100:01:01"
    assert csv_grid(render(long, "csv", "seconds"))[1][-1] == "360061"


def test_files_tell_a_fixed_date_of_their_making() -> None:
    table = build("queueperformance")
    made = pypdf.PdfReader(io.BytesIO(render(table, "pdf"))).metadata
    assert made is not None
    assert made.creation_date == datetime(2026, 1, 1, tzinfo=UTC)
    book = openpyxl.load_workbook(io.BytesIO(render(table, "xls")))
    assert book.properties.created == datetime(2026, 1, 1)


def test_numbers_are_numbers_in_a_spreadsheet() -> None:
    page = openpyxl.load_workbook(io.BytesIO(render(build("queueperformance"), "xls"))).worksheets[0]
    assert isinstance(page["B2"].value, int)
    assert page["F2"].value.endswith("%")


@pytest.mark.parametrize("type_", DETAILED)
def test_the_calls_of_each_row_stand_under_it(type_: str) -> None:
    table = build(type_, need_detail=True)
    grid = csv_grid(render(table, "csv"))
    call_header = ["", *(column.label for column in table.detail_columns)]
    position = 1
    for calls in table.details:
        position += 1
        if calls:
            assert grid[position] == call_header
            assert [row[1] for row in grid[position + 1 : position + 1 + len(calls)]] == [
                call["call_id"] for call in calls
            ]
            position += 1 + len(calls)
    assert position == len(grid)


def test_a_pdf_of_several_pages_repeats_its_header_and_loses_no_row() -> None:
    table = build("trunkdiddodactivity")
    reader = pypdf.PdfReader(io.BytesIO(render(table, "pdf")))
    assert len(reader.pages) > 3
    for page in reader.pages:
        assert page.extract_text().count("Unanswered") == 1
    assert sum(page.extract_text().count("SIP-") for page in reader.pages) == len(table.rows)


def test_letters_a_pdf_lacks_become_question_marks() -> None:
    table = build("queueperformance")
    table = replace(table, rows=({**table.rows[0], "queue": "支持 Zoë"},))
    assert "?? Zoë<6400>" in pypdf.PdfReader(io.BytesIO(render(table, "pdf"))).pages[0].extract_text()
    assert "支持 Zoë<6400>" in render(table, "csv").decode()


@pytest.mark.parametrize("text", ["=1+1", "<b>&amp;", "https://example.com/x", 'a"b,c;d', "tab\there"])
def test_awkward_text_comes_back_as_it_was(text: str) -> None:
    table = build("qosreport")
    table = replace(table, rows=({**table.rows[0], "caller": text},))
    assert csv_grid(render(table, "csv"))[1][2] == text
    assert html_grid(render(table, "html"))[1][2] == text
    assert xls_grid(render(table, "xls"))[1][2] == text


class TestCsvLayout:
    def test_without_the_mark_the_header_comes_first(self) -> None:
        assert render(build("queueperformance"), "csv", csv_layout=CsvLayout(bom=False)).startswith(b"Queue,")

    def test_a_preamble_of_five_lines_names_title_and_range(self) -> None:
        grid = csv_grid(render(build("queueperformance"), "csv", csv_layout=CsvLayout(preamble=True)))
        assert grid[:5] == [
            ["Queue Performance"],
            [],
            ["Time", "2026/11/23 00:00:00 - 2026/11/23 23:59:59"],
            ["Records", "3"],
            [],
        ]
        assert grid[5][0] == "Queue"

    def test_another_delimiter_parts_the_cells(self) -> None:
        table = build("queueperformance")
        plain = csv_grid(render(table, "csv"))
        assert csv_grid(render(table, "csv", csv_layout=CsvLayout(delimiter=";")), ";") == plain

    @pytest.mark.parametrize(("style", "label"), [("name<number>", "Support<6401>"), ("number-name", "6401-Support")])
    def test_labels_join_name_and_number(self, style: LabelStyle, label: str) -> None:
        layout = CsvLayout(label_style=style)
        assert csv_grid(render(build("queueperformance"), "csv", csv_layout=layout))[2][0] == label

    def test_cells_of_text_may_end_in_a_tab(self) -> None:
        grid = csv_grid(render(build("queueperformance"), "csv", csv_layout=CsvLayout(tabs=True)))
        plain = csv_grid(render(build("queueperformance"), "csv"))
        assert [[cell.rstrip("\t") for cell in row] for row in grid] == plain
        assert grid[1][0] == f"{plain[1][0]}\t"

    def test_the_total_row_adds_counts_and_total_times_only(self) -> None:
        table = build("queueagentperformance")
        *_, total = csv_grid(render(table, "csv", csv_layout=CsvLayout(total_row=True)))
        by_key = dict(zip((column.key for column in table.columns), total, strict=True))
        assert total[0] == "Total"
        for key in ("total_calls", "answered_calls", "total_talking_time"):
            assert int(by_key[key]) == sum(int(str(row[key])) for row in table.rows)
        assert by_key["answered_rate"] == by_key["average_talking_time"] == ""

    def test_the_total_row_leaves_out_money_and_labels(self) -> None:
        total = csv_grid(render(build("extcallbilling"), "csv", csv_layout=CsvLayout(total_row=True)))[-1]
        assert total[-1] == ""
        assert int(total[1]) > 0

    def test_an_empty_report_has_no_total_row(self) -> None:
        grid = csv_grid(render(empty_report(REPORTS["ivr"]), "csv", csv_layout=CsvLayout(total_row=True)))
        assert len(grid) == 1
