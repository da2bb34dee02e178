"""A PBX that names all files of one report alike: the later file takes the place of the earlier one [D sample, U]."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.operators.call_report import YeastarDownloadReportOperator
from airflow_provider_yeastar.pbx import client
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import FileReplacedError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.state import ledger, records
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.asking import label_of, reached, request, ways
from tests.integration.delivering import names, operator, serving
from tests.integration.support import Run, Wait, connect, run_task

REQUEST = build_request(**request(1))
LABELS = {1: "Sales<6400>", 2: "Support<6401>"}


def sensed(queue: int, deferrable: bool) -> dict[str, Any]:
    sensor = YeastarCallReportSensor(
        task_id=f"queue_{queue}",
        report_type="queueperformance",
        period="2026-11-20",
        parameters={"queue_id_list": [queue]},
        deferrable=deferrable,
    )
    report, _ = run_task(sensor)
    return dict(report)


def fetched(report: dict[str, Any], path: Path) -> bytes:
    operator = YeastarDownloadReportOperator(
        task_id="fetch", report=json.loads(json.dumps(report)), destination=str(path), deferrable=True
    )
    stored, _ = run_task(operator)
    return Path(stored).read_bytes()


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "poke"])
def test_a_report_whose_file_was_replaced_before_it_was_fetched_is_requested_again(
    deferrable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ledger, "_FETCH_SECONDS", 0.5)  # nobody fetches the second report meanwhile
    with serving(monkeypatch, tmp_path, plain_names=True) as pbx:
        reports = {queue: sensed(queue, deferrable) for queue in LABELS}
        files = {queue: fetched(report, tmp_path / f"{queue}.csv") for queue, report in reports.items()}

        assert {report["file"] for report in reports.values()} == {"Queue-Performance.csv"}
        assert {queue: label_of(content) for queue, content in files.items()} == LABELS
        # The second one's own file was replaced by that of the first, when this was requested again.
        # Each has taken the other one's place once; no event was believed as soon as one name had come twice.
        assert ways(pbx) == ["1", "1", "0", "0", "0"]


def test_reports_that_are_fetched_one_after_the_other_are_requested_once_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, tmp_path, plain_names=True) as pbx:
        for queue, label in LABELS.items():
            path, _ = run_task(operator(tmp_path / "x.csv", parameters={"queue_id_list": [queue]}, asynchronous=False))
            assert label_of(Path(path).read_bytes()) == label
        assert ways(pbx) == ["0", "0"]


def among_others(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    """The connection as it is by default: others may make reports, too."""
    connect(pbx, monkeypatch, extra={"timezone": pbx.settings.timezone, **extra})


@pytest.mark.parametrize("file_format", ["csv", "xls", "pdf", "html"])
def test_a_file_that_a_person_s_report_may_have_replaced_is_never_taken(
    file_format: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
) -> None:
    with serving(monkeypatch, tmp_path, plain_names=True) as pbx:
        among_others(pbx, monkeypatch)
        fetch, query = PbxClient.open_file, {"type": "queueperformance", "queue_id_list": "2", "format": file_format}

        async def open_late(own: PbxClient, *arguments: Any, **options: Any) -> Any:
            await asyncio.to_thread(
                pbx.download_in_portal, **query, start_time="2026/11/20 00:00:00", end_time="2026/11/20 23:59:59"
            )
            return await fetch(own, *arguments, **options)

        monkeypatch.setattr(PbxClient, "open_file", open_late)
        with pytest.raises(AirflowFailException, match="without `exclusive` others may make reports") as caught:
            run_task(operator(out / "x", parameters={"queue_id_list": [1]}, file_format=file_format))

        assert "Set `exclusive` in the connection if nobody else makes reports at this PBX" in str(caught.value)
        assert names(out) == []
        assert len(ways(pbx)) == 1  # another request would not tell more


@pytest.mark.parametrize("extra", [{}, {"exclusive": False, "login_sharing": "none"}], ids=["default", "alone"])
def test_among_others_a_name_that_only_differs_is_not_enough(
    extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
) -> None:
    monkeypatch.setattr(records, "_OWN_NAME", re.compile("(?!)"))  # no name looks like one that no other file gets
    with serving(monkeypatch, tmp_path) as pbx:
        among_others(pbx, monkeypatch, **extra)
        with pytest.raises(AirflowFailException, match="not one that no other file gets"):
            run_task(operator(out / "x.csv"))
        assert names(out) == []


def test_on_the_word_names_that_differ_are_seen_once_by_two_more_requests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(records, "_OWN_NAME", re.compile("(?!)"))
    with serving(monkeypatch, tmp_path) as pbx:
        # One that is killed leaves its report outstanding: the name of the next one might be given to it.
        waiting = Wait(pbx, tmp_path / "state")
        asyncio.run(killed_while_the_pbx_works(waiting, 3))
        for queue, label in LABELS.items():
            path, _ = run_task(operator(tmp_path / "x.csv", parameters={"queue_id_list": [queue]}, asynchronous=False))
            assert label_of(Path(path).read_bytes()) == label
        assert ways(pbx)[1:] == ["0", "0", "0", "0"]


def test_a_file_that_is_replaced_again_and_again_fails_the_task(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
) -> None:
    async def doubt(*_: object, **__: object) -> str:
        return "another report's file has had this name"

    monkeypatch.setattr(client, "doubt_after_fetch", doubt)
    with serving(monkeypatch, tmp_path) as pbx:
        run = Run(operator(out / "x.csv", deferrable=True))
        with pytest.raises(FileReplacedError, match=r"'Queue-Performance.* may be another report's"):
            run.to_the_end()

        assert names(out) == []
        assert len(ways(pbx)) == 3
        assert len(run.triggers) == 1  # the second time it stays on the worker, to fetch the file at once


async def killed_while_the_pbx_works(waiting: Wait, queue: int) -> None:
    """A task whose process ends before its report is ready; the PBX goes on with it."""
    waiting.pbx.hold_reports()
    task = asyncio.create_task(waiting.start(request=request(queue)))
    await reached(waiting.pbx, lambda pbx: bool(pbx.jobs))
    task.cancel()
    await asyncio.wait([task])
    waiting.pbx.release_reports()
    await reached(waiting.pbx, lambda pbx: not pbx.jobs)


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_file_that_a_killed_task_s_report_has_replaced_is_never_taken(
    exclusive: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, tmp_path, plain_names=True) as pbx:
        report = sensed(1, deferrable=False)
        asyncio.run(killed_while_the_pbx_works(Wait(pbx, tmp_path / "state", {"exclusive": exclusive}), 2))

        with pytest.raises(FileReplacedError, match="may be another report's"):
            fetched(report, tmp_path / "x.csv")

        assert not (tmp_path / "x.csv").exists()


def test_what_a_killed_try_of_the_same_report_has_left_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(monkeypatch, tmp_path, plain_names=True) as pbx:
        asyncio.run(killed_while_the_pbx_works(Wait(pbx, tmp_path / "state"), 1))
        assert label_of(fetched(sensed(1, deferrable=False), tmp_path / "x.csv")) == LABELS[1]


def test_where_names_come_again_the_next_report_is_requested_when_the_last_one_is_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(monkeypatch, tmp_path, plain_names=True) as pbx:
        waiting = Wait(pbx, tmp_path / "state")
        waiting.run()
        last = waiting.run(request=request(2))
        asked = len(ways(pbx))

        async def fetch_while_another_waits() -> None:
            following = asyncio.create_task(waiting.start(request=request(3)))
            async with asyncio.timeout(30):
                while "waiting until the last one is fetched" not in caplog.text:  # noqa: ASYNC110 - a record is no event
                    await asyncio.sleep(0.01)
            assert len(ways(pbx)) == asked
            with waiting.client() as own:
                await own.refuse_replaced(last, build_request(**request(2)))
            await following

        asyncio.run(fetch_while_another_waits())
        assert len(ways(pbx)) == asked + 1
