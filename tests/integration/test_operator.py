"""The operator in its three ways against a simulated PBX; Airflow's own part is played by hand."""

from __future__ import annotations

import csv
import json
import logging
import re
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileExpiredError,
    NetworkError,
    WaitTimeoutError,
    YeastarError,
)
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import connect, run_task

WAYS: dict[str, dict[str, Any]] = {
    "deferred": {"deferrable": True},
    "worker": {"deferrable": False},
    "synchronous": {"asynchronous": False},
}


def operator(destination: object, **changes: Any) -> YeastarCallReportOperator:
    arguments: dict[str, Any] = {
        "task_id": "queue_report",
        "report_type": "queueperformance",
        "period": "2026-11-20",
        "parameters": {"queue_id_list": [1, 2, 3]},
        "wait_timeout": 60,
    }
    return YeastarCallReportOperator(**{**arguments, "destination": str(destination), **changes})


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The three ways in which a report is had."""
    return WAYS[request.param]


class TestTheReport:
    def test_it_arrives_each_way(self, pbx: PbxSimulator, way: dict[str, Any], tmp_path: Path) -> None:
        path, xcoms = run_task(operator(f"{tmp_path}/out/", **way))

        content = Path(path).read_bytes()
        assert re.fullmatch(r"queueperformance_2026-11-20_[0-9a-f]{8}\.csv", Path(path).name)
        rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
        assert [row["Queue"] for row in rows] == ["Sales<6400>", "Support<6401>", "Billing<6402>"]
        assert xcoms["report"] | {"requested_at": "", "ready_at": "", "downloaded_at": "", "file": ""} == {
            "path": path,
            "file": "",
            "bytes": len(content),
            "sha256": sha256(content).hexdigest(),
            "format": "csv",
            "report_type": "queueperformance",
            "start_time": "2026-11-20T00:00:00",
            "end_time": "2026-11-20T23:59:59",
            "timezone": "Europe/Berlin",
            "api_version": "v2.0",
            "requested_at": "",
            "ready_at": "",
            "downloaded_at": "",
            "serial_number": pbx.settings.serial_number,
            "identified_by": "answer" if way.get("asynchronous") is False else "turn",
        }
        assert pbx.state.logins == 1

    @pytest.mark.parametrize("file_format", ["csv", "xls", "pdf", "html"])
    def test_it_arrives_in_each_format(self, pbx: PbxSimulator, file_format: str, tmp_path: Path) -> None:
        path, _ = run_task(operator(f"{tmp_path}/", file_format=file_format))

        assert path.endswith(f".{file_format}")

    def test_a_re_run_replaces_its_own_file(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        first, _ = run_task(operator(f"{tmp_path}/out/"))
        Path(first).write_text("old")

        second, _ = run_task(operator(f"{tmp_path}/out/"))

        assert second == first
        assert Path(second).read_bytes() != b"old"
        assert [path.name for path in (tmp_path / "out").iterdir()] == [Path(first).name]

    def test_a_scheduled_report_has_its_own_format(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        task = operator(f"{tmp_path}/", report_type=None, period=None, parameters=None, scheduled_report_id=1)

        path, xcoms = run_task(task)

        assert Path(path).name.startswith("scheduled_report_1_all_")
        assert xcoms["report"]["scheduled_report_id"] == 1

    def test_a_user_created_report(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        _, xcoms = run_task(operator(f"{tmp_path}/", report_type=None, parameters=None, my_report_id=1))

        assert xcoms["report"]["my_report_id"] == 1

    def test_a_day_that_is_not_over_is_told(
        self, pbx: PbxSimulator, way: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        tomorrow = f"{datetime.now(ZoneInfo(pbx.settings.timezone)) + timedelta(days=1):%Y-%m-%d}"

        for day in ("2026-11-20", tomorrow):
            run_task(operator(f"{tmp_path}/out/", period=day, **way))

        assert f"{tomorrow} is not over by the PBX's clock" in caplog.text
        assert "2026-11-20 is not over" not in caplog.text


class TestOnEmpty:
    NOBODY = {"parameters": {"queue_id_list": [99]}, "check_ids": False}  # noqa: RUF012

    def test_ok_keeps_it(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        path, _ = run_task(operator(tmp_path / "report.csv", **self.NOBODY))

        assert Path(path).read_bytes().count(b"\n") == 1

    @pytest.mark.parametrize("file_format", ["csv", "html"])
    @pytest.mark.parametrize(
        ("on_empty", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)], ids=["skip", "fail"]
    )
    def test_skip_and_fail_leave_nothing(
        self, pbx: PbxSimulator, on_empty: str, error: type[Exception], file_format: str, tmp_path: Path
    ) -> None:
        with pytest.raises(error, match="no row"):
            run_task(operator(tmp_path / "report", on_empty=on_empty, file_format=file_format, **self.NOBODY))

        assert list(tmp_path.glob("report*")) == []

    @pytest.mark.parametrize(
        ("on_empty", "error", "words"),
        [
            ("ok", AirflowFailException, r"made no file.*set `on_empty` to skip"),
            ("skip", AirflowSkipException, "no row"),
            ("fail", AirflowFailException, "no row"),
        ],
        ids=["ok", "skip", "fail"],
    )
    def test_data_not_found_is_an_empty_report_without_a_file(
        self, pbx: PbxSimulator, way: dict[str, Any], on_empty: str, error: type[Exception], words: str, tmp_path: Path
    ) -> None:
        pbx.faults.add(Fault("errcode", "call_report/download", 60001))

        with pytest.raises(error, match=words):
            run_task(operator(tmp_path / "report.csv", on_empty=on_empty, **way))

        assert not (tmp_path / "report.csv").exists()
        assert len(pbx.calls("call_report/download")) == 1

    def test_a_file_that_is_gone_is_no_empty_report(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        pbx.faults.add(Fault("json body", value=60001, times=9))

        # Airflow may try again: another report may well be there.
        with pytest.raises(FileExpiredError, match=r"does not have the file that it announced.*errcode 60001"):
            run_task(operator(tmp_path / "report.csv", on_empty="skip"))

    def test_a_report_with_rows_is_kept(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        path, _ = run_task(operator(tmp_path / "report.csv", on_empty="fail"))

        assert Path(path).exists()


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


class TestHook:
    def test_the_test_button_says_who_answered(self, pbx: PbxSimulator) -> None:
        succeeded, message = YeastarHook().test_connection()

        assert succeeded
        assert "P570" in message
        assert pbx.settings.serial_number in message

    def test_the_test_button_says_what_is_wrong(self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        connect(pbx, monkeypatch, password="wrong")

        succeeded, message = YeastarHook().test_connection()

        assert not succeeded
        assert "refused Client ID and Client Secret" in message
        assert "wrong" not in message.replace("Wrong", "")

    def test_the_test_button_asks_each_time(self, pbx: PbxSimulator) -> None:
        assert YeastarHook().test_connection()[0]
        pbx.faults.add(Fault("status", "system/information", 502, times=99))

        succeeded, message = YeastarHook().test_connection()

        assert not succeeded
        assert "502" in message

    def test_after_a_correction_on_the_pbx_the_test_button_opens_the_way(
        self, pbx: PbxSimulator, tmp_path: Path
    ) -> None:
        pbx.faults.add(Fault("errcode", "get_token", -1))
        with pytest.raises(YeastarError):
            YeastarHook().get_information()
        with pytest.raises(YeastarError, match="seconds ago"):
            YeastarHook().get_information()

        assert YeastarHook().test_connection()[0]
        assert YeastarHook().get_information().model == "Yeastar P570"


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
