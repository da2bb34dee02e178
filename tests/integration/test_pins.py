"""PIN codes among a report's parameters: where they go, and where they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import DAG, AirflowFailException
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator, YeastarDownloadReportOperator
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import Run, connect, run_task

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


def test_the_event_of_a_failure_holds_none(pbx: PbxSimulator, tmp_path: Path) -> None:
    pbx.faults.add(Fault("errcode", "call_report/download", value=10001))
    run = Run(YeastarCallReportOperator(task_id="bills", destination=f"{tmp_path}/", deferrable=True, **REQUEST))

    with pytest.raises(AirflowFailException, match="10001"):
        run.to_the_end()

    assert run.events[-1]["status"] == "error"
    assert run.events[-1]["request"]["report_type"] == "extcallbillingdetails"
    assert no_pin_in(run.events)


@pytest.mark.parametrize("pins", [PINS, "4711,0815", "{{ params.pins }}", ["{{ params.pins[0] }}", "0815"]])
@pytest.mark.parametrize("native", [False, True], ids=["texts", "native"])
def test_rendered_fields_hold_none_and_the_pbx_is_asked_with_them(
    pbx: PbxSimulator, tmp_path: Path, pins: Any, native: bool
) -> None:
    dag = DAG("bills", schedule=None, render_template_as_native_obj=native)
    parameters = REQUEST["parameters"] | {"pin_list": pins}
    task = YeastarCallReportOperator(
        task_id="bills", destination=f"{tmp_path}/", dag=dag, **REQUEST | {"parameters": parameters}
    )
    shared = "4711,0815" if pins == "{{ params.pins }}" else PINS

    task.render_template_fields({"params": {"pins": shared}})
    task.pre_execute({})

    fields = {name: getattr(task, name) for name in task.template_fields}
    assert no_pin_in(json.loads(json.dumps(fields)))
    assert fields["parameters"]["trunk_id_list"] == [31]
    assert not any(pin in f"{fields} {fields['parameters']['pin_list']}" for pin in PINS)
    run_task(task)
    assert asked_with(pbx) == ["4711,0815"]


def test_a_pin_that_renders_to_nothing_is_refused(pbx: PbxSimulator, tmp_path: Path) -> None:
    parameters = {"pin_list": ["{{ params.pin or '' }}"]}
    task = YeastarCallReportOperator(
        task_id="bills", destination=f"{tmp_path}/", **REQUEST | {"parameters": parameters}
    )

    task.render_template_fields({"params": {"pin": None}})

    with pytest.raises(AirflowFailException, match=r"`parameters` \(pin_list\) was rendered to None|an empty text"):
        task.pre_execute({})


def name_of(tmp_path: Path, pins: Any, **arguments: Any) -> str:
    parameters = REQUEST["parameters"] | {"pin_list": pins}
    task = YeastarCallReportOperator(
        task_id="bills", destination=f"{tmp_path}/", **REQUEST | {"parameters": parameters}, **arguments
    )
    return Path(run_task(task)[0]).name


def test_names_tell_pins_apart_by_a_secret_of_the_connection(
    pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = name_of(tmp_path, PINS)
    assert name_of(tmp_path, "0815,4711") == first
    assert name_of(tmp_path, ["4712"]) != first

    extra = {"timezone": pbx.settings.timezone, "exclusive": True, "protect_secret": "sixteen letters!"}
    connect(pbx, monkeypatch, extra=extra)
    assert name_of(tmp_path, PINS) != first


def test_a_sensor_s_file_has_the_name_of_an_operator_s(pbx: PbxSimulator, tmp_path: Path) -> None:
    for deferrable in (True, False):
        handed, _ = run_task(YeastarCallReportSensor(task_id="wait", deferrable=deferrable, **REQUEST))
        fetch = YeastarDownloadReportOperator(task_id="fetch", report=handed, destination=f"{tmp_path}/")

        assert Path(run_task(fetch)[0]).name == name_of(tmp_path, PINS)


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


def test_a_pin_among_the_filters_of_calls_is_sent_and_stands_nowhere_else(pbx: PbxSimulator, tmp_path: Path) -> None:
    with DAG("calls", schedule=None):
        operator = YeastarCdrOperator(
            task_id="calls",
            period="2026-11-20",
            filters={"pin_code": "{{ 4700 + 11 }}"},
            api_version="v1.0",
            destination=f"{tmp_path}/",
        )
    operator.render_template_fields({})
    run = Run(operator)
    run.to_the_end()

    assert {call.query["pin_code"] for call in pbx.calls("cdr/search")} == {"4711"}
    assert no_pin_in(operator.filters)
    assert no_pin_in(run.xcoms)
