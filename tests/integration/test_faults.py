"""Each fault that a PBX and a network are capable of, both ways: it ends in the right file or in the right error."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.errors import AmbiguousEventError, ReportFailedError, YeastarError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import connect, know_the_past, run_task

DOWNLOAD = "call_report/download"
PASSING: dict[str, list[Fault]] = {
    "event-before-the-answer": [Fault("event before answer")],
    "duplicate-event": [Fault("duplicate event")],
    "foreign-event-of-another-format": [Fault("foreign event", value="Somebody-elses.pdf")],
    "foreign-event-of-the-same-format": [Fault("foreign event", value="Somebody-elses.csv")],
    "failed-once": [Fault("failure event", value="disk full")],
    "dropped-socket": [Fault("drop sockets")],
    "restart": [Fault("restart")],
    "expired-token": [Fault("expire tokens")],
    "silent-socket": [Fault("silent socket", value=0)],
    "slow-answer": [Fault("delay", DOWNLOAD, 0.7)],
    "slow-login": [Fault("delay", "get_token", 0.7)],
    "502-with-html": [Fault("status", endpoint, 502) for endpoint in ("get_token", "subscribe", DOWNLOAD)],
    "503-with-html": [Fault("status", DOWNLOAD, 503, times=3)],
    "reset-before-the-answer": [Fault("reset before", endpoint) for endpoint in ("get_token", "subscribe", DOWNLOAD)],
    "reset-after-the-request-was-taken": [Fault("reset after", DOWNLOAD)],
    "somebody-elses-job": [Fault("errcode", DOWNLOAD, 70082, times=2)],
    "all-tokens-taken": [Fault("errcode", "get_token", 60002, times=2)],
}
# What the event does not tell, a synchronous request does; half of `wait_timeout` is left for it.
BY_ANSWER: dict[str, list[Fault]] = {
    "no-event": [Fault("no event")],
    "no-event-but-others": [Fault("foreign event", value="Somebody-elses.pdf"), Fault("no event")],
    "never-alone": [Fault("foreign event", value="Other.csv", times=10**9)],
}
FAILING: dict[str, tuple[list[Fault], type[YeastarError], str]] = {
    "502-for-ever": (
        [Fault("status", DOWNLOAD, 502, times=10**9)],
        AmbiguousEventError,
        "attempts failed.*a web page.*502",
    ),
    "failed-twice": ([Fault("failure event", value="disk full", times=2)], ReportFailedError, "disk full"),
}


@pytest.fixture(params=[True, False], ids=["deferred", "worker"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow one another soon, so that an endless fault does not fill the log."""
    monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda attempt, chance: 0.05)


def fetch(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: Any) -> Path:
    """Run the operator; what arrives is the report of these queues."""
    connect(pbx, monkeypatch, extra={"timezone": pbx.settings.timezone, "exclusive": True, "timeout": 5})
    task = YeastarCallReportOperator(
        task_id="fetch",
        report_type="queueperformance",
        period="2026-11-20",
        parameters={"queue_id_list": [1, 2]},
        destination=f"{folder}/out/",
        **{"wait_timeout": 60, **changes},
    )
    path, _ = run_task(task)
    rows = list(csv.DictReader(Path(path).read_text("utf-8-sig").splitlines()))
    assert [row["Queue"] for row in rows] == ["Sales<6400>", "Support<6401>"]
    return Path(path)


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING.keys())
def test_what_passes_ends_in_the_right_file(
    pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: list[Fault], deferrable: bool
) -> None:
    pbx.faults.add(*faults)

    fetch(pbx, monkeypatch, tmp_path, deferrable=deferrable)

    assert pbx.sockets == 0


@pytest.mark.parametrize("faults", BY_ANSWER.values(), ids=BY_ANSWER.keys())
def test_what_no_event_tells_is_asked_for_by_its_answer(
    pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: list[Fault], deferrable: bool
) -> None:
    pbx.faults.add(*faults)

    fetch(pbx, monkeypatch, tmp_path, deferrable=deferrable, wait_timeout=20)

    assert pbx.calls(DOWNLOAD)[-1].query["is_async"] == "0"
    assert pbx.sockets == 0


@pytest.mark.parametrize(("faults", "error", "words"), FAILING.values(), ids=FAILING.keys())
def test_what_does_not_pass_ends_in_the_right_error(
    pbx: PbxSimulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    faults: list[Fault],
    error: type[YeastarError],
    words: str,
    deferrable: bool,
) -> None:
    pbx.faults.add(*faults)
    # A wait ends where the next pause would be longer.
    monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.unanswered_delay", lambda attempt, chance: 3600.0)

    with pytest.raises(error, match=words):
        fetch(pbx, monkeypatch, tmp_path, deferrable=deferrable)

    assert not list(tmp_path.rglob("*.csv"))
    assert pbx.sockets == 0


@pytest.mark.parametrize("event_text", [False, True], ids=["object", "string"])
def test_an_id_in_the_answer_tells_the_own_event_from_all_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, event_text: bool, deferrable: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    with PbxSimulator(replace(SimulatorSettings(), answer_has_id=True, event_text=event_text)) as pbx:
        know_the_past(pbx, tmp_path / "state")
        pbx.faults.add(Fault("foreign event", value="Somebody-elses.csv"))

        fetch(pbx, monkeypatch, tmp_path, deferrable=deferrable)

        assert len(pbx.calls(DOWNLOAD)) == 1
