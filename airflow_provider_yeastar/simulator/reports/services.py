"""Reports about voice menus, automatic receptionists, transcriptions and the quality of calls.

The columns of all but the IVR report are made up: no page or recorded answer shows them [U].
"""

from __future__ import annotations

from collections import Counter

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.reports.figures import average
from airflow_provider_yeastar.simulator.reports.source import Builder, Line, Source, chosen, words
from airflow_provider_yeastar.simulator.reports.table import Column

__all__ = ["BUILDERS"]

_KEYS = tuple("0123456789")


def _ivr(source: Source) -> list[Line]:
    calls = source.calls()
    lines: list[Line] = []
    for ivr in chosen(source.directory.ivrs, words(source.filters, "ivr_id_list")):
        entered = [call for call in calls if call.ivr is not None and call.ivr.ivr_id == ivr.id]
        visits = [call.ivr for call in entered if call.ivr is not None]
        keys = Counter(visit.key for visit in visits)
        row: dict[str, object] = {"ivr_name": ivr.name, "ivr_num": ivr.number, "total_calls": len(entered)}
        row |= {f"press_{key}": keys[key] for key in _KEYS}
        row |= {"press_timeout": keys[""], "press_invalid": sum(visit.invalid_presses for visit in visits)}
        lines.append(Line(row, entered))
    return lines


def _receptionists(source: Source) -> list[Line]:
    calls = source.calls()
    lines: list[Line] = []
    wanted = words(source.filters, "ai_receptionist_id_list")
    for receptionist in chosen(source.directory.ai_receptionists, wanted):
        talks = [call.talk_seconds for call in calls if call.ai_receptionist_id == receptionist.id]
        row: dict[str, object] = {"ai_receptionist": receptionist.name, "ai_receptionist_num": receptionist.number}
        row |= {"total_calls": len(talks), "total_talking_time": sum(talks), "average_talking_time": average(talks)}
        lines.append(Line(row))
    return lines


def _transcriptions(source: Source) -> list[Line]:
    return [
        Line({**_ends(call), "communication_type": call.communication, "transcribed_time": call.talk_seconds})
        for call in source.calls()
        if call.transcribed
    ]


def _quality(source: Source) -> list[Line]:
    trunks = {trunk.id: trunk for trunk in source.trunks()}
    callers = words(source.filters, "call_from")
    return [
        Line(
            {
                **_ends(call),
                "trunk": trunks[call.trunk_id].name,
                "talking_time": call.talk_seconds,
                "jitter_ms": call.quality.jitter_ms,
                "latency_ms": call.quality.latency_ms,
                "packet_loss_rate": call.quality.loss_percent,
                "mos": f"{call.quality.mos:.2f}",
            }
        )
        for call in source.calls()
        if call.quality is not None and call.trunk_id in trunks and (callers is None or call.caller in callers)
    ]


def _ends(call: Call) -> dict[str, object]:
    return {"time": call.started, "call_id": call.id, "caller": call.caller, "callee": call.callee}


_ENDS = (
    Column("time", "Time", "datetime"),
    Column("call_id", "Call ID"),
    Column("caller", "Call From"),
    Column("callee", "Call To"),
)

BUILDERS = {
    "ivr": Builder(
        (
            Column("ivr_name", "IVR", number_key="ivr_num"),
            Column("total_calls", "Total Calls", "integer"),
            *(Column(f"press_{key}", f"Key {key}", "integer") for key in _KEYS),
            Column("press_timeout", "No Key", "integer"),
            Column("press_invalid", "Invalid Key", "integer"),
        ),
        _ivr,
        folded="press",
        has_detail=True,
    ),
    "aireceptionistcallactivity": Builder(
        (
            Column("ai_receptionist", "AI Receptionist", number_key="ai_receptionist_num"),
            Column("total_calls", "Total Calls", "integer"),
            Column("total_talking_time", "Total Talking Time", "seconds"),
            Column("average_talking_time", "Average Talking Time", "seconds"),
        ),
        _receptionists,
    ),
    "aisttusage": Builder(
        (
            *_ENDS,
            Column("communication_type", "Communication Type"),
            Column("transcribed_time", "Transcribed Time", "seconds"),
        ),
        _transcriptions,
    ),
    "qosreport": Builder(
        (
            *_ENDS,
            Column("trunk", "Trunk"),
            Column("talking_time", "Talking Time", "seconds"),
            Column("jitter_ms", "Jitter (ms)", "integer"),
            Column("latency_ms", "Latency (ms)", "integer"),
            Column("packet_loss_rate", "Packet Loss", "percent"),
            Column("mos", "MOS"),
        ),
        _quality,
    ),
}
"""The builders of this module by report type."""
