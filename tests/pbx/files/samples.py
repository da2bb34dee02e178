"""Whole files of every kind, made by libraries of others or by hand."""

from __future__ import annotations

import io
import struct

import xlsxwriter
from fpdf import FPDF

PREAMBLE = b"Queue Performance\r\n\r\nTime,2026/11/22 00:00:00 - 2026/11/22 23:59:59\r\nQueue,Support<6401>\r\n\r\n"
ROW = b"<tr><td>Support&lt;6401&gt;</td><td>12</td></tr>"
CSV = b"\xef\xbb\xbfQueue,Total,Answered\r\n" + b"Support<6401>,12,9\r\nSales<6402>,7,7\r\n" * 20
HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Queue Performance</title></head><body><h1>Queue Performance</h1>"
    b"<table><thead><tr><th>Queue</th><th>Total</th></tr></thead><tbody>"
    b"<tr><td>Support&lt;6401&gt;</td><td>12</td></tr></tbody></table></body></html>\n"
)


def xlsx(rows: int = 300) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as workbook:
        for name in ("Queues", "Calls"):
            sheet = workbook.add_worksheet(name)
            for row in range(rows):
                sheet.write_row(row, 0, [f"Support{row}", row, row * 7])
    return content.getvalue()


def pdf() -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica")
    for row in range(200):
        document.cell(0, 5, f"Support {row * 7}", new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


def updated_pdf() -> bytes:
    """A PDF that was saved a second time: the new part names the table of the first (ISO 32000-1, 7.5.6)."""
    first = pdf()
    previous = int(first.rpartition(b"startxref")[2].split()[0])
    table = len(first)
    trailer = f"xref\n0 0\ntrailer\n<< /Size 9 /Root 1 0 R /Prev {previous} >>\nstartxref\n{table}\n%%EOF\n"
    return first + trailer.encode()


def linearized_pdf() -> tuple[bytes, int]:
    """A PDF for the web, and the length of its first part, which ends with a mark of its own (annex F)."""
    rest = b"2 0 obj\n<< /Pages 3 0 R >>\nendobj\n" * 60
    end = b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 2 >>\nstartxref\n%d\n%%%%EOF\n"

    def build(whole: int, main: int, first: int) -> tuple[bytes, int]:
        head = b"%%PDF-1.5\n1 0 obj\n<< /Linearized 1 /L %6d /N 1 >>\nendobj\n" % whole
        table = b"xref\n1 1\n0000000010 00000 n \ntrailer\n<< /Size 2 /Prev %6d >>\nstartxref\n0\n%%%%EOF\n" % main
        beginning = head + table
        return beginning + rest + end % first, len(beginning)

    content, beginning = build(0, 0, 0)
    first = content.index(b"xref\n1 1")
    content, beginning = build(0, 0, first)
    return build(len(content), beginning + len(rest), first)


def xls(rows: int = 900) -> bytes:
    """A workbook of BIFF8 in an OLE2 document of one allocation sector and one of a directory."""
    cells = b"".join(struct.pack("<HHHHHd", 0x0203, 14, row, 0, 0, row * 7.0) for row in range(rows))
    begin, end = struct.pack("<HHHHHHLL", 0x0809, 16, 0x0600, 0x0010, 0, 0, 0, 0), struct.pack("<HH", 0x000A, 0)
    return ole2("Workbook", begin + cells + end)


def ole2(name: str, stream: bytes) -> bytes:
    sectors = -(-len(stream) // 512)
    chain = [*range(3, sectors + 2), 0xFFFFFFFE]
    table = [0xFFFFFFFD, 0xFFFFFFFE, *chain]
    assert len(table) <= 128
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<LLLLLLLLL", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109L", 0, *[0xFFFFFFFF] * 108)
    directory = _entry("Root Entry", 5, 0xFFFFFFFE, 0) + _entry(name, 2, 2, len(stream)) + bytes(256)
    allocation = struct.pack("<128L", *table, *[0xFFFFFFFF] * (128 - len(table)))
    return header + allocation + directory + stream.ljust(sectors * 512, b"\0")


def _entry(name: str, kind: int, start: int, length: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB3L", len(encoded), kind, 1, *[0xFFFFFFFF] * 3)
    return head + bytes(36) + struct.pack("<LQ", start, length)
