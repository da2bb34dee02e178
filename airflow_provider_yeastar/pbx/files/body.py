"""What arrives as a report's file: is it one, is it whole, and how may it be called.

Pure: bytes come in, facts or errors come out. A failure of the PBX arrives as HTTP 200 with a JSON or HTML body in
place of the file, so the status says nothing and the first bytes decide. Which kind of workbook stands behind ``xls``
is unknown [U]: both are accepted. Vendor's page: "Download a Call Report".
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from airflow_provider_yeastar.pbx.errors import BadFileError, FileTooLargeError
from airflow_provider_yeastar.pbx.files.kinds import Kind, kind_of, kind_within, may_be_json

__all__ = ["FileCheck", "FileFacts", "format_of", "safe_file_name"]

_HEAD_BYTES = 1024
"""The kind of a file is read from this many bytes."""
_ANSWER_BYTES = 64 * 1024
"""No JSON answer is longer."""

# Much that is called xls is a page, an XML document or text that spreadsheets open: its kind decides how it is judged.
_ACCEPTED: Mapping[str, frozenset[Kind]] = {
    "csv": frozenset({Kind.TEXT, Kind.UTF_16}),
    "xls": frozenset({Kind.OLE2, Kind.ZIP, Kind.HTML, Kind.XML, Kind.TEXT, Kind.UTF_16}),
    "pdf": frozenset({Kind.PDF}),
    "html": frozenset({Kind.HTML, Kind.UTF_16}),
    # Of a call: WAV, MP3 or another coding of sound [U]; what is text, a page or a document is none.
    "recording": frozenset({Kind.BINARY}),
}
_WITHOUT_NUL = frozenset({Kind.TEXT, Kind.HTML, Kind.XML})
_FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".xls": "xls",
    ".xlsx": "xls",
    ".pdf": "pdf",
    ".html": "html",
    ".htm": "html",
}


@dataclass(frozen=True)
class FileFacts:
    """A whole file: its length in bytes and its SHA-256 in lower-case hex."""

    bytes: int
    sha256: str


class FileCheck:
    """Counts, hashes and judges one file while it arrives; the verdict does not depend on how it is cut into chunks.

    Judged are its length and its beginning; whether it ends as it should is seen in the whole file, by :mod:`.whole`.

    :param file_format: ``csv``, ``xls``, ``pdf``, ``html`` or ``recording``.
    :param announced_bytes: the length the server announced, None if it did not.
    :param max_bytes: the greatest length that is accepted, None for any.
    :param pbx: ``host:port``, for the messages.
    :param endpoint: the path of the file, for the messages.
    """

    def __init__(
        self, file_format: str, *, announced_bytes: int | None, max_bytes: int | None, pbx: str, endpoint: str
    ) -> None:
        self.announced_bytes = announced_bytes
        self._format = file_format
        self._accepted = _ACCEPTED[file_format]
        self._max_bytes = max_bytes
        self._pbx = pbx
        self._endpoint = endpoint
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._beginning: bytearray | None = bytearray()  # kept until its kind is known
        self._may_hold_no_nul = False
        limits = [limit for limit in (announced_bytes, max_bytes) if limit is not None]
        self._too_many = min(limits) + 1 if limits else None
        self._marks = sorted({_HEAD_BYTES, _ANSWER_BYTES + 1} | ({self._too_many} if self._too_many else set()))

    @property
    def received(self) -> int:
        """How many bytes have been fed."""
        return self._bytes

    def feed(self, chunk: bytes) -> None:
        """Take the next part of the file.

        :raises BadFileError: as soon as it is clear that this is not the report.
        :raises FileTooLargeError: when it is, or was announced to be, longer than ``max_bytes``.
        """
        if self._max_bytes is not None and (self.announced_bytes or 0) > self._max_bytes:
            raise self._too_large(f"The PBX announced {self.announced_bytes} bytes,")
        rest = memoryview(chunk)
        while rest:
            room = self._marks[0] - self._bytes if self._marks else len(rest)
            self._take(rest[:room])
            rest = rest[room:]
            if self._marks and self._bytes == self._marks[0]:
                self._pass(self._marks.pop(0))

    def pass_over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what follows the bytes that have been fed, out of a file that comes again from its beginning.

        :raises BadFileError: when it begins with other bytes than those; then nothing is yielded.
        """
        again, left, rest = hashlib.sha256(), self._bytes, b""
        while left:
            chunk = next(chunks, b"")
            again.update(chunk[:left])
            rest, left = chunk[left:], max(0, left - len(chunk)) if chunk else 0
        if again.digest() != self._digest.digest():
            raise self._bad("The PBX serves another file under this URL than the one that broke off")
        if rest:
            yield rest
        yield from chunks

    def finish(self) -> FileFacts:
        """Return the facts of the file that was fed.

        :raises AnswerError: when the body was an answer with an errcode: the error of that errcode.
        :raises BadFileError: when it was empty, too short, or not a file of the format.
        """
        if not self._bytes:
            raise self._bad("The PBX sent an empty file")
        if self._beginning is not None:
            self._refuse_json(bytes(self._beginning))
            self._judge_kind()
        if self.announced_bytes is not None and self._bytes < self.announced_bytes:
            raise self._bad(f"The PBX sent {self._bytes} of the {self.announced_bytes} bytes it announced")
        return FileFacts(bytes=self._bytes, sha256=self._digest.hexdigest())

    def _take(self, piece: memoryview) -> None:
        self._digest.update(piece)
        self._bytes += len(piece)
        if self._beginning is not None:
            self._beginning += piece
        elif self._may_hold_no_nul:
            self._refuse_nul(piece.tobytes())

    def _pass(self, mark: int) -> None:
        if mark == self._too_many:
            if self._max_bytes is not None and self._bytes > self._max_bytes:
                raise self._too_large("The PBX sent")
            raise self._bad(f"The PBX sent more than the {self.announced_bytes} bytes it announced")
        if self._beginning is not None and (mark > _HEAD_BYTES or not may_be_json(self._beginning)):
            self._judge_kind()

    def _judge_kind(self) -> None:
        beginning, self._beginning = bytes(self._beginning or b""), None
        kind = kind_of(beginning[:_HEAD_BYTES])
        if kind not in self._accepted:
            raise self._bad(f"The PBX sent {kind} in place of the {self._format} file")
        within = kind_within(beginning[:_HEAD_BYTES]) if kind is Kind.UTF_16 else kind
        if within in (Kind.HTML, Kind.TEXT) and within not in self._accepted:
            raise self._bad(f"The PBX sent {within} in UTF-16 in place of the {self._format} file")
        self._may_hold_no_nul = kind in _WITHOUT_NUL
        if self._may_hold_no_nul:
            self._refuse_nul(beginning)

    def _refuse_nul(self, content: bytes) -> None:
        if b"\0" in content:
            raise self._bad(f"The PBX sent a {self._format} file with a hole in it, NUL bytes in the midst of text")

    def _refuse_json(self, body: bytes) -> None:
        if not may_be_json(body):
            return
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return  # a csv may well begin with a brace
        # The codec is loaded by who talks to a PBX; a DAG file that names an operator does not.
        from airflow_provider_yeastar.pbx.untrusted import whole_number
        from airflow_provider_yeastar.pbx.wire import answer_error

        errcode = whole_number(answer.get("errcode")) if isinstance(answer, dict) else None
        if errcode is not None:
            error = answer_error({**answer, "errcode": errcode}, pbx=self._pbx, endpoint=self._endpoint)
            if error is not None:
                raise error
        raise self._bad(f"The PBX sent a JSON answer in place of the {self._format} file")

    def _too_large(self, what: str) -> FileTooLargeError:
        return FileTooLargeError(
            f"{what} more than `max_bytes`, {self._max_bytes} bytes", pbx=self._pbx, endpoint=self._endpoint
        )

    def _bad(self, what: str) -> BadFileError:
        return BadFileError(what, pbx=self._pbx, endpoint=self._endpoint)


def format_of(name: str) -> str:
    """Return the format that a file's name tells.

    :param name: as the PBX gave it.
    :raises BadFileError: when it tells none.
    """
    file_format = _FORMATS.get(PurePosixPath(name).suffix.lower())
    if file_format is None:
        raise BadFileError(
            f"The PBX named a file {safe_file_name(name)!r}, whose extension is none of {', '.join(_FORMATS)}"
        )
    return file_format


_LONGEST_NAME = 1000
"""Characters; what precedes them is not looked at, since folding a long run of combining marks takes minutes."""
_NAME_BYTES = 200
_EXTENSION_BYTES = 16
_NAMELESS = "report"
_HARMLESS_SIGNS = frozenset(" ._-+=,@()")


def safe_file_name(name: str) -> str:
    r"""Return a harmless base name for a file that a server named.

    Unicode's compatibility forms are folded first (a full-width slash is a slash), only what follows the last ``/`` or
    ``\\`` is kept, and what is neither letter, mark, digit nor one of a few signs becomes ``_``: control characters,
    NUL, bidirectional controls, wildcards. No dot, dash or space leads (hidden files, options), no dot or space
    trails. The extension survives the cut to 200 bytes of UTF-8; of a longer name the last 1,000 characters count.

    :param name: as the PBX gave it, of any length and content.
    :return: never empty, never ``.`` or ``..``.
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFKC", name[-_LONGEST_NAME:]))[-1]
    harmless = "".join(sign if _is_harmless(sign) else "_" for sign in base)
    return _cut(harmless.lstrip(" .-")).rstrip(" .") or _NAMELESS


def _is_harmless(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LMN" or sign in _HARMLESS_SIGNS


def _cut(name: str) -> str:
    if len(name.encode()) <= _NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = f".{extension}".encode() if dot and len(extension.encode()) < _EXTENSION_BYTES else b""
    body = (stem if ending else name).encode()[: _NAME_BYTES - len(ending)]
    return body.decode(errors="ignore") + ending.decode()
