"""The codec: what the PBX's answers and event frames mean. Functions over text and mappings. Pure.

Errors arrive under HTTP 200 with a non-zero ``errcode``; ``errmsg`` may be null on success, so only ``errcode`` is
looked at. :func:`answer_error` is the one place that turns an errcode into an error.
Vendor's pages: "Authentication", "Query PBX Information", "Download a Call Report", "Event 30027".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    CredentialsError,
    NotAPbxError,
    UnsafeUrlError,
    answer_error_class,
)
from airflow_provider_yeastar.pbx.tokens import ACCESS_TOKEN_LIFE, REFRESH_TOKEN_LIFE, Tokens, token_life

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
_SUCCESS, _PARTIAL_SUCCESS, _PROCESSING = 0, 1, 2
_LOGIN_REFUSED = -1
_DEFAULT_PORTS = {"https": 443, "http": 80}
_TIME_FIELDS = frozenset({"start_time", "end_time", "time"})


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


def decode_answer(body: bytes, status: int, *, pbx: str, endpoint: str) -> dict[str, Any]:
    """Return the JSON object of an answer.

    :raises NotAPbxError: when it is no JSON object with an integer ``errcode``: a proxy, a web page, another program.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # the latter for JSON that is nested too deep
        kind = "a web page" if body.lstrip()[:1] == b"<" else "something that is not JSON"
        raise NotAPbxError(f"The answer was {kind}, HTTP status {status}", pbx=pbx, endpoint=endpoint) from None
    if not isinstance(answer, dict) or type(answer.get("errcode")) is not int:
        raise NotAPbxError(f"The answer was JSON without errcode, HTTP status {status}", pbx=pbx, endpoint=endpoint)
    return answer


def answer_error(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> AnswerError | None:
    """Return the error that an answer stands for, None for success and for PROCESSING.

    :param answer: a decoded answer, with its ``errcode``.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    """
    errcode = int(answer["errcode"])
    if errcode in (_SUCCESS, _PARTIAL_SUCCESS, _PROCESSING):
        return None
    if endpoint == LOGIN_ENDPOINT and errcode == _LOGIN_REFUSED:
        return CredentialsError("The PBX refused Client ID and Client Secret", pbx=pbx, endpoint=endpoint, errcode=-1)
    words = "; ".join(_parameter_words(entry) for entry in _invalid_parameters(answer))
    what = f"The PBX answered {answer.get('errmsg') or 'an error'}{': ' + words if words else ''}"
    return answer_error_class(errcode)(what, pbx=pbx, endpoint=endpoint, errcode=errcode)


def _invalid_parameters(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = answer.get("invalid_param_list")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _parameter_words(entry: Mapping[str, Any]) -> str:
    subject = str(entry.get("field") or entry.get("value") or "a parameter")
    complaint = (
        entry.get("valid_msg") or entry.get("validation_type") or (entry.get("value") if "field" in entry else "")
    )
    return f"{subject} ({complaint})" if complaint else subject


def format_complaint(answer: Mapping[str, Any]) -> str | None:
    """Return the PBX's words on the format of a time, which hold a Go time layout; None without such words."""
    for entry in _invalid_parameters(answer):
        if entry.get("field") in _TIME_FIELDS and entry.get("valid_msg"):
            return str(entry["valid_msg"])
    return None


def decode_tokens(answer: Mapping[str, Any], now: float, *, pbx: str, endpoint: str) -> Tokens:
    """Return the tokens of a ``get_token`` or ``refresh_token`` answer received at ``now`` (epoch seconds).

    A life that is missing or invalid counts as the documented one.
    :raises NotAPbxError: if the answer holds no access token.
    """
    access_token, refresh_token = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access_token, str) or not access_token:
        raise NotAPbxError("The login was accepted but the answer holds no tokens", pbx=pbx, endpoint=endpoint)
    refresh_token = refresh_token if isinstance(refresh_token, str) else ""
    refresh_life = token_life(answer.get("refresh_token_expire_time"), REFRESH_TOKEN_LIFE) if refresh_token else 0.0
    return Tokens(
        access_token=access_token,
        refresh_token=refresh_token,
        access_expires_at=now + token_life(answer.get("access_token_expire_time"), ACCESS_TOKEN_LIFE),
        refresh_expires_at=now + refresh_life,
        issued_at=now,
    )


def decode_information(answer: Mapping[str, Any]) -> PbxInformation:
    """Return the fields of ``system/information`` that matter here; missing ones are empty or None."""
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    timestamp = data.get("timestamp")
    return PbxInformation(
        serial_number=str(data.get("sn") or ""),
        model=str(data.get("model_name") or ""),
        firmware=str(data.get("firmware_version") or ""),
        system_time=data.get("system_time") or None,
        date_format=data.get("system_date_format") or None,
        time_format=data.get("system_time_format") or None,
        timestamp=int(timestamp) if timestamp else None,
        up_time=_integer(data.get("up_time")),
    )


def decode_report_answer(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> ReportFile | Processing:
    """Return what a successful answer says: the file, or that the PBX is still at work on it.

    :raises NotAPbxError: when a success names no file.
    """
    if answer["errcode"] == _PROCESSING:
        return Processing(_integer(answer.get("download_id")))
    try:
        return ReportFile(file=str(answer.get("file") or ""), url=_text(answer, "download_resource_url"))
    except (KeyError, ValueError):
        raise NotAPbxError("The PBX answered success without a download URL", pbx=pbx, endpoint=endpoint) from None


def _integer(value: object) -> int | None:
    return value if type(value) is int else None


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data[key]
    if not isinstance(value, str) or not value:
        raise ValueError(key)
    return value


def encode_subscription(*topics: int) -> str:
    """Return the message that makes these the socket's topics, in place of any earlier list."""
    return json.dumps({"topic_list": list(topics)})


def decode_frame(
    frame: str | bytes, *, pbx: str, endpoint: str
) -> EventFrame | SubscribedFrame | HeartbeatFrame | RefusalFrame | None:
    """Return what a WebSocket frame says; None for what does not concern us.

    ``msg`` arrives as an object or as a JSON string, ``result`` in either case, and newer firmware may add keys.
    """
    text = frame.decode("utf-8", "replace") if isinstance(frame, bytes) else frame
    if text.strip().lower() == _HEARTBEAT_REPLY:
        return HeartbeatFrame()
    data = _json_object(text)
    if "errcode" in data and "type" not in data:
        if type(data["errcode"]) is not int:
            return None
        error = answer_error(data, pbx=pbx, endpoint=endpoint)
        return RefusalFrame(error) if error else SubscribedFrame()
    message = data.get("msg")
    message = message if isinstance(message, dict) else _json_object(message)
    if str(data.get("type")) != str(REPORT_EVENT) or not message:
        return None
    return EventFrame(
        succeeded=str(message.get("result")).lower() == "success",
        file=str(message.get("file") or ""),
        url=str(message.get("download_resource_url") or ""),
        error=str(message.get("error") or ""),
        download_id=_integer(message.get("download_id")),
    )


def _json_object(text: object) -> dict[str, Any]:
    try:
        data = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):  # the latter for JSON that is nested too deep
        data = None
    return data if isinstance(data, dict) else {}


def file_url_path(url: str, base_url: str, *, pbx: str) -> str:
    """Return the path (and query, less any token) under which the PBX serves a file.

    :param url: ``download_resource_url`` as the PBX gave it: relative, or absolute on the PBX itself.
    :param base_url: the connection's own scheme, host and port.
    :raises UnsafeUrlError: when it leads anywhere else; the token travels in the URL and must not go there.
    """
    try:
        parts, own = urlsplit(url), urlsplit(base_url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        origin = (parts.scheme, parts.hostname, port) if parts.scheme or parts.netloc else None
        userinfo = parts.username or parts.password
    except ValueError:
        raise UnsafeUrlError("The PBX named a download URL that is none", pbx=pbx) from None
    own_origin = (own.scheme, own.hostname, own.port)
    if userinfo or "\\" in url or any(ord(sign) < 32 for sign in url) or (origin and origin != own_origin):
        raise UnsafeUrlError("The PBX named a download URL outside itself", pbx=pbx)
    if parts.path.startswith("//") or not parts.path.strip("/"):
        raise UnsafeUrlError("The PBX named a download URL without a file", pbx=pbx)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "access_token"]
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return f"{path}?{urlencode(query)}" if query else path
