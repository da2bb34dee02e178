"""Documented exchanges with a PBX: what is sent, and what the reference says comes back.

Client and simulator are two readings of the same pages. Each row is read by the client and played to the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.simulator import SimulatorSettings

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
                "model_name": "P570",
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
            "data": [{"text": "6400-Sales", "value": "1", "type": "queue", "item": ""}],
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
        "the rows of a report stand under a key of its own, members under detail",
        "GET",
        f"{_V2}/call_report/list",
        {"errcode": 0, "errmsg": "SUCCESS", "total_number": 1, "queue_agent_performance_list": [{"queue": "Support"}]},
        {
            "type": "queueagentperformance",
            "start_time": "2026/11/20 00:00:00",
            "end_time": "2026/11/20 23:59:59",
            "queue_id": "2",
        },
    ),
)
