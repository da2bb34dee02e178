"""The reports the PBX knows and the parameters it takes for them: the simulator's own reading of the vendor's page.

The keys of ``call_report/list`` are recorded answers for extcallstatistics, queueperformance, queueagentperformance,
queueavgwaittalktime, unreturnmisscall, ringgroupstatistics, queueagentinoutcalls and ivr; the others follow their
style [U]. What a user-created report's own data set looks like is unknown [U]; here the nearest default report
makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Literal

__all__ = [
    "MY_REPORTS",
    "PARAMETERS",
    "REPORTS",
    "SCHEDULED_REPORTS",
    "MyReport",
    "ReportKind",
    "ScheduledReport",
    "TimeParameter",
]

TimeParameter = Literal["range", "time", "unknown"]

_BOTH = ("v1.0", "v2.0")


@dataclass(frozen=True)
class ReportKind:
    """One default report.

    :param type: its value of the ``type`` parameter.
    :param title: its title in the portal.
    :param time: ``range`` takes start_time and end_time, ``time`` takes time; of ``unknown`` no page tells.
    :param list_key: key of its rows in the answer of ``call_report/list``.
    :param required: parameters without which the PBX refuses it.
    :param versions: API versions that know it.
    """

    type: str
    title: str
    time: TimeParameter
    list_key: str
    required: tuple[str, ...] = ()
    versions: tuple[str, ...] = _BOTH


@dataclass(frozen=True)
class MyReport:
    """A user-created report, as ``myreport/list`` shows it, with what it is made from.

    :param filters: the selection stored with the report, in the vendor's parameter names and raw strings.
    """

    id: int
    name: str
    dataset: str
    type: Literal["custom_report", "default_report"]
    creator: str
    kind: ReportKind
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduledReport:
    """A report the PBX made on schedule, as ``call_schedule_report/list`` shows it.

    :param date: the day it was made; it covers the day before. How the PBX writes it is unknown [U].
    :param filters: the selection stored with the schedule, in the vendor's parameter names and raw strings.
    """

    id: int
    name: str
    format: Literal["csv", "xls", "pdf", "html"]
    date: date
    kind: ReportKind
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def start(self) -> datetime:
        """First second covered, PBX-local."""
        return datetime.combine(self.date - timedelta(days=1), time.min)

    @property
    def end(self) -> datetime:
        """Last second covered, PBX-local."""
        return self.start + timedelta(days=1, seconds=-1)


_KINDS = (
    ReportKind("extcallstatistics", "Extension Call Statistics", "range", "ext_call_statistics_list", ("ext_id_list",)),
    ReportKind("extcallactivity", "Extension Call Activity", "time", "ext_call_activity_list", ("time",)),
    ReportKind("trunkactivity", "PBX Call Activity", "time", "trunk_activity_list", ("time", "trunk_id_list")),
    ReportKind(
        "trunkdiddodactivity",
        "DID/Outbound Caller ID Activity",
        "time",
        "trunk_did_dod_activity_list",
        ("time", "trunk_id"),
    ),
    ReportKind("ivr", "IVR Report", "range", "ivr_list", ("ivr_id_list",)),
    ReportKind("aisttusage", "Transcription Usage Details", "range", "ai_stt_usage_list"),
    ReportKind(
        "aireceptionistcallactivity",
        "AI Receptionist Call Activity",
        "unknown",
        "ai_receptionist_call_activity_list",
        versions=("v2.0",),
    ),
    ReportKind("unreturnmisscall", "Unreturned Missed Call Report", "range", "unreturn_miss_call_list"),
    ReportKind(
        "queueavgwaittalktime",
        "Queue AVG Waiting & Talking Time",
        "time",
        "queue_avg_wait_talk_time_list",
        ("time", "queue_id_list"),
    ),
    ReportKind("queueperformance", "Queue Performance", "range", "queue_performance_list", ("queue_id_list",)),
    ReportKind(
        "queueperformanceactivity",
        "Queue Performance Activity",
        "time",
        "queue_performance_activity_list",
        ("time", "queue_id_list"),
    ),
    ReportKind(
        "queuecallbackssummary", "Queue Callback Summary", "range", "queue_callbacks_summary_list", ("queue_id_list",)
    ),
    ReportKind(
        "queuecallbacksactivity",
        "Queue Callback Activity",
        "range",
        "queue_callbacks_activity_list",
        ("queue_id_list",),
    ),
    ReportKind("queuesatisfaction", "Satisfaction Survey", "range", "queue_satisfaction_list", ("queue_id",)),
    ReportKind(
        "queuesatisfactiondetail",
        "Queue Satisfaction Survey Details",
        "range",
        "queue_satisfaction_detail_list",
        ("queue_id",),
    ),
    ReportKind("queueagentlogintime", "Agent Login Activity", "range", "queue_agent_login_time_list", ("queue_id",)),
    ReportKind("queueagentpausetime", "Agent Pause Activity", "range", "queue_agent_pause_time_list", ("queue_id",)),
    ReportKind(
        "queueagentmisscalls", "Agent Missed Call Activity", "range", "queue_agent_miss_calls_list", ("queue_id",)
    ),
    ReportKind("queueagentperformance", "Agent Performance", "range", "queue_agent_performance_list", ("queue_id",)),
    ReportKind("queueagentinoutcalls", "Agent Call Summary", "range", "queue_agent_in_out_calls_list", ("queue_id",)),
    ReportKind(
        "ringgroupstatistics", "Ring Group Statistics", "range", "ring_group_statistics_list", ("ring_group_id_list",)
    ),
    ReportKind("extcallbilling", "Extension Call Accounting", "range", "ext_call_billing_list", ("trunk_id_list",)),
    ReportKind(
        "extcallbillingdetails",
        "Extension Call Accounting Details",
        "range",
        "ext_call_billing_details_list",
        ("trunk_id_list",),
    ),
    ReportKind("qosreport", "QoS report", "unknown", "qos_report_list"),
)

REPORTS: Mapping[str, ReportKind] = MappingProxyType({kind.type: kind for kind in _KINDS})
"""Every default report by its ``type``."""

_PARAMETER_NAMES = """
type my_report_id start_time end_time time ring_duration_range ext_id_list trunk_id trunk_id_list ivr_id_list
ring_group_id_list queue_id queue_id_list agent_id_list abandon_time talk_time include_internal callback_result
reason communication_type call_from call_to call_to_type miss_call_type unreturn_status ai_receptionist_id_list
status talk_time_range pure_talk_time hold_time agent_speed_to_answer agent_last_status process_result
waiting_time_in_queue waiting_time_in_agent did_num_list dod_num_list pin_list need_detail detail_type format
duration_format is_async
"""

PARAMETERS: frozenset[str] = frozenset(_PARAMETER_NAMES.split())
"""Every query parameter of ``call_report/download`` beside the token."""

MY_REPORTS: tuple[MyReport, ...] = (
    MyReport(
        1,
        "Daily queue overview",
        "Queue Performance",
        "default_report",
        "admin",
        REPORTS["queueperformance"],
        {"queue_id_list": "1,2,3"},
    ),
    MyReport(
        2,
        "Inbound queues",
        "Inbound Queue Activity Analysis",
        "custom_report",
        "admin",
        REPORTS["queueperformanceactivity"],
    ),
    MyReport(
        3,
        "Support agents",
        "Agent Activity Analysis",
        "custom_report",
        "1000-Alice Hartmann",
        REPORTS["queueagentperformance"],
        {"queue_id": "2"},
    ),
    MyReport(
        5,
        "Callers to ring back",
        "Unreturned Missed Call Report",
        "default_report",
        "1000-Alice Hartmann",
        REPORTS["unreturnmisscall"],
    ),
)
"""The user-created reports of the simulated PBX; the gap in the ids is a deleted one."""

SCHEDULED_REPORTS: tuple[ScheduledReport, ...] = (
    ScheduledReport(
        1,
        "Nightly queue performance",
        "csv",
        date(2026, 11, 23),
        REPORTS["queueperformance"],
        {"queue_id_list": "1,2,3"},
    ),
    ScheduledReport(
        2,
        "Extension statistics",
        "xls",
        date(2026, 11, 23),
        REPORTS["extcallstatistics"],
        {"ext_id_list": "51,52,53"},
    ),
    ScheduledReport(
        3, "Support agents", "pdf", date(2026, 11, 21), REPORTS["queueagentperformance"], {"queue_id": "2"}
    ),
)
"""The scheduled reports of the simulated PBX."""
