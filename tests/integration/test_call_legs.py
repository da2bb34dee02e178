"""The legs of calls in a second file, from the details of a simulated PBX: whole, and gone on with after a failure."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators import call_legs
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.pbx.errors import IncompleteCallsError, InvalidRequestError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import connect, run_task

DAY = "2026-11-20"
DETAIL = "cdr/detail"


def operator(out: Path, **changes: Any) -> YeastarCdrOperator:
    arguments = {"task_id": "calls", "period": DAY, "destination": f"{out}/", "legs": True, "wait_timeout": 60}
    return YeastarCdrOperator(**arguments | changes)


def rows_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def details(pbx: PbxSimulator) -> Counter[str]:
    """How often each call was asked for."""
    return Counter(call.query["uid"] for call in pbx.calls(DETAIL))


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


class TestTheSecondFile:
    def test_holds_every_leg_of_every_call(self, pbx: PbxSimulator, out: Path) -> None:
        path, xcoms = run_task(operator(out))

        calls, legs = rows_of(path), rows_of(xcoms["report"]["legs_path"])
        assert xcoms["report"]["legs_path"] == path.replace(".ndjson", "_legs.ndjson")
        assert list(dict.fromkeys(leg["uid"] for leg in legs)) == [call["uid"] for call in calls]
        assert {leg["cdr_id"] for leg in legs} == {
            row["new_id"] for row in YeastarHook().iter_calls(period=DAY, api_version="v1.0")
        }
        assert {tuple(leg) for leg in legs} == {tuple(legs[0])}
        assert names(out) == sorted([Path(path).name, Path(xcoms["report"]["legs_path"]).name])

    def test_costs_one_request_for_each_call(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))

        assert details(pbx) == Counter(call["uid"] for call in rows_of(path))

    def test_is_written_for_no_calls_too(self, pbx: PbxSimulator, out: Path) -> None:
        _, xcoms = run_task(operator(out, filters={"call_from": "nobody"}))

        assert rows_of(xcoms["report"]["legs_path"]) == []
        assert not pbx.calls(DETAIL)

    def test_goes_with_its_calls(self, pbx: PbxSimulator, out: Path) -> None:
        target = str(out / "calls.ndjson")
        run_task(operator(out, destination=target))
        assert names(out) == ["calls.ndjson", "calls_legs.ndjson"]

        nobody = {"filters": {"call_from": "nobody"}, "on_empty": "skip", "on_empty_remove": True}
        with pytest.raises(AirflowSkipException):
            run_task(operator(out, destination=target, **nobody))

        assert names(out) == []

    def test_is_not_there_unless_it_is_asked_for(self, pbx: PbxSimulator, out: Path) -> None:
        path, xcoms = run_task(operator(out, legs=False))

        assert "legs_path" not in xcoms["report"]
        assert names(out) == [Path(path).name]
        assert not pbx.calls(DETAIL)

    def test_may_be_parquet(self, pbx: PbxSimulator, out: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")

        path, xcoms = run_task(operator(out, file_format="parquet"))

        legs = parquet.read_table(xcoms["report"]["legs_path"])
        assert set(legs["uid"].to_pylist()) == set(parquet.read_table(path)["uid"].to_pylist())

    def test_hides_what_is_protected(self, pbx: PbxSimulator, out: Path) -> None:
        _, xcoms = run_task(operator(out, protect={"call_from": "mask", "event_list": "drop"}))

        legs = rows_of(xcoms["report"]["legs_path"])
        assert "event_list" not in legs[0]
        assert all(leg["call_from"].startswith("*") for leg in legs)


class TestAFailure:
    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(call_legs, "_BATCH_CALLS", 10)

    def test_three_failures_later_each_call_was_asked_for_once(self, pbx: PbxSimulator, out: Path) -> None:
        whole, told = run_task(operator(out / "whole"))
        expected = Path(told["report"]["legs_path"]).read_bytes()
        pbx.requests.clear()
        for _ in range(3):
            pbx.faults.add(Fault("errcode", DETAIL, 10005, after=20, times=2))
            with pytest.raises(AirflowFailException, match="10005"):
                run_task(operator(out))
            assert [name for name in names(out) if not name.startswith(".")] == ["whole"]
            pbx.faults.clear()

        path, xcoms = run_task(operator(out))

        assert Path(xcoms["report"]["legs_path"]).read_bytes() == expected
        assert Path(path).read_bytes() == Path(whole).read_bytes()
        # Of the three batches that failed, what was asked for before the refusal is asked for again.
        repeated = {uid: times for uid, times in details(pbx).items() if times > 1}
        assert len(repeated) <= 3 * 10
        assert len(details(pbx)) == len(rows_of(path))
        assert [name for name in names(out) if name.startswith(".")] == []

    def test_a_kill_is_one_too(self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        task = operator(out)
        asked = call_legs.read_legs

        def killed_half_way(calls: Any, ask: Any, kept: Any, legs: Any) -> None:
            def then_kill(uids: Any) -> Any:
                found = ask(uids)
                if len(pbx.calls(DETAIL)) >= 30:
                    task.on_kill()
                return found

            asked(calls, then_kill, kept, legs)

        with monkeypatch.context() as patched:
            patched.setattr(call_legs, "read_legs", killed_half_way)
            with pytest.raises(TaskKilledError):
                run_task(task)
        first = len(pbx.calls(DETAIL))

        path, _ = run_task(operator(out))

        assert len(pbx.calls(DETAIL)) - first <= len(rows_of(path)) - 30

    def test_a_transient_one_is_retried_within_the_task(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda row, chance: 0.0)
        pbx.faults.add(Fault("status", DETAIL, 502, times=3))

        path, _ = run_task(operator(out))

        assert len(details(pbx)) == len(rows_of(path))

    def test_what_must_not_be_stored_as_it_is_is_not_kept(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", DETAIL, 10005, after=20, times=2))

        with pytest.raises(AirflowFailException):
            run_task(operator(out, protect={"call_from": "mask"}))

        assert names(out) == []

    def test_a_call_without_a_detail_is_an_error(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", DETAIL, 60001, after=5))

        with pytest.raises(IncompleteCallsError, match="no detail"):
            run_task(operator(out))


class TestV1:
    def test_is_refused_when_the_dag_is_parsed(self, out: Path) -> None:
        with pytest.raises(InvalidRequestError, match="legs already"):
            operator(out, api_version="v1.0")

    def test_is_refused_when_the_firmware_has_no_other(
        self, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with PbxSimulator(SimulatorSettings(firmware="23.0.83")) as pbx:
            connect(pbx, monkeypatch)
            monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))

            with pytest.raises(AirflowFailException, match="legs already"):
                run_task(operator(out))

        assert names(out) == []
