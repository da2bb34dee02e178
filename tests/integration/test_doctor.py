"""The examination of a connection, from name resolution to a downloaded report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.doctor import Finding, show_findings
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import ROOT, Wait, connection_to

FOUNDATIONS = ["name", "TCP", "login", "firmware", "clock"]


def examine(pbx: PbxSimulator, state_dir: Path, **settings: Any) -> dict[str, Finding]:
    with Wait(pbx, state_dir, settings).client() as client:
        return {finding.subject: finding for finding in client.examine()}


def test_a_good_connection_is_green_from_end_to_end(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    findings = examine(yeastar_pbx, tmp_path)

    assert all(finding.ok for finding in findings.values()), findings
    assert list(findings)[: len(FOUNDATIONS)] == FOUNDATIONS
    assert "P570" in findings["firmware"].detail
    assert "v2.0" in findings["firmware"].detail
    assert "Europe/Berlin" in findings["clock"].detail
    assert "bytes downloaded" in findings["report"].detail
    assert findings["permission queue/list"].detail == "granted, 3 entries"


@pytest.mark.parametrize(
    ("settings", "subject", "words"),
    [
        pytest.param({"host": "no-such-host.invalid"}, "name", "", id="name"),
        pytest.param({"port": 1}, "TCP", "Connection refused", id="tcp"),
        pytest.param({"client_secret": "wrong"}, "login", "refused Client ID", id="login"),
        pytest.param({"timezone": "Asia/Tokyo"}, "clock", "Asia/Tokyo", id="clock"),
    ],
)
def test_a_broken_foundation_is_red_and_ends_the_walk(
    settings: dict[str, Any], subject: str, words: str, yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    findings = examine(yeastar_pbx, tmp_path, **settings)

    (*before, last) = findings.values()
    assert all(finding.ok for finding in before)
    assert (last.subject, last.ok) == (subject, False)
    assert words in last.detail
    assert last.remedy


def test_a_missing_permission_is_red_and_the_walk_goes_on(tmp_path: Path) -> None:
    with PbxSimulator(SimulatorSettings(denied=frozenset({"queue/list", "call_report/download"}))) as pbx:
        findings = examine(pbx, tmp_path)

    red = [finding.subject for finding in findings.values() if not finding.ok]
    assert red == ["permission queue/list", "report"]
    assert "Grant" in findings["report"].remedy


def test_events_that_cannot_be_had_are_red(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    yeastar_pbx.faults.add(Fault("status", "subscribe", 502))

    finding = examine(yeastar_pbx, tmp_path)["events"]

    assert not finding.ok
    assert "web page" in finding.detail


def test_red_lines_carry_their_remedy() -> None:
    findings = [Finding("name", True, "fine"), Finding("TCP", False, "refused", "Open the port.")]

    plain = show_findings(findings, coloured=False)
    assert plain.splitlines()[0].startswith("ok   name ")
    assert plain.splitlines()[1].startswith("BAD  TCP ")
    assert plain.splitlines()[2].strip() == "-> Open the port."
    assert "\x1b[32mok" in show_findings(findings, coloured=True)
    assert "\x1b[31mBAD" in show_findings(findings, coloured=True)


def doctor(connection: str, state_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection,
        "AIRFLOW__YEASTAR__STATE_DIR": str(state_dir),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "airflow_provider_yeastar", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_ends_by_what_it_found(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    good = doctor(connection_to(yeastar_pbx), tmp_path / "good", "doctor")
    bad = doctor(connection_to(yeastar_pbx, password="wrong"), tmp_path / "bad", "doctor")
    none = doctor("{}", tmp_path / "none", "doctor", "--conn-id", "no_such_pbx")

    assert (good.returncode, bad.returncode, none.returncode) == (0, 1, 1)
    assert "BAD" not in good.stdout
    assert "BAD  login" in bad.stdout
    assert "There is no Airflow connection 'no_such_pbx'" in none.stdout
    for token in yeastar_pbx.state.tokens.values():
        assert token.access not in good.stdout + good.stderr
    assert yeastar_pbx.client_secret not in good.stdout + good.stderr


def test_a_fingerprint_of_nothing_is_one_sentence(tmp_path: Path) -> None:
    nobody = doctor("{}", tmp_path, "fingerprint", "127.0.0.1:1")
    nonsense = doctor("{}", tmp_path, "fingerprint", "127.0.0.1:https")

    assert (nobody.returncode, nonsense.returncode) == (1, 1)
    assert nobody.stderr.strip() == "No TLS certificate from 127.0.0.1:1: Connection refused"
    assert nonsense.stderr.strip() == "127.0.0.1:https is not HOST:PORT, such as 10.0.0.1:8088"
