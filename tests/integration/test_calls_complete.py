"""Every call once, or an error: over real sockets, against PBXs that cap, ignore, lose and gain."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.pbx.errors import IncompleteCallsError, NotAPbxError, WaitTimeoutError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import connect, run_task

DAY = "2026-11-20"
SEARCH = "cdr/search"
KEYS = {"v1.0": "new_id", "v2.0": "uid"}


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Starts a PBX of other settings that is `yeastar_default`."""

    @contextmanager
    def start(**settings: Any) -> Iterator[PbxSimulator]:
        with PbxSimulator(SimulatorSettings(**settings)) as pbx:
            connect(pbx, monkeypatch)
            monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / f"state-{pbx.port}"))
            yield pbx

    return start


def keys(version: str = "v2.0", **options: Any) -> list[str]:
    found = [call[KEYS[version]] for call in YeastarHook().iter_calls(period=DAY, api_version=version, **options)]
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize("cap", [None, 10_000], ids=["counted", "count-capped"])
def test_a_day_of_25_000_calls_arrives_with_each_key_once(simulated: Callable[..., Any], cap: int | None) -> None:
    day = (datetime(2026, 11, 20), datetime(2026, 11, 20, 23, 59, 59))
    with simulated(traffic=170.0, cdr_result_cap=cap) as pbx:
        made = {call.id for call in pbx.state.call_log(datetime(2026, 11, 21)).between(*day)}
        found = keys()

    assert len(found) > 25_000
    assert set(found) == made


@pytest.mark.parametrize("version", ["v1.0", "v2.0"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("page ignored", SEARCH, times=10_000), id="ignores-page"),
        pytest.param(Fault("page ignored", SEARCH, after=1), id="repeats-a-page"),
        pytest.param(Fault("other order", SEARCH, times=10_000), id="sorts-otherwise"),
        pytest.param(Fault("other order", SEARCH, after=1), id="sorts-a-page-otherwise"),
        pytest.param(Fault("without", SEARCH, ("total_number",), times=10_000), id="does-not-count"),
        pytest.param(Fault("without", SEARCH, ("total_number",), after=1), id="loses-its-count"),
        pytest.param(Fault("without", SEARCH, ("total_number", "data")), id="says-nothing"),
        pytest.param(Fault("without", SEARCH, ("total_number", "data"), after=1), id="says-nothing-later"),
        pytest.param(Fault("total number", SEARCH, "many"), id="counts-in-words"),
        pytest.param(Fault("total number", SEARCH, 50), id="counts-too-few-once"),
    ],
)
def test_whatever_the_pbx_does_the_calls_are_right(
    simulated: Callable[..., Any], no_pauses: None, version: str, fault: Fault
) -> None:
    with simulated(cdr_page_cap=50) as pbx:
        expected = set(keys(version))
        pbx.faults.add(fault)

        assert set(keys(version)) == expected


@pytest.mark.parametrize("value", [10, 119])
def test_a_count_that_is_always_too_small_is_an_error(pbx: PbxSimulator, value: int) -> None:
    pbx.faults.add(Fault("total number", SEARCH, value, times=10_000))

    with pytest.raises(IncompleteCallsError, match="counts"):
        keys()


@pytest.mark.parametrize("version", ["v1.0", "v2.0"])
def test_answers_that_say_nothing_are_no_window_without_calls(
    simulated: Callable[..., Any], version: str, long_pauses: None
) -> None:
    with simulated(cdr_page_cap=50) as pbx:
        pbx.faults.add(Fault("without", SEARCH, ("total_number", "data"), times=10_000))

        with pytest.raises((NotAPbxError, WaitTimeoutError), match="neither lists nor counts anything"):
            keys(version, wait_timeout=30)


@pytest.mark.parametrize("version", ["v1.0", "v2.0"])
@pytest.mark.parametrize("moment", ["00:00:01", "12:00:00", "23:59:58"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_calls_that_arrive_between_pages_come_too(
    simulated: Callable[..., Any], version: str, moment: str, after: int
) -> None:
    with simulated(cdr_page_cap=50) as pbx:
        before = set(keys(version))
        arrival = datetime.fromisoformat(f"{DAY}T{moment}")
        pbx.faults.add(Fault("new calls", SEARCH, (arrival,), after=after))

        found = set(keys(version))

    assert before < found
    assert len(found - before) == (1 if version == "v2.0" else 2)


def test_queueperformance_of_a_day_is_what_its_calls_say(pbx: PbxSimulator) -> None:
    hook = YeastarHook()
    entered: dict[str, Counter[str]] = defaultdict(Counter)
    for call in hook.iter_calls(period=DAY):
        if call["queues"]:
            entered[call["queues"]["number"]][call["last_status"]] += 1

    report = hook.get_report_rows(
        report_type="queueperformance", period=DAY, parameters={"queue_id_list": ["6400", "6401", "6402"]}
    )

    assert {row["queue_num"] for row in report} == entered.keys()
    for row in report:
        results = entered[row["queue_num"]]
        assert row["total_calls"] == results.total() > 0
        assert row["answered_calls"] == results["ANSWERED"]
        assert row["abandoned_calls"] == results["ABANDONED"]
        assert row["missed_calls"] == results["NO ANSWER"] + results["VOICEMAIL"]


@pytest.mark.parametrize(
    ("version", "query"),
    [
        pytest.param("v1.0", {"page_size": "10000", "start_time": "1795129200", "end_time": "1795215599"}, id="unix"),
        pytest.param(
            "v1.0",
            {"page_size": "50", "start_time": "2026/11/20 00:00:00", "end_time": "2026/11/20 23:59:59"},
            id="display",
        ),
        pytest.param(
            "v2.0",
            {
                "page_size": "100",
                "order_by": "desc",
                "sort_by": "time",
                "time_begin": "2026/11/20 00:00:00",
                "time_end": "2026/11/20 23:59:59",
            },
            id="newest-first",
        ),
    ],
)
def test_public_clients_get_the_ids_that_we_get(pbx: PbxSimulator, version: str, query: dict[str, str]) -> None:
    rows = as_public_clients_do(pbx, version, query)

    assert sorted(row[KEYS[version]] for row in rows) == sorted(keys(version))


def test_what_a_leg_lacks_is_empty_and_never_0(pbx: PbxSimulator, tmp_path: Path) -> None:
    query = {"page_size": "10000", "start_time": "1795129200", "end_time": "1795215599"}
    sent = {row["new_id"]: row for row in as_public_clients_do(pbx, "v1.0", query)}
    assert any("talk_duration" not in row for row in sent.values())

    task = YeastarCdrOperator(task_id="legs", period=DAY, api_version="v1.0", destination=f"{tmp_path}/legs/")
    for line in Path(run_task(task)[0]).read_text(encoding="utf-8").splitlines():
        leg = json.loads(line)
        row = sent[leg["new_id"]]
        for name in ("timestamp", "time", "duration", "talk_duration", "ring_duration", "did_number"):
            assert leg[name] == row.get(name)


def as_public_clients_do(pbx: PbxSimulator, version: str, query: dict[str, str]) -> list[dict[str, Any]]:
    """Return page after page until as many rows have come as are counted."""
    login = {"username": pbx.client_id, "password": pbx.client_secret}
    token = requests.post(f"{pbx.base_url}/openapi/v1.0/get_token", json=login, timeout=10).json()["access_token"]
    url = f"{pbx.base_url}/openapi/{version}/{SEARCH}"
    rows: list[dict[str, Any]] = []
    total = 1
    while len(rows) < total:
        page = len(rows) // int(query["page_size"]) + 1
        answer = requests.get(url, {**query, "access_token": token, "page": page}, timeout=10).json()
        total = answer["total_number"]
        rows += answer["data"]
    return rows
