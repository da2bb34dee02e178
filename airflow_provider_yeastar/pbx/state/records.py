"""What the ledger of a PBX records: jobs, and files, told apart by marks, which are digests of their URLs. Pure.

The vendor's samples name a file in two ways. That of an answer holds the second in which it was made and a random part,
so no other file is ever named like it. That of an event (30027) is called after its report alone: there the file of a
later report may take the place of one that is not fetched yet. Of any other name nothing is known before it was seen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_yeastar.pbx.untrusted import decoded_path

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.wire import EventFrame

__all__ = [
    "REPLACING_SECONDS",
    "Contest",
    "Job",
    "KnownFile",
    "event_mark",
    "file_mark",
    "has_own_name",
    "kind_of_file",
    "may_replace",
    "tells_apart",
]

_DIGITS = 16
REPLACING_SECONDS = 1800.0
"""For so long a job that ended with its task counts as one that may still replace a file of a name that comes again."""
_APART_SECONDS = 3600.0
"""Within this time three names of one report show that no file shares its name with others of its hour or day."""
_OWN_NAME = re.compile(r"-download-\d{14}-[0-9A-Za-z]{8,}\.[a-z]+")


@dataclass(frozen=True)
class Job:
    """A request that may lead to an event.

    :param opened_at: epoch seconds by the state's clock.
    :param pbx: the PBX by the name that is proven; see :func:`.unproven_name`.
    :param report: what jobs of one report have in common, empty where that is not known.
    :param is_announced: whether its event has come, though its file is named like another one's.
    """

    id: str
    opened_at: float
    pbx: str
    report: str = ""
    is_announced: bool = False


@dataclass(frozen=True)
class Contest:
    """Evidence that somebody else makes reports at this PBX, in spite of the user's word."""

    at: float
    why: str


@dataclass(frozen=True)
class KnownFile:
    """A file whose report is known.

    :param at: epoch seconds by the state's clock.
    :param download_id: that its event carried, None for none.
    :param job: id of the job whose file it is, empty where several have ended together.
    :param kind: what its report has in common with others whose files may be named alike, and whether an event or an
        answer has told the name; empty for a name of its own.
    :param is_intact: whether no other job has been open since, whose file may have taken its place.
    :param is_fetched: whether its task has it.
    :param report: what jobs of one report have in common, empty where that is not known.
    """

    mark: str
    at: float
    download_id: int | None = None
    job: str = ""
    kind: str = ""
    is_intact: bool = True
    is_fetched: bool = False
    report: str = ""

    def is_of(self, mark: str, job: str) -> bool:
        """Tell whether this is the file of a job."""
        return (self.mark, self.job) == (mark, job)


def has_own_name(url: str) -> bool:
    """Tell whether a file's URL ends with a name that no other file gets (``…-download-20220608094753-ejP6Z6.csv``).

    :param url: as the PBX has told it.
    """
    return bool(_OWN_NAME.search(decoded_path(url).rpartition("/")[2]))


def kind_of_file(kind: str, *, by_event: bool) -> str:
    """Return the kind of a file: the vendor's samples name files of events in another way than those of answers.

    :param kind: of its report.
    :param by_event: whether an event has told its name; else an answer.
    """
    return f"{kind} {'event' if by_event else 'answer'}" if kind else ""


def may_replace(other: Job, jobs: Iterable[Job], job: str, now: float) -> bool:
    """Tell whether the file of an open job may yet take the place of a job's file.

    :param other: the open job; one of the same report does no harm.
    :param jobs: open ones, the job among them.
    :param job: its id.
    :param now: epoch seconds by the state's clock.
    """
    reports = {known.report for known in jobs if known.id == job} - {""}
    is_over = other.is_announced or now - other.opened_at >= REPLACING_SECONDS
    return other.id != job and not is_over and other.report not in reports


def tells_apart(files: Sequence[KnownFile], kind: str) -> bool:
    """Tell whether files of one kind were seen to have names of their own.

    Only one report that was made again and again shows that: names of two may differ by a period that others have as
    well. Two names may differ by the hour or the day on which they were made; three within an hour do not.

    :param files: known ones, one for each name.
    :param kind: theirs, not empty.
    """
    made_at: dict[str, list[float]] = {}
    for file in files:
        if file.kind == kind and file.report:
            made_at.setdefault(file.report, []).append(file.at)
    in_order = map(sorted, made_at.values())
    return any(last - first < _APART_SECONDS for each in in_order for first, last in zip(each, each[2:], strict=False))


def file_mark(url: str) -> str:
    """Return a short digest of a file's URL: the state need not hold the names of reports.

    It is one for all ways to write the path: relative or absolute, percent-encoded or not, with whatever query.
    """
    return _digest(decoded_path(url))


def event_mark(event: EventFrame) -> str:
    """Return a short digest of what an event is about: the same for the same file, announced however often."""
    if event.succeeded:
        return file_mark(event.url)
    return _digest(f"failure {event.download_id} {event.file} {event.url} {event.error}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
