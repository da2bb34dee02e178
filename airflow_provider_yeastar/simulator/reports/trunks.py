"""Reports about trunks: the PBX's call activity, and that of single DID and DOD numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Trunk
from airflow_provider_yeastar.simulator.reports.source import (
    Builder,
    Line,
    Source,
    bucket_of,
    bucket_times,
    time_label,
    words,
)
from airflow_provider_yeastar.simulator.reports.table import Column

__all__ = ["BUILDERS"]

_TIME = Column("time", "Time")
_FIGURES = (
    Column("answered_calls", "Answered", "integer"),
    Column("unanswered_calls", "Unanswered", "integer"),
    Column("total_calls", "Total Calls", "integer"),
    Column("total_holding_time", "Total Holding Time", "seconds"),
    Column("total_talking_time", "Total Talking Time", "seconds"),
)


def _figures(calls: Sequence[Call]) -> dict[str, object]:
    answered = sum(call.is_answered for call in calls)
    return {
        "answered_calls": answered,
        "unanswered_calls": len(calls) - answered,
        "total_calls": len(calls),
        "total_holding_time": sum(call.hold_seconds for call in calls),
        "total_talking_time": sum(call.talk_seconds for call in calls),
    }


def _activity(source: Source) -> list[Line]:
    """Count the calls over the trunks, and with ``include_internal=1`` those that used none.

    For trunks the values of ``communication_type`` are unknown [U]: it chooses nothing.
    """
    trunk_ids: set[int | None] = {trunk.id for trunk in source.trunks()}
    if not trunk_ids:
        return []
    if source.filters.get("include_internal") == "1":
        trunk_ids.add(None)
    by_time: dict[datetime, list[Call]] = defaultdict(list)
    for call in source.calls():
        if call.trunk_id in trunk_ids:
            by_time[bucket_of(source.query, call.started)].append(call)
    lines: list[Line] = []
    for at in bucket_times(source.query):
        kinds = Counter(call.communication for call in by_time[at])
        row: dict[str, object] = {"time": time_label(source.query, at), "inbound_calls": kinds["Inbound"]}
        row |= {"outbound_calls": kinds["Outbound"], "internal_calls": kinds["Internal"], **_figures(by_time[at])}
        lines.append(Line(row))
    return lines


def _numbers(source: Source) -> list[Line]:
    calls: dict[tuple[datetime, int | None, str, str], list[Call]] = defaultdict(list)
    for call in source.calls():
        kind, number = ("DID", call.did) if call.communication == "Inbound" else ("DOD", call.dod)
        calls[bucket_of(source.query, call.started), call.trunk_id, kind, number].append(call)
    return [
        Line(
            {
                "time": time_label(source.query, at),
                "trunk": trunk.name,
                "type": kind,
                "number": number,
                **_figures(calls[at, trunk.id, kind, number]),
            }
        )
        for at in bucket_times(source.query)
        for trunk, kind, number in _wanted_numbers(source)
    ]


def _wanted_numbers(source: Source) -> list[tuple[Trunk, str, str]]:
    """Give each number with its trunk and kind; when one kind is chosen by a list, the other kind is left out."""
    did, dod = words(source.filters, "did_num_list"), words(source.filters, "dod_num_list")
    return [
        (trunk, kind, number)
        for trunk in source.trunks()
        for kind, numbers, given, other in (
            ("DID", trunk.did_numbers, did, dod),
            ("DOD", trunk.dod_numbers, dod, did),
        )
        for number in numbers
        if (number in given if given is not None else other is None)
    ]


BUILDERS = {
    "trunkactivity": Builder(
        (
            _TIME,
            Column("inbound_calls", "Inbound", "integer"),
            Column("outbound_calls", "Outbound", "integer"),
            Column("internal_calls", "Internal", "integer"),
            *_FIGURES,
        ),
        _activity,
    ),
    "trunkdiddodactivity": Builder(
        (_TIME, Column("trunk", "Trunk"), Column("type", "Type"), Column("number", "Number"), *_FIGURES), _numbers
    ),
}
"""The builders of this module by report type."""
