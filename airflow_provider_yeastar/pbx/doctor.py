"""What stands between this machine and a PBX's reports: one finding after another, each with its remedy.

The way from name resolution to a downloaded report is walked once. A step that all others rest on ends the walk when it
fails.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.calls.legs import DETAIL_ENDPOINT
from airflow_provider_yeastar.pbx.calls.query import CALL_APIS
from airflow_provider_yeastar.pbx.calls.recordings import RECORDING_API, RECORDING_FILE_ENDPOINT
from airflow_provider_yeastar.pbx.concurrency.running import run_coroutine
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import (
    InterfaceError,
    NotFoundError,
    ParameterError,
    PermissionDeniedError,
    RecordingDisabledError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.events.shared import SharedConnection
from airflow_provider_yeastar.pbx.events.websocket import subscribe
from airflow_provider_yeastar.pbx.files.body import FileCheck
from airflow_provider_yeastar.pbx.http.dialing import dial
from airflow_provider_yeastar.pbx.http.failures import CONNECTION_ERRORS, network_failure
from airflow_provider_yeastar.pbx.http.policy import Policy, decide
from airflow_provider_yeastar.pbx.http.sockets import CallLimit
from airflow_provider_yeastar.pbx.http.tls import certificate_complaint, fetch_fingerprint, make_ssl_context
from airflow_provider_yeastar.pbx.http.transport import USER_AGENT
from airflow_provider_yeastar.pbx.report.facts import choose_api_version
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds
from airflow_provider_yeastar.pbx.waiting.report_wait import ReportWait

__all__ = ["Finding", "examine", "show_findings"]

_WAIT_SECONDS = 120.0
# What is looked up for ids by name and lists, and what it is asked for here.
_ENDPOINTS = {
    "system/get_menuoptions": {"menu": "queue"},
    "queue/list": {"page": "1", "page_size": "1"},
    "extension/list": {"page": "1", "page_size": "1"},
    "ivr/list": {"page": "1", "page_size": "1"},
    "ringgroup/list": {"page": "1", "page_size": "1"},
    "myreport/list": {"page": "1", "page_size": "1"},
    "call_schedule_report/list": {"page": "1", "page_size": "1"},
}
# It needs no ids, so that it can be asked of any PBX.
_TINY_REPORT = "unreturnmisscall"
# Of some tasks alone: an application that never runs them need not be allowed to. No call or recording has the id 0.
_OF_CALLS, _OF_RECORDINGS = "operators of calls alone need it", "YeastarRecordingsOperator alone needs it"
_OPTIONAL_ENDPOINTS: dict[str, tuple[dict[str, str], str]] = {
    **{api.endpoint: ({"page": "1", "page_size": "1"}, _OF_CALLS) for api in CALL_APIS.values()},
    DETAIL_ENDPOINT: ({"uid": "0"}, "`legs` alone needs it"),
    RECORDING_API.endpoint: ({"page": "1", "page_size": "1", "ids": "0"}, _OF_RECORDINGS),
    RECORDING_FILE_ENDPOINT: ({"id": "0"}, _OF_RECORDINGS),
}
_SUBJECT_WIDTH = max(len(f"permission {endpoint}") for endpoint in _ENDPOINTS)
_GREEN, _RED, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    :param subject: what was looked at.
    :param ok: whether it is as it has to be.
    :param detail: what was found.
    :param remedy: what to do about it, empty where nothing is to be done.
    """

    subject: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(session: PbxSession, state: SharedState) -> Iterator[Finding]:
    """Yield what is found, step by step.

    :param session: a session with the PBX.
    :param state: shared by the processes of this deployment.
    """
    finding = _look("state", partial(_state, state))
    yield finding
    if not finding.ok:
        return
    for subject, look in _FOUNDATIONS.items():
        if subject == "TLS" and session.settings.scheme != "https":
            continue
        finding = _look(subject, partial(look, session))
        yield finding
        if not finding.ok:
            return
    for endpoint, query in _ENDPOINTS.items():
        yield _look(f"permission {endpoint}", partial(_permission, session, endpoint, query))
    yield _look("history", lambda: session.history().words(session.facts().zone))
    for endpoint, (query, need) in _OPTIONAL_ENDPOINTS.items():
        subject = f"permission {endpoint.removeprefix('openapi/').removeprefix('v1.0/')}"
        yield _look(subject, partial(_optional_permission, session, endpoint, query, need))
    yield _look("events", lambda: run_coroutine(_events(session)))
    yield _look("report", lambda: run_coroutine(_report(session, state)))


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except YeastarError as error:
        return Finding(subject, False, error.sentence, error.remedy)
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a host's name
        remedy = "Check host, port and schema of the Airflow connection, and that this machine may reach the PBX."
        return Finding(subject, False, getattr(error, "strerror", None) or type(error).__name__, remedy)


def _policy(session: PbxSession) -> Policy:
    return decide(session.settings, os.environ)


def _state(state: SharedState) -> str:
    state.update("doctor", lambda entry, now: {"asked_at": now}, keep_seconds=60)
    hosts = "all hosts that use it" if state.spans_hosts else "the processes of this host"
    return f"{state.name}, shared by {hosts}"


def _name(session: PbxSession) -> str:
    host, port = _first_stop(session)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return f"{host} is {', '.join(sorted({str(address[4][0]) for address in found}))}"


def _first_stop(session: PbxSession) -> tuple[str, int]:
    """The host and port to which this machine itself connects: the proxy's where there is one."""
    proxy = _policy(session).route.proxy
    return (proxy.host, proxy.port) if proxy else (session.settings.host, session.settings.effective_port)


def _tcp(session: PbxSession) -> str:
    started = time.monotonic()
    _dial(session).close()
    milliseconds = 1000 * (time.monotonic() - started)
    route = _policy(session).route
    return f"port {session.settings.effective_port} answers after {milliseconds:.0f} ms, connected {route}"


def _dial(session: PbxSession) -> socket.socket:
    settings, route = session.settings, _policy(session).route
    limit = CallLimit(time.monotonic() + settings.timeout, settings.timeout)
    try:
        return dial(route, settings.host, settings.effective_port, limit)
    except CONNECTION_ERRORS as error:
        failure = network_failure(error, route=route, seconds=settings.timeout, pbx=settings.address, endpoint="TCP")
    raise failure


def _tls(session: PbxSession) -> str:
    settings, trust = session.settings, _policy(session).trust
    fingerprint = fetch_fingerprint(_dial(session), settings.host)
    try:
        with (
            _dial(session) as plain,
            make_ssl_context(trust).wrap_socket(plain, server_hostname=settings.host) as secured,
        ):
            return f"{secured.version()}, trusted by {trust.source}; SHA-256 fingerprint {fingerprint}"
    except ssl.SSLError as error:
        complaint = certificate_complaint(error) or "the handshake failed"
        raise YeastarError(
            f"not trusted by {trust.source}: {complaint}; its SHA-256 fingerprint is {fingerprint}",
            remedy="If this is the PBX's certificate, set `ssl_fingerprint` in the Airflow connection to it.",
        ) from None


def _login(session: PbxSession) -> str:
    session.forget_failures()
    session.token()
    return "Client ID and Client Secret are accepted"


def _firmware(session: PbxSession) -> str:
    information = session.information()
    version = choose_api_version(session.settings.api_version, information.firmware, _tiny_request("2026-01-01"))
    return (
        f"{information.model or 'unknown model'}, serial number {information.serial_number or 'unknown'}, "
        f"firmware {information.firmware or 'unknown'}: reports are read by API {version}"
    )


def _clock(session: PbxSession) -> str:
    facts = session.facts(fresh=True)
    told = "the PBX tells its display format" if facts.information.date_format else "display format of the connection"
    if facts.display is None:
        raise YeastarError(
            "the PBX does not tell its display format",
            remedy="Set `date_format` and `time_format` in the Airflow connection, as the PBX's web portal shows them.",
        )
    zone = f"{facts.zone}, which agrees with its clock"
    if session.settings.timezone is None:
        zone = f"no `timezone` in the connection, so its present offset {facts.zone}"
    return f"{told}, {facts.display.date_format} {facts.display.time_format}; {zone}"


_FOUNDATIONS: dict[str, Callable[[PbxSession], str]] = {
    "name": _name,
    "TCP": _tcp,
    "TLS": _tls,
    "login": _login,
    "firmware": _firmware,
    "clock": _clock,
}
"""The steps that all others rest on, in order."""


def _permission(session: PbxSession, endpoint: str, query: dict[str, str]) -> str:
    version = "v2.0" if endpoint.startswith("call_schedule_report") else "v1.0"
    answer = session.call(f"openapi/{version}/{endpoint}", query)
    total = answer.get("total_number")
    return f"granted, {counted(total, 'entry', 'entries')}" if isinstance(total, int) else "granted"


def _optional_permission(session: PbxSession, endpoint: str, query: dict[str, str], need: str) -> str:
    try:
        session.call(endpoint, query)
    except (NotFoundError, ParameterError):
        pass  # it looked for the call or the recording
    except (PermissionDeniedError, RecordingDisabledError, InterfaceError) as error:
        return f"not to be had ({error.what}); {need}"
    return "granted"


async def _events(session: PbxSession) -> str:
    with session.hiding_secrets():
        async with subscribe(session.settings, session.token(), USER_AGENT):
            return f"subscribed to event {wire.REPORT_EVENT}"


async def _report(session: PbxSession, state: SharedState) -> str:
    yesterday = (datetime.now(session.facts().zone) - timedelta(days=1)).date().isoformat()
    started = time.time()
    bounds = Bounds(queue_until=started + _WAIT_SECONDS, wait_timeout=_WAIT_SECONDS)
    connection = SharedConnection(session, state)
    try:
        report = await ReportWait(connection, _tiny_request(yesterday), bounds).run()
    finally:
        await connection.disconnect()
    with closing(session.open_file(report.url)) as stream:
        check = FileCheck(
            "csv",
            announced_bytes=stream.announced_bytes,
            max_bytes=None,
            pbx=session.settings.address,
            endpoint=report.url,
        )
        for chunk in stream.chunks:
            check.feed(chunk)
    facts = check.finish()
    waited = report.ready_at - report.requested_at
    how = "announced" if report.identified_by == "turn" else "answered"
    return f"{_TINY_REPORT} of {yesterday}: {how} after {waited:.1f} s, {facts.bytes} bytes downloaded"


def _tiny_request(day: str) -> ReportRequest:
    return build_request(report_type=_TINY_REPORT, period=day)


def show_findings(findings: list[Finding], *, coloured: bool) -> str:
    """Return the findings as a table, a remedy below each that is not as it has to be.

    :param findings: from :func:`examine`.
    :param coloured: with green and red lines, for a terminal.
    """
    lines = []
    for finding in findings:
        line = f"{'ok ' if finding.ok else 'BAD'}  {finding.subject.ljust(_SUBJECT_WIDTH)}  {finding.detail}"
        if finding.remedy and not finding.ok:
            line += f"\n     {' ' * _SUBJECT_WIDTH}  -> {finding.remedy}"
        lines.append(f"{_GREEN if finding.ok else _RED}{line}{_PLAIN}" if coloured else line)
    return "\n".join(lines)
