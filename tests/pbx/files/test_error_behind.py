"""An error behind part of a table, within its last cell, where the width of the row does not tell."""

from __future__ import annotations

import io

import pytest

from airflow_provider_yeastar.pbx.files.whole import whole_complaint
from tests.pbx.files.support import complaint

TABLE = "Agent,Name,Note\r\n" + "1001,Anna,5\r\n" * 3
PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>bad</body></html>"


@pytest.mark.parametrize("end", ["", "\n"], ids=["without-line-end", "with-line-end"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "error",
    [
        "<h1>502 Bad Gateway</h1>",
        "<h1>504 Gateway Time-out</h1>\nThe server did not respond, in time, today",
        "<center>nginx</center>",
        "<p>error</p>",
        "<p>error",
        "<br />",
        "<div class='a'>",
        "<b>Fatal error</b>: out of memory",
        '<?xml version="1.0"?><Error><Code>RequestTimeout</Code></Error>',
        "<Error><Code>RequestTimeout</Code></Error>",
        "<!-- cut -->",
        '{"success":false}',
        '{"Error":"x"}',
        '{ "result" : "error" }',
        "HTTP/1.1 502 Bad Gateway",
        "HTTP/2 502",
        "Internal Server Error",
        "500 Internal Server Error.",
        "Error: Bad Gateway",
        "504 Gateway Time-out",
    ],
)
def test_an_error_within_the_last_cell_is_no_part_of_it(error: str, encoding: str, end: str) -> None:
    body = f"{TABLE}1002,Bob,{error}{end}".encode(encoding)
    assert "a web page or an error message at its end" in str(
        whole_complaint(io.BytesIO(body), len(body), is_length_known=True)
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("cell", ["", "6\r\n"], ids=["within-a-cell", "behind-a-row"])
@pytest.mark.parametrize("error", [PAGE, b'{"errcode":10004} ', b"<h1>502 Bad Gateway</h1> ", b"HTTP/1.1 502 Away "])
def test_an_error_in_ascii_behind_utf_16_is_seen(error: bytes, cell: str, encoding: str) -> None:
    table = f"\ufeff{TABLE}1002,Bob,{cell}".encode(encoding)
    body = table + error.ljust(len(error) + len(error) % 2)
    assert "a web page or an error message at its end" in str(
        whole_complaint(io.BytesIO(body), len(body), is_length_known=True)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "cell",
    [
        *("Anna<1001>", "Anna<a>", "Anna<b>", "Anna<*45>", "Trunk<Error>", "5 < 6 > 4", "<--", "<?>", "{x}", "{1: 2}"),
        *('"{""note"":1}"', "HTTP/1.1", "1</2>", "<3", "</", "a<br", "坐席 姓名 呼叫"),
    ],
)
def test_a_label_is_no_error(cell: str, encoding: str) -> None:
    assert complaint(f"{TABLE}1002,Bob,{cell}\r\n{cell},Bob,6\r\n1002,Bob,{cell}\r\n".encode(encoding)) is None


@pytest.mark.parametrize("status", ["Internal Server Error", "Bad Gateway"])
def test_a_column_may_hold_a_status(status: str) -> None:
    body = f"{TABLE}1002,Bob,{status}\n1003,Eve,{status}\n".encode()
    assert complaint(body) is None
