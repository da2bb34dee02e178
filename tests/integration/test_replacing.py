"""What an earlier run stored: kept, removed or replaced, and never more by less."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.exceptions import DestinationError, FewerRowsError
from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import operator
from tests.integration.support import Run, run_task

HEADER = b"Queue,Total,Answered,Rate\r\n"
FULL = HEADER + b"Support<6401>,12,9,75.00%\r\n" * 10
LONG_AGO, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)


@contextmanager
def remembering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], dict[str, Any]]) -> Iterator[list[str]]:
    """Let the PBX answer so to ``cdr/list``; gives the paths that were asked for."""
    from airflow_provider_yeastar.simulator.api.routes import Routes

    asked: list[str] = []
    call = Routes._call

    async def changed(self: Routes, request: Any) -> dict[str, Any]:
        if not request.path.endswith("/cdr/list"):
            return await call(self, request)
        asked.append(request.path)
        return answer()

    with monkeypatch.context() as patched:
        patched.setattr(Routes, "_call", changed)
        yield asked


def since(moment: datetime | None) -> Callable[[], dict[str, Any]]:
    rows = [{"time": "", "timestamp": int(moment.timestamp())}] if moment else []
    return lambda: {"total_number": len(rows), "data": rows}


def rows_operator(destination: Path, **changes: Any) -> YeastarCallReportRowsOperator:
    arguments: dict[str, Any] = {"report_type": "queueperformance", "period": "2026-11-20"}
    arguments |= {"task_id": "rows", "parameters": {"queue_id_list": [1, 2, 3]}, "wait_timeout": 60}
    return YeastarCallReportRowsOperator(**arguments | {"destination": str(destination)} | changes)


class TestFewerRows:
    @pytest.mark.parametrize("oldest", [LATER, None], ids=["a later oldest call", "no call at all"])
    def test_what_the_pbx_has_forgotten_is_not_taken_from_the_file(
        self,
        pbx: PbxSimulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        oldest: datetime | None,
        way: dict[str, Any],
    ) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(FULL)

        with (
            remembering(monkeypatch, since(oldest)) as asked,
            pytest.raises(FewerRowsError, match=r"x.csv was not replaced, 10 rows by 3: the PBX.*`allow_shrink=True`"),
        ):
            run_task(operator(target, **way))

        assert target.read_bytes() == FULL
        assert len(asked) == 1
        assert len([call for call in pbx.requests if call.path.startswith("/api/download/")]) == 1

    def test_what_it_still_remembers_is_replaced_and_told(
        self, pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(FULL)

        with remembering(monkeypatch, since(LONG_AGO)):
            _, xcoms = run_task(operator(target))

        assert target.read_bytes() != FULL
        assert xcoms["report"]["rows"] == 3
        assert "is replaced, 10 rows by 3" in caplog.text

    @pytest.mark.parametrize(("tolerance", "is_replaced"), [(0.7, True), (0.69, False), (0, False), (1, True)])
    def test_a_share_may_be_set(
        self,
        pbx: PbxSimulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        tolerance: float,
        is_replaced: bool,
    ) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(FULL)

        with remembering(monkeypatch, since(LONG_AGO)):
            if is_replaced:
                run_task(operator(target, shrink_tolerance=tolerance))
            else:
                with pytest.raises(FewerRowsError, match=r"10 rows by 3: 70% of the rows would go"):
                    run_task(operator(target, shrink_tolerance=tolerance))

        assert (target.read_bytes() != FULL) == is_replaced

    def test_an_empty_report_takes_nothing_s_place(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(FULL)

        with pytest.raises(FewerRowsError, match=r"10 rows by 0: the new report is empty"):
            run_task(operator(target, parameters={"queue_id_list": [99]}, check_ids=False))

        assert target.read_bytes() == FULL

    @pytest.mark.parametrize("errcode", [10001, 10005, 40002, -2])
    def test_a_pbx_that_does_not_tell_leaves_the_file(self, pbx: PbxSimulator, tmp_path: Path, errcode: int) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(FULL)
        pbx.faults.add(Fault("errcode", "cdr/list", errcode, times=9))

        with pytest.raises(FewerRowsError, match=r"10 rows by 3: the PBX does not tell its oldest call \("):
            run_task(operator(target))

        assert target.read_bytes() == FULL

    def test_all_may_be_allowed(self, pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(FULL)

        with remembering(monkeypatch, since(LATER)) as asked:
            run_task(operator(target, allow_shrink=True, parameters={"queue_id_list": [99]}, check_ids=False))

        assert target.read_bytes() != FULL
        assert asked == []

    def test_as_many_rows_or_more_ask_nobody(
        self, pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(HEADER + b"Support<6401>,12,9,75.00%\r\n" * 3)

        with remembering(monkeypatch, since(LATER)) as asked:
            run_task(operator(target))
            run_task(operator(target))

        assert asked == []

    def test_another_day_at_the_same_place_is_no_measure(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        target = tmp_path / "latest.csv"
        run_task(operator(target, write_metadata=True))
        nobody = {"parameters": {"queue_id_list": [99]}, "check_ids": False}

        run_task(operator(target, write_metadata=True, period="2026-11-21", **nobody))

        assert json.loads((tmp_path / "latest.csv.report.json").read_text())["rows"] == 0

    @pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
    def test_rows_are_held_to_it_as_well(
        self, pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
    ) -> None:
        target = tmp_path / f"x.{file_format}"
        run_task(rows_operator(target, file_format=file_format))
        before = target.read_bytes()
        one = {"parameters": {"queue_id_list": [1]}}

        with (
            remembering(monkeypatch, since(LATER)),
            pytest.raises(FewerRowsError, match=r"3 rows by 1: the PBX's oldest call is of 2026-11-20 12:00 UTC"),
        ):
            run_task(rows_operator(target, file_format=file_format, **one))
        assert target.read_bytes() == before

        run_task(rows_operator(target, file_format=file_format, allow_shrink=True, **one))
        assert target.read_bytes() != before

    def test_a_tolerance_that_is_none_is_refused_when_the_dag_is_parsed(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError, match="`shrink_tolerance` is 30"):
            operator(tmp_path / "x.csv", shrink_tolerance=30)


class TestAnEmptyReport:
    NOBODY = {"parameters": {"queue_id_list": [99]}, "check_ids": False}  # noqa: RUF012

    @pytest.mark.parametrize("no_file", [False, True], ids=["no rows", "60001"])
    @pytest.mark.parametrize(("on_empty", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)])
    @pytest.mark.parametrize("removes", [False, True], ids=["kept", "removed"])
    def test_the_file_of_an_earlier_run_is_told_or_removed(
        self,
        pbx: PbxSimulator,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        way: dict[str, Any],
        on_empty: str,
        error: type[Exception],
        no_file: bool,
        removes: bool,
    ) -> None:
        caplog.set_level(logging.INFO)
        target = tmp_path / "out" / "x.csv"
        target.parent.mkdir()
        for name in ("x.csv", "x.csv.report.json"):
            (target.parent / name).write_bytes(FULL)
        if no_file:
            pbx.faults.add(Fault("errcode", "call_report/download", 60001))
        run = Run(operator(target, on_empty=on_empty, on_empty_remove=removes, **way, **self.NOBODY))

        with pytest.raises(error, match="no row"):
            run.to_the_end()

        assert sorted(path.name for path in target.parent.iterdir()) == (
            [] if removes else ["x.csv", "x.csv.report.json"]
        )
        assert run.xcoms.get("earlier_file") == (None if removes else str(target))
        assert ("Removed" if removes else "is of an earlier run and stays") in caplog.text

    def test_without_one_nothing_is_told(self, pbx: PbxSimulator, tmp_path: Path) -> None:
        run = Run(operator(tmp_path / "x.csv", on_empty="skip", **self.NOBODY))

        with pytest.raises(AirflowSkipException):
            run.to_the_end()

        assert "earlier_file" not in run.xcoms


@pytest.mark.usefixtures("no_pauses")
class TestAnUploadThatFails:
    @pytest.mark.parametrize(("failures", "succeeds"), [(1, True), (2, True), (3, False)])
    def test_the_file_that_is_there_is_stored_again_without_asking_the_pbx(
        self, pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, succeeds: bool
    ) -> None:
        put = storage.ReceivedFile.put_in_place
        tried: list[float] = []

        def failing(received: storage.ReceivedFile, metadata: str | None = None) -> None:
            tried.append(time.time())
            if len(tried) <= failures:
                raise DestinationError("The store is away")
            put(received, metadata)

        monkeypatch.setattr(storage.ReceivedFile, "put_in_place", failing)
        target = tmp_path / "x.csv"

        if succeeds:
            run_task(operator(target))
        else:
            with pytest.raises(DestinationError, match="The store is away"):
                run_task(operator(target))

        assert target.exists() == succeeds
        assert len(tried) == min(failures + 1, 3)
        assert len(pbx.calls("call_report/download")) == 1
        assert len([call for call in pbx.requests if call.path.startswith("/api/download/")]) == 1
