"""Whether a report holds rows, with bytes only."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.files.emptiness import Content, content_of, rows_in

HEADER = "Queue,Total Calls,Answered,Answered Rate,Average Waiting Time\n"
PREAMBLE = "Queue Performance\n\nTime,2026/11/22 00:00:00 - 2026/11/22 23:59:59\nQueue,Support<6401>\n\n"
ROW = "Support<6401>,12,9,75.00%,00:00:07\n"
TOTAL_OF_ZEROS = "Total,0,0,0.00%,00:00:00\n"

EMPTY_CSV = {
    "nothing": "",
    "BOM alone": "\ufeff",
    "blank lines": "\n\r\n ,,\n",
    "header": HEADER,
    "header without line end": HEADER.rstrip(),
    "header with BOM": "\ufeff" + HEADER,
    "header in quotes with BOM": '\ufeff"Queue","Total Calls","Answered\nCalls"\n',
    "header and blank lines": HEADER + "\n\r\n,,,,\n",
    "preamble and header": PREAMBLE + HEADER,
    "preamble padded with commas": "Queue Performance,,,,\n" + HEADER,
    "preamble in mixed line ends": PREAMBLE.replace("\n", "\r") + HEADER,
    "localized header": "队列,总通话数,已接来电\n",
    "header with semicolons": HEADER.replace(",", ";"),
    "header with tabs": HEADER.replace(",", "\t"),
    "header with tabs in cells": HEADER.replace(",", "\t,"),
    "two columns": "Agent,Pauses\n",
    "total of zeros": HEADER + TOTAL_OF_ZEROS,
    "localized total of zeros": HEADER + "合计\uff1a,0,0,0%,-\n",
    "the words that there is no data": HEADER + "No data\n",
    "the words that there is no data, padded": HEADER + '"No Data.",,,,\n',
    "a row of dashes": HEADER + "-,-,-,-,-\n",
    "a row of long dashes": HEADER + "—,—,—,—,—\n",
}
FILLED_CSV = {
    "a row": HEADER + ROW,
    "a row after the preamble": PREAMBLE + HEADER + ROW,
    "a row and a total": HEADER + ROW + "Total,12,9,75.00%,00:00:07\n",
    "a row of zeros": HEADER + "Support<6401>,0,0,0.00%,00:00:00\n",
    "a total that is not zero": HEADER + "Total,1,0,0.00%,00:00:00\n",
    "a total of zeros before a row": HEADER + TOTAL_OF_ZEROS + ROW,
    "a row of labels": HEADER + "1000-Alice,Available,Support,,\n",
    "a row without header": ROW,
    "a row without header that begins with a date": "2026/11/22 10:00:00,Alice,Bob\n",
    "two columns and a row": "Agent,Pauses\n1000-Alice,3\n",
    "two columns and a row of labels": "Agent,State\n1000-Alice,Available\n",
    "two columns of one row without header": "1000-Alice,3\n",
    "a queue with an empty table of calls": HEADER + ROW + "Time,From,To,Agent,Status,Ring,Talk\n",
    "rows with semicolons": HEADER.replace(",", ";") + ROW.replace(",", ";"),
    "rows ended by carriage returns": (HEADER + ROW).replace("\n", "\r"),
}
UNCLEAR_CSV = {
    "a preamble of three cells and a header": "Time,2026/11/22 00:00:00,2026/11/22 23:59:59\n" + HEADER,
    "a text under the header": HEADER + "Nobody called\n",
    "a text and dashes": HEADER + "-,-,-,-,-\nNobody called\n",
    "a single sentence": "The report could not be made\n",
    "a preamble alone": PREAMBLE,
    "a preamble without end": "Note\n" * 30 + HEADER,
    "an open quote": 'Queue,"Total,Answered\nSupport,12,9\n',
    "an open quote below the header": HEADER + '"Support<6401>,12\n',
}

HEAD_HTML = "<html><head><title>Queue Performance</title></head><body><h1>Queue Performance</h1><table>"
TH_HTML = "<tr><th>Queue</th><th>Total Calls</th></tr>"
EMPTY_HTML = {
    "header": HEAD_HTML + TH_HTML + "</table></body></html>",
    "header in thead, without end tags": "<table><thead><tr><th>Queue<th>Total Calls<tbody></table>",
    "preamble and header": HEAD_HTML + "<tr><td colspan=2>22 Nov</td></tr>" + TH_HTML + "</table>",
    "two header rows": HEAD_HTML + "<tr><th colspan=2>Calls</th></tr>" + TH_HTML + "</table>",
    "header and blank row": HEAD_HTML + TH_HTML + "<tr><td>&nbsp;</td><td></td></tr></table>",
    "total of zeros": HEAD_HTML + TH_HTML + "<tr><td>Total</td><td><b>0</b></td></tr></table>",
    "the words that there is no data": HEAD_HTML + TH_HTML + "<tr><td colspan=2>No data</td></tr></table>",
    "a row of dashes": HEAD_HTML + TH_HTML + "<tr><td>-</td><td>-</td></tr></table>",
}
FILLED_HTML = {
    "rows without a header": "<table>" + "<tr><td>Support</td><td>12</td><td>3</td></tr>" * 2 + "</table>",
    "a row below such a table": "<table><tr><td>From</td><td>To</td><td>2026-11-22</td></tr></table>"
    + f"<table>{TH_HTML}<tr><td>Support</td><td>12</td></tr></table>",
    "a row": HEAD_HTML + TH_HTML + "<tr><td>Support&lt;6401&gt;</td><td>12</td></tr></table>",
    "a row without end tags": "<table><tr><th>Queue<th>Total<tr><td>Support<td>0",
    "a row whose label is a th": HEAD_HTML + TH_HTML + "<tr><th>Support</th><td>0</td></tr></table>",
    "a row all of th": HEAD_HTML + TH_HTML + "<tr><th>Support</th><th>12</th></tr></table>",
    "a row in a nested table": HEAD_HTML + TH_HTML + "<tr><td><table><tr><td>10:00</td></tr></table></td></tr></table>",
    "a row after much white space": f"<table>{TH_HTML}<tr><td>{' ' * 999}<b>12</b></td></tr></table>",
}
UNCLEAR_HTML = {
    "rows all of th": HEAD_HTML + TH_HTML + "<tr><th>Support</th><th>none</th></tr></table>",
    "a table that marks no header": "<table><tr><td>Queue</td><td>Total</td><td>Answered</td></tr></table>",
    "a table of the request above the header": HEAD_HTML
    + "<tr><td>Report</td><td>Queues</td><td>Time</td><td>2026-11-22</td></tr><tr><td>By</td><td>me</td></tr></table>"
    + f"<table>{TH_HTML}</table>",
    "no table": "<html><body><div>Support</div><div>12</div></body></html>",
    "rows in divs below the header": HEAD_HTML + TH_HTML + "</table><div>Support</div><div>12</div></body></html>",
    "rows in divs within the table": HEAD_HTML + TH_HTML + "<div>Support</div><div>12</div></table></html>",
    "rows that a script fills in": HEAD_HTML + TH_HTML + "</table><script>fill([['Support', 12]])</script></html>",
    "rows that another script fills in": "<script src=rows.js></script>" + HEAD_HTML + TH_HTML + "</table></html>",
    "a sentence in the table": HEAD_HTML + TH_HTML + "<tr><td colspan=2>Nobody called</td></tr></table></html>",
    "endless markup": "<table><tr><th>Queue</th></tr></table><a title='" + "x" * 2_000_000,
    "an endless cell": "<table><tr><th>Queue</th></tr><tr><td>" + "x <b>" * 100_000,
    "an endless row": "<table><tr><th>Queue</th></tr><tr>" + "<td>" * 100_000,
}


def chunks_of(text: str, size: int = 64 * 1024) -> Iterator[bytes]:
    data = text.encode()
    return (data[at : at + size] for at in range(0, len(data), size))


def cases(*tables: tuple[str, Content, dict[str, str]]) -> list[Any]:
    return [
        pytest.param(file_format, text, content, id=f"{file_format}: {name}")
        for file_format, content, texts in tables
        for name, text in texts.items()
    ]


@pytest.mark.parametrize(
    ("file_format", "text", "content"),
    cases(
        ("csv", Content.EMPTY, EMPTY_CSV),
        ("csv", Content.FILLED, FILLED_CSV),
        ("csv", Content.UNCLEAR, UNCLEAR_CSV),
        ("html", Content.EMPTY, EMPTY_HTML),
        ("html", Content.FILLED, FILLED_HTML),
        ("html", Content.UNCLEAR, UNCLEAR_HTML),
    ),
)
def test_what_a_report_holds(file_format: str, text: str, content: Content) -> None:
    assert content_of(chunks_of(text), file_format) is content


@pytest.mark.parametrize("name", ["header", "a row"])
def test_utf_16_is_read_as_well(name: str) -> None:
    text = (EMPTY_CSV | FILLED_CSV)[name]

    assert content_of([text.encode("utf-16")], "csv") is content_of(chunks_of(text), "csv")


@pytest.mark.parametrize(
    ("file_format", "text", "rows"),
    [
        ("csv", "", 0),
        ("csv", HEADER, 0),
        ("csv", HEADER + ROW * 3, 3),
        ("csv", PREAMBLE + HEADER + ROW * 2 + "Total,24,18,75.00%,00:00:07\n", 2),
        ("csv", HEADER + "No data\n", 0),
        ("csv", ROW, 1),
        ("csv", "Agent,Pauses\n" + "Alice,3\n" * 40, 40),
        ("csv", HEADER + '"Support\nDesk",12,9,75.00%,00:00:07\n', 1),
        ("html", HEAD_HTML + TH_HTML + "<tr><td>Support</td><td>12</td></tr>" * 4 + "</table></html>", 4),
    ],
)
def test_rows_are_counted_without_header_preamble_and_totals(file_format: str, text: str, rows: int) -> None:
    assert rows_in(chunks_of(text), file_format) == rows


@given(
    text=st.sampled_from([*EMPTY_CSV.values(), *FILLED_CSV.values(), *UNCLEAR_CSV.values()]), size=st.integers(1, 40)
)
def test_the_verdict_on_a_csv_does_not_depend_on_the_chunks(text: str, size: int) -> None:
    assert content_of(chunks_of(text, size), "csv") is content_of(chunks_of(text), "csv")


@given(
    text=st.sampled_from([*EMPTY_HTML.values(), *FILLED_HTML.values(), *list(UNCLEAR_HTML.values())[:-3]]),
    size=st.integers(1, 40),
)
def test_the_verdict_on_a_page_does_not_depend_on_the_chunks(text: str, size: int) -> None:
    assert content_of(chunks_of(text, size), "html") is content_of(chunks_of(text), "html")


@given(
    columns=st.integers(3, 12),
    labels=st.lists(st.text("abcä <>-", min_size=1, max_size=8).filter(str.strip), min_size=12, max_size=12),
    values=st.lists(st.sampled_from(["0", "7", "0%", "00:00:09", "Alice", ""]), min_size=12, max_size=12),
)
def test_a_row_under_any_header_counts(columns: int, labels: list[str], values: list[str]) -> None:
    lines = [labels[:columns], ["6401-Support", *values[: columns - 1]]]
    content = content_of(chunks_of("\n".join(",".join(line) for line in lines)), "csv")
    assert content is (Content.FILLED if any(filter(None, values[: columns - 1])) else Content.UNCLEAR)


def test_reading_stops_at_the_first_row() -> None:
    def chunks() -> Iterator[bytes]:
        yield (HEADER + ROW * 100).encode()
        raise AssertionError("read on")

    assert content_of(chunks(), "csv") is Content.FILLED


@pytest.mark.parametrize(
    "chunk", [b" " * 60_000 + b"\n" * 900, b"x" * 65_536, b'"' + b"x" * 65_535], ids=["blanks", "one line", "quote"]
)
def test_memory_stays_small_whatever_comes(chunk: bytes) -> None:
    tracemalloc.start()
    try:
        content_of((chunk for _ in range(64)), "csv")
        assert tracemalloc.get_traced_memory()[1] < 12 * 1024**2
    finally:
        tracemalloc.stop()
