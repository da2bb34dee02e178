"""Whether a file is whole, with bytes only: each kind cut anywhere, with holes, and with something at its end."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st

from airflow_provider_yeastar.pbx.files.whole import sound_complaint, whole_complaint
from tests.pbx.files.samples import CSV, HTML, PREAMBLE, ROW, linearized_pdf, pdf, updated_pdf, xls, xlsx
from tests.pbx.files.support import SPREADSHEET_XML, complaint

ANSWER = b'{"errcode":10004,"errmsg":"TOKEN EXPIRED"}'
PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"

WHOLE = {
    "csv": CSV,
    "csv of a header": b"Queue,Total,Answered\r\n",
    "csv of a header of two cells": b"Agent,Pauses\n",
    "csv of two columns": b"Agent,Pauses\nAlice,3\n",
    "csv with a preamble": PREAMBLE + CSV,
    "csv with semicolons and decimal commas": b"Queue;Total;Rate\nSupport;12;75,00\nSales;7;8,12\n",
    "csv with tabs": CSV.replace(b",", b"\t"),
    "csv with tabs and an empty cell at its end": b"Agent\tName\tNote\r\n1001\tAnna\tx\r\n1002\tBob\t\r\n",
    "csv in UTF-16 with tabs and empty cells": "Agent\tName\tNote\n1001\tAnna\t\n1002\t\t\n".encode("utf-16"),
    "csv with a line of blanks at its end": CSV + b" \t \r\n",
    "csv with quotes after backslashes": b'Agent,Name,Calls\n1001,"Anna",5\n1002,"Bob \\"B\\", Lee",6\n',
    "csv with quotes around part of a cell": b'Agent,Name,Calls\n1001,Anna,5\n1002,"Annie" Lee,6\n',
    "csv with quotes within quotes": b'Agent,Name,Calls\n1001,Anna,5\n1002,"Bob "B" Lee",6\n',
    "csv with blanks around quotes": b'"Agent" , "Name" , "Calls"\r\n"1001" , "Anna" , "5"\r\n',
    "csv ended by carriage returns": CSV.replace(b"\r\n", b"\r"),
    "csv with blank lines at its end": CSV + b"\r\n\r\n",
    "csv with line ends in its last cell": CSV + b'"Support\nDesk, Berlin\n<6401>",12,"9\n"\n',
    "csv with a narrow total": CSV + b"Total,200\r\n",
    "csv without data": b"Queue,Total,Answered\r\nNo data\r\n",
    "csv with nested tables": b"Queue,Total,Answered,Rate,SLA\n"
    + b"Support,2,2,100,100\n,Time,From,Agent\n,10:00,1000,1001\n,10:05,1000,1001\n" * 3000,
    "csv in latin-1": "Warteschlange;Anrufe;Größe\nVertrieb;3;4\n".encode("latin-1"),
    "csv in UTF-16": CSV.decode("utf-8-sig").encode("utf-16"),
    "csv in big-endian UTF-16": b"\xfe\xff" + (CSV.decode("utf-8-sig") * 200).encode("utf-16-be"),
    "long csv": CSV + CSV.partition(b"\r\n")[2] * 2000,
    "html": HTML,
    "html of a header": HTML.replace(ROW, b""),
    "html in UTF-16": HTML.decode().encode("utf-16"),
    "html without html": b"<table><tr><th>Queue</th><th>Total</th></tr>" + ROW + b"</table>",
    "html after instructions": b'<?xml version="1.0"?>\n<?xml-stylesheet href="x"?>' + HTML,
    "html of a bold title": b"<b>Queue Performance</b>\n" + HTML[HTML.index(b"<table>") : HTML.index(b"</body>")],
    "html of a section": b"<section>" + HTML[HTML.index(b"<table>") : HTML.index(b"</body>")] + b"</section>",
    "html of nested divisions": b"<div><div>" + HTML[HTML.index(b"<table>") : HTML.index(b"</body>")] + b"</div></div>",
    "html of a span": b"<span>Queues</span>" + HTML[HTML.index(b"<table>") : HTML.index(b"</body>")],
    "csv of a bold label": b"<b>Queues</b>,<b>Total</b>,<b>Rate</b>\r\nSupport,12,9\r\n",
    "html with a comment at its end": HTML + b"<!-- made in 3 ms -->",
    "html with a script": HTML.replace(b"</body>", b"<script>if (a<b) sort('<table>')</script></body>"),
    "html called Agent Login Activity": HTML.replace(b"Queue Performance", b"Agent Login Activity"),
    "html with a heading for an extension": HTML.replace(b"<table>", b"<h2>501-Support</h2><table>", 1),
    "pdf": pdf(),
    "pdf after blanks": b"\r\n " + pdf(),
    "pdf saved twice": updated_pdf(),
    "pdf for the web": linearized_pdf()[0],
    "xlsx": xlsx(),
    "xls": xls(),
    "spreadsheet in XML": SPREADSHEET_XML,
}
# Cut behind a row, text is a table like any other: only the length that was announced tells.
CUT_ANYWHERE = ["pdf", "pdf for the web", "xlsx", "xls", "html", "html in UTF-16", "spreadsheet in XML"]


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_file_is_taken(content: bytes) -> None:
    assert complaint(content) is None


@pytest.mark.parametrize("name", CUT_ANYWHERE)
@settings(max_examples=50)
@given(share=st.floats(0.1, 1))
def test_a_file_that_is_cut_anywhere_is_refused(name: str, share: float) -> None:
    content = WHOLE[name].removesuffix("\n".encode("utf-16-le")).rstrip()  # a page may do without its last line end
    assert complaint(content[: min(len(content) - 1, int(len(content) * share))]) is not None


@pytest.mark.parametrize("name", ["csv", "csv in UTF-16", "long csv", "csv with nested tables"])
@settings(max_examples=50)
@given(lacking=st.integers(1, 400))
def test_text_that_is_cut_within_a_line_is_refused(name: str, lacking: int) -> None:
    cut = WHOLE[name][:-lacking]
    line_end = "\n".encode("utf-16-le") if "UTF-16" in name else b"\n"
    assert (complaint(cut) is None) == (cut.endswith(line_end) and not len(cut) % len(line_end))


@pytest.mark.parametrize("name", ["csv", "long csv", "html", "pdf", "xlsx", "xls", "spreadsheet in XML"])
@pytest.mark.parametrize("kept", [0.5, 1], ids=["behind half of it", "behind all of it"])
@pytest.mark.parametrize("end", [ANSWER, ANSWER + b"\n", PAGE, b"\r\n" + PAGE + b"\r\n"], ids=range(4))
def test_an_error_at_the_end_of_a_file_is_no_part_of_it(name: str, kept: float, end: bytes) -> None:
    content = WHOLE[name]
    assert complaint(content[: int(len(content) * kept)] + end) is not None


@pytest.mark.parametrize("kept", [1, 7, 13, 20])
@pytest.mark.parametrize("text", [b"Internal Server Error\n", b"Upstream failed\nTry again later\n", b"a,b\nc,d\n"])
def test_lines_of_another_width_at_the_end_of_a_csv_are_no_part_of_it(kept: int, text: bytes) -> None:
    lines = CSV.splitlines(keepends=True)[: kept + 1]
    assert complaint(b"".join(lines) + text) is not None


@pytest.mark.parametrize(
    "sentence",
    [b"upstream connect error, reset before headers, reason: timeout\n", b"Warning: no such file, in a.php, line 3\n"],
)
def test_a_sentence_with_as_many_commas_as_the_table_is_no_row_of_it(sentence: bytes) -> None:
    assert complaint(CSV + sentence) == "a table whose last line is not as wide as the others"
    assert complaint(b"Queue,Total\r\nSales,7\r\nupstream connect error, reset\r\n") is not None


def test_a_table_that_is_written_with_blanks_behind_its_commas_is_whole() -> None:
    assert complaint(b"Queue, Total, Answered\r\nSupport, 12, 9\r\nSales, 7, 7\r\n") is None
    assert complaint(b"Queue,Total,Note\r\nSupport,12, \r\nSales, , \r\n") is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [CSV.decode("utf-8-sig") * 4000, HTML.decode()], ids=["csv", "html"])
def test_text_in_utf_16_with_a_hole_is_refused(text: str, encoding: str) -> None:
    body = f"\ufeff{text}".encode(encoding)
    at = len(body) // 2 // 2 * 2
    assert complaint(body) is None
    assert complaint(body[:at] + bytes(24) + body[at + 24 :]) == "text in UTF-16 with a hole in it"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (CSV.rstrip(), None),
        (CSV.rstrip().rpartition(b",")[0], "a table whose last line is not as wide as the others"),
    ],
    ids=["a whole line", "part of a line"],
)
def test_the_last_line_may_lack_its_end_where_the_length_is_known(body: bytes, complaint: str | None) -> None:
    assert whole_complaint(io.BytesIO(body), len(body), is_length_known=True) == complaint
    assert whole_complaint(io.BytesIO(body), len(body)) == "a table whose last line has no end"


@pytest.mark.parametrize("rows", [1, 20_000], ids=["short", "long"])
@pytest.mark.parametrize(("encoding", "lacking"), [("utf-8-sig", 1), ("utf-8-sig", 3), ("utf-16", 2)])
def test_text_that_ends_within_a_letter_is_refused(encoding: str, lacking: int, rows: int) -> None:
    body = ("Calls,Pauses,Name\n" + "5,1,Zo\u00eb \U0001f600\n" * rows).rstrip().encode(encoding)
    assert whole_complaint(io.BytesIO(body), len(body), is_length_known=True) is None
    cut = body[:-lacking]
    assert whole_complaint(io.BytesIO(cut), len(cut), is_length_known=True) == "text that ends within a letter"


def test_text_whose_beginning_is_in_latin_1_may_end_with_any_letter() -> None:
    body = ("Anrufe;Pausen;Gr\u00f6\u00dfe\n" + "3;4;5\n" * 20_000 + "3;4;Ren\u00e9").encode("latin-1")
    assert whole_complaint(io.BytesIO(body), len(body), is_length_known=True) is None


def test_a_text_whose_last_letter_alone_is_beyond_ascii_may_be_cut() -> None:
    """The byte is a letter of latin-1, or the first of a Chinese letter in UTF-8."""
    body = "Anrufe;Pausen;Ort\n3;4;Ren\u00e9".encode("latin-1")
    assert whole_complaint(io.BytesIO(body), len(body), is_length_known=True) == "text that ends within a letter"


def test_text_in_latin_1_may_end_with_any_letter() -> None:
    body = "Anrufe;Pausen;Gr\u00f6\u00dfe\n3;4;Ren\u00e9".encode("latin-1")
    assert whole_complaint(io.BytesIO(body), len(body), is_length_known=True) is None


def test_a_line_that_is_cut_and_ended_is_refused() -> None:
    assert complaint(CSV[:-5] + b"\r\n") == "a table whose last line is not as wide as the others"
    assert complaint(CSV + b'"Support<64\r\n') == "a table whose last line is not as wide as the others"


@pytest.mark.parametrize(
    "end", [rb'5,6,"Bob \"B', rb'5,6,"Bob \"B\" Lee', b'5,6,"Bob "B" Lee', b'5,6,"Bob\n"B" Lee', b'5,6,"Annie" Lee,"']
)
def test_a_quoted_cell_that_is_cut_and_ended_is_refused(end: bytes) -> None:
    table = b'Calls,Pauses,Name\r\n1,2,"Anna"\r\n'
    assert complaint(table + end + b"\r\n") == "a table whose last line is not as wide as the others"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"Forbidden", "no table"),
        (b"Forbidden\r\n", "no table"),
        (b"502 Bad Gateway\n\nThe upstream is away.\n", "no table"),
        (b"Access denied, token expired\n", "no table"),
        (b"Sorry, no, not now\n", "no table"),
        (b"   \n \n\n", "no table"),
        ("\ufeffForbidden\n".encode("utf-16-le"), "no table"),
        (CSV.decode().encode("utf-16-le")[:-1], "within a letter"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_text_without_a_table_is_no_report(body: bytes, words: str) -> None:
    assert words in str(complaint(body))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PAGE, "title is that of an error"),
        (PAGE.replace(b"502 Bad Gateway", b"Oops"), "without a table"),
        (HTML.replace(b"Queue Performance", b"403 Forbidden"), "title is that of an error"),
        (HTML.replace(b"Queue Performance", b"Service Unavailable"), "title is that of an error"),
        (HTML.replace(b"</body>", b"<form><input name=user></form></body>"), "a form or a frame"),
        (HTML.replace(b"</body>", b"<input type='password'></body>"), "a form or a frame"),
        (HTML.replace(b"</body>", b"<INPUT TYPE=Password></body>"), "a form or a frame"),
        (HTML.replace(b"</head>", b"<meta http-equiv=Refresh content='0; url=/login'></head>"), "leads to another"),
        (HTML.replace(b"Queue Performance", b"pbx.example.com | 502: Bad gateway"), "title is that of an error"),
        (HTML.replace(b"Queue Performance", b"Error 504 - proxy"), "title is that of an error"),
        (HTML.replace(b"Queue Performance", b"ERROR: The requested URL could not be retrieved"), "that of an error"),
        (HTML.replace(b"Queue Performance", b"IIS 10.0 Detailed Error - 404.0 - Not Found"), "that of an error"),
        (HTML.replace(b"Queue Performance", b"Web Page Blocked!"), "title is that of an error"),
        (HTML.replace(b"Queue Performance", b"Runtime Error"), "title is that of an error"),
        (HTML.replace(b"Queue Performance", b"Index of /api/download"), "title is that of an error"),
        (HTML.replace(b"</body>", b"<h1>500 Internal Server Error</h1></body>"), "title is that of an error"),
        (HTML.replace(b"</body>", b"<h2>403 Forbidden</h2></body>"), "title is that of an error"),
        (HTML.replace(b"</body>", b"<iframe src=/login></iframe></body>"), "a form or a frame"),
        (b"<html><body>" + b" " * 5000 + b"</body></html>", "without a table"),
        (b"<html><body><table><tr><td>&nbsp;</td><td> </td></tr></table></body></html>", "is empty"),
        (b"<html><body><table></table></body></html>", "is empty"),
        (b"<html><body><table><tr><td>Please wait</td></tr></table></body></html>", "is empty"),
        (HTML.replace(b"</table>", b""), "without its end"),
        (HTML.replace(b"</html>", b""), "without its end"),
        (b"<div>" + HTML[HTML.index(b"<table>") : HTML.index(b"</body>")], "without its end"),
        (HTML + b"Connection reset", "without its end"),
        (HTML + HTML, "another one at its end"),
        (b"<html><table><tr><th>a</th><th>b</th></tr></table><a title='" + b"x" * 2_000_000, "without its end"),
        (b"<html><table><tr><th>a</th><th>b</th></tr></table><![\x01CDATA[", "without its end"),
        (b"<html><table><tr><th>a</th><th>b</th></tr></table><![x[y]]>", "without its end"),
    ],
    ids=range(30),
)
def test_a_page_that_is_no_report_is_refused(body: bytes, words: str) -> None:
    assert words in str(complaint(body))


WAVE = b"RIFF" + (136).to_bytes(4, "little") + b"WAVEfmt " + bytes(128)


@pytest.mark.parametrize(
    "content",
    [
        WAVE,
        b"RIFF\xff\xff\xff\xff" + WAVE[8:],
        b"RIFF\0\0\0\0" + WAVE[8:],
        WAVE + b"a tag",
        b"ID3\x04" + WAVE[4:],
        b"\xd2",
    ],
    ids=["whole", "without-a-length", "of-length-0", "with-a-tag-behind", "mp3", "a-byte"],
)
def test_a_recording_that_names_no_greater_length_is_taken(content: bytes) -> None:
    assert sound_complaint(io.BytesIO(content), len(content)) is None


@pytest.mark.parametrize("size", [8, 100, 143])
def test_a_wave_file_that_is_shorter_than_it_says_is_refused(size: int) -> None:
    assert sound_complaint(io.BytesIO(WAVE[:size]), size) == f"{size} of the 144 bytes of a wave file"


def test_a_pdf_is_not_whole_at_its_first_end_mark() -> None:
    content, first_part = linearized_pdf()
    assert content[:first_part].endswith(b"%%EOF\n")
    assert "of which" in str(complaint(content[:first_part]))
    # Even where nothing tells its length.
    unmarked = content.replace(b"/Linearized 1", b"/Unlinearize 1")
    assert "is not where its end says" in str(complaint(unmarked[:first_part]))


def test_a_pdf_whose_end_names_a_table_that_is_not_there_is_refused() -> None:
    content = pdf()
    head, _, end = content.rpartition(b"startxref\n")
    assert "is not where its end says" in str(complaint(head[:500] + head[900:] + b"startxref\n" + end))


@given(st.binary(max_size=2000))
@pytest.mark.parametrize("beginning", [xls()[:600], xlsx()[:200], pdf()[:200], b"\xff\xfe", b"<table>"], ids=range(5))
def test_no_bytes_at_all_break_the_judge(beginning: bytes, rest: bytes) -> None:
    complaint(beginning + rest)


@pytest.mark.parametrize(
    "content",
    [
        CSV + CSV.partition(b"\r\n")[2] * 12_000,
        HTML.replace(ROW, ROW * 100_000),
        b"<html><table><tr><td>" + b"x" * 8_000_000,
    ],
    ids=["csv", "html", "an endless cell"],
)
def test_memory_does_not_grow_with_the_file(content: bytes) -> None:
    file = io.BytesIO(content)
    tracemalloc.start()
    try:
        whole_complaint(file, len(content))
        assert tracemalloc.get_traced_memory()[1] < 12 * 1024**2
    finally:
        tracemalloc.stop()
