"""Recordings of calls: how they are listed, how their files are called, and whether a file is the one listed. Pure.

The interface exists in v1.0 only. Vendor's pages: "Search Recordings", "Download a Recording".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from airflow_provider_yeastar.pbx.calls.query import CallApi
from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat, occurs_twice
from airflow_provider_yeastar.pbx.untrusted import whole_number

__all__ = [
    "RECORDING_API",
    "RECORDING_FILE_ENDPOINT",
    "Recording",
    "decode_recording",
    "size_complaint",
]

RECORDING_API = CallApi(
    version="v1.0",
    key="id",
    start="start_time",
    end="end_time",
    order={"sort_by": "time", "order_by": "asc"},
    filters=frozenset({"caller", "callee", "ids"}),
    kind="recording",
    rows="recordings",
)

RECORDING_FILE_ENDPOINT = "openapi/v1.0/recording/download"

_SUFFIXES = frozenset({".wav", ".mp3", ".gsm", ".ogg"})
_LONGEST_PART = 60
_MOST_BYTES = 10**15
_RIFF_HEAD, _WAVE_HEAD = 8, 44


@dataclass(frozen=True)
class Recording:
    """A row of ``recording/search``.

    :param id: the PBX's id of the recording.
    :param uid: of its call in the CDR, empty where the PBX gives none.
    :param started: its time by the PBX's clock, naive; None where the PBX gives none.
    :param size: bytes; 0 where the PBX has no file, None where it does not say.
    :param suffix: of the file's name, with its dot.
    """

    id: str
    uid: str
    started: datetime | None
    size: int | None
    suffix: str

    @property
    def has_file(self) -> bool:
        """Whether the PBX has anything to fetch."""
        return self.size != 0

    def file_name(self, serial_number: str) -> str:
        """Return the file's name, of time, call, recording and PBX, so that no two are alike.

        It holds no telephone number, and of the PBX's own name no more than its suffix.

        :param serial_number: of the PBX; others may store their recordings in the same folder.
        """
        time = f"{self.started:%Y%m%dT%H%M%S}" if self.started else ""
        parts = (time, _harmless(self.uid), _harmless(self.id), _harmless(serial_number))
        return "_".join(filter(None, parts)) + self.suffix

    def timestamp(self, zone: tzinfo) -> int | None:
        """Return its time in Unix seconds; None where the PBX gives none, or its clock shows that time twice.

        :param zone: of the PBX.
        """
        if self.started is None or occurs_twice(self.started, zone):
            return None
        return int(self.started.replace(tzinfo=zone).timestamp())


def decode_recording(row: Mapping[str, Any], display: DisplayFormat, *, pbx: str) -> Recording:
    """Return a row of the list.

    :param row: of ``recording/search``.
    :param display: in which the PBX writes times.
    :param pbx: ``host:port``, for the message.
    :raises NotAPbxError: without an id: such a recording cannot be fetched.
    :raises InvalidSettingsError: for a time in another format.
    """
    known = {name: _text(row.get(name)) for name in ("id", "uid", "time", "file")}
    if not known["id"]:
        raise NotAPbxError("The PBX lists a recording without id", pbx=pbx, endpoint=RECORDING_API.endpoint)
    started = display.parse_datetime(known["time"]) if known["time"] else None
    suffix = PurePosixPath(unquote(known["file"])).suffix.lower()
    return Recording(
        known["id"], known["uid"], started, _size(row.get("size")), suffix if suffix in _SUFFIXES else ".wav"
    )


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _size(value: object) -> int | None:
    number = whole_number(value)
    return number if number is not None and 0 <= number < _MOST_BYTES else None


def _harmless(text: str) -> str:
    """Return a part of a file's name that differs where the text does."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", text)[:_LONGEST_PART].strip(".")
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def size_complaint(listed: int | None, stored: int, head: bytes) -> str | None:
    """Return what the size of a file says against it, None if nothing.

    A PBX that keeps MP3 may hand out WAV [U]: a wave file of just the length that it names itself is whole, whatever
    was listed.

    :param listed: bytes, as the PBX listed them; None where it did not.
    :param stored: bytes of the file.
    :param head: its first bytes, eight at least.
    """
    named = int.from_bytes(head[4:_RIFF_HEAD], "little") + _RIFF_HEAD if head[:4] == b"RIFF" else 0
    if listed in (None, stored) or named == stored >= _WAVE_HEAD:
        return None
    return f"The PBX lists {listed} bytes and sent {stored}"
