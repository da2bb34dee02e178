"""``recording/list``, ``recording/search`` and ``recording/download``: of v1.0 only."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from airflow_provider_yeastar.simulator.api.cdr.legs import legs_of
from airflow_provider_yeastar.simulator.api.cdr.teller import Teller, is_recorded, recording_file
from airflow_provider_yeastar.simulator.api.cdr.windows import Window, read_window
from airflow_provider_yeastar.simulator.api.listings import paged
from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.log import CallLog
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["Recordings"]

Entry = dict[str, Any]

_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")
_BYTES_PER_SECOND = 800
_CALLS_A_DAY = 1_000_000
_FIRST_DAY = date(2000, 1, 1).toordinal()


class Recordings:
    """The recordings of a PBX: they go with their calls.

    :param settings: the PBX's.
    :param log: the calls.
    :param today: midnight by the PBX's clock.
    """

    def __init__(self, settings: SimulatorSettings, log: CallLog, today: datetime) -> None:
        self._settings = settings
        self._log = log
        self._everything = log.everything(today)
        self._teller = Teller(settings)

    def search(self, query: Mapping[str, str], *, by_time: bool) -> Entry:
        """Answer ``recording/search``, or without times and filters ``recording/list``.

        :raises Refusal: for times that are no Unix seconds.
        """
        window = Window(*self._everything)
        wanted = {name: query[name] for name in ("caller", "callee", "ids") if by_time and query.get(name)}
        if by_time:
            names = ("start_time", "end_time")
            teller = self._teller
            window = read_window(query, names, "unix", teller.display, teller.zone, self._everything)
        rows = [self._row(call) for call in self._calls(window)]
        return paged([row for row in rows if _is_wanted(row, wanted)], {"page_size": "10000", **query})

    def id_of(self, call: Call) -> int | None:
        """Return the id of a call's recording, None without one."""
        if not is_recorded(call):
            return None
        number = int(call.id[15:]) if call.id[15:].isdecimal() else 0
        return (call.started.date().toordinal() - _FIRST_DAY) * _CALLS_A_DAY + number

    def fetch(self, query: Mapping[str, str]) -> tuple[str, bytes]:
        """Return name and content of what ``recording/download`` asks for, by ``id`` or ``file``.

        :raises Refusal: 40002 without either, 60001 for what is not there, or has no file [U].
        """
        call = self._asked_for(query)
        content = self._content(call) if call else b""
        if call is None or not content:
            raise Refusal(60001)
        return self.file_of(call), content

    def file_of(self, call: Call) -> str:
        """Return the file's name."""
        name = recording_file(call)
        awkward = name.replace("-", " ", 1).replace("-", "+", 1)
        return awkward if self._settings.awkward_recording_names else name

    def url_of(self, name: str) -> str:
        """Return the URL of a file, raw or percent-encoded, below either path that PBXs use."""
        folder = "downloadattachment" if self._settings.recordings_as_attachments else "download"
        return f"/api/{folder}/{quote(name) if self._settings.encodes_recording_urls else name}"

    def _asked_for(self, query: Mapping[str, str]) -> Call | None:
        wanted = query.get("id") or query.get("file")
        if not wanted:
            raise Refusal(40002, [{"field": "id", "valid_msg": "id or file is required"}])
        day = self._day_of(query)
        if day is None:
            return None
        end = datetime.combine(day, datetime.max.time()).replace(microsecond=0)
        calls = self._calls(Window(datetime.combine(day, datetime.min.time()), end))
        return next((call for call in calls if wanted in (str(self.id_of(call)), self.file_of(call))), None)

    def _day_of(self, query: Mapping[str, str]) -> date | None:
        try:
            if query.get("id"):
                return date.fromordinal(int(query["id"]) // _CALLS_A_DAY + _FIRST_DAY)
            return datetime.strptime(query["file"][:8], "%Y%m%d").date()
        except (ValueError, OverflowError):
            return None

    def _calls(self, window: Window) -> list[Call]:
        zone = self._teller.zone
        calls = self._log.between(window.start, window.end)
        return [call for call in calls if is_recorded(call) and window.holds(call, zone)]

    def _row(self, call: Call) -> Entry:
        party = self._log.directory.party
        return {
            "id": self.id_of(call),
            "time": self._teller.display.show(call.started),
            "uid": call.id,
            **party("call_from", call.caller),
            **party("call_to", legs_of(call, self._log.directory)[-1].number),
            "duration": call.talk_seconds,
            "size": _size(call),
            "call_type": call.communication,
            "file": self.file_of(call),
        }

    def _content(self, call: Call) -> bytes:
        """Return a wave file, the same each time."""
        if not _size(call):
            return b""
        data = _digest(call).to_bytes(4, "big") * (call.talk_seconds * _BYTES_PER_SECOND // 4)
        return _HEADER.pack(b"RIFF", 36 + len(data), b"WAVEfmt ", 16, 1, 1, 800, 800, 1, 8, b"data", len(data)) + data


def _digest(call: Call) -> int:
    return zlib.crc32(f"recording {call.id}".encode())


def _size(call: Call) -> int:
    """Return the bytes of a call's recording; one of thirty is empty."""
    return _HEADER.size + call.talk_seconds * _BYTES_PER_SECOND if _digest(call) % 30 else 0


def _is_wanted(row: Entry, wanted: Mapping[str, str]) -> bool:
    return (
        wanted.get("caller", row["call_from_number"]) == row["call_from_number"]
        and wanted.get("callee", row["call_to_number"]) == row["call_to_number"]
        and ("ids" not in wanted or str(row["id"]) in wanted["ids"].split(","))
    )
