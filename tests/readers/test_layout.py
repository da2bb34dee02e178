"""The layout of CSV reports: what belongs to which table, and what is refused."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.compat import ObjectStoragePath
from airflow_provider_yeastar.pbx.errors import BadFileError, Reaction
from airflow_provider_yeastar.readers import (
    ReportLayoutError,
    ReportTable,
    parse_report,
    read_report,
    typed_columns,
)
from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout, render
from airflow_provider_yeastar.simulator.reports import ReportQuery, ReportTable as BuiltReport, build_report
from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS

PLAIN = "Queue,Total,Answered\nSales<6400>,5,3\nSupport<6401>,6,6\n"
DAY = datetime(2026, 11, 20)


def cells(table: ReportTable) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows]


def values(table: ReportTable) -> dict[str, tuple[object, ...]]:
    return {column.name: column.values for column in table.columns}


# --- opening ---


def test_a_local_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(PLAIN, encoding="utf-8")
    table = read_report(str(path))
    assert table.header == ("Queue", "Total", "Answered")
    assert cells(table) == [("Sales<6400>", "5", "3"), ("Support<6401>", "6", "6")]
    assert table.totals is None


def test_a_url_is_read_through_object_storage(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(PLAIN, encoding="utf-8")
    assert read_report(f"file://{path}") == read_report(str(path))
    assert read_report(ObjectStoragePath(f"file://{path}")) == read_report(path) == read_report(str(path))


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(PLAIN, encoding="utf-8-sig")
    assert read_report(str(path)).header[0] == "Queue"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_read_by_its_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(("\ufeff" * (encoding != "utf-16") + PLAIN).encode(encoding))
    assert read_report(str(path)) == parse_report(PLAIN)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReportLayoutError, match=r"report\.csv is no UTF-16 text"):
        read_report(str(path))


def test_what_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes("Größe,Zahl,Rest\n".encode("latin-1"))
    with pytest.raises(ReportLayoutError, match=r"report\.csv is no UTF-8 text, from byte 2"):
        read_report(str(path))


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_report(str(tmp_path / "none.csv"))


def test_an_unknown_layout_is_an_error_that_names_the_file_and_shows_the_row(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("1,2,3\n4,5,6\n", encoding="utf-8")
    with pytest.raises(BadFileError, match=r"report\.csv .* line 1: \['1', '2', '3'\]") as caught:
        read_report(str(path))
    assert caught.value.reaction is Reaction.GIVE_UP


def test_reading_a_local_file_needs_no_airflow() -> None:
    code = (
        "import sys; from airflow_provider_yeastar.readers import read_report; sys.exit('airflow.sdk' in sys.modules "
        "or 'airflow.models' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- header, preamble, delimiter ---

PREAMBLE = "Queue Performance\n\nTime,2026/11/22 00:00:00 - 2026/11/22 23:59:59\nRecords,2\n\n"


def test_a_preamble_is_told_from_the_header_by_its_width() -> None:
    table = parse_report(PREAMBLE + PLAIN)
    assert table.header == ("Queue", "Total", "Answered")
    assert table.preamble == (
        ("Queue Performance",),
        ("Time", "2026/11/22 00:00:00 - 2026/11/22 23:59:59"),
        ("Records", "2"),
    )
    assert cells(table) == cells(parse_report(PLAIN))


def test_rows_know_their_line_in_the_file() -> None:
    assert [row.line for row in parse_report(PREAMBLE + PLAIN).rows] == [7, 8]


@pytest.mark.parametrize(
    "header",
    ["Warteschlange,Gesamt,Beantwortet", "队列,总计,已接听", "待ち行列,合計,応答"],
    ids=["German", "Chinese", "Japanese"],
)
def test_no_word_of_a_header_is_relied_on(header: str) -> None:
    table = parse_report(PREAMBLE + PLAIN.replace("Queue,Total,Answered", header))
    assert table.header == tuple(header.split(","))
    assert len(table.rows) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    assert cells(parse_report(PLAIN.replace(",", delimiter))) == cells(parse_report(PLAIN))


def test_tabs_in_cells_are_no_delimiter_and_stay_in_the_raw_text() -> None:
    table = parse_report("\tQueue,\tTotal,\tAnswered\n\tSales<6400>,\t5,\t3\n")
    assert table.header == ("Queue", "Total", "Answered")
    assert cells(table) == [("\tSales<6400>", "\t5", "\t3")]
    assert values(table) == {"queue": ("Sales",), "queue_number": ("6400",), "total": (5,), "answered": (3,)}


def test_decimal_commas_do_not_make_a_comma_the_delimiter() -> None:
    table = parse_report("Agent;Score;Rate;Rest\nAlice;4,50;33,33%;1\nBob;3,25;0,5%;2\n")
    assert values(table)["score"] == (4.5, 3.25)
    assert values(table)["rate"] == (33.33, 0.5)


def test_a_tab_is_the_delimiter_where_commas_are_decimal() -> None:
    table = parse_report("Agent\tScore\tRate\nAlice\t4,50\t33,33%\n")
    assert values(table)["score"] == (4.5,)


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends() -> None:
    table = parse_report('"Queue","Total","Note"\n"Sales; ""A"", B<6400>","5","two\nlines"\n')
    assert cells(table) == [('Sales; "A", B<6400>', "5", "two\nlines")]


def test_a_header_alone_is_a_report_without_rows() -> None:
    table = parse_report("Queue,Total,Answered\n")
    assert table.rows == ()
    assert [column.values for column in table.columns] == [()] * 4


def test_a_table_of_two_columns_is_read_without_a_preamble() -> None:
    assert cells(parse_report("Queue,Calls\nSales,5\n")) == [("Sales", "5")]


def test_a_delimiter_at_the_end_of_each_line_is_no_column() -> None:
    table = parse_report("Queue,Total,Answered,\nSales<6400>,5,3,\n")
    assert table.header == ("Queue", "Total", "Answered")
    assert values(table)["answered"] == (3,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing in it"),
        (" \n\t\n", "nothing in it"),
        ("Queue Performance\nTime,2026/11/22\n", "no header"),
        ("Sales<6400>,5,3\nSupport<6401>,6,6\n", "no header"),
        ("Queue,Total,Total\nSales<6400>,5,3\n", "no header"),
        ("Queue,,Total,Answered\nSales<6400>,,5,3\n", "no header"),
        ("2026/11/22,Total,Answered\nSales<6400>,5,3\n", "no header"),
        ("Title\nQueues,Sales<1>,Support<2>\n" + PLAIN, "no header"),
        ("a\n" * 21 + PLAIN, "no header"),
        ("Time,2026\nQueue,Calls\nSales,5\n", "no header"),
        ("Queue,Total,Answered\nSales<6400>,5\n", "the header has 3 cells, the row after it 2"),
        ("A;x,B;y,C;z\n", "comma and semicolon"),
        ('Queue,Total,Answered\nSales<6400>,"5,3\n', "the row after it 2"),
        (PLAIN + 'Other<6402>,1,"2\n', "no CSV"),
        ('Queue,Total,Answered\nSales<6400>,"5"x,3\n', "no CSV"),
        ('{"errcode":10004,"errmsg":"TOKEN EXPIRED","more":"x"}', "no CSV"),
        ("<!DOCTYPE html>\n<html>\n<body>No</body></html>", "unknown"),
    ],
    ids=[
        "empty",
        "blanks",
        "a preamble alone",
        "rows without a header",
        "a title twice",
        "a title missing",
        "a date for a title",
        "a preamble with three cells",
        "a preamble without end",
        "two columns with a preamble",
        "a row that is too short",
        "two delimiters",
        "a cell without end in the first row",
        "a cell without end",
        "text after a quote",
        "an error of the PBX",
        "a web page",
    ],
)
def test_what_has_no_certain_header_is_refused(text: str, why: str) -> None:
    with pytest.raises(ReportLayoutError, match=why):
        parse_report(text)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Sales<6400>,5", "belongs to no table, line 4"),
        ("Sales<6400>,5,3,7", "belongs to no table, line 4"),
        (",5,3", "belongs to no table, line 4"),
        ("Made by the PBX", "belongs to no table, line 4"),
        ("Queue,Total,Answered", "second header .* line 4"),
    ],
    ids=["too short", "too long", "no first cell", "a footer", "the header again"],
)
def test_a_row_that_fits_nowhere_is_refused_and_shown(line: str, why: str) -> None:
    with pytest.raises(ReportLayoutError, match=why):
        parse_report(PLAIN + line + "\n")


def test_a_long_row_is_shown_in_part() -> None:
    with pytest.raises(ReportLayoutError) as caught:
        parse_report("x" * 5000 + "\n")
    assert len(str(caught.value)) < 500


# --- tables of calls ---

INDENTED = (
    "Queue,Total,Answered\n"
    "Sales<6400>,2,1\n"
    ",Call ID,Time,From,Status\n"
    ",1-1,2026/11/22 08:00:00,0289,answered\n"
    ",1-2,2026/11/22 09:00:00,,missed\n"
    "Support<6401>,0,0\n"
    "Other<6402>,1,1\n"
    ",Call ID,Time,From,Status\n"
    ",1-3,2026/11/22 10:00:00,0123,answered\n"
)


@pytest.mark.parametrize(
    "text",
    [
        INDENTED,
        "\n".join(line.removeprefix(",") for line in INDENTED.split("\n")),
        "\n".join(line + "," * (4 - line.count(",")) for line in INDENTED.strip().split("\n")),
        INDENTED + "Total,3,2\n",
    ],
    ids=["indented", "not indented, of another width", "all rows of one width", "with a total row"],
)
def test_calls_belong_to_the_row_above_them(text: str) -> None:
    table = parse_report(text)
    assert table.header == ("Queue", "Total", "Answered")
    assert table.call_header == ("Call ID", "Time", "From", "Status")
    assert [[call[0] for call in row.calls] for row in table.rows] == [["1-1", "1-2"], [], ["1-3"]]
    assert table.rows[0].calls[1] == ("1-2", "2026/11/22 09:00:00", "", "missed")


def test_calls_can_be_typed_like_the_report() -> None:
    table = parse_report(INDENTED)
    columns = typed_columns(table.call_header, table.rows[0].calls)
    assert columns[2].values == ("0289", None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (INDENTED.replace("Other<6402>,1,1\n,Call ID", "Other<6402>,1,1\n,Number"), "no table, line 8"),
        (INDENTED.replace(",Call ID,Time,From,Status\n,1-3", ",1-3"), "no table, line 8"),
        (INDENTED.replace(",answered\n,1-2", ",answered,x\n,1-2"), "no table, line 4"),
        (INDENTED.replace(",1-2", ",Call ID,Time,From,Status\n,1-2"), "twice under one row, line 5"),
        ("Queue,Total,Answered\n,Call ID,Time\n,1-1,8\n", "no table, line 2"),
        ("Queue,Total,Status\nSales<6400>,2,1\nCall ID,Time,From\n1-1,2026/11/22,0289\n", "second header .* line 3"),
    ],
    ids=[
        "another header",
        "no header",
        "a call that is too long",
        "the header twice",
        "calls under nothing",
        "calls in the report's own columns",
    ],
)
def test_calls_that_cannot_be_told_apart_are_refused(text: str, why: str) -> None:
    with pytest.raises(ReportLayoutError, match=why):
        parse_report(text)


# --- round trips ---

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
# Delimiters in a title can make a table of it; such a file is refused rather than guessed at.
_titles = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\0,;\t"'), max_size=12)
_names = st.text(st.characters(categories=["L"]), min_size=1, max_size=12).map("Q".__add__)
_rows = st.integers(3, 6).flatmap(
    lambda width: st.lists(
        st.tuples(_names.map("{}<6400>".format), st.integers(0, 99).map(str), *[_texts] * (width - 2)), max_size=5
    )
)


@given(
    rows=_rows,
    delimiter=st.sampled_from(",;"),
    preamble=st.lists(st.lists(_titles, max_size=2), max_size=5),
    bom=st.booleans(),
)
def test_any_table_is_read_as_it_was_written(
    rows: list[tuple[str, ...]], delimiter: str, preamble: list[list[str]], bom: bool
) -> None:
    header = tuple(f"Title {letter}" for letter in "ABCDEF"[: len(rows[0]) if rows else 3])
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([*preamble, header, *rows])
    table = parse_report("\ufeff" * bom + text.getvalue())
    assert table.header == header
    assert cells(table) == rows


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        table = parse_report(text)
    except ReportLayoutError:
        return
    assert len(table.header) >= 2
    assert table.columns


FILTERS = {
    "ext_id_list": "11,12",
    "queue_id_list": "1,2",
    "queue_id": "2",
    "ivr_id_list": "41,51",
    "ring_group_id_list": "51,61",
    "trunk_id_list": "31,32",
    "trunk_id": "31",
}


def built(report_type: str, *, need_detail: bool = False) -> BuiltReport:
    query = ReportQuery(
        REPORTS[report_type], DAY, DAY + timedelta(days=1, seconds=-1), filters=FILTERS, need_detail=need_detail
    )
    return build_report(1, DEFAULT_DIRECTORY, query)


@pytest.mark.parametrize("layout", range(12), ids=lambda number: f"layout {number}")
@pytest.mark.parametrize("report_type", REPORTS)
def test_what_the_simulator_writes_is_read_with_the_same_figures(report_type: str, layout: int) -> None:
    report = built(report_type)
    csv_layout = CsvLayout(
        bom=bool(layout % 2),
        preamble=bool(layout % 3),
        delimiter=",;\t"[layout % 3],
        total_row=layout >= 6,
        label_style="number-name" if layout % 4 > 1 else "name<number>",
    )
    # One row proves no total.
    total_row = csv_layout.total_row if len(report.rows) == 1 else None
    text = render(report, "csv", "hhmmss" if layout % 5 else "seconds", csv_layout).decode()
    table = parse_report(text, report_type=report_type, total_row=total_row)
    assert table.header == tuple(column.label for column in report.columns)
    assert len(table.rows) == len(report.rows)
    assert (table.totals is not None) == (csv_layout.total_row and bool(report.rows))
    by_header = {column.header: column for column in table.columns}
    for column in report.columns:
        # The label of an hour, a day or a month is text, however it is written.
        if column.kind in ("integer", "seconds") and column.key != "time" and report.rows:
            assert by_header[column.label].values == tuple(row[column.key] for row in report.rows)


@pytest.mark.parametrize("total_row", [False, True], ids=["no total", "total"])
@pytest.mark.parametrize("report_type", ["queueperformance", "queueagentperformance", "queueperformanceactivity"])
def test_the_calls_that_the_simulator_writes_are_read(report_type: str, total_row: bool) -> None:
    report = built(report_type, need_detail=True)
    text = render(report, "csv", "seconds", CsvLayout(total_row=total_row)).decode()
    table = parse_report(text, total_row=total_row)
    assert [len(row.calls) for row in table.rows] == [len(calls) for calls in report.details]
    assert sum(len(row.calls) for row in table.rows) > 0
    assert table.call_header == tuple(column.label for column in report.detail_columns)
    written = [str(call["call_id"]) for calls in report.details for call in calls]
    assert [call[0] for row in table.rows for call in row.calls] == written
