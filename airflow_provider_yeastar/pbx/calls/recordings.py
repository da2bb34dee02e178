"""Recordings of calls: what the PBX lists, how their files are called, and which of them are still to be fetched. Pure.

Vendor's pages: "Search Recordings", "Download a Recording". The interface exists in v1.0 only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from airflow_provider_yeastar.pbx.errors import InvalidRequestError, NotAPbxError

__all__ = ["RECORDING_FILTERS", "Recording", "StoredRecording", "decode_recording", "recording_filters", "to_fetch"]

RECORDING_FILTERS = frozenset({"caller", "callee", "ids"})
"""Parameters of ``recording/search`` beside the times and pages."""

_SUFFIXES = frozenset({".wav", ".mp3", ".gsm", ".ogg", ".wav49"})
_LONGEST_KEY = 80


@dataclass(frozen=True)
class Recording:
    """A row of ``recording/search``.

    :param id: the PBX's id of the recording, which ``recording/download`` takes.
    :param uid: of the call in the CDR, empty where the PBX gives none.
    :param time: as the PBX writes it, by its own clock and in its display format.
    :param size: bytes; 0 where the PBX has no file, None where it does not say.
    :param file: the PBX's name of the file.
    :param details: numbers, names, duration and whatever else the row holds, under the PBX's keys.
    """

    id: str
    uid: str
    time: str
    size: int | None
    file: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_file(self) -> bool:
        return self.size != 0

    @property
    def name(self) -> str:
        """The file's name: of the call's key, the time and the recording's id, so that no two are alike.

        The PBX's own name of the file gives its suffix and nothing else.
        """
        suffix = PurePosixPath(unquote(self.file)).suffix.lower()
        parts = [re.sub(r"\D", "", self.time), _harmless(self.uid), _harmless(self.id)]
        return "_".join(filter(None, parts)) + (suffix if suffix in _SUFFIXES else ".wav")


@dataclass(frozen=True)
class StoredRecording:
    """A line of the manifest.

    :param path: where the file is; None for a recording of which the PBX has no file.
    :param bytes: of the file at that path.
    :param sha256: of the file, lower-case hex.
    """

    recording: Recording
    path: str | None
    bytes: int
    sha256: str | None

    def to_row(self) -> dict[str, Any]:
        """Return the line in one level, the PBX's own keys among it."""
        row = asdict(self.recording)
        details = row.pop("details")
        return {**details, **row, "path": self.path, "bytes": self.bytes, "sha256": self.sha256}


def decode_recording(row: Mapping[str, Any], *, pbx: str) -> Recording:
    """Return a row of the list.

    :param row: of ``recording/search``.
    :param pbx: ``host:port``, for the message.
    :raises NotAPbxError: without an id: such a recording cannot be fetched.
    """
    known = {name: _text(row.get(name)) for name in ("id", "uid", "time", "file")}
    if not known["id"]:
        raise NotAPbxError("The PBX lists a recording without id", pbx=pbx, endpoint="openapi/v1.0/recording/search")
    details = {name: value for name, value in row.items() if name not in (*known, "size")}
    return Recording(**known, size=_size(row.get("size")), details=details)


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _size(value: object) -> int | None:
    text = _text(value)
    return int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else None


def _harmless(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)[:_LONGEST_KEY].strip(".")


def to_fetch(listed: Sequence[Recording], there: Mapping[str, int]) -> list[Recording]:
    """Return the recordings whose files are missing at the destination, or differ in size.

    :param listed: what the PBX has.
    :param there: the sizes (bytes) of the files at the destination, by name.
    """
    return [
        recording
        for recording in listed
        if recording.has_file and (recording.name not in there or there[recording.name] != recording.size)
    ]


def recording_filters(filters: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the filters as the PBX takes them.

    :param filters: ``caller``, ``callee`` (numbers) or ``ids`` (of recordings, a list).
    :raises InvalidRequestError: for another name, or a value that is empty.
    """
    return {_known(name): _value(name, value) for name, value in (filters or {}).items()}


def _known(name: str) -> str:
    if name not in RECORDING_FILTERS:
        raise InvalidRequestError(
            f"There is no filter {name!r} for recordings; there are {', '.join(sorted(RECORDING_FILTERS))}"
        )
    return name


def _value(name: str, value: Any) -> str:
    items: Iterable[Any] = value if isinstance(value, list | tuple | set | frozenset) else [value]
    texts = [str(item).strip() for item in items if item is not None and not isinstance(item, bool | dict | list)]
    if not texts or not all(texts) or len(texts) != len(list(items)) or "None" in texts:
        raise InvalidRequestError(f"The filter {name} is {value!r}; give it a value or leave it out")
    return ",".join(texts)
