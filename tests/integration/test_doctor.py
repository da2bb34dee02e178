"""The examination of a connection, from name resolution to a downloaded report."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.doctor import Finding, show_findings
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import ROOT, Wait, airflow, connection_to
from tests.patience import PATIENCE_SECONDS

FOUNDATIONS = ["state", "name", "TCP", "login", "firmware", "clock"]


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
        pytest.param({"scheme": "https"}, "TLS", "", id="plain-http"),
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


@pytest.mark.parametrize("endpoint", ["recording/search", "recording/download"])
@pytest.mark.parametrize(
    ("errcode", "words"), [(10005, "ACCESS DENIED"), (80010, "NO PERMISSION"), (70131, "RECORDING DISABLED")]
)
def test_what_recordings_need_is_told_and_no_defect_where_nobody_stores_any(
    yeastar_pbx: PbxSimulator, tmp_path: Path, endpoint: str, errcode: int, words: str
) -> None:
    yeastar_pbx.faults.add(Fault("errcode", endpoint, errcode))

    findings = examine(yeastar_pbx, tmp_path)

    assert all(finding.ok for finding in findings.values())
    told = {subject: finding.detail for subject, finding in findings.items() if "recording" in subject}
    other = {"recording/search": "recording/download", "recording/download": "recording/search"}[endpoint]
    assert words in told[f"permission {endpoint}"]
    assert "YeastarRecordingsOperator alone needs it" in told[f"permission {endpoint}"]
    assert told[f"permission {other}"] == "granted"


def test_a_pbx_that_breaks_down_over_recordings_is_red(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    yeastar_pbx.faults.add(Fault("errcode", "recording/search", -2))

    assert not examine(yeastar_pbx, tmp_path)["permission recording/search"].ok


@pytest.mark.parametrize(
    ("fault", "subject", "detail", "remedy"),
    [
        pytest.param(Fault("errcode", "get_token", 70004), "login", "ACCOUNT IP BLOCKED", "Unblock", id="blocked"),
        pytest.param(Fault("errcode", "get_token", 60002), "login", "MAX LIMITATION", "30 minutes", id="token-cap"),
        pytest.param(Fault("errcode", "get_token", 70123), "login", "API UNAVAILABLE", "Switch the API on", id="off"),
        pytest.param(Fault("status", "get_token", 502), "login", "a web page", "something other", id="not-a-pbx"),
        pytest.param(
            Fault("errcode", "system/information", 10005), "firmware", "ACCESS DENIED", "Grant", id="firmware"
        ),
        pytest.param(Fault("errcode", "subscribe", 10005), "events", "ACCESS DENIED", "Grant", id="subscription"),
        pytest.param(Fault("status", "subscribe", 502), "events", "web page", "something other", id="web-page"),
        pytest.param(
            Fault("failure event", value="disk full", times=2), "report", "disk full", "web portal", id="report"
        ),
        pytest.param(Fault("html body"), "report", "HTML page in place of the csv", "", id="download"),
        pytest.param(Fault("reset half-way"), "report", "The connection", "may reach the PBX", id="broken-download"),
    ],
)
def test_a_failing_step_is_red_with_its_remedy(
    fault: Fault,
    subject: str,
    detail: str,
    remedy: str,
    yeastar_pbx: PbxSimulator,
    no_pauses: None,
    tmp_path: Path,
) -> None:
    yeastar_pbx.faults.add(fault)

    findings = examine(yeastar_pbx, tmp_path)

    assert [finding.subject for finding in findings.values() if not finding.ok] == [subject]
    assert detail in findings[subject].detail
    assert remedy in findings[subject].remedy
    assert findings[subject].remedy


@pytest.mark.parametrize(("cap", "is_suspect"), [(None, False), (5_000, True)])
def test_it_tells_of_which_days_the_pbx_no_longer_has_all_calls(
    cap: int | None, is_suspect: bool, tmp_path: Path
) -> None:
    with PbxSimulator(SimulatorSettings(kept_calls=5_000, cdr_result_cap=cap)) as pbx:
        told = examine(pbx, tmp_path)["history"]

    assert told.ok
    found = re.match(
        r"\d+ records of calls, the oldest of (\S+): a re-run of (\S+) or of an earlier day may", told.detail
    )
    assert found, told.detail
    assert found[1] == found[2]
    assert ("count is suspect" in told.detail) == is_suspect


def test_without_the_permission_for_calls_it_says_what_to_grant(tmp_path: Path) -> None:
    with PbxSimulator(SimulatorSettings(denied=frozenset({"cdr/list"}))) as pbx:
        told = examine(pbx, tmp_path)["history"]

    assert not told.ok
    assert "Grant" in told.remedy


@pytest.mark.parametrize("denied", [[], ["cdr/search", "cdr/detail"]], ids=["granted", "denied"])
def test_what_calls_need_is_told_and_no_defect_where_nobody_reads_any(denied: list[str], tmp_path: Path) -> None:
    with PbxSimulator(SimulatorSettings(denied=frozenset(denied))) as pbx:
        findings = examine(pbx, tmp_path)

    for endpoint, need in (("cdr/search", "of calls"), ("v2.0/cdr/search", "of calls"), ("v2.0/cdr/detail", "`legs`")):
        told = findings[f"permission {endpoint}"]
        assert told.ok
        assert (need in told.detail) if denied else (told.detail == "granted")


def test_a_report_that_never_comes_is_red_in_good_time(
    yeastar_pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.pbx.doctor._WAIT_SECONDS", 1.0)
    yeastar_pbx.hold_reports()

    finding = examine(yeastar_pbx, tmp_path)["report"]

    assert not finding.ok
    assert "No report within 1 s" in finding.detail


def test_firmware_that_tells_no_display_format_needs_it_in_the_connection(tmp_path: Path) -> None:
    with PbxSimulator(SimulatorSettings(tells_display=False)) as pbx:
        bare = examine(pbx, tmp_path)["clock"]
        told = examine(pbx, tmp_path, date_format="YYYY/MM/DD", time_format="hh:mm:ss")

    assert not bare.ok
    assert "`date_format` and `time_format`" in bare.remedy
    assert all(finding.ok for finding in told.values())
    assert "display format of the connection" in told["clock"].detail


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
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )


def test_the_command_ends_by_what_it_found(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    good = doctor(connection_to(yeastar_pbx), tmp_path / "good", "doctor")
    bad = doctor(connection_to(yeastar_pbx, password="wrong"), tmp_path / "bad", "doctor")
    none = doctor("{}", tmp_path / "none", "doctor", "--conn-id", "no_such_pbx")

    assert (good.returncode, bad.returncode, none.returncode) == (0, 1, 1)
    # Airflow 2.11 has words of its own on the connection before it; within the table there are none.
    table = good.stdout[good.stdout.index("ok   name") :].splitlines()
    assert all(line.startswith("ok ") for line in table), good.stdout
    assert "BAD  login" in bad.stdout
    assert "There is no Airflow connection 'no_such_pbx'" in none.stdout
    for token in yeastar_pbx.state.tokens.values():
        assert token.access not in good.stdout + good.stderr
    assert yeastar_pbx.client_secret not in good.stdout + good.stderr


@pytest.mark.skipif(
    "cli" not in (files("airflow") / "provider_info.schema.json").read_text(encoding="utf-8"),
    reason="Airflow takes commands from providers from 3.2 on",
)
class TestAirflowYeastar:
    """The same tools among Airflow's own commands."""

    def test_the_doctor_ends_by_what_it_found(
        self, yeastar_pbx: PbxSimulator, airflow_home: Path, tmp_path: Path
    ) -> None:
        state = {"AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path)}
        command = ("yeastar", "doctor", "--conn-id", "pbx")
        good = airflow(airflow_home, {"AIRFLOW_CONN_PBX": connection_to(yeastar_pbx), **state}, *command)
        bad = airflow(
            airflow_home, {"AIRFLOW_CONN_PBX": connection_to(yeastar_pbx, password="wrong"), **state}, *command
        )

        assert (good.returncode, bad.returncode) == (0, 1), good.stdout
        assert "bytes downloaded" in good.stdout
        assert "BAD  login" in bad.stdout

    def test_a_connection_of_the_database_is_found(
        self, yeastar_pbx: PbxSimulator, airflow_home: Path, tmp_path: Path
    ) -> None:
        added = airflow(airflow_home, {}, "connections", "add", "stored", "--conn-json", connection_to(yeastar_pbx))
        assert added.returncode == 0, added.stdout

        done = airflow(
            airflow_home, {"AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path)}, "yeastar", "doctor", "--conn-id", "stored"
        )

        assert done.returncode == 0, done.stdout

    def test_the_fingerprint_command_is_there_too(self, airflow_home: Path) -> None:
        done = airflow(airflow_home, {}, "yeastar", "fingerprint", "127.0.0.1:1")

        assert done.returncode == 1
        assert "No TLS certificate from 127.0.0.1:1: Connection refused" in done.stdout

    def test_airflow_s_command_line_loads_no_more_than_the_commands(self) -> None:
        program = (
            "import sys; from airflow.cli import cli_parser; assert 'yeastar' in cli_parser.ALL_COMMANDS_DICT; "
            "print('loaded:', *(name for name in sys.modules if name.startswith('airflow_provider_yeastar')))"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}

        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_SECONDS,
        )

        loaded = set(done.stdout.rpartition("loaded:")[2].split())
        package = "airflow_provider_yeastar"
        assert loaded == {package, f"{package}.get_provider_info", f"{package}.cli", f"{package}.cli.commands"}


def test_a_fingerprint_of_nothing_is_one_sentence(tmp_path: Path) -> None:
    nobody = doctor("{}", tmp_path, "fingerprint", "127.0.0.1:1")
    nonsense = doctor("{}", tmp_path, "fingerprint", "127.0.0.1:https")

    assert (nobody.returncode, nonsense.returncode) == (1, 1)
    assert nobody.stderr.strip() == "No TLS certificate from 127.0.0.1:1: Connection refused"
    assert nonsense.stderr.strip() == "127.0.0.1:https is not HOST:PORT, such as 10.0.0.1:8088"
