"""Tasks of recordings that are refused, and phone numbers that stay out of folder and log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.exceptions import FewerRowsError
from airflow_provider_yeastar.pbx.errors import IncompleteCallsError, InvalidRequestError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.recordings import Serve, asked_for, lines_of, listing, operator
from tests.integration.support import connect, run_task

pytestmark = pytest.mark.usefixtures("no_pauses")


class TestRefusals:
    @pytest.mark.parametrize("endpoint", ["recording/search", "recording/download"])
    @pytest.mark.parametrize(
        ("errcode", "words"),
        [(70131, "Switch call recording on"), (70656, "Switch call recording on"), (80010, "Grant"), (10005, "Grant")],
    )
    def test_what_only_a_person_can_mend_ends_the_task_at_once(
        self, pbx: PbxSimulator, out: Path, endpoint: str, errcode: int, words: str
    ) -> None:
        pbx.faults.add(Fault("errcode", endpoint, errcode))

        with pytest.raises(AirflowFailException, match=f"errcode {errcode}.*{words}"):
            run_task(operator(out))

        assert list(out.iterdir()) == []
        assert len(asked_for(pbx)) <= 1

    def test_a_list_that_is_not_complete_ends_the_task_before_anything_is_fetched(
        self, pbx: PbxSimulator, out: Path
    ) -> None:
        pbx.faults.add(Fault("total number", "recording/search", 10_001, times=1000))

        with pytest.raises(IncompleteCallsError, match="recordings from"):
            run_task(operator(out))

        assert asked_for(pbx) == []

    @pytest.mark.parametrize(("on_empty", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)])
    def test_on_empty_decides_about_a_window_without_recordings(
        self, pbx: PbxSimulator, out: Path, on_empty: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            run_task(operator(out, filters={"caller": "nobody"}, on_empty=on_empty))

        assert list(out.iterdir()) == []

    def test_a_manifest_is_not_replaced_by_one_of_what_the_pbx_has_not_yet_forgotten(
        self, serve: Serve, out: Path
    ) -> None:
        with serve():
            path, _ = run_task(operator(out))
        before = {file.name: file.read_bytes() for file in out.iterdir()}

        with serve(kept_calls=10), pytest.raises(FewerRowsError):
            run_task(operator(out))

        assert {file.name: file.read_bytes() for file in out.iterdir()} == before
        assert Path(path).name in before

    @pytest.mark.parametrize(
        "arguments",
        [
            {"period": None},
            {"period": "2026-11-31"},
            {"concurrency": 0},
            {"concurrency": 5},
            {"concurrency": True},
            {"concurrency": "2"},
            {"max_bytes": 0},
            {"filters": {"call_from": "1"}},
            {"filters": {"caller": None}},
            {"file_format": "csv"},
            {"on_empty": "never"},
            {"protect": {"no_such": "drop"}},
            {"protect": {"call_from_number": "drop"}},
        ],
        ids=str,
    )
    def test_when_the_dag_is_parsed(self, out: Path, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError):
            operator(out, **arguments)


class TestProtect:
    @pytest.mark.parametrize("way", ["mask", "drop", "hmac"])
    def test_no_number_is_in_the_folder_or_in_the_log(
        self,
        pbx: PbxSimulator,
        out: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        way: str,
    ) -> None:
        caplog.set_level(logging.INFO)
        extra = {"timezone": "Europe/Berlin", "protect_secret": "sixteen characters"}
        connect(pbx, monkeypatch, extra=extra)
        numbers = {row[key] for row in listing(pbx) for key in ("call_from_number", "call_to_number")}
        pbx.faults.add(Fault("html body", times=2), Fault("json body", value=60001))

        path, _ = run_task(operator(out, protect={"call_from": way, "call_to": way}))

        lines = lines_of(path)
        assert all("file" not in line for line in lines)
        assert ("call_from_number" in lines[0]) is (way != "drop")
        long_enough = {number for number in numbers if len(number) > 6}
        told = "\n".join([*(file.name for file in out.iterdir()), Path(path).read_text(encoding="utf-8"), caplog.text])
        assert long_enough
        assert [number for number in long_enough if number in told] == []

    def test_hmac_without_a_secret_is_refused_before_the_pbx_is_asked(self, pbx: PbxSimulator, out: Path) -> None:
        with pytest.raises(AirflowFailException, match="protect_secret"):
            run_task(operator(out, protect={"call_from": "hmac"}))

        assert pbx.requests == []
