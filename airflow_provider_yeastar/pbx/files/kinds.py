"""What bytes are, by their beginning. Pure."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum

__all__ = ["Kind", "kind_of", "kind_within", "may_be_json"]

_WHITESPACE = b" \t\r\n\f\v"


class Kind(StrEnum):
    """What bytes are, in the words of the messages."""

    TEXT = "plain text"
    UTF_16 = "text in UTF-16"
    HTML = "an HTML page"
    XML = "an XML document"
    PDF = "a PDF document"
    OLE2 = "an OLE2 document"
    ZIP = "a ZIP archive"
    GZIP = "gzip data"
    ZSTD = "Zstandard data"
    RTF = "an RTF document"
    HTTP = "an HTTP message"
    UTF_32 = "text in UTF-32"
    BINARY = "binary data"


_SIGNATURES = (
    (b"%PDF-", Kind.PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE2),
    (b"PK\x03\x04", Kind.ZIP),
    (b"\x1f\x8b", Kind.GZIP),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (b"{\\rtf", Kind.RTF),
    (b"HTTP/1.", Kind.HTTP),
    (codecs.BOM_UTF32_LE, Kind.UTF_32),
    (codecs.BOM_UTF32_BE, Kind.UTF_32),
    (codecs.BOM_UTF16_LE, Kind.UTF_16),
    (codecs.BOM_UTF16_BE, Kind.UTF_16),
)
# The elements that browsers take as the sign of HTML (WHATWG, "MIME Sniffing") and some more, less `<a`, and `<b` in
# front of text: a label may be one.
_HTML_START = re.compile(
    rb"(<\?[^>]*>\s*)*<(!--|(!doctype\s+html|html|head|body|title|meta|link|script|style|iframe|table|div|h[1-6]|font"
    rb"|center|form|pre|br|p|header|main|section|article|span|strong)[\s>/]|b>[^<]*</b>\s*<)",
    re.IGNORECASE,
)

# No text of a PBX holds these, and compressed data soon does.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _content(beginning: bytes | bytearray) -> bytes:
    return bytes(beginning).removeprefix(codecs.BOM_UTF8).lstrip(_WHITESPACE)


def may_be_json(beginning: bytes | bytearray) -> bool:
    """Return whether bytes begin as a JSON object or list."""
    return _content(beginning).startswith((b"{", b"["))


def kind_of(head: bytes) -> Kind:
    """Return what a file is.

    :param head: its first bytes, a kibibyte is enough; white space and a UTF-8 byte order mark may lead.
    """
    content = _content(head)
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if _HTML_START.match(content):
        return Kind.HTML
    if _CONTROL.search(head):
        return Kind.BINARY
    return Kind.XML if content.startswith(b"<?xml") else Kind.TEXT


def kind_within(head: bytes) -> Kind:
    """Return what text in UTF-16 with a byte order mark is, as :func:`kind_of` returns it of other text.

    :param head: its first bytes, cut anywhere.
    """
    return kind_of(head.decode("utf-16", "replace").encode("utf-8", "replace"))
