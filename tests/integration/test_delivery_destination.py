"""The file at its destination: what is there already, who else writes there, what the log tells."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, ObjectStoragePath
from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.integration.delivering import BIG, fetches, names, operator, serving
from tests.integration.support import QUEUE_REPORT, connection_to, run_task


class TestTheDestination:
    def test_overwrite_false_leaves_a_file_and_asks_nobody(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        (out / "x.csv").write_text("old")

        path, _ = run_task(operator(out / "x.csv", overwrite=False, **way))

        assert Path(path).read_text() == "old"
        assert pbx.requests == []

    @pytest.mark.parametrize(("moment", "fetched"), [("keep", 0), ("file", 1)], ids=["waited", "fetched"])
    def test_overwrite_false_leaves_a_file_that_came_while_the_task(
        self,
        pbx: PbxSimulator,
        out: Path,
        way: dict[str, Any],
        moment: str,
        fetched: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        real = getattr(pbx.state, moment)

        def meanwhile(*arguments: Any) -> Any:
            (out / "x.csv").write_text("another task's")
            return real(*arguments)

        monkeypatch.setattr(pbx.state, moment, meanwhile)

        path, xcoms = run_task(operator(out / "x.csv", overwrite=False, **way))

        assert Path(path).read_text() == "another task's"
        assert names(out) == ["x.csv"]
        assert len(fetches(pbx)) == fetched
        assert "report" not in xcoms

    def test_two_pbxs_fill_one_directory(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with PbxSimulator(SimulatorSettings(seed=2)) as other:
            monkeypatch.setenv("AIRFLOW_CONN_BERLIN", connection_to(pbx))
            monkeypatch.setenv("AIRFLOW_CONN_SHANGHAI", connection_to(other))

            paths = [run_task(operator(f"{out}/", yeastar_conn_id=name, **way))[0] for name in ("berlin", "shanghai")]

        assert names(out) == sorted(Path(path).name for path in paths)
        assert len({Path(path).read_bytes() for path in paths}) == 2

    @pytest.mark.parametrize("kind", [Path, ObjectStoragePath])
    def test_a_path_object_is_taken_as_its_text(self, pbx: PbxSimulator, out: Path, kind: Any) -> None:
        task = operator("", deferrable=False)
        task.destination = kind(out / "x.csv")

        path, _ = run_task(task)

        assert path == str(out / "x.csv")
        assert names(out) == ["x.csv"]

    def test_what_is_no_path_is_refused_with_one_sentence(self, pbx: PbxSimulator) -> None:
        task = operator("", deferrable=False)
        task.destination = {}

        with pytest.raises(AirflowFailException, match="`destination` is a dict, neither a text nor a path"):
            run_task(task)

        assert pbx.requests == []

    def test_a_directory_is_refused_before_the_pbx_is_asked(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        with pytest.raises(DestinationError, match="Is a directory"):
            run_task(operator(out, **way))

        assert pbx.requests == []
        assert names(out) == []

    def test_a_disk_that_fills_up_fails_the_task_and_leaves_nothing(
        self, big: PbxSimulator, out: Path, limited_file_size: None
    ) -> None:
        with pytest.raises(DestinationError, match="cannot be written"):
            run_task(operator(out / "x.csv", asynchronous=False))

        assert names(out) == []

    def test_two_tasks_with_one_destination_both_succeed_and_the_last_wins(self, pbx: PbxSimulator, out: Path) -> None:
        target = out / "x.csv"
        queues = ([1], [1, 2])
        whole = {b"old"}
        for ids in queues:
            run_task(operator(target, parameters={"queue_id_list": ids}, asynchronous=False, allow_shrink=True))
            whole.add(target.read_bytes())
        target.write_bytes(b"old")
        seen: set[bytes] = set()
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.add(target.read_bytes())

        reader = threading.Thread(target=read)
        reader.start()
        paths: list[str] = []

        def fetch(ids: list[int]) -> None:
            # Not `execute`, which Airflow 2 lets run in the main thread only.
            request = build_request(**QUEUE_REPORT | {"parameters": {"queue_id_list": ids}}, asynchronous=False)
            context: Any = {"ti": Mock(try_number=1)}
            paths.append(operator(target, allow_shrink=True).deliver(context, request))

        tasks = [threading.Thread(target=fetch, args=(ids,)) for ids in queues]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join(60)
        done.set()
        reader.join(10)

        assert paths == [str(target)] * 2
        assert len(whole) == 3
        assert seen <= whole
        assert target.read_bytes() in whole - {b"old"}
        assert names(out) == ["x.csv"]


def test_the_log_tells_how_far_it_is(
    big: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.files.progress._PERIOD_SECONDS", 0.0)
    caplog.set_level(logging.INFO)

    path, _ = run_task(operator(out / "x.csv", asynchronous=False))

    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Downloaded")]
    line = re.compile(rf"Downloaded \d+ of {len(BIG)} bytes \((\d+) %\) for {re.escape(path)}, \d+\.\d MiB/s")
    shares = [int(found[1]) for found in map(line.fullmatch, told) if found]
    assert len(shares) == len(told) > 2
    assert shares == sorted(shares)
    assert shares[-1] == 100


def test_a_row_of_another_month_in_the_pbx_s_file_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = "".join(f"2026/07/{day:02},3,17\r\n" for day in range(1, 32))
    content = f"Time,Calls,Average\r\n{days}2026/08/01,0,0\r\n".encode()
    july = {"report_type": "queueavgwaittalktime", "period": "2026-07", "parameters": {"queue_id_list": [1]}}
    with serving(monkeypatch, tmp_path, content):
        path, _ = run_task(operator(tmp_path / "x.csv", **july))

    assert Path(path).read_bytes() == content
    assert "2026-07 was asked for, and the PBX's file has a row of 2026/08/01 too." in caplog.text
