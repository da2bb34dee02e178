"""Periods in words against a simulated PBX: the same file for the same run, whichever task asks and however."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator, YeastarDownloadReportOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import airflow, connect, connection_to, run_task

ARGUMENTS: dict[str, Any] = {
    "task_id": "queue_report",
    "report_type": "queueperformance",
    "period": "yesterday",
    "parameters": {"queue_id_list": [1, 2, 3]},
    "wait_timeout": 60,
}
# Past midnight in Berlin, where the simulated PBX stands: yesterday is the 21st.
RUN: dict[str, Any] = {"data_interval_end": datetime(2026, 11, 21, 23, 30, tzinfo=UTC)}
THE_DAY = ("2026-11-21T00:00:00", "2026-11-21T23:59:59")


def operator(destination: object, **changes: Any) -> YeastarCallReportOperator:
    return YeastarCallReportOperator(**{**ARGUMENTS, "destination": str(destination), **changes})


def window(report: dict[str, Any]) -> tuple[str, str]:
    return report["start_time"], report["end_time"]


def asked(pbx: PbxSimulator, endpoint: str = "call_report/download") -> list[tuple[str, str]]:
    return [(call.query["start_time"], call.query["end_time"]) for call in pbx.calls(endpoint)]


class TestEveryTask:
    @pytest.mark.parametrize(
        "way",
        [{"deferrable": True}, {"deferrable": False}, {"asynchronous": False}],
        ids=["deferred", "worker", "sync"],
    )
    def test_the_file_is_that_of_the_day_before_the_run(
        self, pbx: PbxSimulator, way: dict[str, Any], tmp_path: Path
    ) -> None:
        path, xcoms = run_task(operator(f"{tmp_path}/out/", **way), **RUN)
        same, _ = run_task(operator(f"{tmp_path}/out/", **way, period="2026-11-21"), **RUN)

        assert window(xcoms["report"]) == THE_DAY
        assert re.fullmatch(r"queueperformance_2026-11-21_[0-9a-f]{8}\.csv", Path(path).name)
        assert same == path
        assert asked(pbx) == [("2026/11/21 00:00:00", "2026/11/21 23:59:59")] * 2

    def test_rows(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        task = YeastarCallReportRowsOperator(**ARGUMENTS, destination=f"{tmp_path}/out/")

        path, xcoms = run_task(task, **RUN)

        assert window(xcoms["report"]) == THE_DAY
        assert Path(path).name.startswith("queueperformance_2026-11-21_")

    @pytest.mark.parametrize("deferrable", [False, True])
    def test_a_sensor_and_its_download(self, pbx: PbxSimulator, deferrable: bool, tmp_path: Path) -> None:
        found, _ = run_task(YeastarCallReportSensor(**ARGUMENTS, deferrable=deferrable), **RUN)
        found = getattr(found, "xcom_value", found)
        path, xcoms = run_task(
            YeastarDownloadReportOperator(task_id="fetch", report=found, destination=f"{tmp_path}/out/"), **RUN
        )

        assert window(xcoms["report"]) == THE_DAY
        assert Path(path).name.startswith("queueperformance_2026-11-21_")

    def test_the_hook_counts_from_now(self, pbx: PbxSimulator) -> None:
        zone = ZoneInfo(pbx.settings.timezone)
        before = datetime.now(zone)

        YeastarHook().get_report_rows(report_type="unreturnmisscall", period="last_7_days")

        (found,) = asked(pbx, "call_report/list")
        days = [now.date() - timedelta(days=7) for now in (before, datetime.now(zone))]
        assert found[0] in {f"{day:%Y/%m/%d} 00:00:00" for day in days}


class TestTheRun:
    def test_a_re_run_days_later_replaces_its_own_file(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        first, _ = run_task(operator(f"{tmp_path}/out/"), **RUN)
        again, _ = run_task(operator(f"{tmp_path}/out/", overwrite=False), **RUN)

        assert first == again
        assert [file.name for file in (tmp_path / "out").iterdir()] == [Path(first).name]

    def test_the_next_run_has_a_file_of_its_own(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        night = RUN["data_interval_end"]
        paths = {
            run_task(operator(f"{tmp_path}/out/"), data_interval_end=night + timedelta(days=day))[0] for day in range(2)
        }

        assert len(paths) == 2

    def test_with_a_named_zone_a_file_that_is_there_is_found_without_the_pbx(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path, _ = run_task(operator(f"{tmp_path}/out/"), **RUN)
        connect(pbx, monkeypatch, port=1)  # where nobody listens

        assert run_task(operator(f"{tmp_path}/out/", overwrite=False), **RUN)[0] == path

    def test_a_period_that_is_not_over_warns(
        self, pbx: PbxSimulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            run_task(operator(f"{tmp_path}/out/", period="today"), data_interval_end=datetime.now(UTC))

        assert "is not over by the PBX's clock" in caplog.text

    def test_without_a_run_it_fails_in_one_sentence(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        with pytest.raises(AirflowFailException, match="counted from the DAG run"):
            run_task(operator(f"{tmp_path}/out/"))

    def test_a_window_of_the_schedule_ends_a_second_early_and_says_so(
        self, pbx: PbxSimulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        hour = {"start_time": "2026-11-20T09:00:00+00:00", "end_time": "2026-11-20T10:00:00+00:00"}
        with caplog.at_level(logging.INFO):
            _, xcoms = run_task(operator(f"{tmp_path}/out/", period=None, **hour))

        assert window(xcoms["report"]) == ("2026-11-20T10:00:00", "2026-11-20T10:59:59")
        assert "asking until a second before" in caplog.text


class TestWithoutANamedZone:
    def test_the_pbx_s_present_offset_serves_where_it_is_certain(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        connect(pbx, monkeypatch, extra={})

        _, xcoms = run_task(operator(f"{tmp_path}/out/"), data_interval_end=datetime(2026, 11, 22, 12, tzinfo=UTC))

        assert window(xcoms["report"]) == THE_DAY

    def test_a_moment_near_midnight_months_ago_is_refused(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        connect(pbx, monkeypatch, extra={})
        offset = datetime.now(ZoneInfo(pbx.settings.timezone)).utcoffset() or timedelta()
        midnight = datetime(2026, 1, 15, tzinfo=UTC) - offset

        with pytest.raises(AirflowFailException, match="Set `timezone`"):
            run_task(operator(f"{tmp_path}/out/"), data_interval_end=midnight)
        assert asked(pbx) == []

    def test_a_time_with_offset_is_refused(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        connect(pbx, monkeypatch, extra={})
        task = operator(f"{tmp_path}/out/", period=None, start_time="2026-07-01T00:00+02:00")

        with pytest.raises(InvalidRequestError, match="carries a UTC offset"):
            YeastarHook().get_report_rows(report_type="unreturnmisscall", start_time="2026-07-01T00:00+02:00")
        with pytest.raises(AirflowFailException, match="carries a UTC offset"):
            run_task(task)
        assert asked(pbx) == []


DAG_FILE = """
from datetime import UTC, datetime
from pathlib import Path
from airflow_provider_yeastar.compat import DAG
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

arguments = {"report_type": "queueperformance", "parameters": {"queue_id_list": "{{ dag.params['ids'] }}"}}
with DAG(
    "periods",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    render_template_as_native_obj=True,
    params={"ids": "6400"},
):
    YeastarCallReportOperator(
        task_id="path", period="yesterday", destination=Path(OUT) / "{{ run_id[:6] }}" / "report.csv", **arguments
    )
    YeastarCallReportOperator.partial(task_id="mapped", destination=OUT + "/", **arguments).expand(
        period=["yesterday", "last_7_days", "2026-11-18T00:00:00"]
    )
"""


def test_airflow_runs_it_with_its_own_dates_native_types_and_mapped_tasks(
    yeastar_pbx: PbxSimulator, airflow_home: Path, tmp_path: Path
) -> None:
    dags, out = tmp_path / "dags", tmp_path / "out"
    dags.mkdir()
    (dags / "periods.py").write_text(f"OUT = {str(out)!r}\n{DAG_FILE}")
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(yeastar_pbx),
        "AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path / "state"),
    }
    airflow(airflow_home, environment, "dags", "reserialize")

    done = airflow(airflow_home, environment, "dags", "test", "periods", "2026-11-21T23:30:00+00:00")

    assert done.returncode == 0, done.stdout
    names = sorted(re.sub(r"_[0-9a-f]{8}\.csv", "", file.name) for file in out.glob("*.csv"))
    assert names == [
        "queueperformance_2026-11-15T000000--2026-11-21T235959",
        "queueperformance_2026-11-18",
        "queueperformance_2026-11-21",
    ], done.stdout
    assert [file.parent.name for file in out.glob("*/report.csv")] == ["manual"]
    assert ("2026/11/21 00:00:00", "2026/11/21 23:59:59") in asked(yeastar_pbx)
