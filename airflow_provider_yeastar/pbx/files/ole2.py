"""Whether an OLE2 document is a whole workbook: its allocation table against the file's length. Pure.

Compound File Binary: MS-CFB, sections 2.2, 2.3, 2.5 and 2.6. Workbook streams: MS-XLS, section 2.1.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

__all__ = ["ole2_complaint"]

_HEADER_BYTES = 512
_SECTOR_BYTES = {9: 512, 12: 4096}
_MAX_REGULAR = 0xFFFFFFFA
_END_OF_CHAIN = 0xFFFFFFFE
_FREE = 0xFFFFFFFF
_IN_HEADER = 109
_ENTRY_BYTES = 128
_ROOT, _STREAM = 5, 2
_WORKBOOKS = frozenset({"Workbook", "Book"})
_BEGINS, _ENDS = frozenset({0x0009, 0x0209, 0x0409, 0x0809}), 0x000A
_CUT = "an OLE2 document that ends before its allocation table says"
_BROKEN = "an OLE2 document whose parts do not hang together"


class _BrokenError(Exception):
    """The document cannot be followed; its text says why."""


def ole2_complaint(file: BinaryIO, size: int) -> str | None:
    """Return what is wrong with an OLE2 document that should be a workbook, None if it is a whole one.

    :param file: a seekable one that begins as an OLE2 document.
    :param size: its length in bytes.
    """
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or (shift := struct.unpack_from("<H", header, 30)[0]) not in _SECTOR_BYTES:
        return "an OLE2 document without a whole header"
    try:
        return _Document(file, size, header, _SECTOR_BYTES[shift]).complaint()
    except _BrokenError as broken:
        return str(broken)


class _Document:
    """The allocation table of a document, and the directory that it leads to."""

    def __init__(self, file: BinaryIO, size: int, header: bytes, sector_bytes: int) -> None:
        self._file = file
        self._sector_bytes = sector_bytes
        self._most = max(0, size // sector_bytes - 1)
        self._size = size
        self._directory = struct.unpack_from("<L", header, 48)[0]
        self._cutoff = struct.unpack_from("<L", header, 56)[0]
        self._table_sectors = list(self._sectors_of_table(header))
        self._next = [entry for sector in self._table_sectors for entry in self._longs(sector)]

    def complaint(self) -> str | None:
        used = max((number for number, entry in enumerate(self._next) if entry != _FREE), default=-1)
        if used >= self._most:
            return _CUT
        # What stands behind the last whole sector, or behind all that the table knows, was put there by somebody else.
        if self._size % self._sector_bytes or self._most > len(self._next):
            return "an OLE2 document with something behind its end"
        entries = {name: (kind, start, length) for name, kind, start, length in self._entries()}
        found = [entries[name] for name in _WORKBOOKS & entries.keys() if entries[name][0] == _STREAM]
        if not found:
            return "an OLE2 document that is no workbook"
        for _, start, length in found:
            if length < self._cutoff:
                continue  # kept with other small streams; too short for a workbook of ours
            chain = self._chain(start)
            if len(chain) * self._sector_bytes < length:
                return _CUT
            if not _are_whole_records(map(self._sector, chain), length):
                return "a workbook with a hole in it"
        return None

    def _sectors_of_table(self, header: bytes) -> Iterator[int]:
        count, following = struct.unpack_from("<L", header, 44)[0], struct.unpack_from("<L", header, 68)[0]
        if count > self._most + 1:
            raise _BrokenError(_CUT)
        listed = [number for number in struct.unpack_from(f"<{_IN_HEADER}L", header, 76) if number <= _MAX_REGULAR]
        seen: set[int] = set()
        while following <= _MAX_REGULAR and len(listed) < count:
            if following in seen:
                raise _BrokenError(_BROKEN)
            seen.add(following)
            *more, following = self._longs(following)
            listed += [number for number in more if number <= _MAX_REGULAR]
        if len(listed) < count:
            raise _BrokenError(_BROKEN)
        yield from listed[:count]

    def _entries(self) -> Iterator[tuple[str, int, int, int]]:
        for sector in self._chain(self._directory):
            content = self._sector(sector)
            for at in range(0, len(content), _ENTRY_BYTES):
                name_bytes, kind = struct.unpack_from("<HB", content, at + 64)
                start, length = struct.unpack_from("<LL", content, at + 116)
                name = content[at : at + max(0, min(name_bytes, 64) - 2)].decode("utf-16-le", "replace")
                yield name, kind, start, length

    def _chain(self, start: int) -> list[int]:
        chain: list[int] = []
        while start != _END_OF_CHAIN:
            if start >= len(self._next) or len(chain) > len(self._next):
                raise _BrokenError(_BROKEN)
            chain.append(start)
            start = self._next[start]
        return chain

    def _longs(self, sector: int) -> tuple[int, ...]:
        return struct.unpack(f"<{self._sector_bytes // 4}L", self._sector(sector))

    def _sector(self, number: int) -> bytes:
        self._file.seek((number + 1) * self._sector_bytes)
        content = self._file.read(self._sector_bytes)
        if len(content) < self._sector_bytes:
            raise _BrokenError(_CUT)
        return content


def _are_whole_records(pieces: Iterable[bytes], length: int) -> bool:
    """Return whether a stream is one record behind another, each of the sheets' with its end; zeros may fill it up."""
    depth, position, rest, begun = 0, 0, b"", False
    for piece in pieces:
        content = rest + piece[: length - position - len(rest)]
        at = 0
        while at + 4 <= len(content):
            kind, size = struct.unpack_from("<HH", content, at)
            if at + 4 + size > len(content):
                break
            depth += (kind in _BEGINS) - (kind == _ENDS)
            begun = begun or kind in _BEGINS
            if depth < 0 or not begun or (kind == 0 and depth):
                return False
            at += 4 + size
        position, rest = position + at, content[at:]
    return begun and not depth and not rest.strip(b"\0")
