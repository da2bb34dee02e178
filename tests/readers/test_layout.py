"""The layout of CSV reports: what belongs to which table, and what is refused."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.readers import ReportLayoutError, parse_report, typed_columns
from tests.readers.support import PLAIN, cells, values

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
