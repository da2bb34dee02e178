"""The codec: what the PBX's answers and event frames mean. Functions over text and mappings. Pure.

Errors arrive under HTTP 200 with a non-zero ``errcode``; only that is looked at, as ``errmsg`` may be null on success.
:func:`answer_error` is the one place that turns an errcode into an error.
Vendor's pages: "Authentication", "Query PBX Information", "Download a Call Report", "Event 30027".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    CredentialsError,
    NotAPbxError,
    PbxInternalError,
    answer_error_class,
)
from airflow_provider_yeastar.pbx.redaction import clean_text
from airflow_provider_yeastar.pbx.tokens import ACCESS_TOKEN_LIFE, REFRESH_TOKEN_LIFE, Tokens, token_life
from airflow_provider_yeastar.pbx.untrusted import (
    credential,
    download_url,
    file_name,
    file_url_path,
    json_object,
    loads,
    short_text,
    unread,
    whole_number,
)

__all__ = [
    "HEARTBEAT",
    "LOGIN_ENDPOINT",
    "REPORT_EVENT",
    "EventFrame",
    "HeartbeatFrame",
    "PbxInformation",
    "Processing",
    "RefusalFrame",
    "ReportFile",
    "SubscribedFrame",
    "answer_error",
    "decode_answer",
    "decode_frame",
    "decode_information",
    "decode_report_answer",
    "decode_tokens",
    "encode_subscription",
    "file_url_path",
    "format_complaint",
]

LOGIN_ENDPOINT = "openapi/v1.0/get_token"
HEARTBEAT = "heartbeat"
REPORT_EVENT = 30027
"""Event "Call Report Download Result"."""

_HEARTBEAT_REPLY = "heartbeat response"
_SUCCESS, _PROCESSING = 0, 2  # 1, PARTIAL SUCCESS, is an error: nothing tells what is missing
_LOGIN_REFUSED, _INTERNAL_ERROR = -1, -2
_UNKNOWN_TYPE = "-2 also stands for a `type` that this firmware does not know, now {}; else see the PBX's own logs."
_UNKNOWN_MY_REPORT = (
    "-2 also stands for an unknown `my_report_id`, now {}: compare it with YeastarHook().list_my_reports(). Firmware "
    "37.23.0.123 has answered so for a report that it lists: if the id is right, use a built-in `report_type`."
)
_TIME_FIELDS = ("start_time", "end_time", "time")
_MOST_COMPLAINTS = 10
_END_OF_TIME = 253402300800
"""Epoch seconds of the year 10000, which no datetime reaches."""


@dataclass(frozen=True)
class PbxInformation:
    """What a PBX says of itself; older firmware leaves fields out (None). Endpoint: ``system/information``.

    :param serial_number: empty where the PBX does not tell.
    :param model: for instance ``P570``.
    :param firmware: for instance ``37.23.0.123``.
    :param system_time: its clock, as it displays times.
    :param date_format: its display format of dates, for instance ``YYYY/MM/DD``.
    :param time_format: its display format of times, for instance ``hh:mm:ss``.
    :param timestamp: its clock, in epoch seconds.
    :param up_time: seconds since it has started.
    """

    serial_number: str
    model: str
    firmware: str
    system_time: str | None
    date_format: str | None
    time_format: str | None
    timestamp: int | None
    up_time: int | None = None


@dataclass(frozen=True)
class ReportFile:
    """A finished report: its name (data, not a path) and where the PBX serves it, without token."""

    file: str
    url: str


@dataclass(frozen=True)
class Processing:
    """The PBX makes the report; an event will tell where it is, by this id should a firmware ever give one."""

    download_id: int | None


@dataclass(frozen=True)
class EventFrame:
    """Event 30027: a report that was asked for, by whomever, is finished or has failed."""

    succeeded: bool
    file: str
    url: str
    error: str
    download_id: int | None


@dataclass(frozen=True)
class SubscribedFrame:
    """The PBX confirmed the list of topics."""


@dataclass(frozen=True)
class HeartbeatFrame:
    """The PBX is still there."""


@dataclass(frozen=True)
class RefusalFrame:
    """The PBX said why it will not go on, for instance that the token expired."""

    error: AnswerError


def decode_answer(body: bytes, status: int, *, pbx: str, endpoint: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Return the JSON object of an answer, its ``errcode`` an integer.

    :param body: at most 32 MiB.
    :param status: HTTP status, for the message.
    :param secrets: tokens and passwords that the PBX may quote; they are redacted in every text.
    :raises NotAPbxError: for anything else: a proxy, a web page, another program.
    """
    try:
        answer, what = loads(body, secrets), "JSON without errcode"
    except ValueError as refused:
        answer, what = None, unread(body, refused)
    errcode = whole_number(answer.get("errcode")) if isinstance(answer, dict) else None
    if errcode is None:
        raise NotAPbxError(f"The answer was {what}, HTTP status {status}", pbx=pbx, endpoint=endpoint)
    return {**answer, "errcode": errcode}


def answer_error(
    answer: Mapping[str, Any], *, pbx: str, endpoint: str, query: Mapping[str, str] | None = None
) -> AnswerError | None:
    """Return the error that an answer stands for, None for success and for PROCESSING.

    :param answer: a decoded answer, with its ``errcode``.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    :param query: what was asked, for the message.
    """
    errcode = whole_number(answer.get("errcode"))
    if errcode in (_SUCCESS, _PROCESSING):
        return None
    if errcode is None:
        return PbxInternalError("The PBX answered without a valid errcode", pbx=pbx, endpoint=endpoint)
    if endpoint == LOGIN_ENDPOINT and errcode == _LOGIN_REFUSED:
        return CredentialsError("The PBX refused Client ID and Client Secret", pbx=pbx, endpoint=endpoint, errcode=-1)
    words = "; ".join(_parameter_words(entry) for entry in _invalid_parameters(answer))
    what = f"The PBX answered {clean_text(answer.get('errmsg')) or 'an error'}{': ' + words if words else ''}"
    remedy = _remedy_of_internal_error(query or {}) if errcode == _INTERNAL_ERROR else None
    return answer_error_class(errcode)(what, pbx=pbx, endpoint=endpoint, errcode=errcode, remedy=remedy)


def _remedy_of_internal_error(query: Mapping[str, str]) -> str | None:
    """What is known of -2, which also stands for a report that the PBX does not know."""
    if "my_report_id" in query:
        return _UNKNOWN_MY_REPORT.format(clean_text(query["my_report_id"], 40))
    return _UNKNOWN_TYPE.format(clean_text(query["type"], 60)) if "type" in query else None


def _invalid_parameters(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = answer.get("invalid_param_list")
    return (
        [entry for entry in entries[:_MOST_COMPLAINTS] if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def _parameter_words(entry: Mapping[str, Any]) -> str:
    subject = clean_text(entry.get("field") or entry.get("value") or "a parameter", 100)
    complaint = (
        entry.get("valid_msg") or entry.get("validation_type") or (entry.get("value") if "field" in entry else "")
    )
    return f"{subject} ({clean_text(complaint, 200)})" if complaint else subject


def format_complaint(answer: Mapping[str, Any]) -> str | None:
    """Return the PBX's words on the format of a time, which hold a Go time layout; None without such words."""
    for entry in _invalid_parameters(answer):
        if entry.get("field") in _TIME_FIELDS and isinstance(entry.get("valid_msg"), str) and entry["valid_msg"]:
            return clean_text(entry["valid_msg"])
    return None


def decode_tokens(answer: Mapping[str, Any], now: float, *, pbx: str, endpoint: str) -> Tokens:
    """Return the tokens of a ``get_token`` or ``refresh_token`` answer received at ``now`` (epoch seconds).

    A login without a usable token costs one of the five that the PBX allows and one of its eight tokens. So a missing
    or invalid lifetime is taken for the documented one, and a missing refresh token only means a login in its place.

    :raises NotAPbxError: without an access token.
    """
    access, refresh = credential(answer.get("access_token")), credential(answer.get("refresh_token"))
    if not access:
        raise NotAPbxError("The login was accepted but the answer holds no tokens", pbx=pbx, endpoint=endpoint)
    refresh_life = token_life(answer.get("refresh_token_expire_time"), REFRESH_TOKEN_LIFE) if refresh else 0.0
    return Tokens(
        access_token=access,
        refresh_token=refresh,
        access_expires_at=now + token_life(answer.get("access_token_expire_time"), ACCESS_TOKEN_LIFE),
        refresh_expires_at=now + refresh_life,
        issued_at=now,
    )


def decode_information(answer: Mapping[str, Any]) -> PbxInformation:
    """Return the fields of ``system/information`` that matter here; missing and invalid ones are empty or None."""
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    timestamp = whole_number(data.get("timestamp"))
    return PbxInformation(
        serial_number=short_text(data.get("sn")),
        model=short_text(data.get("model_name")),
        firmware=short_text(data.get("firmware_version")),
        system_time=short_text(data.get("system_time")) or None,
        date_format=short_text(data.get("system_date_format")) or None,
        time_format=short_text(data.get("system_time_format")) or None,
        timestamp=timestamp if timestamp and 0 < timestamp < _END_OF_TIME else None,
        up_time=whole_number(data.get("up_time")),
    )


def decode_report_answer(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> ReportFile | Processing:
    """Return what a successful answer says: the file, or that the PBX is still at work on it.

    :raises NotAPbxError: when a success names no file.
    """
    if whole_number(answer.get("errcode")) == _PROCESSING:
        return Processing(whole_number(answer.get("download_id")))
    url = download_url(answer.get("download_resource_url"))
    if not url:
        raise NotAPbxError("The PBX answered success without a download URL", pbx=pbx, endpoint=endpoint)
    return ReportFile(file=file_name(answer.get("file")), url=url)


def encode_subscription(*topics: int) -> str:
    """Return the message that makes these the socket's topics, in place of any earlier list."""
    return json.dumps({"topic_list": list(topics)})


def decode_frame(
    frame: str | bytes, *, pbx: str, endpoint: str, secrets: Iterable[str] = ()
) -> EventFrame | SubscribedFrame | HeartbeatFrame | RefusalFrame | None:
    """Return what a WebSocket frame says; None for what does not concern us.

    ``msg`` arrives as an object or as a JSON string, ``result`` in either case, and newer firmware may add keys.

    :param secrets: tokens and passwords that the PBX may quote; they are redacted in every text.
    """
    text = frame.decode("utf-8", "replace") if isinstance(frame, bytes) else frame
    if text[:100].strip().lower() == _HEARTBEAT_REPLY:
        return HeartbeatFrame()
    known = list(secrets)
    data = json_object(text, known)
    if "errcode" in data and "type" not in data:
        if whole_number(data["errcode"]) is None:
            return None
        error = answer_error(data, pbx=pbx, endpoint=endpoint)
        return RefusalFrame(error) if error else SubscribedFrame()
    message = data.get("msg")
    message = message if isinstance(message, dict) else json_object(message, known)
    if whole_number(data.get("type")) != REPORT_EVENT or not message:
        return None
    return EventFrame(
        succeeded=clean_text(message.get("result"), 20).lower() == "success",
        file=file_name(message.get("file")),
        url=download_url(message.get("download_resource_url")),
        error=clean_text(message.get("error")),
        download_id=whole_number(message.get("download_id")),
    )
