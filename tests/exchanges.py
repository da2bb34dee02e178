"""Documented exchanges with a PBX: what is sent, and what the reference says comes back.

Client and simulator are two readings of the same pages. Each row is read by the client and played to the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.simulator import SimulatorSettings
from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY, Agent, Queue

__all__ = ["EXCHANGES", "Exchange"]


@dataclass(frozen=True)
class Exchange:
    """One call and its answer.

    :param name: what it shows.
    :param method: HTTP method.
    :param path: below the base URL.
    :param answer: as documented; values stand for their types, those of ``errcode`` and ``errmsg`` for themselves.
    :param query: without the token.
    :param body: what is sent as JSON; ``{id}`` and ``{secret}`` stand for the credentials.
    :param error: the class in which the client reads the answer, None for a success.
    :param token: whether the call carries a token.
    :param user_agent: whether the call carries a User-Agent.
    :param settings: of the PBX that answers so.
    :param exact: keys whose values are literal.
    """

    name: str
    method: str
    path: str
    answer: Mapping[str, Any]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] | None = None
    error: type[errors.YeastarError] | None = None
    token: bool = True
    user_agent: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    exact: tuple[str, ...] = ()

    @property
    def simulator_settings(self) -> SimulatorSettings:
        return SimulatorSettings(**self.settings)


_V1, _V2 = "openapi/v1.0", "openapi/v2.0"
_TOKENS = {
    "errcode": 0,
    "errmsg": "SUCCESS",
    "access_token_expire_time": 1800,
    "access_token": "k",
    "refresh_token_expire_time": 86400,
    "refresh_token": "k",
}
_FILE = {"errcode": 0, "errmsg": "SUCCESS", "file": "X.csv", "download_resource_url": "/api/download/X.csv"}
_IVR = {
    "type": "ivr",
    "start_time": "2025/12/01 00:00:00",
    "end_time": "2025/12/31 23:59:59",
    "ivr_id_list": "1",
    "need_detail": "1",
    "is_async": "0",
    "detail_type": "same_list",
    "format": "csv",
    "duration_format": "seconds",
}

_SUCCESS = {"errcode": 0, "errmsg": "SUCCESS"}
_DAY = {"start_time": "2026/11/20 00:00:00", "end_time": "2026/11/20 23:59:59"}
_QUEUE = {
    "queue": "Support",
    "queue_num": "6401",
    "total_calls": 35,
    "answered_calls": 27,
    "missed_calls": 2,
    "abandoned_calls": 6,
    "average_waiting_time": 14,
    "all_call_average_waiting_time": 17,
    "answered_waiting_time": 390,
    "total_waiting_time": 628,
    "max_waiting_time": 240,
    "average_talking_time": 143,
    "answered_rate": 77.14,
    "missed_rate": 5.71,
    "abandoned_rate": 17.14,
    "sla": 60.5,
}
"""What is counted of one queue; ``average_waiting_time`` is that of answered calls, truncated (17.94 is 17)."""
_LEG = {
    "time": "2026/11/20 10:00:00",
    "timestamp": 1795165200,
    "call_from": "Alice Hartmann<1000>",
    "call_from_number": "1000",
    "call_to": "06032916270",
    "call_to_number": "06032916270",
    "uid": "20261120100000A0001",
    "call_id": "1795165200.1",
    "new_id": "20261120100000A000101",
    "disposition": "ANSWERED",
    "call_type": "Outbound",
    "did": "",
    "pin_code": "",
}
"""What every row of v1.0 has; a row is a leg, ``new_id`` its only key, and what is empty beside these has no key."""
_CALL = {
    "uid": "20261120100000A0001",
    "time": "2026/11/20 10:00:00",
    "call_type": "Inbound",
    "call_from": "06032916270",
    "call_from_name": "",
    "call_from_number": "06032916270",
    "second_participant": "Sales<6400>",
    "last_participant": "Alice Hartmann<1000>",
    "call_to": "Sales<6400>",
    "call_to_number": "6400",
    "last_status": "ANSWERED",
    "call_duration": 120,
    "routing_duration": 20,
    "handling_duration": 100,
    "segments": 2,
    "disconnected_by": "caller",
}
"""What every row of v2.0 has beside ``queues`` (object or null), ``ivrs``, ``ring_groups`` and the like."""
_RECORDING = {
    "id": 9820000001,
    "time": "2026/11/20 10:00:00",
    "uid": "20261120100000A0001",
    "call_from": "06032916270",
    "call_from_number": "06032916270",
    "call_from_name": "",
    "call_to": "Alice Hartmann<1000>",
    "call_to_number": "1000",
    "call_to_name": "Alice Hartmann",
    "duration": 100,
    "size": 80044,
    "call_type": "Inbound",
    "file": "20261120100000A0001-06032916270-6400-Inbound.wav",
}
_UNIX = {"start_time": "1795129200", "end_time": "1795215599"}
_BEGIN = {"time_begin": _DAY["start_time"], "time_end": _DAY["end_time"]}
_NIGHT = Queue(9, "6409", "Night", (Agent(11, "1000", "Alice Hartmann"),))

EXCHANGES = (
    Exchange(
        "a login gives two tokens",
        "POST",
        f"{_V1}/get_token",
        _TOKENS,
        body={"username": "{id}", "password": "{secret}"},
        token=False,
        exact=("access_token_expire_time", "refresh_token_expire_time"),
    ),
    Exchange(
        "a wrong secret is refused",
        "POST",
        f"{_V1}/get_token",
        {
            "errcode": -1,
            "errmsg": "FAILURE",
            "invalid_param_list": [{"field": "username or password", "value": "error"}],
        },
        body={"username": "{id}", "password": "wrong"},
        error=errors.CredentialsError,
        token=False,
        exact=("invalid_param_list",),
    ),
    Exchange(
        "a call without a token is refused",
        "GET",
        f"{_V1}/system/information",
        {"errcode": 10004, "errmsg": "TOKEN EXPIRED"},
        error=errors.TokenExpiredError,
        token=False,
    ),
    Exchange(
        "a call without a User-Agent is refused",
        "GET",
        f"{_V1}/system/information",
        {"errcode": 40002, "errmsg": "PARAMETER ERROR", "invalid_param_list": []},
        error=errors.ParameterError,
        user_agent=False,
    ),
    Exchange(
        "the PBX tells its clock and display format",
        "GET",
        f"{_V1}/system/information",
        {
            "errcode": 0,
            "errmsg": "SUCCESS",
            "data": {
                "device_name": "PBX",
                "model_name": "Yeastar P570",
                "hardware_version": "V1.00",
                "sn": "369",
                "firmware_version": "37.23.0.123",
                "system_time": "2025/08/22 16:44:40",
                "up_time": 273906,
                "system_date_format": "YYYY/MM/DD",
                "system_time_format": "hh:mm:ss",
                "timestamp": 1755852280,
            },
        },
    ),
    Exchange(
        "v2.0 knows the reports alone",
        "GET",
        f"{_V2}/system/information",
        {"errcode": 10001, "errmsg": "INTERFACE NOT EXISTED"},
        error=errors.InterfaceError,
    ),
    Exchange("the vendor's example of a synchronous report", "GET", f"{_V2}/call_report/download", _FILE, _IVR),
    Exchange(
        "an asynchronous report is announced later",
        "GET",
        f"{_V2}/call_report/download",
        {"errcode": 2, "errmsg": "PROCESSING"},
        _IVR | {"is_async": "1"},
    ),
    Exchange(
        "a time in another format is complained of in a Go layout",
        "GET",
        f"{_V2}/call_report/download",
        {
            "errcode": 40002,
            "errmsg": "PARAMETER ERROR",
            "invalid_param_list": [
                {
                    "field": "start_time",
                    "valid_msg": "start_time format invalid, valid format: 02/01/2006 03:04:05 PM",
                }
            ],
        },
        _IVR,
        error=errors.ParameterError,
        settings={"date_format": "DD/MM/YYYY", "twelve_hour": True},
        exact=("invalid_param_list",),
    ),
    Exchange(
        "an unknown type is an internal error",
        "GET",
        f"{_V2}/call_report/download",
        {"errcode": -2, "errmsg": "INTERNAL SERVER ERROR"},
        _IVR | {"type": "nonsense"},
        error=errors.PbxInternalError,
    ),
    Exchange(
        "call accounting needs a call rate",
        "GET",
        f"{_V2}/call_report/download",
        {"errcode": 70106, "errmsg": "RATE_NOT_EXISTED"},
        _IVR | {"type": "extcallbilling", "trunk_id_list": "31"},
        error=errors.CallRateMissingError,
        settings={"call_rate_set": False},
    ),
    Exchange(
        "an application without the permission is refused",
        "GET",
        f"{_V2}/call_report/download",
        {"errcode": 10005, "errmsg": "ACCESS DENIED"},
        _IVR,
        error=errors.PermissionDeniedError,
        settings={"denied": frozenset({"call_report/download"})},
    ),
    Exchange(
        "errmsg may be null on success",
        "GET",
        f"{_V2}/call_report/download",
        _FILE | {"errmsg": None},
        _IVR,
        settings={"null_errmsg": True},
    ),
    Exchange(
        "a menu names labels and internal ids",
        "GET",
        f"{_V1}/system/get_menuoptions",
        {
            "errcode": 0,
            "errmsg": "SUCCESS",
            "data": [{"text": "6400-Sales", "text2": "6400", "value": "1", "type": "queue", "item": ""}],
        },
        {"menu": "queue"},
    ),
    Exchange(
        "user-created reports are listed in pages",
        "GET",
        f"{_V1}/myreport/list",
        {
            "errcode": 0,
            "errmsg": "SUCCESS",
            "total_number": 4,
            "data": [
                {
                    "id": 1,
                    "name": "Daily",
                    "dataset": "Queue Performance",
                    "type": "default_report",
                    "creator": "admin",
                }
            ],
        },
        {"page": "1", "page_size": "1"},
    ),
    Exchange(
        "scheduled reports are listed by either version",
        "GET",
        f"{_V2}/call_schedule_report/list",
        {
            "errcode": 0,
            "errmsg": "SUCCESS",
            "total_number": 3,
            "data": [{"id": 1, "name": "Nightly", "format": "csv", "date": "2026/11/23"}],
        },
        {"page": "1", "page_size": "1"},
    ),
    Exchange(
        "a queue's agents stand under detail, with totals of their own, and are what is counted",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS
        | {
            "total_number": 6,
            "queue_agent_performance_list": [
                _QUEUE
                | {
                    "queue_id": 2,
                    "detail": [
                        {
                            "agent_name": "Farid Haddad",
                            "agent_number": "1005",
                            "total_calls": 11,
                            "answered_calls": 8,
                            "missed_calls": 3,
                            "average_waiting_time": 17,
                            "average_talking_time": 130,
                            "total_talking_time": 1040,
                        }
                    ],
                }
            ],
        },
        {"type": "queueagentperformance", **_DAY, "queue_id": "2"},
        exact=("total_number",),
    ),
    Exchange(
        "agents without calls may be missing, and nobody's list is null",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS | {"total_number": 0, "queue_agent_performance_list": [_QUEUE | {"queue_id": 2, "detail": None}]},
        {
            "type": "queueagentperformance",
            "start_time": "2026/11/20 03:00:00",
            "end_time": "2026/11/20 03:00:01",
            "queue_id": "2",
        },
        settings={"lists_idle_agents": False},
        exact=("total_number",),
    ),
    Exchange(
        "rates are numbers, averages whole numbers, of answered calls and of all",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS | {"total_number": 1, "queue_performance_list": [_QUEUE]},
        {"type": "queueperformance", **_DAY, "queue_id_list": "2"},
        exact=("total_number",),
    ),
    Exchange(
        "hours are numbers without a queue",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS
        | {
            "total_number": 24,
            "queue_avg_wait_talk_time_list": [
                {
                    "time": 0,
                    "total_calls": 3,
                    "answered_calls": 2,
                    "avg_wait_time": 14,
                    "all_call_avg_wait_time": 17,
                    "avg_talk_time": 120,
                }
            ],
        },
        {"type": "queueavgwaittalktime", "time": "2026/11/20", "queue_id_list": "1,2"},
        exact=("total_number",),
    ),
    Exchange(
        "a stray hour of the day after comes too",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS | {"total_number": 25, "queue_avg_wait_talk_time_list": [{"time": 0, "total_calls": 0}]},
        {"type": "queueavgwaittalktime", "time": "2026/11/20", "queue_id_list": "1,2"},
        settings={"stray_bucket": True},
        exact=("total_number",),
    ),
    Exchange(
        "an agent's calls in and out name no queue, and the agent by agent_num",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS
        | {
            "total_number": 6,
            "queue_agent_in_out_calls_list": [
                {
                    "agent_name": "Farid Haddad",
                    "agent_num": "1005",
                    "queue_answered_calls": 40,
                    "inbound_calls": 44,
                    "outbound_calls": 12,
                    "outbound_answer_calls": 9,
                    "total_calls": 56,
                    "total_duration": 4500,
                    "queue_talk_duration": 4000,
                    "outbound_talk_duration": 500,
                    "average_talk_duration": 91,
                    "average_waiting_duration": 14,
                    "average_hold_duration": 3,
                }
            ],
        },
        {"type": "queueagentinoutcalls", **_DAY, "queue_id": "2"},
        exact=("total_number",),
    ),
    Exchange(
        "a ring group has totals beside those of its members, under member_list",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS
        | {
            "total_number": 1,
            "ring_group_statistics_list": [
                {
                    "group_name": "Reception",
                    "group_num": "6300",
                    "total_calls": 9,
                    "answered_calls": 7,
                    "member_list": [
                        {"ext_name": "Alice Hartmann", "ext_num": "1000", "total_calls": 5, "answered_calls": 3}
                    ],
                }
            ],
        },
        {"type": "ringgroupstatistics", **_DAY, "ring_group_id_list": "61"},
        exact=("total_number",),
    ),
    Exchange(
        "a menu's keys stand in an object",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS
        | {
            "total_number": 1,
            "ivr_list": [
                {
                    "ivr_name": "Main Menu",
                    "ivr_num": "6200",
                    "press_count": {"press_0": 1, "press_1": 5, "press_2": 4},
                }
            ],
        },
        {"type": "ivr", **_DAY, "ivr_id_list": "41"},
        exact=("total_number",),
    ),
    Exchange(
        "a missed call tells both ends by label, name and number",
        "GET",
        f"{_V2}/call_report/list",
        _SUCCESS
        | {
            "total_number": 1,
            "unreturn_miss_call_list": [
                {
                    "time": "2026/11/20 10:00:00",
                    "call_from": "06032916270",
                    "call_from_name": "",
                    "call_from_number": "06032916270",
                    "call_to": "Sales<6400>",
                    "call_to_name": "Sales",
                    "call_to_number": "6400",
                    "miss_call_type": "abandoned",
                    "ring_duration": 30,
                }
            ],
        },
        {"type": "unreturnmisscall", **_DAY},
    ),
    Exchange(
        "the calls behind a menu's row",
        "GET",
        f"{_V2}/call_report/detail",
        _SUCCESS
        | {
            "total_number": 1,
            "ivr_report_detail": [
                {
                    "id": "x",
                    "time": "2026/11/20 10:00:00",
                    "call_from": "06032916270",
                    "press": "1",
                    "call_to": "Sales<6400>",
                    "destination": "Sales<6400>",
                    "destination_type": "Queue",
                    "opr_duration": 12,
                }
            ],
        },
        {
            "type": "ivr",
            **_DAY,
            "detail_time_begin": _DAY["start_time"],
            "detail_time_end": _DAY["end_time"],
            "ivr_num": "6200",
        },
    ),
    Exchange(
        "the calls behind a row need four times",
        "GET",
        f"{_V2}/call_report/detail",
        {"errcode": 40002, "errmsg": "PARAMETER ERROR", "invalid_param_list": []},
        {"type": "ivr", **_DAY},
        error=errors.ParameterError,
    ),
    Exchange(
        "v1.0 finds nothing in a window",
        "GET",
        f"{_V1}/call_report/list",
        _SUCCESS | {"total_number": 0, "ext_call_statistics_list": []},
        {"type": "extcallstatistics", **_DAY, "ext_id_list": "11,12,13"},
        exact=("total_number", "ext_call_statistics_list"),
    ),
    Exchange(
        "v1.0 has rows of newer data when no window is asked for",
        "GET",
        f"{_V1}/call_report/list",
        _SUCCESS | {"total_number": 3, "ext_call_statistics_list": [{"ext_num": "1000", "total_call_count": 12}]},
        {"type": "extcallstatistics", "ext_id_list": "11,12,13"},
        exact=("total_number",),
    ),
    Exchange(
        "a user-created report that is listed may end in an internal error",
        "GET",
        f"{_V2}/call_report/download",
        {"errcode": -2, "errmsg": "INTERNAL SERVER ERROR"},
        {"my_report_id": "1", **_DAY},
        error=errors.PbxInternalError,
        settings={"my_reports_fail": True},
    ),
    Exchange(
        "a queue's agents have a type, and a list without any is null",
        "GET",
        f"{_V1}/queue/list",
        _SUCCESS
        | {
            "total_number": 1,
            "queue_list": [
                {
                    "id": 9,
                    "number": "6409",
                    "name": "Night",
                    "ring_strategy": "ring_all",
                    "static_agent_list": [
                        {"value": "11", "text": "Alice Hartmann", "text2": "1000", "type": "extension"}
                    ],
                    "dynamic_agent_list": None,
                }
            ],
        },
        settings={"directory": replace(DEFAULT_DIRECTORY, queues=(_NIGHT,))},
        exact=("total_number", "queue_list"),
    ),
    Exchange(
        "extensions may be listed without names",
        "GET",
        f"{_V1}/extension/list",
        _SUCCESS | {"total_number": 16, "data": [{"id": 11, "number": "1000"}]},
        {"page": "1", "page_size": "1"},
        settings={"lists_names": False},
        exact=("total_number", "data"),
    ),
    Exchange(
        "the legs of a day by Unix seconds, as public clients ask for them",
        "GET",
        f"{_V1}/cdr/search",
        _SUCCESS | {"total_number": 173, "data": [_LEG]},
        _UNIX | {"page": "1", "page_size": "10000"},
        exact=("total_number",),
    ),
    Exchange(
        "the same legs by the display format, where the firmware takes it",
        "GET",
        f"{_V1}/cdr/search",
        _SUCCESS | {"total_number": 173, "data": [_LEG]},
        _DAY,
        exact=("total_number",),
    ),
    Exchange(
        "another firmware takes nothing but Unix seconds",
        "GET",
        f"{_V1}/cdr/search",
        {"errcode": 40002, "errmsg": "PARAMETER ERROR", "invalid_param_list": []},
        _DAY,
        error=errors.ParameterError,
        settings={"cdr_times": "unix"},
    ),
    Exchange(
        "the list of legs knows no window, and comes in pages",
        "GET",
        f"{_V1}/cdr/list",
        _SUCCESS | {"total_number": 5000, "data": [_LEG]},
        {"page": "1", "page_size": "20", "sort_by": "time", "order_by": "desc"},
    ),
    Exchange(
        "the calls of a day, as public clients ask for them",
        "GET",
        f"{_V2}/cdr/search",
        _SUCCESS | {"total_number": 120, "data": [_CALL]},
        _BEGIN | {"page": "1", "page_size": "100", "order_by": "desc", "sort_by": "time"},
        exact=("total_number",),
    ),
    Exchange(
        "a search without calls is null",
        "GET",
        f"{_V2}/cdr/search",
        _SUCCESS | {"total_number": 0, "data": None},
        _BEGIN | {"call_from": "nobody"},
        exact=("total_number", "data"),
    ),
    Exchange(
        "calls by Unix seconds are complained of on v2.0",
        "GET",
        f"{_V2}/cdr/search",
        {
            "errcode": 40002,
            "errmsg": "PARAMETER ERROR",
            "invalid_param_list": [
                {"field": "time_begin", "valid_msg": "time_begin format invalid, valid format: 2006/01/02 15:04:05"}
            ],
        },
        {"time_begin": _UNIX["start_time"], "time_end": _UNIX["end_time"]},
        error=errors.ParameterError,
        exact=("invalid_param_list",),
    ),
    Exchange(
        "firmware x.23.0.83 has no v2.0 of the calls",
        "GET",
        f"{_V2}/cdr/search",
        {"errcode": -2, "errmsg": "INTERNAL SERVER ERROR"},
        _BEGIN,
        error=errors.PbxInternalError,
        settings={"firmware": "23.0.83"},
    ),
    Exchange(
        "a call's detail needs its uid",
        "GET",
        f"{_V2}/cdr/detail",
        {"errcode": 40002, "errmsg": "PARAMETER ERROR", "invalid_param_list": []},
        error=errors.ParameterError,
    ),
    Exchange(
        "a call's detail tells its legs",
        "GET",
        f"{_V2}/cdr/detail",
        _SUCCESS
        | {
            "data": {
                "basic": _CALL,
                "call_notes": {"remark": ""},
                "timeline": [
                    {
                        "leg": 1,
                        "transaction_id": "x",
                        "cdr_id": "x",
                        "time": "2026/11/20 10:00:00",
                        "status": "ANSWERED",
                        "call_from": "06032916270",
                        "call_to": "Sales<6400>",
                        "call_duration": 120,
                        "ring_duration": 20,
                        "talk_duration": 100,
                        "hold_duration": 0,
                        "event_list": [{"event_id": "x", "event_name": "Ring", "event_type": "Queue"}],
                    }
                ],
            }
        },
        {"uid": "20261120202259A0120"},
    ),
    Exchange(
        "what a file of calls holds is a setting of the PBX",
        "GET",
        f"{_V2}/cdr/getdownloadoption",
        _SUCCESS | {"data": {"range": "list", "format": "csv", "duration_format": "seconds", "export_column": "all"}},
        exact=("data",),
    ),
    Exchange("a file of calls", "GET", f"{_V2}/cdr/download", _FILE, _BEGIN),
    Exchange("a file of legs", "GET", f"{_V1}/cdr/download", _FILE, _UNIX),
    Exchange(
        "the recordings of a day",
        "GET",
        f"{_V1}/recording/search",
        _SUCCESS | {"total_number": 29, "data": [_RECORDING]},
        _UNIX | {"page": "1", "page_size": "100", "sort_by": "time", "order_by": "asc"},
    ),
    Exchange(
        "all recordings in pages",
        "GET",
        f"{_V1}/recording/list",
        _SUCCESS | {"total_number": 1000, "data": [_RECORDING]},
        {"page": "1", "page_size": "20", "sort_by": "id", "order_by": "desc"},
    ),
    Exchange(
        "the recordings of a day as a public client asks for them, newest first",
        "GET",
        f"{_V1}/recording/search",
        _SUCCESS | {"total_number": 29, "data": [_RECORDING]},
        _UNIX | {"page": "1", "page_size": "10000", "sort_by": "id", "order_by": "desc"},
    ),
    Exchange(
        "the recordings of a caller",
        "GET",
        f"{_V1}/recording/search",
        _SUCCESS | {"total_number": 1, "data": [_RECORDING]},
        _UNIX | {"caller": "02890460604"},
    ),
    Exchange(
        "recordings by their ids, without a window",
        "GET",
        f"{_V1}/recording/search",
        _SUCCESS | {"total_number": 2, "data": [_RECORDING]},
        {"ids": "9820000007,9820000012"},
    ),
    Exchange(
        "no recording fits",
        "GET",
        f"{_V1}/recording/search",
        _SUCCESS | {"total_number": 0, "data": []},
        _UNIX | {"callee": "nobody"},
    ),
    Exchange("a recording is downloaded by a URL", "GET", f"{_V1}/recording/download", _FILE, {"id": "9820000012"}),
    Exchange(
        "a recording that is not there",
        "GET",
        f"{_V1}/recording/download",
        {"errcode": 60001, "errmsg": "DATA NOT FOUND"},
        {"id": "1"},
        error=errors.NotFoundError,
    ),
    Exchange(
        "a recording's download needs its id or its file",
        "GET",
        f"{_V1}/recording/download",
        {"errcode": 40002, "errmsg": "PARAMETER ERROR", "invalid_param_list": []},
        error=errors.ParameterError,
    ),
    Exchange(
        "an application without the permission gets no recordings",
        "GET",
        f"{_V1}/recording/search",
        {"errcode": 10005, "errmsg": "ACCESS DENIED"},
        _UNIX,
        error=errors.PermissionDeniedError,
        settings={"denied": frozenset({"recording/search"})},
    ),
    Exchange(
        "v2.0 knows no recordings",
        "GET",
        f"{_V2}/recording/search",
        {"errcode": 10001, "errmsg": "INTERFACE NOT EXISTED"},
        _UNIX,
        error=errors.InterfaceError,
    ),
)
