"""No token and no secret gets out, whatever fails: every failure at level DEBUG, and all that it leaves is searched."""

from __future__ import annotations

import asyncio.base_events
import importlib
import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.pbx.login.record import LoginRecord
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.simulator.faults import FaultKind
from airflow_provider_yeastar.simulator.state import PbxState
from tests.integration.support import QUEUE_REPORT, Run, airflow, connection_to, know_the_past, login_at, settings_for

# A part that no encoding changes stands at the end of the secret, as at the end of the simulator's awkward tokens.
SECRET_TAIL = "9d41c7e05ab2"
SECRET = f"the secret/+%&=ü{SECRET_TAIL}"
TAIL = len(SECRET_TAIL)
WAYS: dict[str, dict[str, Any]] = {
    "deferred": {"deferrable": True},
    "worker": {"deferrable": False},
    "synchronous": {"asynchronous": False},
}
LOGGERS = ("urllib3", "requests", "websockets", "asyncio", "airflow", "airflow_provider_yeastar")
# One of each reaction to the rest, and those with ways of their own.
ERRCODES = (-2, -1, 10004, 10005, 40002, 60001, 60002, 70082)
CALLS = ("get_token", "system/information", "call_report/download", "subscribe")


class Evidence:
    """All that a run leaves, and the search in it."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.caplog = caplog
        self.secrets = [SECRET_TAIL]
        self.found: list[str] = []

    def add(self, *things: Any) -> None:
        self.found += [text for thing in things for text in (str(thing), repr(thing))]

    def add_error(self, error: BaseException) -> None:
        self.found += traceback.format_exception(error)
        pending, seen = [error], set[int]()
        while pending:
            current = pending.pop()
            if id(current) not in seen:
                seen.add(id(current))
                self.add(current, current.args, vars(current))
                pending += [link for link in (current.__cause__, current.__context__) if link]

    def run(self, task: YeastarCallReportOperator | YeastarRecordingsOperator) -> None:
        """Run a task that may succeed or fail."""
        ran = Run(task)
        try:
            self.add(ran.to_the_end())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is searched
            self.add_error(error)
        self.add(ran.xcoms, ran.triggers, ran.events, task, vars(task))

    def assert_clean(self) -> None:
        logged = [repr(vars(record)) + record.getMessage() for record in self.caplog.records]
        everything = "\n".join([*self.found, *logged, self.caplog.text])
        assert len(self.secrets) > 1, "no token was issued"
        for secret in self.secrets:
            at = everything.find(secret[-TAIL:])
            assert at < 0, f"it got out: …{everything[max(0, at - 300) : at + 100]}…"


@pytest.fixture(scope="module")
def awkward_pbx() -> Iterator[PbxSimulator]:
    with PbxSimulator(SimulatorSettings(client_secret=SECRET, awkward_tokens=True)) as pbx:
        yield pbx


@pytest.fixture
def pbx(awkward_pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PbxSimulator]:
    """A PBX whose tokens need encoding, as `yeastar_default`."""
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(awkward_pbx))
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    know_the_past(awkward_pbx, tmp_path / "state")
    yield awkward_pbx
    awkward_pbx.reset()


@pytest.fixture
def evidence(
    pbx: PbxSimulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, no_pauses: None
) -> Evidence:
    """Everything talks as much as it can, and each token that the PBX issues is noted."""
    kept = Evidence(caplog)
    issue = PbxState._issue

    def issue_and_note(state: PbxState, now: float) -> dict[str, Any]:
        answer = issue(state, now)
        kept.secrets += [answer["access_token"], answer["refresh_token"]]
        return answer

    monkeypatch.setattr(PbxState, "_issue", issue_and_note)
    for name, value in {"_MEMORIES": {}, "_MEMORY": 0.0, "_FOREVER": 0.0, "_MOST_ATTEMPTS": 1000}.items():
        monkeypatch.setattr(f"airflow_provider_yeastar.pbx.login.record.{name}", value)
    for name in (None, *LOGGERS):
        caplog.set_level(logging.DEBUG, name)
    return kept


@pytest.fixture
def talkative_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debug mode, in which every callback counts as a slow one and is logged with what it holds."""
    run = asyncio.base_events.BaseEventLoop.run_until_complete

    def run_talkatively(loop: Any, work: Any) -> Any:
        loop.slow_callback_duration = 0.0
        return run(loop, work)

    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "run_until_complete", run_talkatively)


def report(tmp_path: Path, way: str = "deferred") -> YeastarCallReportOperator:
    arguments: dict[str, Any] = {**QUEUE_REPORT, "wait_timeout": 20, "queue_timeout": 20, **WAYS[way]}
    return YeastarCallReportOperator(task_id="report", destination=f"{tmp_path}/out/", **arguments)


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


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"port": 1}, id="wrong-port"),
        pytest.param({"host": "no-such-host.invalid"}, id="wrong-host"),
        pytest.param({"host": f"{'a' * 70}.invalid"}, id="no-host"),
        pytest.param({"schema": "https"}, id="plain-http"),
        pytest.param({"schema": "https", "extra": {"ssl_fingerprint": "0" * 64}}, id="pinned"),
        pytest.param({"login": "another"}, id="wrong-client"),
        pytest.param({"extra": {"timezone": "Asia/Tokyo"}}, id="wrong-clock"),
        pytest.param({"extra": {"no_such_extra": SECRET}}, id="unknown-extra"),
        pytest.param({"extra": {"login_sharing": "none", "timezone": "Europe/Berlin"}}, id="own-token"),
    ],
)
def test_a_connection_that_leads_elsewhere(
    changes: dict[str, Any],
    pbx: PbxSimulator,
    evidence: Evidence,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    YeastarHook().get_information()
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, **changes))

    for way in ("deferred", "worker"):
        task = report(tmp_path, way)
        task.wait_timeout = 0.5
        evidence.run(task)
    evidence.add(YeastarHook().test_connection())

    evidence.assert_clean()


def test_a_proxy_that_refuses(
    pbx: PbxSimulator, evidence: Evidence, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    YeastarHook().get_information()
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    task = report(tmp_path, "worker")
    task.wait_timeout = 0.5

    evidence.run(task)
    evidence.add(YeastarHook().test_connection())

    evidence.assert_clean()


@pytest.mark.parametrize("way", ["worker", "synchronous"])
def test_a_kill(way: str, pbx: PbxSimulator, evidence: Evidence, tmp_path: Path) -> None:
    YeastarHook().get_information()
    task = report(tmp_path, way)
    task.on_kill()

    evidence.run(task)

    evidence.assert_clean()


def test_a_crash_in_the_trigger(
    pbx: PbxSimulator, evidence: Evidence, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    YeastarHook().get_information()

    async def crash(*_: Any) -> None:
        raise ValueError(f"not a URL: http://pbx/x?access_token={evidence.secrets[-2].replace(' ', '+').split('&')[0]}")

    monkeypatch.setattr("airflow_provider_yeastar.pbx.client.PbxClient.wait_for_report", crash)
    evidence.secrets[-2] = evidence.secrets[-2].split("&")[0]

    evidence.run(report(tmp_path))

    assert "crashed with ValueError" in evidence.caplog.text + "".join(evidence.found)
    evidence.assert_clean()


DAG_FILE = """
from datetime import UTC, datetime, timedelta
from airflow_provider_yeastar.compat import DAG
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.login.record import LoginRecord

with DAG("searched", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    for name, arguments in {tasks!r}.items():
        YeastarCallReportOperator(task_id=name, wait_timeout=30, destination={destination!r} + name + "/", **arguments)
"""


def test_nothing_that_airflow_keeps_holds_them(
    pbx: PbxSimulator, evidence: Evidence, airflow_home: Path, tmp_path: Path
) -> None:
    tasks = {way: {**QUEUE_REPORT, **arguments} for way, arguments in WAYS.items() if way != "synchronous"}
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "searched.py").write_text(DAG_FILE.format(tasks=tasks, destination=f"{tmp_path}/out/"))
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__YEASTAR__STATE_DIR": "",
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(pbx),
    }
    know_the_past(pbx, airflow_home / "yeastar")
    pbx.faults.add(
        Fault("quote", "subscribe", -2),
        Fault("quote", "call_report/download", 10005),
        Fault("reset before", "call_report/download", after=1),
        Fault("reset half-way"),
    )

    done = airflow(airflow_home, environment, "dags", "test", "searched", "2026-11-21")

    assert "ACCESS DENIED" in done.stdout
    assert len(pbx.calls("call_report/download")) == 3  # refused, cut, answered
    assert list((airflow_home / "yeastar").glob("*login.json"))
    # `airflow dags test` plays the supervisor itself, and logs at DEBUG what it is asked to mask, of any provider's
    # secrets. Where a task runs for real, Airflow logs no such message with its body.
    evidence.found += [line for line in done.stdout.splitlines() if "MaskSecret(value=" not in line]
    evidence.assert_clean()
    kept = {
        file: file.read_bytes() for place in (airflow_home, tmp_path) for file in place.rglob("*") if file.is_file()
    }
    assert airflow_home / "airflow.db" in kept
    for secret in evidence.secrets:
        assert [file for file, content in kept.items() if secret[-TAIL:].encode() in content] == []
    assert json.loads(environment["AIRFLOW_CONN_YEASTAR_DEFAULT"])["password"] == SECRET
