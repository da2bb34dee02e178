"""The operator's and the hook's rows as a simulated PBX may answer: in pages, unknown lists and with other columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest
from pyarrow import parquet

from airflow_provider_yeastar.compat import AirflowFailException, Asset
from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files.spool import Spool
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import NotAPbxError, WaitTimeoutError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.rows import AGENTS, LIST, answering, operator, run
from tests.integration.support import connection_to, outlet_events, run_task


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[PbxSimulator], PbxSimulator]:
    """Makes a simulated PBX `yeastar_default`."""

    def connect(pbx: PbxSimulator) -> PbxSimulator:
        monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx))
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        return pbx

    return connect


class TestPages:
    def test_all_rows_come_from_a_pbx_that_pages(
        self, connected: Callable[[PbxSimulator], PbxSimulator], pbx: PbxSimulator
    ) -> None:
        arguments = {"report_type": "extcallstatistics", "period": "2026-11-20", "parameters": {"ext_id_list": [51]}}
        at_once = YeastarHook().get_report_rows(**arguments)
        with PbxSimulator(SimulatorSettings(rows_per_page=5)) as paging:
            connected(paging)
            in_pages = YeastarHook().get_report_rows(**arguments)

            assert [call.query.get("page") for call in paging.calls(LIST)] == [None, "2", "3", "4"]
        assert len(at_once) == 16
        assert in_pages == at_once

    def test_a_page_is_stored_before_the_next_one_is_asked_for(
        self, connected: Callable[[PbxSimulator], PbxSimulator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        seen: list[tuple[int, int]] = []
        store = Spool.extend

        def extend(spool: Spool, rows: Any) -> None:
            store(spool, rows)
            seen.append((len(paging.calls(LIST)), spool.count))

        monkeypatch.setattr(Spool, "extend", extend)
        with PbxSimulator(SimulatorSettings(rows_per_page=5)) as paging:
            connected(paging)
            run(operator(tmp_path / "x.ndjson", report_type="extcallstatistics", parameters={"ext_id_list": [51]}))

        assert seen == [(1, 5), (2, 10), (3, 15), (4, 16)]

    def test_a_full_disk_is_no_reason_to_ask_the_pbx_again(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, no_pauses: None, tmp_path: Path
    ) -> None:
        full = DestinationError("A temporary file cannot be written: No space left on device")
        monkeypatch.setattr(Spool, "extend", Mock(spec=Spool.extend, side_effect=full))

        with pytest.raises(DestinationError, match="No space left"):
            run(operator(tmp_path / "x.ndjson"))

        assert len(pbx.calls(LIST)) == 1

    def test_groups_are_what_is_counted(self, connected: Callable[[PbxSimulator], PbxSimulator]) -> None:
        with PbxSimulator(SimulatorSettings(rows_per_page=1)) as paging:
            connected(paging)
            rows = YeastarHook().get_report_rows(
                report_type="ringgroupstatistics",
                period="2026-11",
                parameters={"ring_group_id_list": ["Reception", "Warehouse"]},
            )

        assert len(rows) == 5

    @pytest.mark.parametrize("errcode", [40002, 60001])
    def test_a_page_that_is_refused_before_all_rows_came_is_asked_for_again_with_the_others(
        self,
        connected: Callable[[PbxSimulator], PbxSimulator],
        errcode: int,
        tmp_path: Path,
        no_pauses: None,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with PbxSimulator(SimulatorSettings(rows_per_page=4)) as paging:
            connected(paging).faults.add(Fault("errcode", LIST, errcode, after=1))

            task = operator(tmp_path / "rows.ndjson", report_type="extcallstatistics", parameters={"ext_id_list": [51]})
            _, report = run(task)

        assert report["rows"] == 16
        assert "counts 16 rows and lists 4" in caplog.text

    def test_a_pbx_that_counts_more_than_it_has_is_no_success(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, long_pauses: None
    ) -> None:
        with (
            answering(monkeypatch, lambda answer: answer | {"total_number": 99}),
            pytest.raises((NotAPbxError, WaitTimeoutError), match=r"pays no heed to the page, .* 1 row of 99"),
        ):
            YeastarHook().get_report_rows(**AGENTS, wait_timeout=30)

    def test_agents_that_are_counted_are_all_there_with_their_queue(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with answering(monkeypatch, lambda answer: answer | {"total_number": 6}):
            assert len(YeastarHook().get_report_rows(**AGENTS)) == 6

        assert len(pbx.calls(LIST)) == 1


class TestAnswersOfWhichNothingIsKnown:
    def test_an_unknown_list_and_extra_columns_are_carried_along(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with answering(monkeypatch, lambda answer: {"total_number": 1, "newer_list": [{"mood": "good", "calls": 3}]}):
            assert YeastarHook().get_report_rows(**AGENTS) == [{"mood": "good", "calls": 3}]

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            pytest.param({"total_number": 4}, "counts 4 rows and lists none", id="counts"),
            pytest.param({}, "neither lists nor counts anything", id="says nothing"),
        ],
    )
    def test_rows_that_may_be_there_and_are_not_listed_are_no_success(
        self,
        pbx: PbxSimulator,
        monkeypatch: pytest.MonkeyPatch,
        long_pauses: None,
        answer: dict[str, Any],
        words: str,
    ) -> None:
        with (
            answering(monkeypatch, lambda _: answer),
            pytest.raises((NotAPbxError, WaitTimeoutError), match=words),
        ):
            YeastarHook().get_report_rows(**AGENTS, wait_timeout=30)

    def test_a_success_that_says_nothing_is_asked_for_again(self, pbx: PbxSimulator, no_pauses: None) -> None:
        expected = YeastarHook().get_report_rows(**AGENTS)
        pbx.faults.add(Fault("without", LIST, ("total_number", "queue_agent_performance_list")))

        assert YeastarHook().get_report_rows(**AGENTS) == expected

    def test_rows_of_another_month_are_left_out_with_a_warning(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        july = {"report_type": "queueavgwaittalktime", "period": "2026-07", "parameters": {"queue_id_list": [1]}}
        rows = [{"time": time, "avg_wait_time": 3} for time in ("2026/07/31", "2026/08/01", 31)]
        with answering(monkeypatch, lambda answer: {"total_number": 3, "queue_avg_wait_talk_time_list": rows}):
            found = YeastarHook().get_report_rows(**july)

        assert [row["time"] for row in found] == ["2026/07/31", "31"]
        assert "answered 2026-07 with 1 row of other times, left out here" in caplog.text

    MISSED: ClassVar = {
        "report_type": "unreturnmisscall",
        "period": None,
        "parameters": None,
        "start_time": "2026-11-20 08:00:00",
        "end_time": "2026-11-20 17:59:59",
    }

    @staticmethod
    def missed(*times: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        rows = [{"time": time, "call_from": "1001"} for time in times]
        return lambda answer: {"total_number": len(rows), "unreturn_miss_call_list": rows}

    def test_rows_of_another_day_than_the_range_are_left_out_with_a_warning(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
    ) -> None:
        times = ("2026/11/20 09:00:00", "2026/11/19 23:00:00", "2026/11/18 09:00:00")
        with answering(monkeypatch, self.missed(*times)):
            path, report = run(operator(tmp_path / "missed.ndjson", **self.MISSED))

        assert report["rows"] == 2
        assert [line["time"][:10] for line in map(json.loads, Path(path).read_text().splitlines())] == [
            "2026-11-20",
            "2026-11-19",
        ]
        assert "with 1 row of other times, left out here" in caplog.text
        assert "with 1 row that may be of other times" in caplog.text

    @pytest.mark.parametrize(("count", "is_suspect"), [(5_000, True), (5_001, False)])
    def test_a_count_at_which_lists_are_known_to_end_is_suspect(
        self,
        pbx: PbxSimulator,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        count: int,
        is_suspect: bool,
    ) -> None:
        with answering(monkeypatch, self.missed(*["2026/11/20 09:00:00"] * count)):
            assert len(YeastarHook().get_report_rows(**self.MISSED)) == count

        assert ("the count is suspect, as lists of Yeastar end at 5000" in caplog.text) is is_suspect

    def test_rows_of_other_days_alone_are_another_report(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with (
            answering(monkeypatch, self.missed("2026/11/18 09:00:00", "2026/10/01 09:00:00")),
            pytest.raises(AirflowFailException, match=r"no row of 2026-11-20.*, and 2 rows of other times"),
        ):
            run(operator(tmp_path / "missed.ndjson", **self.MISSED))

        assert not (tmp_path / "missed.ndjson").exists()


class TestSchema:
    """A column that the report's schema does not have, and personal data."""

    @staticmethod
    def with_mood(answer: dict[str, Any]) -> dict[str, Any]:
        rows = answer["queue_performance_list"]
        return answer | {"queue_performance_list": [row | {"mood": 5, "new_calls": "3"} for row in rows]}

    QUEUES = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1, 2]}}  # noqa: RUF012

    def test_an_unknown_column_is_kept_and_told_everywhere(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        asset, events = Asset("yeastar-report://queues"), outlet_events()
        task = operator(tmp_path / "x.parquet", file_format="parquet", outlets=[asset], **self.QUEUES)
        with answering(monkeypatch, self.with_mood):
            path, xcoms = run_task(task, outlet_events=events)

        table = parquet.read_table(path)
        assert table.column("mood").to_pylist() == ["5", "5"]
        assert table.column("new_calls").to_pylist() == [3, 3]
        assert xcoms["report"]["unknown_columns"] == ["mood", "new_calls"]
        assert events[asset].extra["unknown_columns"] == ["mood", "new_calls"]
        if find_spec("airflow.providers.openlineage"):
            lineage = task.get_openlineage_facets_on_complete(None)
            assert lineage
            fields = lineage.outputs[0].facets["schema"].fields
            assert [(field.name, field.type) for field in fields][-2:] == [("mood", "text"), ("new_calls", "integer")]

    def test_drop_leaves_it_out_and_freeze_fails(
        self, pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with answering(monkeypatch, self.with_mood):
            path, xcoms = run_task(operator(tmp_path / "x.ndjson", on_schema_change="drop", **self.QUEUES))
            with pytest.raises(AirflowFailException, match="mood, new_calls"):
                run_task(operator(tmp_path / "y.ndjson", on_schema_change="freeze", **self.QUEUES))

        assert "mood" not in Path(path).read_text()
        assert xcoms["report"]["unknown_columns"] == ["mood", "new_calls"]
        assert not (tmp_path / "y.ndjson").exists()

    def test_times_of_a_pbx_with_another_display_format_are_timestamps(
        self, connected: Callable[[PbxSimulator], PbxSimulator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def displayed(answer: dict[str, Any]) -> dict[str, Any]:
            (key,) = [key for key, value in answer.items() if isinstance(value, list)]
            return answer | {key: [{"time": "11/05/2026 08:30:00 PM", "call_from": "030"}], "total_number": 1}

        with PbxSimulator(SimulatorSettings(date_format="MM/DD/YYYY", twelve_hour=True)) as american:
            connected(american)
            task = operator(tmp_path / "x.ndjson", report_type="unreturnmisscall", period="2026-11", parameters={})
            with answering(monkeypatch, displayed):
                path, _ = run_task(task)

        row = json.loads(Path(path).read_text())
        assert (row["time"], row["call_from"]) == ("2026-11-05T20:30:00", "030")

    def test_rows_in_memory_are_a_table_in_one_line(self, pbx: PbxSimulator) -> None:
        rows = YeastarHook().get_report_rows(period="2026-11-20", **self.QUEUES)

        table = rows.to_arrow()
        assert table.column("queue_num").to_pylist() == ["6400", "6401"]
        assert str(table.schema.field("answered_rate").type) == "double"
        assert list(rows.to_pandas()["queue_num"]) == ["6400", "6401"]
