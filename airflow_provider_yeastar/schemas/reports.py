"""The columns of every built-in report, by its type: a table of data.

Keys are those of the rows after flattening (:func:`.flattened_rows`). Where a queue's or a ring group's own figures
stand beside those of its members, the former begin with ``queue_`` or ``group_``, the latter with ``agent_`` or
``ext_``. Sources are the vendor's pages (D), answers of a PBX recorded in public (L), style of the vendor's other
reports (I); U marks what no one has recorded. Facts: "Query a Call Report" and the recorded answers of a P570.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from airflow_provider_yeastar.schemas.columns import Column, ColumnType, Source

__all__ = ["REPORT_COLUMNS"]


def _columns(kind: ColumnType, unit: str, source: Source, named: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(key, name, kind, unit, source) for key, name in named.items())


def _counts(source: Source, **named: str) -> tuple[Column, ...]:
    return _columns("integer", "calls", source, named)


def _seconds(source: Source, **named: str) -> tuple[Column, ...]:
    return _columns("duration", "seconds", source, named)


def _percents(source: Source, **named: str) -> tuple[Column, ...]:
    return _columns("percent", "percent points", source, named)


def _texts(source: Source, **named: str) -> tuple[Column, ...]:
    return _columns("text", "", source, named)


def _label(key: str, name: str, number_key: str, source: Source) -> tuple[Column, ...]:
    """A name and its number: two keys of a row, one cell of a file."""
    return (
        Column(key, name, source=source, number_key=number_key),
        Column(number_key, f"{name} Number", source=source),
    )


def _event(key: str, name: str, source: Source) -> Column:
    return Column(key, name, "timestamp", "PBX-local time", source)


def _prefixed(prefix: str, columns: Iterable[Column]) -> tuple[Column, ...]:
    title = prefix.replace("_", " ").title()
    return tuple(replace(column, key=f"{prefix}_{column.key}", name=f"{title} {column.name}") for column in columns)


# Of a day it is an hour, of a month a day, of a year a month; how it is written differs by report and firmware.
_BUCKET = Column("time", "Time", source="L")
_QUEUE = _label("queue", "Queue", "queue_num", "L")
_QUEUE_ID = Column("queue_id", "Queue ID", source="L")
_AGENT = _label("agent_name", "Agent", "agent_number", "L")
_EXTENSION = _label("ext_name", "Extension", "ext_num", "L")

_EXTENSION_CALLS = (
    *_counts("L", answered_calls="Answered", no_answer_calls="No Answer", busy_calls="Busy", failed_calls="Failed"),
    *_counts("L", voicemail_calls="Voicemail", abandoned_calls="Abandoned", total_call_count="Total"),
    *_seconds("L", total_holding_time="Total Holding Time", total_talking_time="Total Talking Time"),
)
_TRUNK_CALLS = (
    *_counts("I", answered_calls="Answered", unanswered_calls="Unanswered", total_calls="Total Calls"),
    *_seconds("I", total_holding_time="Total Holding Time", total_talking_time="Total Talking Time"),
)
_DIRECTIONS = _counts("I", inbound_calls="Inbound", outbound_calls="Outbound", internal_calls="Internal")
_QUEUE_CALLS = (
    *_counts("L", total_calls="Total Calls", answered_calls="Answered", missed_calls="Missed"),
    *_counts("L", abandoned_calls="Abandoned"),
    *_percents("L", answered_rate="Answered Rate", missed_rate="Missed Rate", abandoned_rate="Abandoned Rate"),
    *_seconds("L", average_waiting_time="Average Waiting Time", max_waiting_time="Max Waiting Time"),
    *_seconds("I", all_call_average_waiting_time="All Calls Average Waiting Time"),
    *_seconds("I", answered_waiting_time="Answered Waiting Time", total_waiting_time="Total Waiting Time"),
    *_seconds("L", average_talking_time="Average Talking Time"),
    *_seconds("I", answered_hold_time="Answered Holding Time"),
    *_percents("L", sla="SLA"),
)
_SURVEYED = (*_QUEUE, *_AGENT)

_AGENT_PERFORMANCE = (
    *_counts("L", total_calls="Total Calls", answered_calls="Answered", missed_calls="Missed"),
    *_percents("I", answered_rate="Answered Rate", missed_rate="Missed Rate"),
    *_seconds("I", total_talking_time="Total Talking Time", average_talking_time="Average Talking Time"),
    *_seconds("I", max_talking_time="Max Talking Time", total_holding_time="Total Holding Time"),
    *_seconds("I", average_ring_time="Average Ring Time"),
    *_seconds("L", average_waiting_time="Average Waiting Time"),
    *_seconds("I", max_waiting_time="Max Waiting Time"),
)
_GROUP_CALLS = (
    *_counts("L", total_calls="Total Calls", answered_calls="Answered"),
    *_counts("I", missed_calls="Missed"),
    *_percents("I", answered_rate="Answered Rate"),
    *_seconds("I", total_talking_time="Total Talking Time", average_talking_time="Average Talking Time"),
)

REPORT_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "extcallstatistics": (*_EXTENSION, *_EXTENSION_CALLS),
    "extcallactivity": (_BUCKET, *_DIRECTIONS, *_EXTENSION_CALLS),
    "trunkactivity": (_BUCKET, *_DIRECTIONS, *_TRUNK_CALLS),
    "trunkdiddodactivity": (_BUCKET, *_texts("I", trunk="Trunk", type="Type", number="Number"), *_TRUNK_CALLS),
    "ivr": (
        *_label("ivr_name", "IVR", "ivr_num", "L"),
        *_counts("L", total_calls="Total Calls"),
        # An object of counts by key, as JSON; which keys it has is the IVR's setting.
        Column("press_count", "Key Presses", "text", "JSON", "L"),
    ),
    "aisttusage": (
        _event("time", "Time", "U"),
        *_texts("U", call_id="Call ID", caller="Call From", callee="Call To", communication_type="Communication Type"),
        *_seconds("U", transcribed_time="Transcribed Time"),
    ),
    "aireceptionistcallactivity": (
        *_label("ai_receptionist", "AI Receptionist", "ai_receptionist_num", "U"),
        *_counts("U", total_calls="Total Calls"),
        *_seconds("U", total_talking_time="Total Talking Time", average_talking_time="Average Talking Time"),
    ),
    "unreturnmisscall": (
        _event("time", "Time", "L"),
        *_texts("L", call_from="Call From", call_from_name="Call From Name", call_from_number="Call From Number"),
        *_texts("L", call_to="Call To", call_to_name="Call To Name", call_to_number="Call To Number"),
        *_texts("I", did_number="DID Number", miss_call_type="Missed Call Type"),
        *_seconds("I", ring_duration="Ring Duration"),
    ),
    "queueavgwaittalktime": (
        _BUCKET,
        *_counts("I", total_calls="Total Calls", answered_calls="Answered"),
        *_seconds("L", avg_wait_time="AVG Waiting Time", avg_talk_time="AVG Talking Time"),
        *_seconds("I", all_call_avg_wait_time="All Calls AVG Waiting Time"),
    ),
    "queueperformance": (*_QUEUE, *_QUEUE_CALLS),
    "queueperformanceactivity": (_BUCKET, *_QUEUE, *_QUEUE_CALLS),
    "queuecallbackssummary": (
        *_QUEUE,
        *_counts("U", total_callbacks="Total Callbacks", success_callbacks="Successful", failed_callbacks="Failed"),
        *_counts("U", pending_callbacks="Pending"),
        *_percents("U", success_rate="Success Rate"),
        *_seconds("U", average_delay="Average Delay"),
    ),
    "queuecallbacksactivity": (
        _event("request_time", "Request Time", "U"),
        *_QUEUE,
        *_texts("U", caller="Caller"),
        *_AGENT,
        _event("callback_time", "Callback Time", "U"),
        *_seconds("U", delay="Delay"),
        *_texts("U", callback_result="Callback Result"),
    ),
    "queuesatisfaction": (
        *_SURVEYED,
        *_counts("U", answered_calls="Answered", rated_calls="Rated"),
        *(Column(f"score_{score}", f"Score {score}", "integer", "calls", "U") for score in range(1, 6)),
        Column("average_score", "Average Score", "decimal", "points", "U"),
    ),
    "queuesatisfactiondetail": (
        _event("time", "Time", "U"),
        *_SURVEYED,
        *_texts("U", caller="Caller"),
        *_seconds("U", talking_time="Talking Time"),
        Column("score", "Score", "decimal", "points", "U"),
    ),
    # How a PBX writes these times is not recorded: a time of day, or a date with it. Text takes both.
    "queueagentlogintime": (
        *_QUEUE,
        _QUEUE_ID,
        *_AGENT,
        *_texts("U", login_time="Login Time", logout_time="Logout Time"),
        *_seconds("U", total_login_time="Total Login Time"),
    ),
    "queueagentpausetime": (
        *_QUEUE,
        _QUEUE_ID,
        *_AGENT,
        *_texts("U", pause_time="Pause Time", unpause_time="Unpause Time", reason="Reason"),
        *_seconds("U", total_pause_time="Total Pause Time"),
    ),
    "queueagentmisscalls": (
        _event("time", "Time", "U"),
        *_QUEUE,
        _QUEUE_ID,
        *_AGENT,
        *_texts("U", caller="Caller"),
        *_seconds("U", ring_time="Ring Time"),
        *_texts("U", reason="Reason"),
    ),
    "queueagentperformance": (
        *_QUEUE,
        _QUEUE_ID,
        *_prefixed("queue", _QUEUE_CALLS),
        *_AGENT,
        *_prefixed("agent", _AGENT_PERFORMANCE),
    ),
    "queueagentinoutcalls": (
        *_label("agent_name", "Agent", "agent_num", "L"),
        *_counts("L", total_calls="Total Calls", queue_answered_calls="Queue Answered", inbound_calls="Inbound"),
        *_counts("L", outbound_calls="Outbound", outbound_answer_calls="Outbound Answered"),
        *_seconds("L", total_duration="Total Talking Time", queue_talk_duration="Queue Talking Time"),
        *_seconds("L", outbound_talk_duration="Outbound Talking Time", average_talk_duration="Average Talking Time"),
        *_seconds("L", average_waiting_duration="Average Waiting Time", average_hold_duration="Average Holding Time"),
    ),
    "ringgroupstatistics": (
        *_label("group_name", "Ring Group", "group_num", "L"),
        *_prefixed("group", _GROUP_CALLS[:2]),
        *_EXTENSION,
        *_prefixed("ext", _GROUP_CALLS),
    ),
    "extcallbilling": (
        *_EXTENSION,
        *_counts("U", total_calls="Total Calls"),
        *_seconds("U", total_talking_time="Total Talking Time"),
        Column("total_charge", "Total Charge", "decimal", "the PBX's currency", "U"),
    ),
    "extcallbillingdetails": (
        _event("time", "Time", "U"),
        *_EXTENSION,
        *_texts("U", callee="Call To", trunk="Trunk", pin="PIN Code"),
        *_seconds("U", talking_time="Talking Time"),
        Column("rate", "Rate", "decimal", "the PBX's currency", "U"),
        Column("charge", "Charge", "decimal", "the PBX's currency", "U"),
    ),
    "qosreport": (
        _event("time", "Time", "U"),
        *_texts("U", call_id="Call ID", caller="Call From", callee="Call To", trunk="Trunk"),
        *_seconds("U", talking_time="Talking Time"),
        Column("jitter_ms", "Jitter (ms)", "integer", "milliseconds", "U"),
        Column("latency_ms", "Latency (ms)", "integer", "milliseconds", "U"),
        *_percents("U", packet_loss_rate="Packet Loss"),
        Column("mos", "MOS", "decimal", "", "U"),
    ),
}
"""For each report type its columns, in the order of files and tables."""
