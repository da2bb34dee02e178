"""The interface of the shared state, and the format in which its back-ends store an entry. Pure.

An entry is a JSON object with a name such as ``3692A1234567/turn``. Readers ignore fields that they do not know and
keep them when they write, so that two versions of this provider can share an entry. ``_LAYOUT`` is part of the stored
name: a version with another layout uses other entries, and neither overwrites what the other wrote.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

__all__ = [
    "MAY_BE_OLDER",
    "Change",
    "Entry",
    "JointChange",
    "SharedState",
    "decode_entry",
    "encode_entry",
    "entry_name",
    "number",
    "proven_name",
    "shared_name",
    "stored_name",
    "unproven_name",
]

Entry = Mapping[str, Any]
"""A JSON object."""

Change = Callable[[Entry | None, float], Entry | None]
"""Makes the new entry from the present one (None if there is none) and the state's time; None deletes the entry.

Pure, because a back-end may call it several times for one update.
"""

JointChange = Callable[[Sequence[Entry | None], float], Sequence[Entry | None]]
"""The same for several entries at once; returns as many as it gets, in the same order."""

MAY_BE_OLDER = "may_be_older"
"""A key that an entry has if its back-end may have gone back to an older copy of it, and forgotten what came after."""

_UNPROVEN = "@url-"
_LAYOUT = 1
_LONGEST_NAME = 120
_CLOCK_TOLERANCE = 60.0
"""Seconds by which the clock that wrote an entry may have been ahead of ours."""


def proven_name(serial_number: str) -> str:
    """Return the name of a PBX by its serial number, empty for none."""
    return serial_number.replace("/", "_")


def unproven_name(serial_number: str, url_name: str) -> str:
    """Return the name of a PBX that tells a serial number which another address tells, too, if nothing proves them one.

    :param serial_number: which both tell.
    :param url_name: the PBX's name by its base URL, ``url-…``.
    """
    return f"{serial_number}@{url_name}"


def shared_name(pbx: str) -> str:
    """Return the name under which tasks queue for a PBX and record their jobs.

    It is one for all addresses that may be those of one PBX: two that are not merely wait for each other.

    :param pbx: its serial number, a name of :func:`unproven_name`, or one by its base URL.
    """
    return pbx.partition(_UNPROVEN)[0]


class SharedState(Protocol):
    """JSON entries that all users of a state share. Blocking: from asyncio code, call it through ``in_thread``.

    Each method but :meth:`sweep` is one exchange with the back-end, or two where it writes.
    """

    @property
    def name(self) -> str:
        """The back-end and its place, for log lines; without credentials."""
        ...

    @property
    def spans_hosts(self) -> bool:
        """Whether processes of other hosts share this state."""
        ...

    def now(self) -> float:
        """Return epoch seconds by a clock on which all users of this state agree.

        :raises StateUnavailableError: when the back-end cannot be reached.
        """
        ...

    def look(self, name: str) -> tuple[Entry | None, float]:
        """Return an entry and the time, see :meth:`now`.

        :return: the entry is None if it is missing, expired, corrupt, or of another layout.
        :raises StateUnavailableError: when the back-end cannot be reached.
        """
        ...

    def read(self, name: str) -> Entry | None:
        """Return an entry; see :meth:`look`."""
        return self.look(name)[0]

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        """Replace entries of one PBX in one atomic step, and return the new ones.

        Others see all of them or none replaced. Only a process that is killed at this very moment may leave those of a
        directory replaced in part, the first ones of ``names``.

        :param names: of the entries, all with the same part before the first slash; each with the seconds after which
            it expires without another update.
        :param change: makes the new entries; may be called more than once.
        :raises StateUnavailableError: when the back-end cannot be reached or written; the entries may have been
            replaced.
        :raises InvalidSettingsError: when the back-end cannot be used before a setting is corrected.
        """
        ...

    def update(self, name: str, change: Change, *, keep_seconds: float) -> Entry | None:
        """Replace an entry atomically and return the new one; see :meth:`update_all`.

        :param name: of the entry.
        :param change: makes the new entry; may be called more than once.
        :param keep_seconds: after so many seconds without another update the entry expires.
        """
        return self.update_all({name: keep_seconds}, lambda entries, now: [change(entries[0], now)])[0]

    def sweep(self) -> None:
        """Remove expired entries and what killed processes have left behind."""
        ...


def stored_name(name: str) -> str:
    """Return a name for files and keys: the layout and the entry's name, bounded, without path separators."""
    text = quote(name, safe="")
    if len(text) > _LONGEST_NAME:
        text = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"v{_LAYOUT}.{text}"


def encode_entry(name: str, entry: Entry, now: float, keep_seconds: float, run: str = "") -> bytes:
    """Return what a back-end stores for an entry.

    :param now: epoch seconds of the update.
    :param keep_seconds: seconds until the entry expires.
    :param run: names the run of a back-end that may forget updates when it restarts.
    """
    kept = {key: value for key, value in entry.items() if key != MAY_BE_OLDER}
    return json.dumps({"name": name, "at": now, "keep": keep_seconds, "run": run, "entry": kept}).encode()


def decode_entry(name: str, stored: bytes, now: float, run: str = "") -> Entry | None:
    """Return the entry that was stored under a name; None if it is expired, corrupt or of another name.

    An entry from the future counts as expired: the clock that wrote it was ahead, so nothing tells how old it is.

    :param now: epoch seconds.
    :param run: of the back-end; an entry that was stored in another one has :data:`MAY_BE_OLDER`.
    """
    data = _decoded(stored)
    if data.get("name") != name or not isinstance(data.get("entry"), dict):
        return None
    written_at, keep_seconds = number(data.get("at")), number(data.get("keep"))
    if written_at is None or keep_seconds is None:
        return None
    is_current = written_at - _CLOCK_TOLERANCE <= now < written_at + keep_seconds
    entry: Entry = data["entry"] if data.get("run", "") == run else {**data["entry"], MAY_BE_OLDER: True}
    return entry if is_current else None


def entry_name(stored: bytes) -> str | None:
    """Return the name of a stored entry, None if it is corrupt."""
    name = _decoded(stored).get("name")
    return name if isinstance(name, str) else None


def _decoded(stored: bytes) -> dict[str, Any]:
    try:
        data = json.loads(stored)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def number(value: object) -> float | None:
    """Return a JSON number that can be a time in seconds; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer of hundreds of digits
        return None
