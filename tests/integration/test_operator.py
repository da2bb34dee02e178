"""The operator in its three ways against a simulated PBX; Airflow's own part is played by hand."""

from __future__ import annotations

import csv
import logging
import re
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.pbx.errors import FileExpiredError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import operator
from tests.integration.support import run_task


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

    def test_a_report_without_a_time_frame_is_told_once(
        self, pbx: PbxSimulator, way: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        run_task(operator(f"{tmp_path}/out/", period=None, **way))

        assert caplog.text.count("queueperformance covers all calls that the PBX has") == 1


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
