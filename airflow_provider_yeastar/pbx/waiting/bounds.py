"""How long a wait goes on, and how often it retries. Pure; whose report an event announces is in `attribution`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_yeastar.pbx.errors import (
    AmbiguousEventError,
    PbxInternalError,
    Reaction,
    ReportFailedError,
    TokenExpiredError,
    YeastarError,
)

__all__ = [
    "FILE_LIFE_SECONDS",
    "AnnouncedReport",
    "Bounds",
    "FinishedReport",
    "Setbacks",
    "busy_delay",
    "retry_delay",
    "unanswered_delay",
]

FILE_LIFE_SECONDS = 1800.0
"""Seconds for which the PBX serves a finished report."""

_LONGEST_DELAY = 60.0
_LONGEST_BUSY_DELAY = 30.0
_LONGEST_UNANSWERED_DELAY = 300.0

# How many failures of a kind one wait tolerates, where waiting alone does not help.
_LIMITS: dict[type[YeastarError], int] = {
    TokenExpiredError: 3,
    ReportFailedError: 1,
    PbxInternalError: 2,
}


@dataclass(frozen=True)
class FinishedReport:
    """A report that is ready to be fetched; times in epoch seconds.

    :param identified_by: ``answer``: the PBX's answer named the file, or carried the ``download_id`` of its event;
        ``turn``: an event was believed because this PBX is ``exclusive`` and no other report could be meant.
    :param asked_numbers: numbers of the queues, extensions and so on that were asked for, as far as the PBX tells.
    :param other_numbers: the numbers of others of the same kind, which the file must not be about.
    :param job: its id in the ledger of the PBX, empty for none.
    :param by_event: whether an event has told the file; else an answer.
    """

    file: str
    url: str
    requested_at: float
    ready_at: float
    api_version: str
    timezone: str
    serial_number: str
    window: dict[str, Any]
    identified_by: Literal["answer", "turn"] = "turn"
    asked_numbers: list[str] = field(default_factory=list)
    other_numbers: list[str] = field(default_factory=list)
    job: str = ""
    by_event: bool = False


@dataclass(frozen=True)
class AnnouncedReport:
    """A report that the PBX says is ready, whoever requested it; the time in epoch seconds."""

    file: str
    url: str
    ready_at: float


@dataclass(frozen=True)
class Bounds:
    """The deadlines of a wait.

    :param queue_until: epoch seconds until which to wait for the PBX behind its other reports.
    :param wait_timeout: seconds from then to the URL.
    :param until: epoch seconds at which the task's own time is over, None without such a deadline.
    """

    queue_until: float
    wait_timeout: float
    until: float | None = None

    @property
    def queue_end(self) -> float:
        """The deadline (epoch seconds) of the wait for the PBX."""
        return self._before_the_end(self.queue_until)

    def turn_until(self, turn_began_at: float) -> float:
        """Return the deadline (epoch seconds) of a turn; a second turn never exceeds the sum of both bounds."""
        return self._before_the_end(min(turn_began_at, self.queue_until) + self.wait_timeout)

    def _before_the_end(self, moment: float) -> float:
        return moment if self.until is None else min(moment, self.until)


@dataclass
class Setbacks:
    """The failures of one wait so far, for its limits, its delays and its last words.

    :param most: how many failures of any kind are tolerated.
    :param unanswered: requests that the PBX has accepted or received, and whose answer did not name the file.
    :param doubt: why no event was believed, empty if none was in doubt.
    """

    most: float = math.inf
    count: dict[type[YeastarError], int] = field(default_factory=dict)
    in_a_row: int = 0
    last: YeastarError | None = None
    accepted: int = 0
    unanswered: int = 0
    doubt: str = ""

    def add(self, error: YeastarError) -> bool:
        """Record an error, and return whether to retry.

        :return: False if a retry cannot help, or more such errors have come than are tolerated.
        """
        kind = type(error)
        self.count[kind] = self.count.get(kind, 0) + 1
        self.in_a_row += 1
        self.last = error
        is_tolerated = self.count[kind] <= _LIMITS.get(kind, math.inf) and sum(self.count.values()) <= self.most
        return is_tolerated and error.reaction is not Reaction.GIVE_UP

    def delay(self, chance: float) -> float:
        """Return the seconds to wait before the next attempt.

        :param chance: a random number from 0 to 1.
        """
        # Each such attempt may have made the PBX produce another report.
        slow = isinstance(self.last, AmbiguousEventError) or self.unanswered > 1
        return (unanswered_delay if slow else retry_delay)(self.in_a_row, chance)

    @property
    def remedy(self) -> str | None:
        """The remedy of the last error, None without one: more time does not fix a wrong host."""
        return self.last.remedy if self.last else None

    @property
    def retry_after(self) -> float | None:
        """Seconds before which the last cause is unlikely to have passed, None if unknown."""
        return self.last.retry_after if self.last else None

    def summary(self) -> str:
        """Return one clause on what was seen meanwhile."""
        seen = [f"the PBX accepted the request {_times(self.accepted)}" if self.accepted else ""]
        failed = sum(self.count.values())
        if self.last:
            attempts = "1 attempt" if failed == 1 else f"{failed} attempts"
            seen.append(f"{attempts} failed, the last one so: {self.last.what}")
        return ", ".join(filter(None, seen)) or "the PBX gave no sign of trouble"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def retry_delay(attempt: int, chance: float) -> float:
    """Return the seconds before the next attempt: exponential back-off up to a minute, with jitter.

    :param attempt: how many attempts have failed in a row, from 1.
    :param chance: a random number from 0 to 1, so that many waiters do not retry at once.
    """
    return _backoff(attempt, chance, _LONGEST_DELAY)


def busy_delay(attempt: int, chance: float) -> float:
    """Return the seconds before the next look at a busy PBX: up to half a minute; see :func:`retry_delay`."""
    return _backoff(attempt, chance, _LONGEST_BUSY_DELAY)


def unanswered_delay(attempt: int, chance: float) -> float:
    """Return the seconds before a report is requested again although the PBX may be making it.

    It grows to five minutes, so that a connection that keeps failing does not make report after report; see
    :func:`retry_delay`.
    """
    return _backoff(attempt + 1, chance, _LONGEST_UNANSWERED_DELAY)


def _backoff(attempt: int, chance: float, longest: float) -> float:
    ceiling = min(longest, 2.0 ** min(attempt, 10))
    return ceiling * (0.5 + chance / 2)
