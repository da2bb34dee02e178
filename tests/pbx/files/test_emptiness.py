"""Whether a report holds rows, with bytes only."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.files.emptiness import is_empty_report

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
}
FILLED_CSV = {
    "a row": HEADER + ROW,
    "a row after the preamble": PREAMBLE + HEADER + ROW,
    "a row and a total": HEADER + ROW + "Total,12,9,75.00%,00:00:07\n",
    "a row of zeros": HEADER + "Support<6401>,0,0,0.00%,00:00:00\n",
    "a total that is not zero": HEADER + "Total,1,0,0.00%,00:00:00\n",
    "a total of zeros before a row": HEADER + TOTAL_OF_ZEROS + ROW,
    "a row of labels": HEADER + "1000-Alice,Available,Support,,\n",
    "a text under the header": HEADER + "No data\n",
    "a row without header": ROW,
    "a row without header that begins with a date": "2026/11/22 10:00:00,Alice,Bob\n",
    "two columns and a row": "Agent,Pauses\n1000-Alice,3\n",
    "two columns and a row of labels": "Agent,State\n1000-Alice,Available\n",
    "two columns of one row without header": "1000-Alice,3\n",
    "a single sentence": "The report could not be made\n",
    "a queue with an empty table of calls": HEADER + ROW + "Time,From,To,Agent,Status,Ring,Talk\n",
    "a preamble without end": "Note\n" * 30 + HEADER,
    "an open quote": 'Queue,"Total,Answered\nSupport,12,9\n',
    "rows with semicolons": HEADER.replace(",", ";") + ROW.replace(",", ";"),
    "rows ended by carriage returns": (HEADER + ROW).replace("\n", "\r"),
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
}
FILLED_HTML = {
    "a row": HEAD_HTML + TH_HTML + "<tr><td>Support&lt;6401&gt;</td><td>12</td></tr></table>",
    "a row without end tags": "<table><tr><th>Queue<th>Total<tr><td>Support<td>0",
    "a row whose label is a th": HEAD_HTML + TH_HTML + "<tr><th>Support</th><td>0</td></tr></table>",
    "a row all of th": HEAD_HTML + TH_HTML + "<tr><th>Support</th><th>12</th></tr></table>",
    "a table that marks no header": "<table><tr><td>Queue</td><td>Total</td><td>Answered</td></tr></table>",
    "no table": "<html><body><div>Support</div><div>12</div></body></html>",
    "a row in a nested table": HEAD_HTML + TH_HTML + "<tr><td><table><tr><td>10:00</td></tr></table></td></tr></table>",
    "a row after much white space": f"<table>{TH_HTML}<tr><td>{' ' * 999}<b>12</b></td></tr></table>",
    "endless markup": "<table><tr><th>Queue</th></tr></table><a title='" + "x" * 2_000_000,
    "an endless cell": "<table><tr><th>Queue</th></tr><tr><td>" + "x <b>" * 100_000,
    "an endless row": "<table><tr><th>Queue</th></tr><tr>" + "<td>" * 100_000,
}


def chunks_of(text: str, size: int = 64 * 1024) -> Iterator[bytes]:
    data = text.encode()
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("text", EMPTY_CSV.values(), ids=EMPTY_CSV.keys())
def test_a_csv_without_rows_is_empty(text: str) -> None:
    assert is_empty_report(chunks_of(text), "csv")


@pytest.mark.parametrize("text", FILLED_CSV.values(), ids=FILLED_CSV.keys())
def test_a_csv_with_a_row_or_of_unknown_layout_is_not_empty(text: str) -> None:
    assert not is_empty_report(chunks_of(text), "csv")


@pytest.mark.parametrize("text", EMPTY_HTML.values(), ids=EMPTY_HTML.keys())
def test_an_html_page_without_rows_is_empty(text: str) -> None:
    assert is_empty_report(chunks_of(text), "html")


@pytest.mark.parametrize("text", FILLED_HTML.values(), ids=FILLED_HTML.keys())
def test_an_html_page_with_a_row_or_of_unknown_layout_is_not_empty(text: str) -> None:
    assert not is_empty_report(chunks_of(text), "html")


@given(text=st.sampled_from([*EMPTY_CSV.values(), *FILLED_CSV.values()]), size=st.integers(1, 40))
def test_the_verdict_on_a_csv_does_not_depend_on_the_chunks(text: str, size: int) -> None:
    assert is_empty_report(chunks_of(text, size), "csv") == is_empty_report(chunks_of(text), "csv")


@given(text=st.sampled_from([*EMPTY_HTML.values(), *list(FILLED_HTML.values())[:-3]]), size=st.integers(1, 40))
def test_the_verdict_on_a_page_does_not_depend_on_the_chunks(text: str, size: int) -> None:
    assert is_empty_report(chunks_of(text, size), "html") == is_empty_report(chunks_of(text), "html")


@given(
    columns=st.integers(3, 12),
    labels=st.lists(st.text("abcä <>-", min_size=1, max_size=8).filter(str.strip), min_size=12, max_size=12),
    values=st.lists(st.sampled_from(["0", "7", "0%", "00:00:09", "Alice", ""]), min_size=12, max_size=12),
)
def test_a_row_under_any_header_counts(columns: int, labels: list[str], values: list[str]) -> None:
    lines = [labels[:columns], ["6401-Support", *values[: columns - 1]]]
    assert not is_empty_report(chunks_of("\n".join(",".join(line) for line in lines)), "csv")


def test_reading_stops_at_the_first_row() -> None:
    def chunks() -> Iterator[bytes]:
        yield (HEADER + ROW * 100).encode()
        raise AssertionError("read on")

    assert not is_empty_report(chunks(), "csv")


@pytest.mark.parametrize(
    "chunk", [b" " * 60_000 + b"\n" * 900, b"x" * 65_536, b'"' + b"x" * 65_535], ids=["blanks", "one line", "quote"]
)
def test_memory_stays_small_whatever_comes(chunk: bytes) -> None:
    tracemalloc.start()
    try:
        is_empty_report((chunk for _ in range(64)), "csv")
        assert tracemalloc.get_traced_memory()[1] < 12 * 1024**2
    finally:
        tracemalloc.stop()
