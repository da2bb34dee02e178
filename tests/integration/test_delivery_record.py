"""What is told of a delivered file, and that it can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import (
    AirflowSkipException,
    Asset,
)
from airflow_provider_yeastar.pbx.calls import reading
from airflow_provider_yeastar.readers import ReportLayoutError, read_report, typed_columns
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout
from tests.integration.delivering import names, operator, serving
from tests.integration.support import outlet_events, run_task


class TestTheRecord:
    def test_the_sidecar_holds_what_xcom_holds(self, pbx: PbxSimulator, out: Path, way: dict[str, Any]) -> None:
        path, xcoms = run_task(operator(f"{out}/", write_metadata=True, **way))

        assert json.loads(Path(f"{path}.report.json").read_text()) == xcoms["report"]
        assert names(out) == [Path(path).name, f"{Path(path).name}.report.json"]

    @pytest.mark.parametrize("cap", [3, 4], ids=["as many", "more"])
    def test_a_count_at_which_lists_are_known_to_end_is_suspect(
        self,
        pbx: PbxSimulator,
        out: Path,
        way: dict[str, Any],
        cap: int,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(reading, "KNOWN_CAPS", {cap})

        _, xcoms = run_task(operator(f"{out}/", write_metadata=True, **way))

        assert ("the count is suspect" in caplog.text) is (xcoms["report"]["rows"] == cap)

    def test_an_asset_event_tells_which_report_and_which_bytes(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        asset, other = Asset("yeastar-report://queues"), Asset("yeastar-report://other")
        events = outlet_events()
        events[asset].extra["of the DAG's author"] = True

        path, xcoms = run_task(operator(out / "x.csv", outlets=[asset], **way), outlet_events=events)

        report = xcoms["report"]
        assert events[asset].extra == {
            "of the DAG's author": True,
            "report_type": "queueperformance",
            "start_time": "2026-11-20T00:00:00",
            "end_time": "2026-11-20T23:59:59",
            "timezone": "Europe/Berlin",
            "serial_number": pbx.settings.serial_number,
            "path": path,
            "bytes": report["bytes"],
            "sha256": report["sha256"],
            "format": "csv",
        }
        assert events[other].extra == {}

    def test_a_refused_file_leaves_no_sidecar(self, pbx: PbxSimulator, out: Path) -> None:
        with pytest.raises(AirflowSkipException):
            run_task(
                operator(
                    out / "x.csv",
                    write_metadata=True,
                    on_empty="skip",
                    parameters={"queue_id_list": [99]},
                    check_ids=False,
                    deferrable=False,
                )
            )

        assert names(out) == []


class TestReadingWhatWasDelivered:
    """Every variant of CSV that is known of a PBX (reference, section 7): from the PBX to the reader's values."""

    LAYOUTS = (
        pytest.param(CsvLayout(), {}, id="byte order mark"),
        pytest.param(CsvLayout(bom=False), {}, id="no byte order mark"),
        pytest.param(CsvLayout(preamble=True), {}, id="preamble"),
        pytest.param(CsvLayout(delimiter=";"), {}, id="semicolons"),
        pytest.param(CsvLayout(delimiter="\t"), {}, id="tabs between cells"),
        pytest.param(CsvLayout(tabs=True), {}, id="tabs in cells"),
        pytest.param(CsvLayout(total_row=True), {}, id="total row"),
        pytest.param(CsvLayout(label_style="number-name"), {}, id="labels 1021-Name"),
        pytest.param(CsvLayout(), {"duration_format": "hhmmss"}, id="hh:mm:ss"),
        pytest.param(
            CsvLayout(preamble=True, delimiter=";", total_row=True, tabs=True, label_style="number-name"),
            {"duration_format": "hhmmss"},
            id="all at once",
        ),
    )

    @pytest.mark.parametrize(("layout", "changes"), LAYOUTS)
    @pytest.mark.parametrize("need_detail", [False, True], ids=["", "with calls"])
    def test_it_is_read_with_the_figures_of_the_listing(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        out: Path,
        layout: CsvLayout,
        changes: dict[str, Any],
        need_detail: bool,
    ) -> None:
        parameters = {"queue_id_list": [1, 2, 3], "need_detail": need_detail}
        with serving(monkeypatch, tmp_path, csv_layout=layout):
            path, _ = run_task(operator(out / "x.csv", parameters=parameters, asynchronous=False, **changes))

        # A label written the other way may be a name, and has to be declared.
        kinds = {"Queue": "label"} if layout.label_style == "number-name" else None
        table = read_report(path, report_type="queueperformance", kinds=kinds)
        columns = {column.name: column for column in table.columns}
        assert columns["queue"].values == ("Sales", "Support", "Billing")
        assert columns["queue_number"].values == ("6400", "6401", "6402")
        assert columns["answered_rate"].kind == "percent"
        assert columns["average_waiting_time"].kind == "duration"
        assert (table.totals is not None) is layout.total_row
        assert len(table.preamble) == (3 if layout.preamble else 0)
        total_calls = columns["total_calls"].values
        assert all(isinstance(value, int) for value in total_calls)
        # Each row has its calls under it, as many as it counts.
        assert bool(table.call_header) is need_detail
        assert [len(row.calls) for row in table.rows] == (list(total_calls) if need_detail else [0, 0, 0])

    def test_calls_are_values_too(self, pbx: PbxSimulator, out: Path) -> None:
        parameters = {"queue_id_list": [1, 2, 3], "need_detail": True}
        path, _ = run_task(operator(out / "x.csv", parameters=parameters, asynchronous=False))

        table = read_report(path)
        calls = typed_columns(table.call_header, [call for row in table.rows for call in row.calls])

        assert {column.kind for column in calls} >= {"duration", "text"}
        assert all(len(column.values) == sum(len(row.calls) for row in table.rows) for column in calls)

    def test_an_unknown_layout_is_an_error_that_shows_the_header(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, b"Queue,Total,Total\r\nSales<6400>,1,2\r\n"):
            path, _ = run_task(operator(out / "x.csv", asynchronous=False))

        with pytest.raises(ReportLayoutError, match=r"unknown way.*'Queue', 'Total', 'Total'"):
            read_report(path)
