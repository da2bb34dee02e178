"""Whether a file that arrived is the whole of what it is, judged by its end and by its parts. Pure.

That as many bytes came as were announced says nothing of a file that was cut before it was sent. Text and PDF are
judged at both ends, pages and workbooks are read from beginning to end, in pieces.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from airflow_provider_yeastar.pbx.files.delimited import decoded, holds_error, table_complaint
from airflow_provider_yeastar.pbx.files.kinds import Kind, kind_of, kind_within
from airflow_provider_yeastar.pbx.files.markup import Page
from airflow_provider_yeastar.pbx.files.ole2 import ole2_complaint
from airflow_provider_yeastar.pbx.files.pdf import pdf_complaint
from airflow_provider_yeastar.pbx.files.workbook import XmlFaultError, XmlReader, archive_complaint, local_name

__all__ = ["pieces_of", "sound_complaint", "whole_complaint"]

_PIECE_BYTES = 1024 * 1024
_HEAD_BYTES = 1024
_END_BYTES = 64 * 1024
_RIFF_HEAD = 8
_NO_LENGTH = 0x7FFF_FFFF


def whole_complaint(
    file: BinaryIO, size: int, look: Callable[[], None] = lambda: None, *, is_length_known: bool = False
) -> str | None:
    """Return what is wrong with a file, such as "an HTML page without a table"; None if it is a whole report.

    :param file: a seekable one, of a kind that :class:`.FileCheck` accepted.
    :param size: its length in bytes.
    :param look: called now and then while the file is read; what it raises passes through.
    :param is_length_known: whether as many bytes came as were announced.
    """
    file.seek(0)
    head = file.read(_END_BYTES)
    kind = kind_of(head[:_HEAD_BYTES])
    if kind is Kind.PDF:
        return pdf_complaint(file, size)
    if kind is Kind.OLE2:
        return ole2_complaint(file, size)
    if kind is Kind.ZIP:
        return archive_complaint(file, size, look)
    if kind is Kind.XML:
        return _xml_complaint(pieces_of(file, look))
    if kind is Kind.UTF_16:
        return _utf_16_complaint(file, size, head, look, is_length_known)
    if kind is Kind.HTML:
        return _page_complaint(pieces_of(file, look))
    return _table_complaint(head, _end(file, size), "utf-8", is_length_known)


def sound_complaint(file: BinaryIO, size: int) -> str | None:
    """Return what is wrong with a recording, None if nothing is: a wave file names its length, others tell nothing.

    :param file: a seekable one, of a kind that :class:`.FileCheck` accepted.
    :param size: its length in bytes.
    """
    file.seek(0)
    head = file.read(_RIFF_HEAD)
    named = int.from_bytes(head[4:], "little")
    is_cut = head[:4] == b"RIFF" and size < named + _RIFF_HEAD and named < _NO_LENGTH
    return f"{size} of the {named + _RIFF_HEAD} bytes of a wave file" if is_cut else None


def pieces_of(file: BinaryIO, look: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """Yield a file from its beginning, in pieces.

    :param file: a seekable one.
    :param look: called before each piece; what it raises passes through.
    """
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        look()
        yield piece


def _end(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _END_BYTES))
    return file.read()


def _text(part: bytes, encoding: str) -> str:
    return part.decode(encoding, "replace").removeprefix("\ufeff")


def _utf_16_complaint(
    file: BinaryIO, size: int, head: bytes, look: Callable[[], None], is_length_known: bool
) -> str | None:
    if size % 2:
        return "text in UTF-16 that ends within a letter"
    if any("\0" in text for text in decoded(pieces_of(file, look))):
        return "text in UTF-16 with a hole in it"
    encoding = "utf-16-le" if head.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    if kind_within(head[:_HEAD_BYTES]) is Kind.HTML:
        return _page_complaint(pieces_of(file, look))
    return _table_complaint(head, _end(file, size), encoding, is_length_known)


def _table_complaint(head: bytes, tail: bytes, encoding: str, is_length_known: bool) -> str | None:
    if _ends_within_letter(head, tail, encoding):
        return "text that ends within a letter"
    if encoding != "utf-8" and holds_error(tail.decode("latin-1")):
        return "text in UTF-16 with a web page or an error message at its end"
    return table_complaint(_text(head, encoding), _text(tail, encoding), may_lack_line_end=is_length_known)


def _ends_within_letter(head: bytes, tail: bytes, encoding: str) -> bool:
    """Return whether the last bytes are the beginning of a letter; unknown of text that is not in this encoding.

    A text whose only letter beyond ASCII is the last one may be in this encoding or in another: it counts as cut.
    """
    if encoding == "utf-8" and not _is_utf_8(head):
        return False
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(tail).lstrip("\ufffd")  # the first letter may be cut as well
    rest, _ = decoder.getstate()
    return bool(rest) and "\ufffd" not in text


def _is_utf_8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _page_complaint(pieces: Iterable[bytes]) -> str | None:
    page = Page()
    deque(page.rows_of(decoded(pieces)), maxlen=0)
    return page.complaint()


def _xml_complaint(pieces: Iterable[bytes]) -> str | None:
    """Judge a spreadsheet in one XML document, as Office 2003 has it."""
    has_sheet = False

    def take(name: str, attributes: dict[str, str]) -> None:
        nonlocal has_sheet
        has_sheet |= local_name(name) == "Worksheet"

    reader = XmlReader(take)
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.close()
    except XmlFaultError as fault:
        return f"an XML document {fault}"
    if reader.root != "Workbook":
        return "an XML document that is no workbook"
    return None if has_sheet else "a workbook without a sheet"
