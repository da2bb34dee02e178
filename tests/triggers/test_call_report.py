from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_provider_yeastar.exceptions import InvalidEventError
from airflow_provider_yeastar.pbx.errors import Reaction, error_from_dict
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger

ARGUMENTS: dict[str, Any] = {
    "yeastar_conn_id": "no_such_pbx",
    "request": build_request(
        report_type="queueperformance", period="2026-11-22", parameters={"queue_id_list": [1]}
    ).to_dict(),
    "queue_until": 1.0,
    "wait_timeout": 60.0,
    "attempt": 1,
    "until": None,
}


def test_the_arguments_are_json_and_make_the_same_trigger() -> None:
    classpath, arguments = YeastarCallReportTrigger(**ARGUMENTS).serialize()

    assert classpath == "airflow_provider_yeastar.triggers.call_report.YeastarCallReportTrigger"
    assert json.loads(json.dumps(arguments)) == ARGUMENTS
    assert YeastarCallReportTrigger(**arguments).serialize() == (classpath, arguments)


def test_the_event_is_held_back_until_the_worker_has_noticed_the_deferral(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "3600")
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("airflow_provider_yeastar.triggers.call_report.asyncio.sleep", note)

    async def run() -> list[Any]:
        return [event async for event in YeastarCallReportTrigger(**ARGUMENTS).run()]

    assert len(asyncio.run(run())) == 1
    assert 3000 < max(pauses) <= 3600  # less by what it took to fail


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "There is no Airflow connection 'no_such_pbx'", id="no-connection"),
        pytest.param({"request": {"noise": 1}}, "The wait for the report crashed", id="crash"),
    ],
)
def test_whatever_happens_exactly_one_event_is_fired(changes: dict[str, Any], words: str) -> None:
    async def run() -> list[Any]:
        return [event.payload async for event in YeastarCallReportTrigger(**ARGUMENTS | changes).run()]

    (payload,) = asyncio.run(run())

    assert payload["status"] == "error"
    assert words in payload["what"]


@pytest.mark.parametrize("newer", [{"report_type": "of_tomorrow"}, {"file_format": "ods"}])
def test_what_a_newer_worker_asks_for_may_be_known_to_the_next_triggerer(newer: dict[str, Any]) -> None:
    trigger = YeastarCallReportTrigger(**ARGUMENTS | {"request": ARGUMENTS["request"] | newer})

    async def run() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (payload,) = asyncio.run(run())

    error = error_from_dict(payload)
    assert (type(error), error.reaction) == (InvalidEventError, Reaction.ASK_AGAIN)
    assert next(iter(newer.values())) in error.what
