from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.exceptions import InvalidEventError
from airflow_provider_yeastar.pbx.errors import CredentialsError, NetworkError, WaitTimeoutError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.runtime.outcome import (
    Outcome,
    errors_for_airflow,
    failure_event,
    read_event,
    success_event,
)

OUTCOME = Outcome(
    request=build_request(
        report_type="queueperformance",
        start_time=datetime(2026, 11, 22, 6, tzinfo=UTC),
        end_time="2026-11-22T18:00:00",
        parameters={"queue_id_list": [1, 2]},
    ),
    report=FinishedReport(
        file="X.csv",
        url="/api/download/X.csv",
        requested_at=1.5,
        ready_at=2.5,
        api_version="v2.0",
        timezone="Europe/Berlin",
        serial_number="369",
        window={"start_time": "2026-11-22T07:00:00", "end_time": "2026-11-22T18:00:00"},
    ),
    attempt=2,
)


def test_a_success_crosses_as_json_and_comes_back_equal() -> None:
    event = json.loads(json.dumps(success_event(OUTCOME)))

    assert read_event(event) == OUTCOME


@pytest.mark.parametrize(
    ("error", "status"),
    [(WaitTimeoutError("No report within 5 s", pbx="pbx:443"), "timeout"), (NetworkError("refused"), "error")],
    ids=["timeout", "error"],
)
def test_an_error_comes_back_as_itself(error: NetworkError, status: str) -> None:
    event = failure_event(error, OUTCOME.request.to_dict())

    assert event["status"] == status
    with pytest.raises(type(error)) as raised:
        read_event(event)
    assert str(raised.value) == str(error)


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"status": "done"},
        {"status": "success"},
        {"status": "success", "request": {}, "report": {}, "attempt": 1},
        success_event(OUTCOME) | {"report": {"file": "X.csv"}},
        success_event(OUTCOME) | {"attempt": "many"},
        success_event(OUTCOME) | {"attempt": float("inf")},
        success_event(OUTCOME) | {"request": None},
    ],
    ids=["nothing", "empty", "unknown", "bare", "hollow", "half", "garbled", "endless", "without a request"],
)
def test_anything_else_is_never_a_success(event: dict[str, object] | None) -> None:
    with pytest.raises(InvalidEventError):
        read_event(event)


def test_what_no_retry_can_mend_fails_at_once() -> None:
    with pytest.raises(AirflowFailException, match="refused the login"), errors_for_airflow():
        raise CredentialsError("The PBX refused the login")


def test_what_may_pass_is_left_to_airflow_s_retries() -> None:
    with pytest.raises(NetworkError), errors_for_airflow():
        raise NetworkError("Connection refused")
