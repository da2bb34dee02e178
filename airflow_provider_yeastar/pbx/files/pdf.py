"""Whether a PDF is whole, by its last end mark and what that points to (ISO 32000-1, 7.5.4, 7.5.5, annex F). Pure.

A PDF may hold several end marks: one that was saved again has one for each time, one made for the web has its first
near its beginning. So that there is one proves nothing; the file has to end with one, and what it names be there: its
table of contents, and the objects that a classic one lists (7.5.4).
"""

from __future__ import annotations

import re
from typing import BinaryIO

__all__ = ["pdf_complaint"]

_HEAD_BYTES = 1024
_TAIL_BYTES = 2048
_TRAILER_BYTES = 1024 * 1024
_END = re.compile(rb"startxref\s+(\d{1,18})\s+%%EOF\s*$")
_XREF = re.compile(rb"\s*(xref\b|\d+\s+\d+\s+obj\b)")
_PREVIOUS = re.compile(rb"/Prev\s+(\d{1,18})")
_MOST_TABLES = 16
_ENTRY = re.compile(rb"(\d{10}) \d{5} n")
_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")
_AROUND_BYTES = 32
"""As far from where a table says, an object is found: readers mend places that are wrong by a line end."""
_LINEARIZED = re.compile(rb"/Linearized\b[^>]*?/L\s+(\d{1,18})|/L\s+(\d{1,18})[^>]*?/Linearized\b", re.DOTALL)


def pdf_complaint(file: BinaryIO, size: int) -> str | None:
    """Return what is wrong with the end of a PDF, None if it is whole.

    :param file: a seekable one that begins as a PDF.
    :param size: its length in bytes.
    """
    head = _read(file, 0, _HEAD_BYTES)
    begins = max(0, head.find(b"%PDF-"))
    linearized = _LINEARIZED.search(head)
    if linearized and (whole := int(linearized[1] or linearized[2])) > size:
        return f"a PDF document of which {size} of {whole} bytes are there"
    end = _END.search(_read(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES).rstrip(b"\0"))
    if end is None:
        return "a PDF document that does not end with its end mark, %%EOF"
    table = _table_at(file, int(end[1]), begins)
    if table is None:
        return "a PDF document whose table of contents is not where its end says"
    if any(int(offset) >= size for offset in _PREVIOUS.findall(table)):
        return "a PDF document that names parts beyond its end"
    if not _has_objects(file, int(end[1]), begins):
        return "a PDF document with a hole in it"
    return None


def _has_objects(file: BinaryIO, offset: int, begins: int) -> bool:
    """Return whether objects are where the table at an offset, and those before it, say. Other tables are not read."""
    for _ in range(_MOST_TABLES):
        table = _table_at(file, offset, begins)
        if table is None or not table.lstrip().startswith(b"xref"):
            return True
        entries, _, trailer = table.partition(b"trailer")
        places = (int(entry[1]) for entry in _ENTRY.finditer(entries))
        if not all(_is_object_at(file, place, begins) for place in places if place):
            return False
        previous = _PREVIOUS.search(trailer)
        if previous is None:
            return True
        offset = int(previous[1])
    return True


def _is_object_at(file: BinaryIO, place: int, begins: int) -> bool:
    starts = dict.fromkeys((place, place + begins))
    return any(_OBJECT.search(_read(file, max(0, start - _AROUND_BYTES), 2 * _AROUND_BYTES)) for start in starts)


def _table_at(file: BinaryIO, offset: int, begins: int) -> bytes | None:
    """Return the cross-reference table with its trailer; offsets count from the file's first byte or from ``%PDF-``."""
    for start in dict.fromkeys((offset, offset + begins)):
        table = _read(file, start, _TRAILER_BYTES)
        if start and _XREF.match(table):
            return table.partition(b"startxref")[0].partition(b"stream")[0]
    return None


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
