"""No token and no secret gets out, whatever fails: every failure at level DEBUG, and all that it leaves is searched."""

from __future__ import annotations

import asyncio.base_events
import importlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.pbx.login.record import LoginRecord
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from airflow_provider_yeastar.simulator.faults import FaultKind
from tests.integration.delivering import WAYS
from tests.integration.evidence import Evidence, report
from tests.integration.support import connection_to, login_at, settings_for

# One of each reaction to the rest, and those with ways of their own.
ERRCODES = (-2, -1, 10004, 10005, 40002, 60001, 60002, 70082)
CALLS = ("get_token", "system/information", "call_report/download", "subscribe")


@pytest.fixture
def pbx(awkward_pbx: PbxSimulator) -> PbxSimulator:
    """A PBX whose tokens need encoding, as `yeastar_default`."""
    return awkward_pbx


@pytest.fixture
def talkative_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debug mode, in which every callback counts as a slow one and is logged with what it holds."""
    run = asyncio.base_events.BaseEventLoop.run_until_complete

    def run_talkatively(loop: Any, work: Any) -> Any:
        loop.slow_callback_duration = 0.0
        return run(loop, work)

    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "run_until_complete", run_talkatively)


def test_a_leak_would_be_found(pbx: PbxSimulator, evidence: Evidence, tmp_path: Path) -> None:
    """The tests below are worth as much as this."""
    evidence.run(report(tmp_path))
    logging.getLogger("urllib3").debug("GET /x?access_token=%s", evidence.secrets[-1])

    with pytest.raises(AssertionError, match="it got out"):
        evidence.assert_clean()


@pytest.mark.parametrize("name", ["connection", "connectionpool", "poolmanager", "util.retry"])
def test_no_logger_of_urllib3_tells_a_token(name: str, caplog: pytest.LogCaptureFixture) -> None:
    importlib.import_module("airflow_provider_yeastar.pbx.http.transport")
    caplog.set_level(logging.DEBUG)

    logging.getLogger(f"urllib3.{name}").warning("Failed to parse headers (url=%s)", "http://pbx/x?access_token=abc123")

    assert "access_token=***" in caplog.text
    assert "abc123" not in caplog.text


# What each fault needs to know; the kinds that are not named need nothing.
VALUES: dict[str, list[Any]] = {
    "status": [502],
    "delay": [0.0],
    "errcode": [-2, 70082],
    "quote": [-2, 70082],
    "foreign event": ["Other.csv"],
    "failure event": ["the disk is full"],
    "url": [
        "https://elsewhere.example/api/download/x.csv",
        "/api/download/x.csv?access_token=",
        "//elsewhere.example/x.csv",
        "/",
    ],
    "file name": ["../../etc/passwd"],
    "json body": [10004, 60001],
    "other bytes": [b"\0\1\2"],
    "redirect": [(302, "https://elsewhere.example/")],
}


@pytest.mark.usefixtures("talkative_asyncio")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_every_fault(kind: FaultKind, way: str, pbx: PbxSimulator, evidence: Evidence, tmp_path: Path) -> None:
    for value in VALUES.get(kind, [None]):
        pbx.faults.add(Fault(kind, value=value, after=1, times=2))
        evidence.run(report(tmp_path, way))
        pbx.faults.clear()

    evidence.assert_clean()


@pytest.mark.parametrize(
    ("way", "errcodes"), [("deferred", (-2, 10004)), ("worker", ERRCODES)], ids=["deferred", "worker"]
)
@pytest.mark.parametrize("call", CALLS)
def test_every_errcode_of_every_call_that_quotes_what_it_was_sent(
    call: str, way: str, errcodes: tuple[int, ...], pbx: PbxSimulator, evidence: Evidence, tmp_path: Path
) -> None:
    for errcode in errcodes:
        pbx.faults.add(Fault("quote", call, errcode))
        evidence.run(report(tmp_path, way))
        pbx.faults.clear()
        pbx.state.tokens.clear()

    evidence.assert_clean()


@pytest.mark.parametrize("login_sharing", ["host", "none"])
def test_recordings_that_are_fetched_in_threads(
    login_sharing: str, pbx: PbxSimulator, evidence: Evidence, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    extra = {"timezone": pbx.settings.timezone, "login_sharing": login_sharing}
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, extra=extra))
    where = {"period": "2026-11-22", "destination": f"{tmp_path}/out/", "wait_timeout": 1, "concurrency": 2}
    for fault in (
        *(Fault("quote", "recording/search", errcode) for errcode in (-2, 10004, 80010)),
        *(Fault("quote", "recording/download", errcode, after=1) for errcode in (2, 10004, 60001, 70131, 70651, 80010)),
        *(Fault("json body", value=errcode, times=9) for errcode in (10004, 60001)),
        *(Fault(kind, times=9) for kind in ("html body", "reset half-way")),
        Fault("redirect", value=(302, "https://elsewhere.example/"), times=9),
    ):
        pbx.faults.add(fault)
        evidence.run(YeastarRecordingsOperator(task_id="recordings", **where))
        pbx.faults.clear()
        pbx.state.tokens.clear()

    evidence.assert_clean()


def test_a_refresh_that_quotes_what_it_was_sent(pbx: PbxSimulator, evidence: Evidence, tmp_path: Path) -> None:
    for errcode in ERRCODES:
        YeastarHook().get_information()
        login_at(settings_for(pbx), tmp_path / "state").change(_due)
        pbx.faults.add(Fault("quote", "refresh_token", errcode))
        evidence.run(report(tmp_path))
        pbx.state.tokens.clear()

    assert len(pbx.calls("refresh_token")) == len(ERRCODES)
    evidence.assert_clean()


def _due(record: LoginRecord, now: float) -> LoginRecord:
    assert record.tokens is not None
    return replace(record, tokens=replace(record.tokens, access_expires_at=0.0))


def test_a_file_s_place_taken_by_words_that_quote_the_token(
    pbx: PbxSimulator, evidence: Evidence, tmp_path: Path
) -> None:
    pbx.faults.add(*(Fault("quote", ".csv", errcode) for errcode in ERRCODES))
    for _ in ERRCODES:
        evidence.run(report(tmp_path))

    evidence.assert_clean()


def test_an_event_that_quotes_the_token(pbx: PbxSimulator, evidence: Evidence, tmp_path: Path) -> None:
    YeastarHook().get_information()
    token = evidence.secrets[-2]
    pbx.faults.add(Fault("failure event", value=f"bad token {token}", times=2))
    evidence.run(report(tmp_path))
    pbx.faults.add(Fault("url", value=f"/api/download/x.csv?access_token={quote(token, safe='')}", times=2))
    evidence.run(report(tmp_path))

    evidence.assert_clean()
