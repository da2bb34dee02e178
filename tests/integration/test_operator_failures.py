"""The operator where a file is bad, the connection is wrong or the task is killed; no token and no secret gets out."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import BadFileError, NetworkError, WaitTimeoutError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import operator
from tests.integration.support import connect, run_task


class TestABadFile:
    BAD = (
        Fault("truncated"),
        Fault("empty"),
        Fault("html body"),
        Fault("json body", value=60001),
        Fault("other bytes", value=b"%PDF-1.7 not a csv"),
        Fault("reset half-way"),
        Fault("redirect", value=(302, "https://evil.example/")),
    )

    @pytest.mark.parametrize("fault", BAD, ids=lambda fault: fault.kind)
    def test_it_is_fetched_once_more(self, pbx: PbxSimulator, fault: Fault, tmp_path: Path) -> None:
        pbx.faults.add(fault)

        path, _ = run_task(operator(tmp_path / "report.csv"))

        assert Path(path).read_bytes().startswith(b"\xef\xbb\xbfQueue,")
        assert len(pbx.calls("call_report/download")) == 1

    def test_then_the_report_is_asked_for_once_more(
        self, pbx: PbxSimulator, way: dict[str, Any], tmp_path: Path
    ) -> None:
        pbx.faults.add(Fault("html body", times=3))

        path, _ = run_task(operator(tmp_path / "report.csv", **way))

        assert Path(path).read_bytes().startswith(b"\xef\xbb\xbfQueue,")
        assert len(pbx.calls("call_report/download")) == 2

    def test_then_the_task_fails_and_the_old_file_stays(
        self, pbx: PbxSimulator, way: dict[str, Any], tmp_path: Path
    ) -> None:
        (tmp_path / "report.csv").write_text("old")
        pbx.faults.add(Fault("html body", times=9))

        with pytest.raises(BadFileError, match="HTML page"):
            run_task(operator(tmp_path / "report.csv", **way))

        assert (tmp_path / "report.csv").read_text() == "old"
        assert [path.name for path in tmp_path.glob("*.*")] == ["report.csv"]


class TestBadInput:
    def test_wrong_credentials_fail_without_retries(
        self, pbx: PbxSimulator, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        connect(pbx, monkeypatch, password="wrong")

        with pytest.raises(AirflowFailException, match="refused Client ID and Client Secret"):
            run_task(operator(f"{tmp_path}/out/", **way))

        assert not (tmp_path / "out").exists()

    def test_an_unreachable_pbx_is_named(
        self, pbx: PbxSimulator, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        connect(pbx, monkeypatch, port=1)
        # The first pause would outlast the wait, which so ends with the first attempt.
        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda attempt, chance: 3600.0)

        with pytest.raises(WaitTimeoutError, match="Connection refused"):
            run_task(operator(f"{tmp_path}/out/", **way))

        assert not (tmp_path / "out").exists()


class TestKilled:
    def test_a_killed_wait_ends_as_no_success(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        pbx.hold_reports()
        task = operator(tmp_path / "report.csv", deferrable=False)
        # The handler of SIGTERM does this, at any moment of the wait.
        task.on_kill()

        with pytest.raises(TaskKilledError):
            run_task(task)

        assert list(tmp_path.glob("report*")) == []


class TestSecrets:
    FAULTS = (
        Fault("reset before", "call_report/download"),
        Fault("status", "call_report/download", 502),
        Fault("reset before", "subscribe"),
        Fault("errcode", "call_report/download", 10004),
        Fault("reset half-way"),
    )

    def test_no_token_and_no_secret_gets_out(
        self,
        pbx: PbxSimulator,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        tmp_path: Path,
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda attempt, chance: 0.0)
        issued: list[str] = []
        issue = pbx.state._issue

        def issue_and_note(now: float) -> dict[str, Any]:
            answer = issue(now)
            issued.extend([answer["access_token"], answer["refresh_token"]])
            return answer

        monkeypatch.setattr(pbx.state, "_issue", issue_and_note)
        caplog.set_level(logging.DEBUG)
        pbx.faults.add(*self.FAULTS)

        path, xcoms = run_task(operator(f"{tmp_path}/out/", deferrable=True))
        connect(pbx, monkeypatch, port=1)
        with pytest.raises(NetworkError) as raised:
            YeastarHook().get_information()

        causes: list[str] = []
        error: BaseException | None = raised.value
        while error is not None:
            causes.append(repr(error) + str(error))
            error = error.__cause__ or error.__context__
        out = "\n".join([caplog.text, json.dumps(xcoms), path, *causes])
        assert "call_report/download" in out
        assert len(issued) >= 4
        for secret in [*issued, pbx.client_secret]:
            assert secret not in out
