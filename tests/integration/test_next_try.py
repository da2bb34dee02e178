"""A report that a try could not store is fetched by the next try of the same task; nobody else gets it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.exceptions import DestinationError, TaskKilledError
from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.operators.call_report import YeastarDownloadReportOperator
from airflow_provider_yeastar.pbx.errors import NetworkError, StateUnavailableError
from airflow_provider_yeastar.pbx.waiting.kept_reports import KeptReports
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import fetches, operator
from tests.integration.support import QUEUE_REPORT, Run, run_task

pytestmark = pytest.mark.usefixtures("no_pauses")


class Store:
    """A destination that can be away."""

    def __init__(self) -> None:
        self.is_away = True
        self.at_upload = lambda: None


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The destination, which is away."""
    store = Store()
    put = storage.ReceivedFile.put_in_place

    def put_in_place(received: storage.ReceivedFile, metadata: str | None = None) -> None:
        store.at_upload()
        if store.is_away:
            raise DestinationError("The store is away")
        put(received, metadata)

    monkeypatch.setattr(storage.ReceivedFile, "put_in_place", put_in_place)
    return store


def requests(pbx: PbxSimulator) -> int:
    return len(pbx.calls("call_report/download"))


def try_of(task: Any, number: int = 1, **differences: Any) -> Run:
    """One try of the nightly task; whatever is different makes it another one's."""
    run = Run(task)
    vars(run).update({"try_number": number, **differences})
    return run


def fail(run: Run) -> None:
    with pytest.raises(DestinationError, match="The store is away"):
        run.to_the_end()


def test_it_is_not_asked_for_again(pbx: PbxSimulator, out: Path, store: Store, way: dict[str, Any]) -> None:
    for number in (1, 2):
        fail(try_of(operator(f"{out}/", **way), number))
    store.is_away = False
    third = try_of(operator(f"{out}/", **way), 3)

    path = third.to_the_end()

    assert requests(pbx) == 1
    (made,) = pbx.state.files.values()
    assert Path(path).read_bytes() == made.content
    assert third.triggers == []
    assert third.xcoms["report"]["identified_by"] == ("answer" if "asynchronous" in way else "turn")


def test_nor_is_one_whose_download_broke_off_too_often(pbx: PbxSimulator, out: Path, way: dict[str, Any]) -> None:
    pbx.faults.add(Fault("reset half-way", times=6))
    with pytest.raises(NetworkError):
        try_of(operator(f"{out}/", **way)).to_the_end()

    assert Path(try_of(operator(f"{out}/", **way), 2).to_the_end()).exists()
    assert requests(pbx) == 1


@pytest.mark.parametrize(
    "difference",
    [
        pytest.param({"dag_id": "another"}, id="dag"),
        pytest.param({"run_id": "scheduled__2026-11-22"}, id="run"),
        pytest.param({"map_index": 1}, id="mapped task"),
        pytest.param({"max_tries": 3}, id="cleared"),
        pytest.param({"try_number": 1}, id="first try"),
    ],
)
def test_another_task_asks_anew(pbx: PbxSimulator, out: Path, store: Store, difference: dict[str, Any]) -> None:
    fail(try_of(operator(f"{out}/")))
    store.is_away = False

    try_of(operator(f"{out}/"), 2, **difference).to_the_end()

    assert requests(pbx) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"task_id": "another"},
        {"period": "2026-11-19"},
        {"parameters": {"queue_id_list": [1, 2]}},
        {"file_format": "html"},
        {"duration_format": "hhmmss"},
        {"api_version": "v1.0"},
        {"check_ids": False},
    ],
    ids=str,
)
def test_another_request_asks_anew(pbx: PbxSimulator, out: Path, store: Store, change: dict[str, Any]) -> None:
    fail(try_of(operator(f"{out}/")))
    store.is_away = False

    try_of(operator(f"{out}/", **change), 2).to_the_end()

    assert requests(pbx) == 2


def test_a_report_is_taken_once(pbx: PbxSimulator, out: Path, store: Store) -> None:
    fail(try_of(operator(f"{out}/")))
    store.is_away = False

    for number in (2, 3):
        try_of(operator(f"{out}/"), number).to_the_end()

    assert requests(pbx) == 2


def test_one_that_the_pbx_has_deleted_is_asked_for_anew(
    pbx: PbxSimulator, out: Path, store: Store, way: dict[str, Any]
) -> None:
    fail(try_of(operator(f"{out}/", **way)))
    store.is_away = False
    pbx.state.files.clear()

    assert Path(try_of(operator(f"{out}/", **way), 2).to_the_end()).exists()
    assert requests(pbx) == 2


def test_one_that_is_too_old_is_asked_for_anew_at_once(
    pbx: PbxSimulator, out: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(try_of(operator(f"{out}/")))
    store.is_away = False
    fetched = len(fetches(pbx))
    monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.kept_reports._KEPT_SECONDS", 0.0)

    try_of(operator(f"{out}/"), 2).to_the_end()

    assert (requests(pbx), len(fetches(pbx)) - fetched) == (2, 1)


def test_a_task_that_was_killed_leaves_none(pbx: PbxSimulator, out: Path, store: Store) -> None:
    task = operator(f"{out}/")
    store.at_upload = task.on_kill
    with pytest.raises((TaskKilledError, DestinationError)):
        try_of(task).to_the_end()
    store.is_away, store.at_upload = False, lambda: None

    try_of(operator(f"{out}/"), 2).to_the_end()

    assert requests(pbx) == 2


@pytest.mark.parametrize("verb", ["keep", "take"])
def test_a_state_that_is_away_costs_a_report_and_no_more(
    pbx: PbxSimulator, out: Path, store: Store, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    async def away(*_: object) -> None:
        raise StateUnavailableError("The state is away")

    monkeypatch.setattr(KeptReports, verb, away)
    fail(try_of(operator(f"{out}/")))
    store.is_away = False

    try_of(operator(f"{out}/"), 2).to_the_end()

    assert requests(pbx) == 2


def test_a_download_operator_that_asked_again_keeps_its_report_too(pbx: PbxSimulator, out: Path, store: Store) -> None:
    handed, _ = run_task(YeastarCallReportSensor(task_id="wait", wait_timeout=60, **QUEUE_REPORT))
    handed["expires_at"] = "2026-01-01T00:00:00+00:00"

    def fetch() -> YeastarDownloadReportOperator:
        return YeastarDownloadReportOperator(task_id="fetch", report=handed, destination=f"{out}/")

    fail(try_of(fetch()))
    store.is_away = False
    try_of(fetch(), 2).to_the_end()

    assert requests(pbx) == 2  # the sensor's, and the one of the first try


def test_what_is_kept_holds_no_token(pbx: PbxSimulator, out: Path, store: Store, tmp_path: Path) -> None:
    began_at = time.time()
    fail(try_of(operator(f"{out}/")))

    (kept,) = [path for path in (tmp_path / "state").iterdir() if "report-" in path.name]
    text = kept.read_text()
    assert kept.stat().st_mtime >= began_at - 1
    assert "/api/download/" in text
    assert not any(token in text for token in pbx.state.tokens)
