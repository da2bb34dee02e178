"""Where a download that broke off goes on: the range that is asked for, and whether the answer is the rest of it. Pure.

Whether a PBX answers ranges is unknown [U]. One that does not sends the whole file again; what has come already is then
compared with it and passed over (:meth:`.FileCheck.pass_over`). A part is only ever asked for of a file with a strong
ETag: without one, two files of equal length could be mixed. A Last-Modified will not do, as it counts in seconds and a
report is fetched within seconds of its making. RFC 9110, sections 8.8.2.2, 13.1.5 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FileVersion", "RestOfFile"]

_CONTENT_RANGE = re.compile(r"bytes (?P<first>\d{1,18})-\d{1,18}/(?P<whole>\d{1,18})", re.IGNORECASE | re.ASCII)

_LENGTH = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class FileVersion:
    """By what a server tells a file from another that it serves under the same URL.

    :param whole_bytes: the length it announced; None where it did not, or compressed the body.
    :param etag: the strong ETag, empty without one.
    :param has_end: whether the end of the body is told from a connection that ends: it has a length, or comes chunked.
    :param complaint: why the body cannot be taken for the file, empty if it can.
    """

    whole_bytes: int | None
    etag: str
    has_end: bool = True
    complaint: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> FileVersion:
        """Read it from an answer with the whole file; the names of the headers in any case, as `requests` has them."""
        length = "" if _codings(headers) else headers.get("Content-Length", "")
        etag = headers.get("ETag", "")
        # A weak ETag says that two files mean the same, not that they are the same bytes.
        strong = etag if etag.startswith('"') else ""
        whole_bytes = int(length) if _LENGTH.fullmatch(length) else None
        is_chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        return cls(whole_bytes, strong, is_chunked or whole_bytes is not None, _complaint(headers))

    def rest_from(self, received: int) -> RestOfFile | None:
        """Return what to ask for after so many bytes; None where only the whole file can be asked for."""
        if not received or not self.etag or self.whole_bytes is None or received >= self.whole_bytes:
            return None
        return RestOfFile(received, self.whole_bytes, self.etag)


def _complaint(headers: Mapping[str, str]) -> str:
    """Say why a body is not the file as it was asked for: ``identity`` is the only coding (RFC 9110, 12.5.3)."""
    if codings := _codings(headers):
        return f"compressed the file ({_shown(', '.join(codings))}), which was not asked for"
    transfer = headers.get("Transfer-Encoding", "").lower()
    if transfer not in ("", "chunked"):
        return f"sent the file in a transfer coding that is not known ({_shown(transfer)})"
    length = headers.get("Content-Length", "0")
    return "" if _LENGTH.fullmatch(length) else f"announced a length that is no number ({_shown(length)})"


def _codings(headers: Mapping[str, str]) -> list[str]:
    named = (coding.strip().lower() for coding in headers.get("Content-Encoding", "").split(","))
    return [coding for coding in named if coding not in ("", "identity")]


def _shown(value: str) -> str:
    return re.sub(r"[^\w,. +-]", "_", value[:40], flags=re.ASCII)


@dataclass(frozen=True)
class RestOfFile:
    """The part of a file that has not come yet: from byte ``first`` of ``whole_bytes``."""

    first: int
    whole_bytes: int
    etag: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that ask for it, and for the whole of any other version."""
        return {"Range": f"bytes={self.first}-", "If-Range": self.etag}

    def comes_with(self, headers: Mapping[str, str]) -> bool:
        """Return whether an answer of status 206 holds it, and a part of a file of that length and no other ETag."""
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if found is None or headers.get("ETag", self.etag) != self.etag:
            return False
        return (int(found["first"]), int(found["whole"])) == (self.first, self.whole_bytes)
