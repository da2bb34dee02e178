"""The columns of a manifest of recordings, its lines, and what ``protect`` means for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from airflow_provider_yeastar.pbx.calls.recordings import Recording, decode_recording
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.schema import Schema

__all__ = ["RECORDING_SCHEMA", "Listing", "Manifest", "hiding_file"]

RECORDING_SCHEMA = Schema(
    "recordings",
    (
        Column("id", "ID", "text", "", "D"),
        Column("uid", "Call UID", "text", "", "D"),
        Column("time", "Time", "text", "", "D"),
        Column("timestamp", "", "integer", "seconds since 1970, UTC"),
        Column("call_from", "Call From", "text", "", "D"),
        Column("call_from_number", "Call From Number", "text", "", "D"),
        Column("call_from_name", "Call From Name", "text", "", "D"),
        Column("call_to", "Call To", "text", "", "D"),
        Column("call_to_number", "Call To Number", "text", "", "D"),
        Column("call_to_name", "Call To Name", "text", "", "D"),
        Column("duration", "Duration", "duration", "", "D"),
        Column("size", "Size", "integer", "bytes", "D"),
        Column("call_type", "Call Type", "text", "", "D"),
        Column("file", "File", "text", "", "D"),
        Column("path", "", "text"),
        Column("bytes", "", "integer", "bytes"),
        Column("sha256", "", "text"),
    ),
)
"""The PBX's own columns, and after them where each file is."""

_PARTIES = ("call_from", "call_to")


def hiding_file(protect: Mapping[str, str] | None, column: str = "file") -> dict[str, str]:
    """Return ``protect`` with the PBX's own name of a file dropped where a number is hidden that stands in it.

    :param protect: ``hmac``, ``mask`` or ``drop`` by column.
    :param column: that holds the name: ``file`` of a recording, ``record_file`` of a call.
    """
    given = dict(protect or {})
    return {column: "drop"} | given if any(hidden.startswith(_PARTIES) for hidden in given) else given


class Stored(Protocol):
    """A stored file: its path, its length in bytes and its SHA-256."""

    @property
    def path(self) -> str: ...

    @property
    def bytes(self) -> int: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True)
class Listing:
    """The recordings that a PBX listed; it can be gone over more than once.

    :param rows: of ``recording/search``.
    :param display: in which the PBX writes times.
    :param pbx: ``host:port``, for messages.
    """

    rows: Iterable[Mapping[str, Any]]
    display: DisplayFormat
    pbx: str

    def __iter__(self) -> Iterator[Recording]:
        return (recording for _, recording in self.pairs())

    def pairs(self) -> Iterator[tuple[Mapping[str, Any], Recording]]:
        """Yield each row and what it says."""
        return ((row, decode_recording(row, self.display, pbx=self.pbx)) for row in self.rows)


@dataclass(frozen=True)
class Manifest:
    """The lines of a manifest: what the PBX listed, and where each file is; it can be gone over more than once.

    :param listing: of the PBX.
    :param stored: the files by the ids of their recordings; a recording without a file has none.
    :param zone: of the PBX.
    """

    listing: Listing
    stored: Mapping[str, Stored]
    zone: tzinfo

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row, recording in self.listing.pairs():
            file = self.stored.get(recording.id)
            facts = {"path": file.path, "bytes": file.bytes, "sha256": file.sha256} if file else {"bytes": 0}
            yield {"timestamp": recording.timestamp(self.zone), **row, **_NO_FILE, **facts}


_NO_FILE = {"path": None, "sha256": None}
