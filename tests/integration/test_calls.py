"""Calls read from a simulated PBX over real sockets: each once, typed, or a red task."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.integration.support import connect, run_task

DAY = "2026-11-20"


def operator(tmp_path: Path, **changes: Any) -> YeastarCdrOperator:
    arguments = {"task_id": "calls", "period": DAY, "destination": f"{tmp_path}/calls/"}
    return YeastarCdrOperator(**arguments | changes)


def rows_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[PbxSimulator], PbxSimulator]:
    def make(pbx: PbxSimulator) -> PbxSimulator:
        connect(pbx, monkeypatch)
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        return pbx

    return make


class TestTheOperator:
    def test_writes_each_call_of_a_day_once_with_all_columns(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        path, xcoms = run_task(operator(tmp_path))

        rows = rows_of(path)
        assert len({row["uid"] for row in rows}) == len(rows) > 10
        assert {tuple(row) for row in rows} == {tuple(rows[0])}
        report = xcoms["report"]
        assert (report["rows"], report["complete"], report["api_version"]) == (len(rows), True, "v2.0")
        assert (report["start_time"], report["end_time"]) == (f"{DAY}T00:00:00", f"{DAY}T23:59:59")
        assert report["serial_number"] == pbx.settings.serial_number

    @pytest.mark.parametrize("version", ["v1.0", "v2.0"])
    def test_the_schema_knows_every_column(self, pbx: PbxSimulator, tmp_path: Path, version: str) -> None:
        _, xcoms = run_task(operator(tmp_path, api_version=version))

        assert xcoms["report"]["unknown_columns"] == []

    def test_a_rerun_replaces_its_own_file(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        first, _ = run_task(operator(tmp_path))
        content = Path(first).read_bytes()

        again, _ = run_task(operator(tmp_path))

        assert (again, Path(again).read_bytes()) == (first, content)
        assert len(list(Path(first).parent.iterdir())) == 1

    def test_yesterday_is_counted_from_the_run(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        moment = datetime(2026, 11, 21, 3, tzinfo=UTC)

        path, _ = run_task(operator(tmp_path, period="yesterday"), data_interval_end=moment)

        assert rows_of(path) == rows_of(run_task(operator(tmp_path))[0])
        assert "2026-11-20" in Path(path).name

    def test_yesterday_is_not_counted_by_a_clock_that_the_pbx_does_not_tell(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        with PbxSimulator(SimulatorSettings(tells_display=False)) as pbx:
            connect(pbx, monkeypatch, extra={"date_format": "YYYY/MM/DD", "time_format": "hh:mm:ss"})

            with pytest.raises(AirflowFailException, match=r"does not tell its clock, by which `period` 'yesterday'"):
                run_task(
                    operator(tmp_path, period="yesterday"), data_interval_end=datetime(2026, 11, 21, 12, tzinfo=UTC)
                )

            assert not (tmp_path / "calls").exists()

    def test_parquet_has_the_same_rows(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")

        path, _ = run_task(operator(tmp_path, file_format="parquet"))

        assert parquet.read_table(path).to_pylist() == rows_of(run_task(operator(tmp_path))[0])

    @pytest.mark.parametrize(
        ("version", "name", "column"),
        [
            ("v1.0", "call_from", "call_from_number"),
            ("v1.0", "call_to", "call_to_number"),
            ("v1.0", "status", "disposition"),
            ("v1.0", "did", "did"),
            ("v2.0", "call_from", "call_from_number"),
            ("v2.0", "call_to", "call_to_number"),
            ("v2.0", "call_type", "call_type"),
            ("v2.0", "last_status", "last_status"),
            ("v2.0", "uid", "uid"),
        ],
    )
    def test_filters_are_the_pbx_s(
        self, pbx: PbxSimulator, tmp_path: Path, version: str, name: str, column: str
    ) -> None:
        everything = rows_of(run_task(operator(tmp_path, api_version=version))[0])
        wanted = Counter(row[column] for row in everything if row[column]).most_common()[-1][0]

        some = rows_of(run_task(operator(tmp_path, api_version=version, filters={name: wanted}))[0])

        assert some == [row for row in everything if row[column] == wanted]
        assert 0 < len(some) < len(everything)

    @pytest.mark.parametrize(
        ("version", "filters", "sent"),
        [
            ("v2.0", {"queue_list": ["Support", "6402", 1]}, {"queue_list": "2,3,1"}),
            ("v2.0", {"queue_list": "6401-Support"}, {"queue_list": "2"}),
            ("v1.0", {"extension_group": "Sales"}, {"extension_group": "52"}),
            ("v2.0", {"call_from": "6401"}, {"call_from": "6401"}),  # takes numbers, not ids
        ],
    )
    def test_names_stand_for_ids_where_a_filter_takes_them(
        self, pbx: PbxSimulator, version: str, filters: dict[str, Any], sent: dict[str, str]
    ) -> None:
        list(YeastarHook().iter_calls(period=DAY, filters=filters, api_version=version))

        assert sent.items() <= pbx.calls("cdr/search")[0].query.items()

    def test_a_name_that_the_pbx_does_not_know_is_refused(self, pbx: PbxSimulator) -> None:
        with pytest.raises(InvalidRequestError, match=r"knows no .Suport. for queue_list"):
            list(YeastarHook().iter_calls(period=DAY, filters={"queue_list": "Suport"}))

        assert pbx.calls("cdr/search") == []

    @pytest.mark.parametrize("cap", [3, 7])
    def test_small_pages_lose_nothing(
        self, connected: Callable[[PbxSimulator], PbxSimulator], tmp_path: Path, cap: int
    ) -> None:
        with PbxSimulator(SimulatorSettings()) as whole, PbxSimulator(SimulatorSettings(cdr_page_cap=cap)) as capped:
            connected(whole)
            expected = {row["uid"] for row in YeastarHook().iter_calls(period=DAY)}
            connected(capped)

            assert {row["uid"] for row in YeastarHook().iter_calls(period=DAY)} == expected

    def test_a_capped_result_is_complete_or_red(
        self, connected: Callable[[PbxSimulator], PbxSimulator], tmp_path: Path
    ) -> None:
        busy = {"traffic": 15.0, "firmware": "23.0.83"}
        with (
            PbxSimulator(SimulatorSettings(**busy)) as whole,
            PbxSimulator(SimulatorSettings(**busy, cdr_result_cap=2_000)) as capped,
        ):
            connected(whole)
            expected = {row["new_id"] for row in YeastarHook().iter_calls(period=DAY)}
            connected(capped)

            assert {row["new_id"] for row in YeastarHook().iter_calls(period=DAY)} == expected
            assert len(expected) > 2_000

    def test_older_firmware_is_read_by_v1_as_legs(
        self, connected: Callable[[PbxSimulator], PbxSimulator], tmp_path: Path
    ) -> None:
        with PbxSimulator(SimulatorSettings(firmware="23.0.83")) as pbx:
            connected(pbx)

            path, xcoms = run_task(operator(tmp_path))

            rows = rows_of(path)
            assert xcoms["report"]["api_version"] == "v1.0"
            assert len({row["new_id"] for row in rows}) == len(rows) > len({row["uid"] for row in rows})

    def test_a_hidden_number_does_not_stand_in_the_name_of_the_recording(
        self, pbx: PbxSimulator, tmp_path: Path
    ) -> None:
        plain, _ = run_task(operator(tmp_path, api_version="v1.0"))
        assert any(row["record_file"] for row in rows_of(plain))

        path, _ = run_task(operator(tmp_path / "hidden", api_version="v1.0", protect={"call_to": "mask"}))

        assert not any("record_file" in row for row in rows_of(path))

    @pytest.mark.parametrize("times", ["unix", "display"])
    def test_v1_takes_the_times_that_the_pbx_takes(
        self, connected: Callable[[PbxSimulator], PbxSimulator], times: Any
    ) -> None:
        with PbxSimulator(SimulatorSettings(firmware="23.0.83", cdr_times=times)) as pbx:
            connected(pbx)

            assert len(list(YeastarHook().iter_calls(period=DAY))) > 10

    @pytest.mark.parametrize(("on_empty", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)])
    def test_on_empty_decides_about_a_window_without_calls(
        self, pbx: PbxSimulator, tmp_path: Path, on_empty: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            run_task(operator(tmp_path, filters={"call_from": "nobody"}, on_empty=on_empty))

    def test_a_window_that_has_not_ended_is_told(
        self, pbx: PbxSimulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        _, xcoms = run_task(operator(tmp_path, period="2099"))

        assert xcoms["report"]["complete"] is False
        assert "is not over by the PBX's clock" in caplog.text


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"period": None},
            {"period": None, "start_time": "2026-11-20"},
            {"period": "2026-11-31"},
            {"filters": {"call_form": "1"}},
            {"filters": {"call_from": None}},
            {"filters": ["call_from"]},
            {"filters": {"did": "1"}, "api_version": "v2.0"},
            {"api_version": "v3"},
            {"file_format": "csv"},
            {"on_empty": "never"},
            {"protect": {"no_such": "drop"}},
        ],
        ids=str,
    )
    def test_when_the_dag_is_parsed(self, tmp_path: Path, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError):
            operator(tmp_path, **{"api_version": "v2.0"} | arguments)
