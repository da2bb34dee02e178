from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.runtime.outcome import Outcome
from airflow_provider_yeastar.tasks.handover import read_handover, write_handover

REPORT = FinishedReport(
    file="Report.csv",
    url="/api/download/Report.csv",
    requested_at=1795600000.0,
    ready_at=1795600060.0,
    api_version="v2.0",
    timezone="Europe/Berlin",
    serial_number="SN1",
    window={"time": "2026-11-20"},
    by_event=True,
)
REQUEST = build_request(report_type="queueperformance", period="2026-11-20", parameters={"queue_id_list": [1]})
VALUE: dict[str, Any] = json.loads(json.dumps(write_handover(Outcome(REQUEST, REPORT), "pbx_berlin")))


def test_what_a_sensor_writes_an_operator_reads() -> None:
    handover = read_handover(VALUE)

    assert handover.outcome == Outcome(REQUEST, REPORT)
    assert handover.yeastar_conn_id == "pbx_berlin"
    assert handover.expires_at == REPORT.ready_at + 1800


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(None, "is a NoneType", id="nothing"),
        pytest.param("/data/report.csv", "is a str", id="a-path"),
        pytest.param({}, "lacks file", id="empty"),
        pytest.param({**VALUE, "ready_at": "yesterday"}, "yesterday", id="no-time"),
        pytest.param({**VALUE, "expires_at": "2026-11-20T00:00:00"}, "without UTC offset", id="a-local-time"),
        pytest.param({**VALUE, "file": 7}, "file is 7", id="no-text"),
        pytest.param({**VALUE, "window": None}, "cannot be read", id="no-window"),
        pytest.param({**VALUE, "request": {"noise": 1}}, "cannot be read", id="no-request"),
        pytest.param({**VALUE, "request": {"report_type": "x"}}, "cannot be read", id="no-such-report"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(value: object, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"{words}.*report=sensor\.output"):
        read_handover(value)
