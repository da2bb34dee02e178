"""No token and no secret gets out on Airflow's side: wrong connections, a proxy, a kill, what Airflow keeps."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_yeastar import compat
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.pbx.settings import LOGIN_SHARING
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import WAYS, operator
from tests.integration.evidence import SECRET, TAIL, Evidence, report
from tests.integration.support import QUEUE_REPORT, airflow, connect, connection_to, know_the_past, run_task


@pytest.fixture
def pbx(awkward_pbx: PbxSimulator) -> PbxSimulator:
    """A PBX whose tokens need encoding, as `yeastar_default`."""
    return awkward_pbx


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


AIRFLOWS_OWN_WARNING = "Skipping masking for a secret as it's too short"
"""Airflow 3.3 logs it once in a process, for an extra of any name whose value has fewer than five characters."""


@pytest.mark.parametrize("login_sharing", LOGIN_SHARING)
def test_no_task_warns_about_its_login_sharing(
    login_sharing: str,
    way: dict[str, Any],
    pbx: PbxSimulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    out: Path,
) -> None:
    connect(pbx, monkeypatch, extra={"timezone": "Europe/Berlin", "exclusive": True, "login_sharing": login_sharing})

    run_task(operator(out / "report.csv", **way))

    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    about_it = [text for text in warnings if "sharing" in text or "mask" in text]
    assert [text for text in about_it if not text.startswith(AIRFLOWS_OWN_WARNING)] == []


def test_a_masker_that_failed_is_told_the_tokens_again(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []

    def fail_once(token: str) -> None:
        masked.append(token)
        if len(masked) == 1:
            raise BrokenPipeError(token)

    monkeypatch.setattr(compat, "mask_secret", fail_once)
    with YeastarHook().get_conn() as client:
        with pytest.raises(YeastarError, match=r"took no token of the PBX \(BrokenPipeError\)"):
            client.get_information()
        client.get_information()

    assert {*pbx.state.tokens, *(given.refresh for given in pbx.state.tokens.values())} <= set(masked[1:])


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
