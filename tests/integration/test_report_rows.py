"""The operator of rows against a simulated PBX: the file, the request, a report without rows, a kill."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException, Asset
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.pbx.errors import WaitTimeoutError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.rows import LIST, answering, operator, run
from tests.integration.support import connection_to, outlet_events, run_task


class TestTheFile:
    def test_it_holds_a_row_for_each_agent_with_its_queue(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        path, report = run(operator(f"{tmp_path}/out/"))

        content = Path(path).read_bytes()
        rows = [json.loads(line) for line in content.splitlines()]
        assert re.fullmatch(r"queueagentperformance_2026-11-20_[0-9a-f]{8}\.ndjson", Path(path).name)
        assert [(row["queue_num"], row["agent_number"]) for row in rows] == [
            ("6401", number) for number in ("1005", "1006", "1007", "1008", "1009", "1004")
        ]
        assert all(type(row["agent_total_calls"]) is int and "detail" not in row for row in rows)
        assert all(row["queue_total_calls"] >= row["agent_answered_calls"] for row in rows)
        assert report | {"requested_at": "", "ready_at": "", "downloaded_at": "", "unknown_columns": []} == {
            "path": path,
            "bytes": len(content),
            "sha256": sha256(content).hexdigest(),
            "format": "ndjson",
            "rows": 6,
            "unknown_columns": [],
            "report_type": "queueagentperformance",
            "start_time": "2026-11-20T00:00:00",
            "end_time": "2026-11-20T23:59:59",
            "timezone": "Europe/Berlin",
            "api_version": "v2.0",
            "requested_at": "",
            "ready_at": "",
            "downloaded_at": "",
            "serial_number": pbx.settings.serial_number,
            "identified_by": "answer",
        }

    def test_parquet_has_the_same_rows_with_types(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        ndjson, _ = run(operator(f"{tmp_path}/"))
        path, report = run(operator(f"{tmp_path}/", file_format="parquet"))

        table = parquet.read_table(path)
        assert Path(path).stem == Path(ndjson).stem
        assert report["format"] == "parquet"
        assert table.to_pylist() == [json.loads(line) for line in Path(ndjson).read_text().splitlines()]
        assert str(table.schema.field("agent_total_calls").type) == "int64"

    def test_an_asset_event_and_the_lineage_tell_of_it(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        asset, events = Asset("yeastar-report://agents"), outlet_events()
        task = operator(tmp_path / "x.ndjson", outlets=[asset])

        path, xcoms = run_task(task, outlet_events=events)

        extra = events[asset].extra
        assert {name: extra[name] for name in ("path", "sha256", "format", "report_type")} == {
            "path": path,
            "sha256": xcoms["report"]["sha256"],
            "format": "ndjson",
            "report_type": "queueagentperformance",
        }
        if not find_spec("airflow.providers.openlineage"):
            return
        lineage = task.get_openlineage_facets_on_complete(None)
        assert lineage
        assert [dataset.name for dataset in lineage.outputs] == [path]

    def test_overwrite_false_leaves_a_file_that_came_meanwhile(
        self, pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "x.ndjson"

        def meanwhile(answer: dict[str, Any]) -> dict[str, Any]:
            file.write_text("another task's")
            return answer

        with answering(monkeypatch, meanwhile):
            path, xcoms = run_task(operator(file, overwrite=False))

        assert path == str(file)
        assert "report" not in xcoms
        assert file.read_text() == "another task's"

    def test_a_re_run_replaces_its_own_file(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        first, _ = run(operator(f"{tmp_path}/out/"))
        Path(first).write_text("old")

        assert run(operator(f"{tmp_path}/out/"))[0] == first
        assert Path(first).read_text() != "old"
        assert len(list((tmp_path / "out").iterdir())) == 1


class TestTheRequest:
    def test_it_is_that_of_the_file_without_what_concerns_the_file(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        run(operator(f"{tmp_path}/"))

        call = pbx.calls(LIST)[0]
        assert call.path == f"/openapi/v2.0/{LIST}"
        assert {name: value for name, value in call.query.items() if name != "access_token"} == {
            "type": "queueagentperformance",
            "start_time": "2026/11/20 00:00:00",
            "end_time": "2026/11/20 23:59:59",
            "queue_id": "2",
        }

    def test_what_may_pass_is_asked_again(self, pbx: PbxSimulator, no_pauses: None, tmp_path: Path) -> None:
        pbx.faults.add(Fault("reset before", LIST), Fault("errcode", LIST, 70082), Fault("errcode", LIST, 10004))

        _, report = run(operator(f"{tmp_path}/"))

        assert report["rows"] == 6

    def test_an_unreachable_pbx_is_told_after_the_time_out(
        self, pbx: PbxSimulator, long_pauses: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, port=1))

        with pytest.raises(WaitTimeoutError, match="Connection refused"):
            run(operator(f"{tmp_path}/", wait_timeout=30))

    def test_an_unknown_name_fails_without_retries(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        with pytest.raises(AirflowFailException, match=r"knows no 'Nobody'.*6401-Support \(id 2\)"):
            run(operator(f"{tmp_path}/", parameters={"queue_id": "Nobody"}))


class TestOnEmpty:
    NOBODY = {"parameters": {"queue_id": 99}, "check_ids": False}  # noqa: RUF012

    @pytest.mark.parametrize("no_data", [False, True], ids=["no rows", "60001"])
    @pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
    def test_ok_writes_a_file_without_rows(
        self, pbx: PbxSimulator, file_format: str, no_data: bool, tmp_path: Path
    ) -> None:
        if no_data:
            pbx.faults.add(Fault("errcode", LIST, 60001))

        path, report = run(operator(tmp_path / "rows", file_format=file_format, **self.NOBODY))

        assert report["rows"] == 0
        assert Path(path).exists()

    @pytest.mark.parametrize("no_data", [False, True], ids=["no rows", "60001"])
    @pytest.mark.parametrize(
        ("on_empty", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)], ids=["skip", "fail"]
    )
    def test_skip_and_fail_leave_nothing(
        self, pbx: PbxSimulator, on_empty: str, error: type[Exception], no_data: bool, tmp_path: Path
    ) -> None:
        if no_data:
            pbx.faults.add(Fault("errcode", LIST, 60001))

        with pytest.raises(error, match="no row"):
            run(operator(tmp_path / "rows", on_empty=on_empty, **self.NOBODY))

        assert not (tmp_path / "rows").exists()


def test_a_killed_task_ends_as_no_success(pbx: PbxSimulator, tmp_path: Path) -> None:
    task = operator(tmp_path / "rows.ndjson")
    task.on_kill()

    with pytest.raises(TaskKilledError):
        run(task)

    assert not (tmp_path / "rows.ndjson").exists()
