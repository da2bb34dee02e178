"""Reports about extensions and ring groups, and the missed calls nobody returned.

An extension takes part in a call that it placed or that rang there; each such part is counted with the result it had
for this extension. That "holding time" is the time on hold, not the whole call, is our reading [U].
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_yeastar.simulator.calls.call import Call, Communication, Disposition
from airflow_provider_yeastar.simulator.calls.directory import Directory, Extension
from airflow_provider_yeastar.simulator.reports.figures import average, percent
from airflow_provider_yeastar.simulator.reports.source import (
    Builder,
    Line,
    Source,
    bucket_of,
    bucket_times,
    chosen,
    time_label,
    words,
)
from airflow_provider_yeastar.simulator.reports.table import Column, Grouping

__all__ = ["BUILDERS"]


@dataclass(frozen=True, slots=True)
class _Part:
    """One extension's part in a call."""

    extension_id: int
    started: datetime
    communication: Communication
    result: Disposition
    holding: int
    talking: int


_RESULTS: tuple[Disposition, ...] = ("answered", "no_answer", "busy", "failed", "voicemail", "abandoned")
_FIGURES = (
    *(Column(f"{result}_calls", result.replace("_", " ").title(), "integer") for result in _RESULTS),
    Column("total_call_count", "Total", "integer"),
    Column("total_holding_time", "Total Holding Time", "seconds"),
    Column("total_talking_time", "Total Talking Time", "seconds"),
)


def _parts(calls: Iterable[Call], kinds: frozenset[str] | None) -> Iterable[_Part]:
    for call in calls:
        if kinds is not None and call.communication not in kinds:
            continue
        if call.extension_id is not None:
            yield _part(call, call.extension_id, call.disposition)
        for offer in call.offers:
            yield _part(call, offer.extension_id, offer.result)


def _part(call: Call, extension_id: int, result: Disposition) -> _Part:
    hold, talk = (call.hold_seconds, call.talk_seconds) if result == "answered" else (0, 0)
    return _Part(extension_id, call.started, call.communication, result, hold, talk)


def _figures(parts: Sequence[_Part]) -> dict[str, object]:
    results = Counter(part.result for part in parts)
    figures: dict[str, object] = {f"{result}_calls": results[result] for result in _RESULTS}
    figures["total_call_count"] = len(parts)
    figures["total_holding_time"] = sum(part.holding for part in parts)
    figures["total_talking_time"] = sum(part.talking for part in parts)
    return figures


def _statistics(source: Source) -> list[Line]:
    by_extension: dict[int, list[_Part]] = defaultdict(list)
    for part in _parts(source.calls(), words(source.filters, "communication_type")):
        by_extension[part.extension_id].append(part)
    return [
        Line({"ext_num": extension.number, "ext_name": extension.name, **_figures(by_extension[extension.id])})
        for extension in source.extensions()
    ]


def _activity(source: Source) -> list[Line]:
    wanted = {extension.id for extension in source.extensions()}
    if not wanted:
        return []
    by_time: dict[datetime, list[_Part]] = defaultdict(list)
    for part in _parts(source.calls(), words(source.filters, "communication_type")):
        if part.extension_id in wanted:
            by_time[bucket_of(source.query, part.started)].append(part)
    lines: list[Line] = []
    for at in bucket_times(source.query):
        kinds = Counter(part.communication for part in by_time[at])
        row: dict[str, object] = {"time": time_label(source.query, at)}
        row |= {"inbound_calls": kinds["Inbound"], "outbound_calls": kinds["Outbound"]}
        row |= {"internal_calls": kinds["Internal"], **_figures(by_time[at])}
        lines.append(Line(row))
    return lines


def _ring_groups(source: Source) -> list[Line]:
    calls = source.calls()
    extensions = {extension.id: extension for extension in source.directory.extensions}
    lines: list[Line] = []
    for group in chosen(source.directory.ring_groups, words(source.filters, "ring_group_id_list")):
        of_group = [call for call in calls if call.ring_group_id == group.id]
        parts = list(_parts(of_group, None))
        around = {"total_calls": len(of_group), "answered_calls": sum(call.is_answered for call in of_group)}
        for member_id in group.extension_ids:
            row: dict[str, object] = {"group_name": group.name, "group_num": group.number}
            row |= _member(extensions[member_id], [part for part in parts if part.extension_id == member_id])
            lines.append(Line(row, around=around))
    return lines


def _member(extension: Extension, parts: Sequence[_Part]) -> dict[str, object]:
    talks = [part.talking for part in parts if part.result == "answered"]
    return {
        "ext_num": extension.number,
        "ext_name": extension.name,
        "total_calls": len(parts),
        "answered_calls": len(talks),
        "missed_calls": len(parts) - len(talks),
        "answered_rate": percent(len(talks), len(parts)),
        "total_talking_time": sum(talks),
        "average_talking_time": average(talks),
    }


def _unreturned(source: Source) -> list[Line]:
    """List the lost callers nobody reached, and who did not get through later either, up to the last day's end.

    A reading of "unreturned" [U]; so are the values of ``call_to_type`` and ``unreturn_status``, which choose nothing.
    """
    calls = source.calls_to_the_end_of_the_day()
    reached: dict[str, datetime] = {}
    for call in calls:
        if call.is_answered and call.communication != "Internal":
            reached[call.callee if call.communication == "Outbound" else call.caller] = call.started
    wanted = {
        "call_from_number": words(source.filters, "call_from"),
        "call_to_number": words(source.filters, "call_to"),
        "miss_call_type": words(source.filters, "miss_call_type"),
    }
    lines: list[Line] = []
    for call in calls:
        if call.communication != "Inbound" or call.is_answered or not source.covers(call.started):
            continue
        if reached.get(call.caller, datetime.min) > call.started:
            continue
        row = _missed(call, source.directory)
        if all(values is None or row[key] in values for key, values in wanted.items()):
            lines.append(Line(row))
    return lines


def _missed(call: Call, directory: Directory) -> dict[str, object]:
    return {
        "time": call.started,
        **directory.party("call_from", call.caller),
        **directory.party("call_to", call.callee),
        "did_number": call.did,
        "miss_call_type": call.disposition,
        "ring_duration": call.ring_seconds,
    }


_NAME = Column("ext_name", "Extension", number_key="ext_num")

BUILDERS = {
    "extcallstatistics": Builder((_NAME, *_FIGURES), _statistics),
    "extcallactivity": Builder(
        (
            Column("time", "Time"),
            Column("inbound_calls", "Inbound", "integer"),
            Column("outbound_calls", "Outbound", "integer"),
            Column("internal_calls", "Internal", "integer"),
            *_FIGURES,
        ),
        _activity,
    ),
    "ringgroupstatistics": Builder(
        (
            Column("group_name", "Ring Group", number_key="group_num"),
            _NAME,
            Column("total_calls", "Total Calls", "integer"),
            Column("answered_calls", "Answered", "integer"),
            Column("missed_calls", "Missed", "integer"),
            Column("answered_rate", "Answered Rate", "percent"),
            Column("total_talking_time", "Total Talking Time", "seconds"),
            Column("average_talking_time", "Average Talking Time", "seconds"),
        ),
        _ring_groups,
        Grouping(("group_name", "group_num"), "member_list"),
    ),
    "unreturnmisscall": Builder(
        (
            Column("time", "Time", "datetime"),
            Column("call_from", "Call From"),
            Column("call_to", "Call To"),
            Column("did_number", "DID Number"),
            Column("miss_call_type", "Missed Call Type"),
            Column("ring_duration", "Ring Duration", "seconds"),
        ),
        _unreturned,
    ),
}
"""The builders of this module by report type."""
