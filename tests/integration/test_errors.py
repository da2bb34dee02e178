"""Every cause has its class, over real sockets: each errcode of each kind of call, and what is no PBX at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import Reaction, YeastarError
from airflow_provider_yeastar.pbx.events.websocket import subscribe
from airflow_provider_yeastar.pbx.files.body import FileCheck
from airflow_provider_yeastar.pbx.http.transport import USER_AGENT
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.state.memory import MemoryState
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import QUEUE_REPORT, Wait, settings_for

# Section 6 of the reference, and one that it does not know.
ERRCODES: dict[int, type[YeastarError]] = {
    -2: errors.PbxInternalError,
    10001: errors.InterfaceError,
    10002: errors.InterfaceError,
    10003: errors.InterfaceError,
    10004: errors.TokenExpiredError,
    10005: errors.PermissionDeniedError,
    10009: errors.PbxInternalError,
    40001: errors.ParameterError,
    40002: errors.ParameterError,
    40003: errors.ParameterError,
    40004: errors.ParameterError,
    60001: errors.NotFoundError,
    60002: errors.TokenCapError,
    70004: errors.BlockedError,
    70082: errors.BusyError,
    70087: errors.BlockedError,
    70106: errors.CallRateMissingError,
    70123: errors.ApiDisabledError,
    99999: errors.PbxInternalError,
}


def log_in(pbx: PbxSimulator, _: Path) -> None:
    PbxSession(settings_for(pbx), MemoryState()).token()


def ask_for_a_report(pbx: PbxSimulator, _: Path) -> None:
    session = PbxSession(settings_for(pbx), MemoryState())
    session.request_report(session.plan(build_request(**QUEUE_REPORT)))


def subscribe_to_events(pbx: PbxSimulator, _: Path) -> None:
    async def open_channel() -> None:
        session = PbxSession(settings_for(pbx), MemoryState())
        async with subscribe(session.settings, session.token(), USER_AGENT):
            pass

    asyncio.run(open_channel())


def fetch_a_file(pbx: PbxSimulator, state_dir: Path) -> None:
    report = Wait(pbx, state_dir).run()
    with Wait(pbx, state_dir).client() as client, closing(asyncio.run(client.open_file(report.url))) as stream:
        check = FileCheck("csv", announced_bytes=None, max_bytes=None, pbx=client.address, endpoint=report.url)
        for chunk in stream.chunks:
            check.feed(chunk)
        check.finish()


Call = Callable[[PbxSimulator, Path], None]
CALLS: dict[str, Call] = {
    "get_token": log_in,
    "call_report/download": ask_for_a_report,
    "subscribe": subscribe_to_events,
    ".csv": fetch_a_file,
}


def failure_of(call: Call, pbx: PbxSimulator, state_dir: Path) -> YeastarError:
    with pytest.raises(YeastarError) as raised:
        call(pbx, state_dir)
    return raised.value


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize("errcode", ERRCODES)
def test_each_errcode_has_its_class_whatever_was_called(
    errcode: int, where: str, yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    # A call with a token logs in anew once after 10004.
    yeastar_pbx.faults.add(Fault("errcode", where, errcode, times=2))

    error = failure_of(CALLS[where], yeastar_pbx, tmp_path)

    assert type(error) is ERRCODES[errcode]
    assert error.errcode == errcode
    assert error.pbx == f"127.0.0.1:{yeastar_pbx.port}"
    assert where in (error.endpoint or "")
    assert error.remedy


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault("status", value=502), "502", id="a-web-page"),
        pytest.param(Fault("json without errcode"), "JSON", id="another-program"),
        pytest.param(Fault("reset before"), "", id="a-reset"),
    ],
)
def test_what_is_no_answer_of_a_pbx_is_told_from_one(
    fault: Fault, words: str, where: str, yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    yeastar_pbx.faults.add(Fault(fault.kind, where, fault.value))

    error = failure_of(CALLS[where], yeastar_pbx, tmp_path)

    assert isinstance(error, errors.NetworkError | errors.NotAPbxError | errors.BadFileError)
    assert isinstance(error, errors.NetworkError) == (fault.kind == "reset before")
    assert words in error.what
    assert error.errcode is None
    assert error.reaction is Reaction.ASK_AGAIN


def test_a_minus_one_is_a_refused_login_and_elsewhere_a_failure(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    for where, expected in (("get_token", errors.CredentialsError), ("call_report/download", errors.PbxInternalError)):
        yeastar_pbx.faults.add(Fault("errcode", where, -1))
        assert type(failure_of(CALLS[where], yeastar_pbx, tmp_path)) is expected


def test_the_list_of_parameters_is_in_the_message(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    with Wait(yeastar_pbx, tmp_path).client() as client:
        error = failure_of(lambda *_: _ask_without_a_queue(client), yeastar_pbx, tmp_path)

    assert type(error) is errors.ParameterError
    assert "queue_id_list (queue_id_list is required)" in error.what


def _ask_without_a_queue(client: PbxClient) -> None:
    client._session.call("openapi/v2.0/call_report/download", {"type": "queueperformance"})
