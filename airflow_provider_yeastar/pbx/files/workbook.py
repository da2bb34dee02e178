"""Whether a workbook is whole: the archive that an ``.xlsx`` is, every part of it read to its end. Pure.

Office Open XML: ECMA-376, part 2. The older kind is judged in :mod:`.ole2`.
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from collections.abc import Callable
from typing import IO, BinaryIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

__all__ = ["XmlFaultError", "XmlReader", "archive_complaint"]

_READ_BYTES = 1024 * 1024
_END_BYTES = 22
_END = struct.Struct("<4s4H2LH")
_MOST_COMMENT_BYTES = 0xFFFF
_ZIP64 = 0xFFFFFFFF
_CONTENT_TYPES = "[Content_Types].xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_XML = (".xml", ".rels")
# What reading a broken archive raises: the library checks lengths and CRCs, zlib what is within, and a password is
# neither.
_BROKEN = (BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError, ValueError, OSError)
_UNREADABLE = "a ZIP archive with a part that cannot be read"
# The only two of Office Open XML (part 2, annex B): of each byte deflate makes at most 1032, others any number.
_METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})


def archive_complaint(file: BinaryIO, size: int, look: Callable[[], None]) -> str | None:
    """Return what is wrong with an archive that should be a workbook, None if it is a whole one.

    Its directory stands at its very end and lists as many bytes as there are; each part is there with its CRC, those of
    XML are well-formed; it has a workbook, and each sheet that this names. Parts that together are longer than the
    file lie in one another, and are not read: that could take days.

    :param file: a seekable one that begins as a ZIP archive.
    :param size: its length in bytes.
    :param look: called now and then while the parts are read; what it raises passes through.
    """
    if not _ends_with_directory(file, size):
        return "a ZIP archive that does not end with its directory"
    try:
        with ZipFile(file) as archive:
            parts = archive.infolist()
            if sum(part.compress_size for part in parts) > size or any(
                part.compress_type not in _METHODS for part in parts
            ):
                return _UNREADABLE
            return _parts_complaint(archive, look)
    except XmlFaultError as fault:
        return f"a workbook with a part {fault}"
    except _BROKEN:
        return _UNREADABLE


def _ends_with_directory(file: BinaryIO, size: int) -> bool:
    """Return whether the end record closes the file, and the directory lies right before it.

    The library looks for a record anywhere near the end, and takes bytes before the archive for a program's.
    """
    begin = max(0, size - _END_BYTES - _MOST_COMMENT_BYTES)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END_BYTES:
        return False
    *_, entries, length, offset, comment = _END.unpack(tail[at : at + _END_BYTES])
    if at + _END_BYTES + comment != len(tail) or not entries:
        return False
    return _ZIP64 in (length, offset) or offset + length == begin + at


def _parts_complaint(archive: ZipFile, look: Callable[[], None]) -> str | None:
    names = set(archive.namelist())
    if _CONTENT_TYPES not in names or not any(name.startswith("xl/workbook.") for name in names):
        return "a ZIP archive that is no workbook"
    sheets = {name for name in names if name.startswith("xl/worksheets/")}
    for part in archive.infolist():
        with archive.open(part) as opened:
            sheets |= _read_part(part, opened, look)
    if not sheets <= names or not sheets:
        return "a workbook without one of its sheets"
    return None


def _read_part(part: ZipInfo, opened: IO[bytes], look: Callable[[], None]) -> set[str]:
    """Read a part to its end, where the library compares its CRC; return the sheets that it names."""
    sheets: set[str] = set()

    def take(name: str, attributes: dict[str, str]) -> None:
        if name.endswith("Relationship") and attributes.get("Type", "").endswith("/worksheet"):
            sheets.add(posixpath.normpath(posixpath.join("/xl", attributes.get("Target", ""))).lstrip("/"))

    reader = XmlReader(take)
    while chunk := opened.read(_READ_BYTES):
        look()
        if part.filename.endswith(_XML):
            reader.feed(chunk)
    if part.filename.endswith(_XML):
        reader.close()
    return sheets if part.filename == _RELATIONS else set()


class XmlFaultError(Exception):
    """XML that is not read; the text is the end of a clause, such as "with entities"."""


class XmlReader:
    """Parses XML for its form, and hands out the beginnings of its elements. It expands no entity of its own.

    :param take: is called with the name and the attributes of each element.
    """

    def __init__(self, take: Callable[[str, dict[str, str]], None]) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = take
        self._parser.EntityDeclHandler = self._refuse

    def feed(self, chunk: bytes) -> None:
        """Take the next part of a document.

        :raises XmlFaultError: as soon as it is clear that this is none.
        """
        self._parse(chunk, is_last=False)

    def close(self) -> None:
        """Take what was fed for the whole document.

        :raises XmlFaultError: when it is none.
        """
        self._parse(b"", is_last=True)

    def _parse(self, chunk: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(chunk, is_last)
        except expat.ExpatError:
            raise XmlFaultError("that is no whole XML") from None
        except (LookupError, ValueError):  # of Python's codecs: there is none, or one of more than a byte a letter
            raise XmlFaultError("in an encoding that is not known") from None

    def _refuse(self, *declaration: object) -> None:
        raise XmlFaultError("with entities")
