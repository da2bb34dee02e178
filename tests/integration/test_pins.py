"""PIN codes among a report's parameters: where they go, and where they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator, YeastarDownloadReportOperator
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import Run, run_task

PINS = ["4711", "0815"]
REQUEST: dict[str, Any] = {
    "report_type": "extcallbillingdetails",
    "period": "2026-11-20",
    "parameters": {"pin_list": PINS, "trunk_id_list": [31]},
    "wait_timeout": 60,
}


def no_pin_in(value: object) -> bool:
    return not any(pin in json.dumps(value) for pin in PINS)


def asked_with(pbx: PbxSimulator) -> list[str]:
    return [call.query["pin_list"] for call in pbx.calls("call_report/download")]


def test_the_event_holds_none_and_the_file_is_the_one_of_a_wait_on_the_worker(
    pbx: PbxSimulator, tmp_path: Path
) -> None:
    runs = []
    for deferrable in (True, False):
        operator = YeastarCallReportOperator(
            task_id="bills", destination=f"{tmp_path}/{deferrable}/", deferrable=deferrable, **REQUEST
        )
        runs.append(Run(operator))
    paths = [Path(run.to_the_end()) for run in runs]

    assert runs[0].events
    assert no_pin_in(runs[0].events)
    assert no_pin_in(runs[0].xcoms)
    assert paths[0].name == paths[1].name
    assert asked_with(pbx) == ["4711,0815", "4711,0815"]


def test_a_bad_file_is_asked_for_again_with_the_pins(pbx: PbxSimulator, tmp_path: Path) -> None:
    pbx.faults.add(Fault("other bytes", value=b"\0\1\2", times=2))
    operator = YeastarCallReportOperator(task_id="bills", destination=f"{tmp_path}/", deferrable=True, **REQUEST)

    run_task(operator)

    assert asked_with(pbx) == ["4711,0815", "4711,0815"]


def test_a_sensor_hands_none_on_and_what_it_hands_on_is_not_asked_for_again(pbx: PbxSimulator, tmp_path: Path) -> None:
    handed, _ = run_task(YeastarCallReportSensor(task_id="wait", deferrable=True, **REQUEST))
    assert no_pin_in(handed)

    pbx.faults.add(Fault("other bytes", value=b"\0\1\2", times=2))
    with pytest.raises(AirflowFailException, match="`pin_list` was masked"):
        run_task(YeastarDownloadReportOperator(task_id="fetch", report=handed, destination=f"{tmp_path}/"))

    assert asked_with(pbx) == ["4711,0815"]
