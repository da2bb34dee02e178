"""Times in the PBX's display format: whatever an administrator chose, the right rows come back, and no empty report."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.pbx.errors import (
    ClockMismatchError,
    IncompleteCallsError,
    InvalidRequestError,
    InvalidSettingsError,
    OlderCallsError,
)
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds
from airflow_provider_yeastar.pbx.waiting.call_reader import CallReader
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.integration.support import Wait, connect, run_task

ORDERS = (("YYYY", "MM", "DD"), ("MM", "DD", "YYYY"), ("DD", "MM", "YYYY"))
DATE_FORMATS = [separator.join(order) for order, separator in product(ORDERS, "/-.")]
FIRMWARE = {"v1.0": "21.0.66", "v2.0": "23.0.123"}

OF_A_RANGE = {"report_type": "queuecallbacksactivity", "parameters": {"queue_id_list": [1, 2, 3]}}
OF_A_TIME = {"report_type": "queueavgwaittalktime", "parameters": {"queue_id_list": [1]}}

every_format = pytest.mark.parametrize(
    ("date_format", "twelve_hour", "version"),
    [
        pytest.param(date_format, twelve_hour, version, id=f"{date_format}-{12 if twelve_hour else 24}h-{version}")
        for date_format, twelve_hour, version in product(DATE_FORMATS, (False, True), FIRMWARE)
    ],
)


def simulator(version: Any = "v2.0", **settings: Any) -> PbxSimulator:
    return PbxSimulator(SimulatorSettings(data_version=version, **{"firmware": FIRMWARE[version], **settings}))


def rows_of(waiting: Wait, **request: Any) -> list[dict[str, Any]]:
    with waiting.client() as client:
        rows: list[dict[str, Any]] = []
        asyncio.run(client.fetch_rows(build_request(**request), Bounds(time.time() + 60, 60), rows))
    return rows


class TestEveryDisplayFormat:
    @every_format
    def test_a_range_finds_its_rows(self, date_format: str, twelve_hour: bool, version: str, tmp_path: Path) -> None:
        with simulator(version, date_format=date_format, twelve_hour=twelve_hour) as pbx:
            rows = rows_of(Wait(pbx, tmp_path), **OF_A_RANGE, period="2026-11-20")

            assert {row["request_time"][:10] for row in rows} == {"2026/11/20"}
            assert len(pbx.calls("call_report/list")) == 1

    @every_format
    @pytest.mark.parametrize(("period", "rows"), [("2028-02-29", 24), ("2028-02", 29)])
    def test_a_day_and_a_month_find_their_rows(
        self, date_format: str, twelve_hour: bool, version: str, period: str, rows: int, tmp_path: Path
    ) -> None:
        with simulator(version, date_format=date_format, twelve_hour=twelve_hour) as pbx:
            assert len(rows_of(Wait(pbx, tmp_path), **OF_A_TIME, period=period)) == rows

    @pytest.mark.parametrize("version", FIRMWARE)
    def test_a_year_is_written_alike_in_all_of_them_and_finds_its_rows(self, version: str, tmp_path: Path) -> None:
        with simulator(version, date_format="DD.MM.YYYY") as pbx:
            assert len(rows_of(Wait(pbx, tmp_path), **OF_A_TIME, period="2028")) == 12

    @every_format
    def test_a_file_holds_the_rows(self, date_format: str, twelve_hour: bool, version: str, tmp_path: Path) -> None:
        with simulator(version, date_format=date_format, twelve_hour=twelve_hour) as pbx:
            waiting = Wait(pbx, tmp_path)
            for kind in (OF_A_RANGE, OF_A_TIME):
                report = waiting.run(request=kind | {"period": "2026-11-20", "asynchronous": False})

                assert len(waiting.fetch(report).splitlines()) > 1


class TestAFormatThatIsChanged:
    @pytest.mark.parametrize("before", ["DD/MM/YYYY", "YYYY/MM/DD"])
    def test_no_day_is_taken_for_another_one(self, before: str, tmp_path: Path) -> None:
        """The fifth of November and the eleventh of May are spelled alike in the two orders without the year first."""
        with simulator(date_format=before) as pbx:
            rows_of(Wait(pbx, tmp_path), **OF_A_RANGE, period="2026-11-05")
        with PbxSimulator(replace(pbx.settings, date_format="MM/DD/YYYY"), port=pbx.port) as pbx:
            rows = rows_of(Wait(pbx, tmp_path), **OF_A_RANGE, period="2026-11-05")

        assert {row["request_time"][:10] for row in rows} == {"2026/11/05"}

    @pytest.mark.parametrize("before", ["DD/MM/YYYY", "YYYY/MM/DD"])
    @pytest.mark.parametrize("version", FIRMWARE)
    def test_no_calls_of_another_day_are_taken_for_those_of_a_day(
        self, before: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path))
        with simulator(date_format=before) as pbx:
            connect(pbx, monkeypatch)
            list(YeastarHook().iter_calls(period="2026-11-05", api_version=version))
        with PbxSimulator(replace(pbx.settings, date_format="MM/DD/YYYY"), port=pbx.port) as pbx:
            calls = list(YeastarHook().iter_calls(period="2026-11-05", api_version=version))

        assert {call["time"][:10] for call in calls} == {"11/05/2026"}

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_no_day_is_read_in_part_while_day_and_month_change_places(
        self, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Calls may be few on the other day, and the first page of this one is right."""
        ask, asked = CallReader.page, []

        async def then_change(reader: CallReader, *arguments: Any) -> Any:
            if len(asked) == after:
                object.__setattr__(pbx.settings, "date_format", "MM/DD/YYYY")
            asked.append(arguments)
            return await ask(reader, *arguments)

        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path))
        monkeypatch.setattr(CallReader, "page", then_change)
        settings = {"date_format": "DD/MM/YYYY", "cdr_page_cap": 50, "updated_at": datetime(2026, 8, 1)}
        with simulator(**settings) as pbx:
            connect(pbx, monkeypatch)
            with pytest.raises((IncompleteCallsError, OlderCallsError)):
                list(YeastarHook().iter_calls(period="2026-11-05"))

    def test_no_recording_is_named_by_a_format_that_changed_as_they_were_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask = CallReader.page

        async def then_change(reader: CallReader, *arguments: Any) -> Any:
            page = await ask(reader, *arguments)
            object.__setattr__(pbx.settings, "date_format", "MM/DD/YYYY")
            return page

        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        monkeypatch.setattr(CallReader, "page", then_change)
        with simulator(date_format="DD/MM/YYYY") as pbx:
            connect(pbx, monkeypatch)
            task = YeastarRecordingsOperator(task_id="all", period="2026-11-05", destination=f"{tmp_path}/out/")
            with pytest.raises(IncompleteCallsError, match="format changed while recordings"):
                run_task(task)

            assert pbx.calls("recording/download") == []


class TestAClockThatIsOff:
    @pytest.mark.parametrize(("seconds", "complete"), [(-600, False), (0, True), (600, True)])
    def test_a_window_has_ended_when_it_has_by_the_pbx_s_clock(
        self, seconds: int, complete: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        now = datetime.now(ZoneInfo("Europe/Berlin")).replace(tzinfo=None, microsecond=0)
        ends = {"start_time": now - timedelta(hours=1), "end_time": now - timedelta(seconds=61)}
        with simulator() as pbx:
            connect(pbx, monkeypatch)
            pbx.advance(seconds)
            task = YeastarCdrOperator(task_id="calls", destination=f"{tmp_path}/out/", **ends)

            assert run_task(task)[1]["report"]["complete"] is complete


def test_a_clock_that_was_corrected_is_believed_at_once(tmp_path: Path) -> None:
    berlin = {"timezone": "Europe/Berlin"}
    with simulator(timezone="Asia/Tokyo") as pbx, pytest.raises(ClockMismatchError):
        rows_of(Wait(pbx, tmp_path, berlin), **OF_A_RANGE, period="2026-11-20")
    with PbxSimulator(replace(pbx.settings, **berlin), port=pbx.port) as pbx:
        assert rows_of(Wait(pbx, tmp_path, berlin), **OF_A_RANGE, period="2026-11-20")


class TestFirmwareThatDoesNotTell:
    @pytest.mark.parametrize("date_format", DATE_FORMATS)
    @pytest.mark.parametrize("twelve_hour", [False, True], ids=["24h", "12h"])
    @pytest.mark.parametrize("kind", [OF_A_RANGE, OF_A_TIME], ids=["range", "time"])
    def test_on_v2_its_complaint_tells_and_one_retry_finds_the_rows(
        self,
        date_format: str,
        twelve_hour: bool,
        kind: dict[str, Any],
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with simulator(date_format=date_format, twelve_hour=twelve_hour, tells_display=False) as pbx:
            rows = rows_of(Wait(pbx, tmp_path), **kind, period="2026-11-20")

            assert rows
            # A day has no clock in it.
            guessed_right = date_format == "YYYY/MM/DD" and (kind is OF_A_TIME or not twelve_hour)
            assert len(pbx.calls("call_report/list")) == (1 if guessed_right else 2)
            assert ("The PBX wants times as" in caplog.text) is not guessed_right

    @every_format
    def test_the_connection_s_formats_serve(
        self, date_format: str, twelve_hour: bool, version: str, tmp_path: Path
    ) -> None:
        told = {"date_format": date_format, "time_format": "hh:mm:ss PM" if twelve_hour else "hh:mm:ss"}
        with simulator(version, date_format=date_format, twelve_hour=twelve_hour, tells_display=False) as pbx:
            assert rows_of(Wait(pbx, tmp_path, told), **OF_A_RANGE, period="2026-11-20")
            assert len(pbx.calls("call_report/list")) == 1

    def test_on_v1_without_them_nothing_is_asked_for(self, tmp_path: Path) -> None:
        with simulator("v1.0", tells_display=False) as pbx:
            with pytest.raises(InvalidSettingsError, match="Set `date_format` and `time_format`"):
                rows_of(Wait(pbx, tmp_path), **OF_A_RANGE, period="2026-11-20")

            assert pbx.calls("call_report/list") == []


class TestWindows:
    def test_a_range_crosses_the_year(self, tmp_path: Path) -> None:
        with simulator(date_format="DD.MM.YYYY", twelve_hour=True) as pbx:
            rows = rows_of(
                Wait(pbx, tmp_path),
                **OF_A_RANGE,
                start_time="2026-12-28T12:00:00",
                end_time="2027-01-05T12:00:00",
            )

        assert {row["request_time"][:4] for row in rows} == {"2026", "2027"}

    def test_an_aware_time_is_asked_for_by_the_pbx_s_clock(self, tmp_path: Path) -> None:
        with simulator(timezone="Asia/Shanghai") as pbx:
            rows_of(
                Wait(pbx, tmp_path),
                **OF_A_RANGE,
                start_time="2026-11-19T16:00:00+00:00",
                end_time="2026-11-20T15:59:59Z",
            )

            query = pbx.calls("call_report/list")[0].query
        assert (query["start_time"], query["end_time"]) == ("2026/11/20 00:00:00", "2026/11/20 23:59:59")


class TestTheZone:
    @pytest.mark.parametrize("twelve_hour", [False, True], ids=["24h", "12h"])
    def test_one_that_is_not_the_pbx_s_is_refused_and_both_are_named(self, twelve_hour: bool, tmp_path: Path) -> None:
        with simulator(timezone="Asia/Shanghai", date_format="DD/MM/YYYY", twelve_hour=twelve_hour) as pbx:
            waiting = Wait(pbx, tmp_path, {"timezone": "America/New_York"})

            with pytest.raises(ClockMismatchError, match=r"America/New_York.*UTC\+08:00"):
                rows_of(waiting, **OF_A_RANGE, period="2026-11-20")
            assert pbx.calls("call_report/list") == []

    def test_without_one_the_present_offset_serves_with_a_warning(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with simulator(timezone="Asia/Shanghai") as pbx:
            waiting = Wait(pbx, tmp_path, {"timezone": None})

            assert rows_of(waiting, **OF_A_RANGE, period="2026-11-20")
            assert pbx.calls("call_report/list")[0].query["start_time"] == "2026/11/20 00:00:00"
        assert "the present UTC offset of the PBX, UTC+08:00, is used" in caplog.text

    def test_without_one_a_time_with_offset_is_refused(self, tmp_path: Path) -> None:
        with simulator(timezone="Asia/Shanghai") as pbx:
            waiting = Wait(pbx, tmp_path, {"timezone": None})

            with pytest.raises(InvalidRequestError, match=r"carries a UTC offset.*Set `timezone`"):
                rows_of(waiting, **OF_A_RANGE, start_time="2026-11-19T16:00:00Z")
            assert pbx.calls("call_report/list") == []
