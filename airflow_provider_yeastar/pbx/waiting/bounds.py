"""The rules of waiting for a report, without sockets: which event is ours, how long to go on, how often to ask again.

No job id ties an event to its request. What ties them is order (only one report per PBX is outstanding at a time, and
only events that arrive after the request count), the file's extension, and that no second file turns up meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_yeastar.pbx.errors import (
    AmbiguousEventError,
    PbxInternalError,
    Reaction,
    ReportFailedError,
    TokenExpiredError,
    YeastarError,
)

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.wire import EventFrame, Processing

__all__ = [
    "FILE_LIFE_SECONDS",
    "SETTLE_SECONDS",
    "AnnouncedReport",
    "Bounds",
    "FinishedReport",
    "Setbacks",
    "choose_event",
    "could_be_ours",
    "is_certain",
    "retry_delay",
]

SETTLE_SECONDS = 1.0
"""Seconds for which a second candidate is waited for. A trigger must not fire in its first second anyway."""

FILE_LIFE_SECONDS = 1800.0
"""Seconds for which the PBX serves a finished report."""

_EXTENSIONS = {"csv": {".csv"}, "xls": {".xls", ".xlsx"}, "pdf": {".pdf"}, "html": {".html", ".htm"}}
_LONGEST_DELAY = 60.0

# How often one wait puts up with a cause that time alone does not mend.
_LIMITS: dict[type[YeastarError], int] = {
    TokenExpiredError: 3,
    ReportFailedError: 1,
    AmbiguousEventError: 5,
    PbxInternalError: 2,
}


@dataclass(frozen=True)
class FinishedReport:
    """A report that is ready to be fetched; times in epoch seconds."""

    file: str
    url: str
    requested_at: float
    ready_at: float
    api_version: str
    timezone: str
    serial_number: str
    window: dict[str, Any]


@dataclass(frozen=True)
class AnnouncedReport:
    """A report that the PBX says is ready, whoever asked for it; the time in epoch seconds."""

    file: str
    url: str
    ready_at: float


@dataclass(frozen=True)
class Bounds:
    """The bounds of a wait.

    :param queue_until: epoch seconds until which to wait for one's turn behind the PBX's other reports.
    :param wait_timeout: seconds from one's turn to the URL.
    :param until: epoch seconds at which the task's own time is over, None without such a bound.
    """

    queue_until: float
    wait_timeout: float
    until: float | None = None

    @property
    def queue_end(self) -> float:
        """The end (epoch seconds) of the wait for one's turn."""
        return self._before_the_end(self.queue_until)

    def turn_until(self, turn_began_at: float) -> float:
        """Return the end (epoch seconds) of a turn; a second turn never goes beyond the sum of both bounds."""
        return self._before_the_end(min(turn_began_at, self.queue_until) + self.wait_timeout)

    def _before_the_end(self, moment: float) -> float:
        return moment if self.until is None else min(moment, self.until)


@dataclass
class Setbacks:
    """What has been seen in one wait so far, for its limits, its delays and its last words."""

    count: dict[type[YeastarError], int] = field(default_factory=dict)
    in_a_row: int = 0
    last: YeastarError | None = None
    accepted: int = 0
    foreign: int = 0

    def add(self, error: YeastarError) -> None:
        """Take note of an error.

        :raises YeastarError: that very error, when asking again cannot help or has been tried often enough.
        """
        kind = type(error)
        self.count[kind] = self.count.get(kind, 0) + 1
        self.in_a_row += 1
        self.last = error
        if error.reaction is Reaction.GIVE_UP or self.count[kind] > _LIMITS.get(kind, self.count[kind]):
            raise error

    def accept(self) -> None:
        """Take note that the PBX has accepted the request."""
        self.accepted += 1
        self.in_a_row = 0

    @property
    def remedy(self) -> str | None:
        """What the last cause asks the reader to do, None without one: more time does not mend a wrong host."""
        return self.last.remedy if self.last else None

    @property
    def retry_after(self) -> float | None:
        """The seconds before which the last cause will hardly have passed, None without one that tells."""
        return self.last.retry_after if self.last else None

    def summary(self) -> str:
        """Return one clause on what was seen meanwhile."""
        seen = [f"the PBX accepted the request {_times(self.accepted)}" if self.accepted else ""]
        if self.foreign:
            seen.append(f"{self.foreign} {'event was' if self.foreign == 1 else 'events were'} not ours")
        failed = sum(self.count.values())
        if self.last:
            attempts = "1 attempt" if failed == 1 else f"{failed} attempts"
            seen.append(f"{attempts} failed, the last one so: {self.last.what}")
        return ", ".join(filter(None, seen)) or "the PBX gave no sign of trouble"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def retry_delay(attempt: int, chance: float) -> float:
    """Return the seconds to wait before the next attempt, growing to a minute, with a random part.

    :param attempt: how many attempts have failed in a row, from 1.
    :param chance: a random number from 0 to 1, so that many waiters do not come back at once.
    """
    ceiling = min(_LONGEST_DELAY, 2.0 ** min(attempt, 10))
    return ceiling * (0.5 + chance / 2)


def is_certain(event: EventFrame, asked: Processing) -> bool:
    """Return whether an id ties an event to the outstanding request; no firmware is known that gives one."""
    return asked.download_id is not None and asked.download_id == event.download_id


def could_be_ours(event: EventFrame, file_format: str | None, asked: Processing) -> bool:
    """Return whether an event may belong to the outstanding request.

    :param event: what arrived after the request was sent.
    :param file_format: the format that was asked for, None where a schedule decides it.
    :param asked: the PBX's answer; an id in it decides alone.
    """
    if asked.download_id is not None and event.download_id is not None:
        return is_certain(event, asked)
    if file_format is None:
        return True
    name = event.file or urlsplit(event.url).path
    extension = PurePosixPath(name).suffix.lower()
    # A failure may name no file at all.
    return not extension or extension in _EXTENSIONS[file_format]


def choose_event(candidates: Sequence[EventFrame], *, pbx: str) -> EventFrame:
    """Return the event to believe among those that could be ours.

    :raises AmbiguousEventError: when two different files could be ours: then neither is believed.
    :raises ReportFailedError: with the PBX's words, when making the report failed.
    """
    distinct = {(event.succeeded, event.file, event.url): event for event in candidates}
    if len(distinct) > 1:
        raise AmbiguousEventError(
            f"{len(distinct)} different reports were announced at once, each could be ours", pbx=pbx
        )
    event = candidates[0]
    if not event.succeeded:
        raise ReportFailedError(f"The PBX could not make the report: {event.error or 'it gave no reason'}", pbx=pbx)
    return event
