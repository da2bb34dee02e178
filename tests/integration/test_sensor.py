"""The sensor and the operator that fetches its report, against a simulated PBX; Airflow's part is played by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import DAG, AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow_provider_yeastar.operators.call_report import YeastarDownloadReportOperator
from airflow_provider_yeastar.pbx.errors import CredentialsError
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.asking import time_over_when_accepted
from tests.integration.support import connect, connection_to, run_task

DOWNLOAD = "call_report/download"
OF_MUNICH = {"yeastar_conn_id": "pbx_munich"}


@pytest.fixture(params=[True, False], ids=["deferred", "poke"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def sensor(**changes: Any) -> YeastarCallReportSensor:
    arguments: dict[str, Any] = {
        "task_id": "queue_report",
        "report_type": "queueperformance",
        "period": "2026-11-20",
        "parameters": {"queue_id_list": [1, 2, 3]},
    }
    return YeastarCallReportSensor(**arguments | changes)


def fetcher(report: Any, destination: object, **changes: Any) -> YeastarDownloadReportOperator:
    return YeastarDownloadReportOperator(
        task_id="fetch", report=json.loads(json.dumps(report)), destination=str(destination), **changes
    )


class TestTheSensor:
    def test_it_says_where_the_report_is_and_for_how_long(self, pbx: PbxSimulator, deferrable: bool) -> None:
        report, _ = run_task(sensor(deferrable=deferrable))

        assert report["file"].startswith("Queue-Performance")
        assert report["download_resource_url"] == f"/api/download/{report['file']}"
        ready, expires = (datetime.fromisoformat(report[name]) for name in ("ready_at", "expires_at"))
        assert ready.tzinfo is UTC or ready.utcoffset() == timedelta(0)
        assert expires - ready == timedelta(minutes=30)
        assert report["yeastar_conn_id"] == "yeastar_default"
        assert "token" not in json.dumps(report)

    @pytest.mark.parametrize("bound", [{"timeout": 60}, {"wait_timeout": 60}], ids=lambda bound: next(iter(bound), ""))
    def test_a_time_out_is_airflow_s_own_in_both_modes(
        self, pbx: PbxSimulator, deferrable: bool, bound: dict[str, Any]
    ) -> None:
        pbx.hold_reports()

        with (
            time_over_when_accepted(),
            pytest.raises(AirflowSensorTimeout, match="the PBX accepted the request once"),
        ):
            run_task(sensor(deferrable=deferrable, **bound))

        assert pbx.sockets == 0

    def test_soft_fail_skips_after_a_time_out_in_both_modes(self, pbx: PbxSimulator, deferrable: bool) -> None:
        pbx.hold_reports()

        with pytest.raises(AirflowSkipException):
            run_task(sensor(deferrable=deferrable, soft_fail=True, timeout=1))

    def test_soft_fail_skips_after_nothing_else_in_both_modes(
        self, pbx: PbxSimulator, deferrable: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(pbx, monkeypatch, password="wrong")

        with pytest.raises(CredentialsError):
            run_task(sensor(deferrable=deferrable, soft_fail=True))

    def test_never_fail_skips_after_anything_in_both_modes(self, pbx: PbxSimulator, deferrable: bool) -> None:
        pbx.faults.add(Fault("failure event", value="disk full", times=2))

        with pytest.raises(AirflowSkipException):
            run_task(sensor(deferrable=deferrable, never_fail=True))


class TestTheFetcher:
    def test_it_fetches_what_the_sensor_found(self, pbx: PbxSimulator, deferrable: bool, tmp_path: Path) -> None:
        report, _ = run_task(sensor(deferrable=deferrable))

        path, xcoms = run_task(fetcher(report, f"{tmp_path}/out/", deferrable=deferrable))

        assert Path(path).read_bytes().startswith(b"\xef\xbb\xbfQueue,")
        assert Path(path).name.startswith("queueperformance_2026-11-20_")
        assert xcoms["report"]["start_time"] == "2026-11-20T00:00:00"
        assert xcoms["report"]["requested_at"] == report["requested_at"]
        assert len(pbx.calls(DOWNLOAD)) == 1

    def test_a_report_whose_thirty_minutes_have_passed_is_asked_for_again(
        self, pbx: PbxSimulator, deferrable: bool, tmp_path: Path
    ) -> None:
        report, _ = run_task(sensor())
        report["expires_at"] = "2026-01-01T00:00:00+00:00"

        path, _ = run_task(fetcher(report, f"{tmp_path}/out/", deferrable=deferrable))

        assert Path(path).exists()
        assert len(pbx.calls(DOWNLOAD)) == 2
        assert pbx.calls(report["download_resource_url"]) == []

    def test_a_refused_url_is_asked_for_again(self, pbx: PbxSimulator, deferrable: bool, tmp_path: Path) -> None:
        report, _ = run_task(sensor())
        pbx.state.files.clear()

        path, _ = run_task(fetcher(report, f"{tmp_path}/out/", deferrable=deferrable))

        assert Path(path).exists()
        assert len(pbx.calls(DOWNLOAD)) == 2

    def test_it_asks_the_pbx_that_the_sensor_asked(
        self, pbx: PbxSimulator, deferrable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_PBX_BERLIN", connection_to(pbx))
        connect(pbx, monkeypatch, port=1)
        report, _ = run_task(sensor(yeastar_conn_id="pbx_berlin"))
        report["expires_at"] = "2026-01-01T00:00:00+00:00"

        path, _ = run_task(fetcher(report, f"{tmp_path}/out/", deferrable=deferrable))

        assert Path(path).exists()

    @pytest.mark.usefixtures("no_pauses")
    def test_another_pbx_s_report_is_no_success(
        self, pbx: PbxSimulator, deferrable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        report, _ = run_task(sensor())
        with PbxSimulator(SimulatorSettings(serial_number="MUNICH")) as other:
            monkeypatch.setenv("AIRFLOW_CONN_PBX_MUNICH", connection_to(other))
            with DAG("d", start_date=datetime(2026, 1, 1), schedule=None, default_args=OF_MUNICH):
                task = fetcher(report, f"{tmp_path}/out/", deferrable=deferrable)

            sensed = pbx.settings.serial_number
            with pytest.raises(AirflowFailException, match=rf"sensor asked .* {sensed}, .* MUNICH.*`default_args`"):
                run_task(task)

        assert list(tmp_path.rglob("*.csv")) == []

    @pytest.mark.parametrize("known", [True, False], ids=["same PBX", "unknown PBX"])
    def test_another_connection_may_lead_to_the_same_pbx(
        self, pbx: PbxSimulator, deferrable: bool, known: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        report, _ = run_task(sensor())
        report |= {"expires_at": "2026-01-01T00:00:00+00:00"} | ({} if known else {"serial_number": ""})
        monkeypatch.setenv("AIRFLOW_CONN_PBX_MUNICH", connection_to(pbx))

        path, _ = run_task(fetcher(report, f"{tmp_path}/out/", deferrable=deferrable, **OF_MUNICH))

        assert Path(path).exists()

    def test_a_file_that_is_there_is_left_alone(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        report, _ = run_task(sensor())
        (tmp_path / "report.csv").write_text("kept")

        path, _ = run_task(fetcher(report, tmp_path / "report.csv", overwrite=False))

        assert Path(path).read_text() == "kept"
        assert pbx.calls(report["download_resource_url"]) == []

    @pytest.mark.usefixtures("no_pauses")
    def test_a_second_report_that_is_bad_too_fails(self, pbx: PbxSimulator, deferrable: bool, tmp_path: Path) -> None:
        report, _ = run_task(sensor())
        pbx.faults.add(Fault("html body", times=9))

        with pytest.raises(Exception, match="HTML page"):
            run_task(fetcher(report, f"{tmp_path}/out/", deferrable=deferrable))

        assert list(tmp_path.rglob("*.csv")) == []
