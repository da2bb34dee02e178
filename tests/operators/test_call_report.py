"""What the operator decides by itself; with a PBX at the other end it is tested in tests/integration."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import DAG, AirflowFailException, AirflowTaskTimeout, TaskDeferred
from airflow_provider_yeastar.exceptions import DestinationError, InvalidEventError
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator, YeastarDownloadReportOperator
from airflow_provider_yeastar.pbx.errors import DeadlineError, InvalidRequestError, MissingConnectionError
from airflow_provider_yeastar.runtime.outcome import failure_event

ARGUMENTS: dict[str, Any] = {
    "task_id": "queue_report",
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": [1, 2]},
}


def operator(destination: object, **changes: Any) -> YeastarCallReportOperator:
    return YeastarCallReportOperator(**{**ARGUMENTS, "destination": str(destination), **changes})


class TestWhenTheDagIsParsed:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"report_type": "queueperformence"}, "queueperformance"),
            ({"report_type": None}, "Exactly one of"),
            ({"my_report_id": 7}, "Exactly one of"),
            ({"parameters": {}}, "queue_id_list"),
            ({"parameters": {"queue_ids": 1}}, "queue_id"),
            ({"period": "yesterdy"}, "yesterday"),
            ({"file_format": "xlsx"}, "csv, xls, pdf, html"),
            ({"on_empty": "drop"}, "ok, skip, fail"),
            ({"on_empty": "skip", "file_format": "pdf"}, "csv or html"),
            ({"max_bytes": 0}, "max_bytes"),
            ({"max_bytes": "4 GiB"}, "max_bytes"),
            ({"wait_timeout": 0}, "wait_timeout"),
            ({"queue_timeout": "soon"}, "queue_timeout"),
            ({"queue_timeout": float("inf")}, "queue_timeout"),
            ({"wait_timeout": float("nan")}, "wait_timeout"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_a_mistake_is_refused_in_one_sentence(self, changes: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words):
            operator("/data/", **changes)

    def test_texts_without_a_template_stay_texts_with_native_types(self) -> None:
        given = {"call_from": "+4930123456", "queue_id_list": ["0301", "{{ 2 + 1 }}"]}
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            task = operator("/data/", period="2026", parameters=given, yeastar_conn_id="1234")

        task.render_template_fields({})

        assert task.parameters == {"call_from": "+4930123456", "queue_id_list": ["0301", 3]}
        assert (task.period, task.yeastar_conn_id) == ("2026", "1234")

    @pytest.mark.parametrize("name", ["period", "start_time", "end_time"])
    def test_a_time_frame_of_which_nothing_came_is_refused(self, name: str) -> None:
        time_frame: dict[str, Any] = {"period": None, name: "{{ none }}"}
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            task = operator("/data/", **time_frame)
        task.render_template_fields({})

        with pytest.raises(AirflowFailException, match=f"`{name}` was rendered to None"):
            task.execute({"ti": Mock()})

    def test_templates_and_other_tasks_outputs_are_left_for_later(self) -> None:
        with DAG("templates", start_date=datetime(2026, 1, 1), schedule=None):
            first = operator("/data/{{ ds }}/", period="{{ ds }}", parameters={"queue_id_list": "{{ params.queues }}"})
            operator("/data/", task_id="second", period=first.output)

    def test_timedeltas_are_seconds(self) -> None:
        made = operator("/data/", wait_timeout=timedelta(minutes=5), queue_timeout=timedelta(hours=1))

        assert (made.wait_timeout, made.queue_timeout) == (300.0, 3600.0)


CONTEXT: Any = {"ti": Mock(try_number=1)}


class TestExecute:
    def test_deferred_it_hands_the_wait_to_the_trigger(self, tmp_path: Path) -> None:
        with pytest.raises(TaskDeferred) as deferred:
            operator(f"{tmp_path}/", deferrable=True).execute(CONTEXT)

        _, arguments = deferred.value.trigger.serialize()
        assert arguments["request"]["report_type"] == "queueperformance"
        assert arguments["attempt"] == 1
        assert deferred.value.method_name == "execute_complete"
        assert deferred.value.timeout > timedelta(seconds=1800 + 21600)

    def test_its_execution_timeout_goes_with_the_trigger(self, tmp_path: Path) -> None:
        with pytest.raises(TaskDeferred) as deferred:
            operator(f"{tmp_path}/", deferrable=True, execution_timeout=timedelta(minutes=5)).execute(CONTEXT)

        _, arguments = deferred.value.trigger.serialize()
        assert arguments["queue_until"] - arguments["until"] == pytest.approx(21600 - 300)

    def test_an_unwritable_destination_is_told_before_the_pbx_is_asked(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(DestinationError, match="cannot be written"):
            operator(tmp_path / "file" / "report.csv", deferrable=True).execute(Mock())

    def test_a_file_that_is_there_is_left_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "report.csv"
        file.write_text("kept")

        assert operator(file, overwrite=False, yeastar_conn_id="no_such_pbx").execute(Mock()) == str(file)
        assert file.read_text() == "kept"

    def test_a_connection_that_airflow_does_not_give_may_be_back_for_the_next_try(self, tmp_path: Path) -> None:
        with pytest.raises(MissingConnectionError, match="There is no Airflow connection 'no_such_pbx'"):
            operator(f"{tmp_path}/", yeastar_conn_id="no_such_pbx").execute(CONTEXT)


class TestExecuteComplete:
    @pytest.mark.parametrize("event", [None, {}, {"status": "done"}], ids=["nothing", "empty", "unknown"])
    def test_an_event_that_is_none_is_never_a_success(self, event: Any, tmp_path: Path) -> None:
        with pytest.raises(InvalidEventError):
            operator(f"{tmp_path}/").execute_complete(Mock(), event)

    def test_an_error_that_no_retry_can_mend_fails_at_once(self, tmp_path: Path) -> None:
        event = {"status": "error", "error": "CredentialsError", "what": "The PBX refused the login"}

        with pytest.raises(AirflowFailException, match="refused the login"):
            operator(f"{tmp_path}/").execute_complete(Mock(), event)

    def test_its_execution_timeout_ends_it_as_on_a_worker(self, tmp_path: Path) -> None:
        event = failure_event(DeadlineError("No report before the task's own time was over"), {})

        with pytest.raises(AirflowTaskTimeout, match="own time was over"):
            operator(f"{tmp_path}/").execute_complete(Mock(), event)


class TestDownload:
    def test_a_mistake_is_refused_when_the_dag_is_parsed(self) -> None:
        with pytest.raises(InvalidRequestError, match="ok, skip, fail"):
            YeastarDownloadReportOperator(task_id="fetch", report={}, destination="/data/", on_empty="drop")

    @pytest.mark.parametrize("report", [None, {}, "{{ report }}"], ids=["nothing", "empty", "text"])
    def test_what_no_sensor_returned_fails_without_retries(self, report: Any, tmp_path: Path) -> None:
        task = YeastarDownloadReportOperator(task_id="fetch", report=report, destination=f"{tmp_path}/")

        with pytest.raises(AirflowFailException, match=r"report=sensor\.output"):
            task.execute(Mock())

    def test_its_report_is_a_template_field_so_that_a_sensor_s_output_is_taken(self) -> None:
        assert "report" in YeastarDownloadReportOperator.template_fields
