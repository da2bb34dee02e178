"""Whether a workbook is whole: the archive that an ``.xlsx`` is, every part of it read to its end. Pure.

Office Open XML: ECMA-376, part 2. The older kind is judged in :mod:`.ole2`.
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, BinaryIO
from urllib.parse import unquote
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

__all__ = ["Taker", "XmlFaultError", "XmlReader", "archive_complaint", "local_name"]

Taker = Callable[[str, dict[str, str]], Callable[[str], None] | None]
"""Takes the name and the attributes of an element, and returns what is to take its text, if anything."""

_POINTER_DIGITS = 10
"""Of a number that points to a text; no workbook has so many."""
_NOWHERE = 10**_POINTER_DIGITS
_TEXT_PIECES, _PIECE_CHARACTERS = 16, 64
"""As much of the text of an element is kept, in pieces as the parser makes them."""
_READ_BYTES = 1024 * 1024
_END_BYTES = 22
_END = struct.Struct("<4s4H2LH")
_MOST_COMMENT_BYTES = 0xFFFF
_ZIP64 = 0xFFFFFFFF
_CONTENT_TYPES = "[Content_Types].xml"
# The root of a part, by the end of the type of the relationship that leads to it (part 1, chapter 12).
_ROOTS: Mapping[str, str] = {
    "officeDocument": "workbook",
    "worksheet": "worksheet",
    "chartsheet": "chartsheet",
    "sharedStrings": "sst",
    "styles": "styleSheet",
}
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
    XML are well-formed; it has a workbook, each sheet that this names, each part that another leads to, and texts if
    cells point to some. Parts that together are longer than the file lie in one another, and are not read: that could
    take days.

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


@dataclass
class _Facts:
    """What the parts of a workbook say of one another, while they are read.

    :param roots: the root element of each part of XML.
    :param targets: the parts that others lead to, each with the end of the relationship's type.
    :param ids: the relationships of each part that lists some.
    :param sheet_ids: the relationships that the workbook's sheets name.
    :param texts: how many texts there are that cells may share.
    :param needed_texts: how many there have to be, as the numbers say by which cells point to them.
    """

    roots: dict[str, str] = field(default_factory=dict)
    targets: set[tuple[str, str]] = field(default_factory=set)
    ids: dict[str, set[str]] = field(default_factory=dict)
    sheet_ids: set[str] = field(default_factory=set)
    texts: int = 0
    needed_texts: int = 0

    def taker(self, part: str) -> Taker:
        """Return what takes the elements of one part."""
        if part.endswith(".rels"):
            return self._taker_of_relations(part)
        is_shared = False

        def take(name: str, attributes: dict[str, str]) -> Callable[[str], None] | None:
            nonlocal is_shared
            element = local_name(name)
            if element == "c":
                is_shared = attributes.get("t") == "s"
            elif element == "v":
                return self._take_pointer if is_shared else None
            elif element == "si":
                self.texts += 1
            elif element == "sheet":
                self.sheet_ids |= {value for key, value in attributes.items() if key.endswith(":id")}
            return None

        return take

    def _take_pointer(self, text: str) -> None:
        number = text.strip()
        is_number = number.isascii() and number.isdecimal() and len(number) < _POINTER_DIGITS
        self.needed_texts = max(self.needed_texts, int(number) + 1 if is_number else _NOWHERE)

    def _taker_of_relations(self, part: str) -> Taker:
        ids = self.ids.setdefault(part, set())
        folder = posixpath.dirname(posixpath.dirname(part))

        def take(name: str, attributes: dict[str, str]) -> None:
            if local_name(name) != "Relationship":
                return
            ids.add(attributes.get("Id", ""))
            target = attributes.get("Target", "").partition("#")[0]
            # Excel itself leaves NULL where a picture was.
            if target and attributes.get("TargetMode") != "External" and posixpath.basename(target) != "NULL":
                whole = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                self.targets.add((_part_name(whole), posixpath.basename(attributes.get("Type", ""))))

        return take


def _part_name(name: str) -> str:
    """Return a name to compare parts by: in capitals or not, they are the same (part 2, 6.2.2)."""
    return unquote(name).lower()


def _parts_complaint(archive: ZipFile, look: Callable[[], None]) -> str | None:
    names = archive.namelist()
    workbook = next((name for name in names if name.startswith("xl/workbook.")), None)
    if _CONTENT_TYPES not in names or workbook is None:
        return "a ZIP archive that is no workbook"
    facts = _Facts()
    for part in archive.infolist():
        with archive.open(part) as opened:
            _read_part(part, opened, look, facts)
    relations = facts.ids.get(f"xl/_rels/{posixpath.basename(workbook)}.rels", set())
    return _facts_complaint(facts, {_part_name(name) for name in names}, relations)


def _facts_complaint(facts: _Facts, names: set[str], relations: set[str]) -> str | None:
    """Judge the parts by what they say of one another.

    :param facts: of all parts.
    :param names: of all parts.
    :param relations: the relationships of the workbook.
    """
    lacking = {kind for target, kind in facts.targets if target not in names}
    has_sheets = any(name.startswith("xl/worksheets/") for name in names)
    if not relations or not has_sheets or "worksheet" in lacking or not facts.sheet_ids <= relations:
        return "a workbook without one of its sheets"
    if lacking:
        return "a workbook without one of its parts"
    if any(facts.roots.get(target, root) != root for target, kind in facts.targets if (root := _ROOTS.get(kind))):
        return "a workbook with something else in place of a part"
    if facts.needed_texts > facts.texts:
        return "a workbook without the texts of its cells"
    return None


def _read_part(part: ZipInfo, opened: IO[bytes], look: Callable[[], None], facts: _Facts) -> None:
    """Read a part to its end, where the library compares its CRC."""
    reader = XmlReader(facts.taker(part.filename)) if part.filename.endswith(_XML) else None
    while chunk := opened.read(_READ_BYTES):
        look()
        if reader:
            reader.feed(chunk)
    if reader:
        reader.close()
        facts.roots[_part_name(part.filename)] = reader.root


def local_name(name: str) -> str:
    """Return the name of an element without its prefix."""
    return name.rpartition(":")[2]


class XmlFaultError(Exception):
    """XML that is not read; the text is the end of a clause, such as "with entities"."""


class XmlReader:
    """Parses XML for its form, and hands out the beginnings of its elements. It expands no entity of its own.

    :param take: is called with the name and the attributes of each element; what it returns, if anything, is called
        with the beginning of that element's text, once it ends or another begins in it.
    """

    def __init__(self, take: Taker) -> None:
        self.root = ""
        """The first element, without its prefix."""
        self._take = take
        self._take_text: Callable[[str], None] | None = None
        self._text: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._take_root
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

    def _take_root(self, name: str, attributes: dict[str, str]) -> None:
        self.root = local_name(name)
        self._parser.StartElementHandler = self._take_element
        self._take_element(name, attributes)

    def _take_element(self, name: str, attributes: dict[str, str]) -> None:
        if self._take_text:
            self._end_text(name)
        self._take_text = self._take(name, attributes)
        if self._take_text:  # texts of other elements are not handed out, which would take time
            self._parser.CharacterDataHandler = self._add_text
            self._parser.EndElementHandler = self._end_text

    def _add_text(self, piece: str) -> None:
        if len(self._text) < _TEXT_PIECES:
            self._text.append(piece[:_PIECE_CHARACTERS])

    def _end_text(self, _: str) -> None:
        self._parser.CharacterDataHandler = self._parser.EndElementHandler = None
        taken, self._take_text, text = self._take_text, None, "".join(self._text)
        self._text.clear()
        if taken:
            taken(text)

    def _refuse(self, *declaration: object) -> None:
        raise XmlFaultError("with entities")
