"""What a report builder works on: calls and shifts of the window, the entries its filters choose, buckets.

Filters come as raw strings with commas. An id that the directory does not know chooses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import chain
from typing import Protocol, TypeVar

from airflow_provider_yeastar.simulator.calls.call import Call, QueueVisit
from airflow_provider_yeastar.simulator.calls.directory import Agent, Directory, Extension, Queue, Trunk
from airflow_provider_yeastar.simulator.calls.log import CallLog
from airflow_provider_yeastar.simulator.calls.shifts import Shift
from airflow_provider_yeastar.simulator.reports.table import Bucket, Column, Grouping, ReportQuery, Row

__all__ = [
    "Builder",
    "Line",
    "Source",
    "bucket_number",
    "bucket_of",
    "bucket_times",
    "chosen",
    "seconds",
    "time_label",
    "words",
]


class _Identified(Protocol):
    @property
    def id(self) -> int: ...


_WITH_ABANDON_TIME = frozenset({"queueperformance", "queueagentperformance"})

_Entry = TypeVar("_Entry", bound=_Identified)


@dataclass(frozen=True)
class Line:
    """One row of a report and the calls behind it.

    :param around: figures of the group that the row belongs to, such as the totals of an agent's queue.
    """

    row: Row
    calls: Sequence[Call] = ()
    around: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Builder:
    """How one report is made.

    :param lines: gives its rows.
    :param grouping: see ``ReportTable``, as for ``folded``.
    :param has_detail: whether the vendor offers ``need_detail`` for it.
    """

    columns: tuple[Column, ...]
    lines: Callable[[Source], list[Line]]
    grouping: Grouping | None = None
    folded: str = ""
    has_detail: bool = False


@dataclass(frozen=True)
class Source:
    """The history and the directory as one query sees them."""

    log: CallLog
    query: ReportQuery

    @property
    def directory(self) -> Directory:
        """Who and what is configured on the PBX."""
        return self.log.directory

    @property
    def filters(self) -> Mapping[str, str]:
        """The query's raw filters."""
        return self.query.filters

    def calls(self) -> list[Call]:
        """Give the calls that began in the window."""
        return self.log.between(self.query.start, self.query.end)

    def calls_to_the_end_of_the_day(self) -> list[Call]:
        """Give the calls of the window and of the rest of its last day."""
        last = datetime.combine(self.query.end.date(), time.max)
        return self.log.between(self.query.start, last)

    def shifts(self) -> list[Shift]:
        """Give the shifts of every day the window touches."""
        return self.log.shifts(self.query.start, self.query.end)

    def covers(self, at: datetime) -> bool:
        """Tell whether a moment lies in the window."""
        return max(self.query.start, self.log.first) <= at <= min(self.query.end, self.log.last)

    def queues(self) -> tuple[Queue, ...]:
        """Give the queues that ``queue_id`` and ``queue_id_list`` choose."""
        narrowed = chosen(self.directory.queues, words(self.filters, "queue_id"))
        return chosen(narrowed, words(self.filters, "queue_id_list"))

    def agents(self, queue: Queue) -> tuple[Agent, ...]:
        """Give the queue's agents that ``agent_id_list`` chooses."""
        return chosen(queue.agents, words(self.filters, "agent_id_list"))

    def trunks(self) -> tuple[Trunk, ...]:
        """Give the trunks that ``trunk_id`` and ``trunk_id_list`` choose."""
        return chosen(
            chosen(self.directory.trunks, words(self.filters, "trunk_id")), words(self.filters, "trunk_id_list")
        )

    def extensions(self) -> tuple[Extension, ...]:
        """Give the extensions that ``ext_id_list`` chooses, by themselves or through their groups."""
        wanted = words(self.filters, "ext_id_list")
        if wanted is None:
            return self.directory.extensions
        members = (group.extension_ids for group in chosen(self.directory.ext_groups, wanted))
        return chosen(self.directory.extensions, wanted.union(map(str, chain.from_iterable(members))))

    def queue_visits(self, calls: Iterable[Call], queue: Queue) -> list[tuple[Call, QueueVisit]]:
        """Give the calls that were in a queue, each with its visit.

        Visits abandoned within ``abandon_time`` seconds are left out of the reports that are known to take it.
        """
        grace = seconds(self.filters, "abandon_time") if self.query.kind.type in _WITH_ABANDON_TIME else None
        return [
            (call, call.queue)
            for call in calls
            if call.queue is not None
            and call.queue.queue_id == queue.id
            and not (grace is not None and call.queue.result == "abandoned" and call.queue.wait_seconds <= grace)
        ]


def words(filters: Mapping[str, str], name: str) -> frozenset[str] | None:
    """Read a comma-joined list; None when the parameter is not given or blank."""
    given = frozenset(word.strip() for word in filters.get(name, "").split(",")) - {""}
    return given or None


def seconds(filters: Mapping[str, str], name: str) -> float | None:
    """Read a number of seconds; None when it is not given or no number."""
    text = filters.get(name, "").strip()
    return float(text) if text.isdecimal() else None


def chosen(entries: Sequence[_Entry], wanted: Collection[str] | None) -> tuple[_Entry, ...]:
    """Give the entries whose id is wanted, in their own order; all of them for None."""
    return tuple(entry for entry in entries if wanted is None or str(entry.id) in wanted)


def time_label(query: ReportQuery, at: datetime) -> str:
    """Write the beginning of an hour, day or month; how a PBX writes it is unknown [U]."""
    return at.strftime({"hour": "%Y/%m/%d %H:%M", "day": "%Y/%m/%d", "month": "%Y/%m"}[_bucket(query)])


def bucket_number(query: ReportQuery, at: datetime) -> int:
    """Return the number of an hour, day or month, as a PBX counts the rows of queueavgwaittalktime."""
    return {"hour": at.hour, "day": at.day, "month": at.month}[_bucket(query)]


def bucket_times(query: ReportQuery) -> list[datetime]:
    """Give the beginning of each hour, day or month that the window touches."""
    bucket = _bucket(query)
    times: list[datetime] = []
    at = bucket_of(query, query.start)
    while at <= query.end:
        times.append(at)
        match bucket:
            case "hour":
                at += timedelta(hours=1)
            case "day":
                at += timedelta(days=1)
            case "month":
                at = (at + timedelta(days=31)).replace(day=1)
    return times


def bucket_of(query: ReportQuery, at: datetime) -> datetime:
    """Give the beginning of the hour, day or month a moment lies in."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    match _bucket(query):
        case "hour":
            return hour
        case "day":
            return hour.replace(hour=0)
    return hour.replace(day=1, hour=0)


def _bucket(query: ReportQuery) -> Bucket:
    if query.bucket is not None:
        return query.bucket
    length = query.end - query.start
    if length <= timedelta(days=1):
        return "hour"
    return "day" if length <= timedelta(days=31) else "month"
