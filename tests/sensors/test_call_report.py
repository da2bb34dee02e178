"""What the sensor decides by itself; with a PBX at the other end it is tested in tests/integration."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import (
    DAG,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow_provider_yeastar.exceptions import InvalidEventError
from airflow_provider_yeastar.pbx.errors import (
    CredentialsError,
    DeadlineError,
    InvalidRequestError,
    WaitTimeoutError,
    YeastarError,
)
from airflow_provider_yeastar.runtime.outcome import failure_event
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor

ARGUMENTS: dict[str, Any] = {
    "task_id": "queue_report",
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": [1, 2]},
}


def sensor(**changes: Any) -> YeastarCallReportSensor:
    return YeastarCallReportSensor(**ARGUMENTS | changes)


class TestWhenTheDagIsParsed:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"mode": "reschedule"}, "announces it once.*deferrable=True"),
            ({"report_type": "queueperformence"}, "queueperformance"),
            ({"wait_timeout": 0}, "wait_timeout"),
            ({"wait_timeout": float("inf")}, "wait_timeout"),
            ({"queue_timeout": float("nan")}, "queue_timeout"),
            ({"queue_timeout": "60"}, "queue_timeout"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_a_mistake_is_refused_in_one_sentence(self, changes: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words):
            sensor(**changes)

    def test_a_mode_of_the_dag_s_default_args_does_not_matter_to_a_deferrable_sensor(self) -> None:
        day = datetime(2026, 1, 1)
        with DAG("sensors", start_date=day, schedule=None, default_args={"mode": "reschedule"}):
            assert sensor(deferrable=True).mode == "poke"

    def test_arguments_come_from_default_args_and_from_expand(self) -> None:
        day = datetime(2026, 1, 1)
        with DAG("sensors", start_date=day, schedule=None, default_args={"wait_timeout": 7, "timeout": 9}):
            made = sensor(period="{{ ds }}")
            YeastarCallReportSensor.partial(task_id="mapped", report_type="queueperformance").expand(
                period=["2026-11-20", "2026-11-21"]
            )

        assert (made.wait_timeout, made.timeout) == (7.0, 9.0)


class TestItsOwnTime:
    @pytest.mark.parametrize(
        ("changes", "seconds"),
        [
            ({"timeout": 60}, 60),
            ({"timeout": 60, "execution_timeout": timedelta(seconds=30)}, 30),
            ({"timeout": 60, "execution_timeout": timedelta(seconds=90)}, 60),
        ],
        ids=["timeout", "a-shorter-execution-timeout", "a-longer-execution-timeout"],
    )
    def test_the_shorter_time_bounds_the_deferred_wait(self, changes: dict[str, Any], seconds: float) -> None:
        made = sensor(deferrable=True, queue_timeout=1000, **changes)
        assert made.own_seconds == seconds

        with pytest.raises(TaskDeferred) as deferred:
            made.execute(Mock())

        _, arguments = deferred.value.trigger.serialize()
        assert arguments["queue_until"] - arguments["until"] == pytest.approx(1000 - seconds)


class TestExecuteComplete:
    @pytest.mark.parametrize("event", [None, {}, {"status": "done"}], ids=["nothing", "empty", "unknown"])
    def test_an_event_that_is_none_is_never_a_success(self, event: Any) -> None:
        with pytest.raises(InvalidEventError):
            sensor().execute_complete(Mock(), event)

    @pytest.mark.parametrize(
        ("error", "changes", "raised"),
        [
            (WaitTimeoutError("late"), {}, AirflowSensorTimeout),
            (DeadlineError("late"), {"timeout": 9}, AirflowSensorTimeout),
            (DeadlineError("late"), {"execution_timeout": timedelta(seconds=9)}, AirflowTaskTimeout),
            (CredentialsError("refused"), {}, AirflowFailException),
        ],
        ids=["wait_timeout", "timeout", "execution_timeout", "what-no-retry-can-mend"],
    )
    def test_an_error_is_what_airflow_makes_of_it_in_a_poke(
        self, error: YeastarError, changes: dict[str, Any], raised: type[BaseException]
    ) -> None:
        with pytest.raises(raised, match=error.what):
            sensor(**changes).execute_complete(Mock(), failure_event(error, {}))
