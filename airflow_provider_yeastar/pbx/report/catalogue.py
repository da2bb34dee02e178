"""Every report type and every parameter of "Download a Call Report", as two tables.

Validation, documentation and error texts come from here. A rule stands here as ``required`` or with ``reports`` only
where the vendor documents it or a real PBX has shown it; what is unknown is left open, so that it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "OWN_ARGUMENTS",
    "PARAMETERS",
    "QUEUE_AGENTS",
    "REPORT_TYPES",
    "Parameter",
    "ParameterKind",
    "ReportType",
    "TimeKind",
    "row_times",
]

TimeKind = Literal["range", "time", "unknown"]
ParameterKind = Literal["id", "id list", "text", "text list", "integer", "seconds", "flag"]

QUEUE_AGENTS = "queue_agent"
"""The menu of a queue's agents: it is asked for with the id of ``queue_id``, or with each of ``queue_id_list``."""


@dataclass(frozen=True)
class ReportType:
    """A built-in report.

    :param name: the vendor's ``type``.
    :param title: its name in the web portal.
    :param time: whether it takes ``start_time``/``end_time`` (range) or ``time``; unknown is treated as range.
    :param required: parameters without which the PBX makes no report.
    :param v2_only: whether it is missing in API v1.0.
    :param row_times: the keys of a row's time, or of its beginning and its end; which of the two decides whether a PBX
        counts the row is unknown.
    """

    name: str
    title: str
    time: TimeKind
    required: tuple[str, ...] = ()
    v2_only: bool = False
    row_times: tuple[str, ...] = ("time",)


@dataclass(frozen=True)
class Parameter:
    """A parameter of the request.

    :param name: the vendor's name.
    :param kind: what it takes; lists travel joined with commas, flags as 0 or 1, seconds as a number.
    :param about: what it does, for the documentation.
    :param reports: the only report types it serves, None where that is unknown; user-created reports take any.
    :param menus: where its ids come from, each a ``menu`` of ``system/get_menuoptions``; empty where none is known,
        then they travel as they are given.
    """

    name: str
    kind: ParameterKind
    about: str
    reports: tuple[str, ...] | None = None
    menus: tuple[str, ...] = ()


REPORT_TYPES: Mapping[str, ReportType] = {
    report.name: report
    for report in (
        ReportType("extcallstatistics", "Extension Call Statistics", "range", ("ext_id_list",)),
        ReportType("extcallactivity", "Extension Call Activity", "time"),
        ReportType("trunkactivity", "PBX Call Activity", "time", ("trunk_id_list",)),
        ReportType("trunkdiddodactivity", "DID/Outbound Caller ID Activity", "time", ("trunk_id",)),
        ReportType("ivr", "IVR Report", "range", ("ivr_id_list",)),
        ReportType("aisttusage", "Transcription Usage Details", "range"),
        ReportType("aireceptionistcallactivity", "AI Receptionist Call Activity", "unknown", v2_only=True),
        ReportType("unreturnmisscall", "Unreturned Missed Call Report", "range"),
        ReportType("queueavgwaittalktime", "Queue AVG Waiting & Talking Time", "time", ("queue_id_list",)),
        ReportType("queueperformance", "Queue Performance", "range", ("queue_id_list",)),
        ReportType("queueperformanceactivity", "Queue Performance Activity", "time"),
        ReportType("queuecallbackssummary", "Queue Callback Summary", "range"),
        ReportType(
            "queuecallbacksactivity", "Queue Callback Activity", "range", row_times=("request_time", "callback_time")
        ),
        ReportType("queuesatisfaction", "Satisfaction Survey", "range"),
        ReportType("queuesatisfactiondetail", "Queue Satisfaction Survey Details", "range"),
        ReportType(
            *("queueagentlogintime", "Agent Login Activity", "range", ("queue_id",)),
            row_times=("login_time", "logout_time"),
        ),
        ReportType("queueagentpausetime", "Agent Pause Activity", "range", row_times=("pause_time", "unpause_time")),
        ReportType("queueagentmisscalls", "Agent Missed Call Activity", "range"),
        ReportType("queueagentperformance", "Agent Performance", "range", ("queue_id",)),
        ReportType("queueagentinoutcalls", "Agent Call Summary", "range", ("queue_id",)),
        ReportType("ringgroupstatistics", "Ring Group Statistics", "range", ("ring_group_id_list",)),
        ReportType("extcallbilling", "Extension Call Accounting", "range"),
        ReportType("extcallbillingdetails", "Extension Call Accounting Details", "range"),
        ReportType("qosreport", "QoS Report", "unknown"),
    )
}


def row_times(report_type: str | None) -> tuple[str, ...]:
    """Return the keys of a row's time; see :class:`ReportType`.

    :param report_type: the vendor's ``type``; None or another for a user-created report.
    """
    known = REPORT_TYPES.get(report_type or "")
    return known.row_times if known else ("time",)


_MISSED = ("unreturnmisscall",)

PARAMETERS: Mapping[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "ext_id_list",
            "id list",
            "Extensions or extension groups, in extension reports.",
            menus=("extension", "ext_group"),
        ),
        Parameter("trunk_id", "id", "The trunk.", ("trunkdiddodactivity",), ("trunk",)),
        Parameter("trunk_id_list", "id list", "Trunks, also in call accounting.", menus=("trunk",)),
        Parameter("ivr_id_list", "id list", "IVRs.", ("ivr",), ("ivr",)),
        Parameter("ring_group_id_list", "id list", "Ring groups.", ("ringgroupstatistics",), ("ring_group",)),
        Parameter("queue_id", "id", "The queue.", menus=("queue",)),
        Parameter("queue_id_list", "id list", "Queues.", menus=("queue",)),
        Parameter("agent_id_list", "id list", "Agents, in agent reports; all when left out.", menus=(QUEUE_AGENTS,)),
        Parameter("ai_receptionist_id_list", "id list", "AI receptionists.", ("aireceptionistcallactivity",)),
        Parameter(
            "abandon_time",
            "seconds",
            "Calls abandoned within it are left out (queueperformance, queueagentperformance).",
        ),
        Parameter("talk_time", "seconds", "Calls that proceeded within it are left out."),
        Parameter("include_internal", "flag", "Count internal calls too.", ("trunkactivity",)),
        Parameter("callback_result", "text", "Only callbacks with this result.", ("queuecallbacksactivity",)),
        Parameter("reason", "text", "Only pauses for this reason, as set on the PBX.", ("queueagentpausetime",)),
        Parameter(
            "communication_type", "text", "In extension reports Inbound, Outbound or Internal; all when left out."
        ),
        Parameter("call_from", "text", "Only calls from this number."),
        Parameter("call_to", "text", "Only calls to this number.", _MISSED),
        Parameter("call_to_type", "text", "Only calls routed to this type of destination.", _MISSED),
        Parameter("miss_call_type", "text", "no_answer, busy, abandoned, …", _MISSED),
        Parameter("unreturn_status", "integer", "Whether the call was returned.", _MISSED),
        Parameter("status", "text", "Status of a queue call (queue logs)."),
        Parameter(
            "ring_duration_range",
            "text",
            "Interval by which waiting times are grouped (Inbound Queue Activity Analysis).",
        ),
        Parameter("agent_speed_to_answer", "text", "Seconds agents took to answer (Inbound Queue Logs)."),
        Parameter("talk_time_range", "text", "Seconds of talking, time on hold included (queue logs)."),
        Parameter("pure_talk_time", "text", "Seconds of talking, time on hold excluded (queue logs)."),
        Parameter("hold_time", "text", "Seconds on hold (queue logs)."),
        Parameter("agent_last_status", "text", "The agents' last call status (Inbound Queue Logs for Agent)."),
        Parameter(
            "process_result", "text", "What became of an abandoned or missed call (Inbound Queue Logs for Agent)."
        ),
        Parameter(
            "waiting_time_in_queue", "text", "Seconds callers waited in the queue (Inbound Queue Logs for Agent)."
        ),
        Parameter("waiting_time_in_agent", "text", "Seconds agents took to answer (Inbound Queue Logs for Agent)."),
        Parameter("did_num_list", "text list", "DID numbers that were dialled.", ("trunkdiddodactivity",)),
        Parameter("dod_num_list", "text list", "DOD numbers that were dialled.", ("trunkdiddodactivity",)),
        Parameter("pin_list", "text list", "PIN codes of restricted outbound routes.", ("extcallbillingdetails",)),
        Parameter(
            "need_detail",
            "flag",
            "Add the calls behind each row (ivr, queueperformance, queueperformanceactivity, queueagentperformance).",
        ),
        Parameter("detail_type", "text", "How the calls are shown; the vendor's example has same_list."),
    )
}

OWN_ARGUMENTS: Mapping[str, str] = {
    "type": "report_type",
    "my_report_id": "my_report_id",
    "id": "scheduled_report_id",
    "time": "period",
    "start_time": "start_time",
    "end_time": "end_time",
    "format": "file_format",
    "duration_format": "duration_format",
    "is_async": "asynchronous",
    "access_token": "yeastar_conn_id",
}
"""Parameters of the request that have an argument of their own."""
