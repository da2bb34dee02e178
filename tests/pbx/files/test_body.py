"""The judgement on what was downloaded, with bytes only."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileTooLargeError,
    PermissionDeniedError,
    TokenExpiredError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.files.body import FileCheck, FileFacts, safe_file_name

CSV = b"Queue,Total Calls,Answered\nSupport<6401>,12,9\n"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64)
ZIP = b"PK\x03\x04\x14\x00" + bytes(64)
HTML = b"<!DOCTYPE html>\n<html><body><table></table></body></html>"
EXPIRED = b'{"errcode":10004,"errmsg":"TOKEN EXPIRED"}'
GOOD_BODIES = {"csv": CSV, "pdf": PDF, "xls": OLE2, "html": HTML}


def new_check(file_format: str, announced: int | None = None, maximum: int | None = None) -> FileCheck:
    return FileCheck(
        file_format,
        announced_bytes=announced,
        max_bytes=maximum,
        pbx="pbx.example:8088",
        endpoint="/api/download/x.csv",
    )


def outcome(check: FileCheck, chunks: list[bytes]) -> FileFacts | tuple[type[YeastarError], str]:
    try:
        for chunk in chunks:
            check.feed(chunk)
        return check.finish()
    except YeastarError as error:
        return type(error), str(error)


def judge(file_format: str, body: bytes, announced: int | None = None, maximum: int | None = None) -> FileFacts:
    check = new_check(file_format, announced, maximum)
    check.feed(body)
    return check.finish()


class TestWhatIsAReport:
    @pytest.mark.parametrize(
        ("file_format", "body"),
        [
            pytest.param("csv", CSV, id="csv"),
            pytest.param("csv", b"\xef\xbb\xbf" + CSV, id="csv with BOM"),
            pytest.param("csv", CSV.replace(b",", b"\t"), id="csv with tabs"),
            pytest.param("csv", "Warteschlange;Anrufe\n".encode("latin-1"), id="csv in latin-1"),
            pytest.param("csv", b"<1021>,4\n", id="csv whose first cell begins with <"),
            pytest.param("csv", b"{a},{b}\n1,2\n", id="csv whose first cell begins with a brace"),
            pytest.param("csv", b"{" + CSV * 5000, id="long csv that begins with a brace"),
            pytest.param("csv", b"[1],2\n", id="csv whose first cell begins with a bracket"),
            pytest.param("csv", CSV.decode().encode("utf-16"), id="csv in UTF-16"),
            pytest.param("xls", HTML, id="a page that is called xls"),
            pytest.param("xls", CSV, id="text that is called xls"),
            pytest.param("pdf", PDF, id="pdf"),
            pytest.param("pdf", b"\r\n " + PDF, id="pdf after blanks"),
            pytest.param("xls", OLE2, id="xls as OLE2"),
            pytest.param("xls", ZIP, id="xls as ZIP"),
            pytest.param("html", HTML, id="html"),
            pytest.param("html", b"\xef\xbb\xbf\n  <HTML lang=en><TABLE>", id="html in capitals after BOM and blanks"),
            pytest.param("html", b'<?xml version="1.0"?>\n<!DOCTYPE html><html>', id="xhtml"),
            pytest.param("html", b"<table border=1><tr>", id="html that is a bare table"),
            pytest.param("html", b"<!-- made by a PBX --><html>", id="html after a comment"),
            pytest.param("html", b'<?xml version="1.0"?><?a b?>\n<html>', id="html after instructions"),
            pytest.param("html", b"<b>Queues</b>\n<table><tr>", id="html that begins with a bold title"),
            pytest.param("html", b"<section class=a><table><tr>", id="html that begins with a section"),
            pytest.param("html", b"<span>Queues</span><table><tr>", id="html that begins with a span"),
            pytest.param("csv", b"<b>Queue</b>,<b>Total</b>\n1,2\n", id="csv whose first cell is bold"),
            pytest.param("recording", b"RIFF\x24\0\0\0WAVEfmt ", id="a recording in WAV"),
            pytest.param("recording", b"ID3\x04\0\0", id="a recording in MP3"),
            pytest.param("recording", b"\xff\xfb\x90\x64\0\x0f", id="a recording in MP3 without tags"),
            pytest.param("recording", b"\xd2\x4e\x81\x02" * 40, id="a recording in GSM"),
        ],
    )
    def test_a_report_gives_its_length_and_hash(self, file_format: str, body: bytes) -> None:
        assert judge(file_format, body) == FileFacts(bytes=len(body), sha256=hashlib.sha256(body).hexdigest())

    def test_the_announced_length_and_max_bytes_may_be_reached(self) -> None:
        assert judge("csv", CSV, announced=len(CSV), maximum=len(CSV)).bytes == len(CSV)


class TestWhatIsNoReport:
    @pytest.mark.parametrize(
        ("file_format", "body", "words"),
        [
            pytest.param("csv", b"", "an empty file", id="nothing for csv"),
            pytest.param("csv", HTML, "an HTML page in place of the csv", id="HTML for csv"),
            pytest.param("xls", PDF, "a PDF document in place of the xls", id="PDF for xls"),
            pytest.param("pdf", HTML, "an HTML page in place of the pdf", id="HTML for pdf"),
            pytest.param("csv", b"<?xml version='1.0'?><Error/>", "an XML document", id="XML for csv"),
            pytest.param("csv", PDF, "a PDF document in place of the csv", id="PDF for csv"),
            pytest.param("csv", OLE2, "an OLE2 document", id="OLE2 for csv"),
            pytest.param("csv", ZIP, "a ZIP archive", id="ZIP for csv"),
            pytest.param("csv", b"\x1f\x8b\x08 text", "gzip data", id="gzip for csv"),
            pytest.param("csv", b"Queue,Total\n\0\0", "binary data", id="NUL bytes for csv"),
            pytest.param("csv", "Queue,Total\n".encode("utf-16-le"), "binary data", id="UTF-16 without mark"),
            pytest.param(
                "csv", HTML.decode().encode("utf-16"), "an HTML page in UTF-16 in place", id="UTF-16 page for csv"
            ),
            pytest.param(
                "csv",
                HTML.decode().encode("utf-16-be").join([b"\xfe\xff", b""]),
                "an HTML page in UTF-16",
                id="big-endian page for csv",
            ),
            pytest.param(
                "html", CSV.decode().encode("utf-16"), "plain text in UTF-16 in place", id="UTF-16 table for html"
            ),
            pytest.param("csv", "Queue,Total\n".encode("utf-32"), "text in UTF-32", id="UTF-32 for csv"),
            pytest.param("pdf", "Queue,Total\n".encode("utf-16"), "text in UTF-16", id="UTF-16 for pdf"),
            pytest.param("csv", b"\x28\xb5\x2f\xfd\x04data", "Zstandard data", id="Zstandard for csv"),
            pytest.param("csv", b"HTTP/1.1 200 OK\r\n\r\n" + CSV, "an HTTP message", id="an answer within the answer"),
            pytest.param("csv", b"\x8b\x02\x80Queue", "binary data", id="Brotli for csv"),
            pytest.param("csv", CSV * 30 + bytes(10), "a hole in it", id="csv with NUL bytes far behind"),
            pytest.param("csv", b"{" + CSV * 30 + bytes(10), "a hole in it", id="the same behind a brace"),
            pytest.param("html", HTML * 30 + bytes(10), "a hole in it", id="html with NUL bytes far behind"),
            pytest.param("pdf", CSV, "plain text in place of the pdf", id="csv for pdf"),
            pytest.param("html", CSV, "plain text in place of the html", id="csv for html"),
            pytest.param("pdf", b"{ not json", "plain text", id="a brace for pdf"),
            pytest.param("pdf", b"{" + b" " * 70_000, "plain text", id="a long brace for pdf"),
            pytest.param("csv", b'{"errcode":0,"errmsg":"SUCCESS"}', "a JSON answer", id="JSON that says success"),
            pytest.param("csv", b'{"status":"down"}', "a JSON answer", id="JSON without errcode"),
            pytest.param("csv", b'{"errcode":"0"}', "a JSON answer", id="JSON that says success in a text"),
            pytest.param("csv", b'{"errcode":"many"}', "a JSON answer", id="JSON whose errcode is no number"),
            pytest.param("csv", b'{"errcode":true}', "a JSON answer", id="JSON whose errcode is true"),
            pytest.param("csv", b"[]", "a JSON answer", id="JSON that is a list"),
            pytest.param("recording", HTML, "an HTML page in place of the recording", id="HTML for a recording"),
            pytest.param("recording", CSV, "plain text in place of the recording", id="text for a recording"),
            pytest.param("recording", ZIP, "a ZIP archive", id="ZIP for a recording"),
        ],
    )
    def test_another_body_is_refused_by_name(self, file_format: str, body: bytes, words: str) -> None:
        with pytest.raises(BadFileError, match=words) as caught:
            judge(file_format, body)
        assert (caught.value.pbx, caught.value.endpoint) == ("pbx.example:8088", "/api/download/x.csv")

    @pytest.mark.parametrize("file_format", sorted(GOOD_BODIES))
    def test_an_answer_with_an_errcode_becomes_the_error_of_that_errcode(self, file_format: str) -> None:
        with pytest.raises(TokenExpiredError) as caught:
            judge(file_format, b"\xef\xbb\xbf \n" + EXPIRED)
        assert caught.value.errcode == 10004

    @pytest.mark.parametrize("errcode", [10004, "10004", " 10004 ", 10004.0])
    def test_an_errcode_is_a_number_however_it_is_typed(self, errcode: object) -> None:
        with pytest.raises(TokenExpiredError):
            judge("csv", json.dumps({"errcode": errcode, "errmsg": "TOKEN EXPIRED"}).encode())

    def test_an_answer_longer_than_the_first_kibibyte_is_still_read(self) -> None:
        answer = {"errcode": 10005, "errmsg": "ACCESS DENIED", "invalid_param_list": [{"value": "x" * 9000}]}
        with pytest.raises(PermissionDeniedError):
            judge("pdf", json.dumps(answer).encode())

    def test_nested_braces_without_end_are_no_answer(self) -> None:
        assert judge("csv", b'{"a":' * 5000).bytes == 25_000

    def test_fewer_bytes_than_announced_are_refused(self) -> None:
        with pytest.raises(BadFileError, match=f"{len(CSV)} of the 1000 bytes"):
            judge("csv", CSV, announced=1000)

    def test_one_byte_more_than_announced_is_refused_while_it_arrives(self) -> None:
        check = new_check("csv", announced=5000)
        check.feed(b"a" * 5000)
        with pytest.raises(BadFileError, match="more than the 5000 bytes it announced"):
            check.feed(b"a")

    def test_one_byte_more_than_max_bytes_is_refused_while_it_arrives(self) -> None:
        check = new_check("csv", maximum=5000)
        check.feed(b"a" * 5000)
        with pytest.raises(FileTooLargeError, match="sent more than `max_bytes`, 5000 bytes"):
            check.feed(b"a")

    def test_more_than_max_bytes_is_refused_when_it_is_announced(self) -> None:
        with pytest.raises(FileTooLargeError, match="announced 5001 bytes, more than `max_bytes`, 5000 bytes"):
            new_check("csv", announced=5001, maximum=5000).feed(b"a")

    def test_an_html_page_is_refused_before_its_end(self) -> None:
        with pytest.raises(BadFileError, match="an HTML page"):
            new_check("csv").feed(HTML + b" " * 1024)


class TestAFileThatComesAgain:
    """After an interruption a server without ranges begins anew; what has come already is passed over."""

    BODY = CSV * 30

    @pytest.mark.parametrize("received", [0, 1, 7, len(CSV), len(BODY)])
    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_what_follows_is_yielded(self, received: int, size: int) -> None:
        check = new_check("csv", announced=len(self.BODY))
        check.feed(self.BODY[:received])
        for chunk in check.pass_over(self.BODY[at : at + size] for at in range(0, len(self.BODY), size)):
            check.feed(chunk)

        assert check.received == len(self.BODY)
        assert check.finish() == judge("csv", self.BODY)

    @pytest.mark.parametrize("again", [b"", BODY[:100], b"Q" + BODY, BODY[:199] + b"x"], ids=len)
    def test_another_beginning_is_refused_before_anything_is_yielded(self, again: bytes) -> None:
        check = new_check("csv")
        check.feed(self.BODY[:200])

        with pytest.raises(BadFileError, match="another file under this URL"):
            next(check.pass_over(iter([again])))


SEEDS = [CSV, PDF, OLE2, ZIP, HTML, EXPIRED, b"{", b"[1", b"\xef\xbb\xbf", b" \n", b"\0", b""]
BODIES = st.builds(
    lambda lead, seed, filler, length: (lead + seed + filler * (length // max(1, len(filler))))[
        : len(lead + seed) + length
    ],
    st.sampled_from([b"", b"\n", b"\xef\xbb\xbf"]),
    st.sampled_from(SEEDS),
    st.sampled_from([b" ", b"a,b\n", b"\0"]),
    st.sampled_from([0, 1, 900, 1023, 1024, 1100, 65_000, 65_536, 65_600]),
)


@given(
    body=BODIES,
    file_format=st.sampled_from(sorted(GOOD_BODIES)),
    announced=st.none() | st.integers(0, 2000),
    maximum=st.none() | st.sampled_from([1, 1022, 1023, 1024, 65_536, 100_000]),
    cuts=st.lists(st.integers(0, 2100) | st.integers(0, 70_000), max_size=8),
)
def test_the_verdict_does_not_depend_on_the_chunks(
    body: bytes, file_format: str, announced: int | None, maximum: int | None, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]
    whole = outcome(new_check(file_format, announced, maximum), [body])
    assert outcome(new_check(file_format, announced, maximum), chunks) == whole


@pytest.mark.parametrize("body", [CSV, HTML, EXPIRED], ids=["csv", "html", "answer"])
def test_single_bytes_give_the_verdict_of_the_whole(body: bytes) -> None:
    single = [body[at : at + 1] for at in range(len(body))]
    assert outcome(new_check("csv"), single) == outcome(new_check("csv"), [body])


class TestSafeFileName:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            pytest.param(
                "X-download-20220608094753-ejP6.csv", "X-download-20220608094753-ejP6.csv", id="the vendor's sample"
            ),
            pytest.param("Rapport d'été (1).pdf", "Rapport d_été (1).pdf", id="letters with accents"),
            pytest.param("通话报告.csv", "通话报告.csv", id="Chinese"),
            pytest.param("../../etc/passwd", "passwd", id="traversal"),
            pytest.param("..\\..\\boot.ini", "boot.ini", id="traversal with backslashes"),
            pytest.param("/etc/cron.d/x", "x", id="absolute"),
            pytest.param("C:\\x.csv", "x.csv", id="drive letter"),
            pytest.param("\uff0e\uff0e\uff0fx.csv", "x.csv", id="full-width dots and slash"),
            pytest.param("\u2025/x", "x", id="two dot leader"),
            pytest.param("a\0b\n\x1b[31m.csv", "a_b___31m.csv", id="NUL and control characters"),
            pytest.param("report\u202evsc.exe", "report_vsc.exe", id="bidirectional override"),
            pytest.param("a\ud800.csv", "a_.csv", id="lone surrogate"),
            pytest.param("--help", "help", id="option"),
            pytest.param(".htaccess", "htaccess", id="hidden"),
            pytest.param("x.csv. .", "x.csv", id="trailing dots and blanks"),
            pytest.param("*?[a].csv", "___a_.csv", id="wildcards"),
            pytest.param("", "report", id="empty"),
            pytest.param("..", "report", id="dots"),
            pytest.param("a/", "report", id="directory"),
        ],
    )
    def test_a_hostile_name_becomes_a_harmless_one(self, name: str, expected: str) -> None:
        assert safe_file_name(name) == expected

    def test_a_name_of_four_kibibytes_is_cut_and_keeps_its_extension(self) -> None:
        name = safe_file_name("é" * 4096 + ".csv")
        assert len(name.encode()) in (199, 200)
        assert name.endswith("é.csv")

    def test_of_an_endless_name_only_the_end_is_looked_at(self) -> None:
        assert safe_file_name("a" * 100_000 + "b" * 1000 + ".csv") == "b" * 196 + ".csv"

    @given(st.text(max_size=400) | st.text("./\\ -~\0é\u0338=\uff0f\u202e", max_size=400))
    def test_any_name_becomes_a_base_name_and_then_stays(self, name: str) -> None:
        safe = safe_file_name(name)
        assert safe not in ("", ".", "..")
        assert not set(safe) & set("/\\\0\n\r~*?[]")
        assert not safe.startswith((".", "-"))
        assert len(safe.encode()) <= 200
        assert safe_file_name(safe) == safe
