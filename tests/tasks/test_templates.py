"""Templates as operators and the sensor render them, with text and with native types."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import DAG, AirflowFailException
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator, YeastarDownloadReportOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.tasks.templates import RenderedToNothing
from tests.tasks.support import ARGUMENTS, CONTEXT, rendered

NOTHING = ["{{ none }}", "{{ empty }}", "{{ blank }}", "{{ no_items }}", "{{ 'None' }}", "{{ unknown }}",
           "{{ none | tojson }}", "{{ not_a_number }}", "{{ not_a_number | tojson }}", "{{ no_decimal }}",
           "{% if empty %}x{% endif %}", "{{ none or empty }}"]  # fmt: skip
FIELDS = ["report_type", "my_report_id", "scheduled_report_id", "period", "start_time", "end_time", "api_version",
          "file_format", "duration_format", "destination", "yeastar_conn_id", "parameters"]  # fmt: skip


def is_native(dag: DAG) -> bool:
    return dag.render_template_as_native_obj


def arguments(field: str, value: Any) -> dict[str, Any]:
    """The arguments of a report, one of them changed, and without what would exclude it."""
    changed: dict[str, Any] = ARGUMENTS | {field: value}
    if field.endswith("report_id"):
        changed |= {"report_type": None, "parameters": None}
    if field in ("start_time", "end_time", "scheduled_report_id"):
        changed |= {"period": None}
    return changed


class TestWhatRendersToNothing:
    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("template", NOTHING)
    def test_it_is_refused_in_every_argument(self, dag: DAG, field: str, template: str) -> None:
        task = rendered(dag, **arguments(field, template))

        with pytest.raises(
            AirflowFailException, match=rf"`{field}` was rendered to .* \({re.escape(repr(template))}\)"
        ):
            task.execute({"ti": Mock()})

    @pytest.mark.parametrize("field", FIELDS)
    def test_airflow_refuses_it_before_the_task_is_executed(self, dag: DAG, field: str) -> None:
        task = rendered(dag, **arguments(field, "{{ none }}"))

        with pytest.raises(AirflowFailException, match=f"`{field}` was rendered to None"):
            task.pre_execute({"ti": Mock()})

    @pytest.mark.parametrize(
        "parameters",
        [
            {"queue_id_list": "{{ none }}"},
            {"queue_id_list": [1, "{{ none }}"]},
            {"queue_id_list": (1, "{{ empty }}")},
            {"queue_id_list": {"{{ no_items }}"}},
            {"queue_id_list": 1, "call_from": "{{ none }}"},
            {"queue_id_list": 1, "call_from": "+{{ none }}"},
            {"queue_id_list": "6400,{{ empty }}"},
        ],
        ids=repr,
    )
    def test_it_is_refused_inside_of_the_parameters(self, dag: DAG, parameters: Any) -> None:
        task = rendered(dag, parameters=parameters)

        with pytest.raises(AirflowFailException, match=r"`parameters` \(\w+\) was rendered to"):
            task.execute({"ti": Mock()})

    @pytest.mark.parametrize("field", ["period", "yeastar_conn_id", "api_version"])
    @pytest.mark.parametrize("operator", [YeastarCallReportRowsOperator, YeastarCallReportSensor])
    def test_the_other_tasks_refuse_it_too(self, dag: DAG, operator: Any, field: str) -> None:
        given = ARGUMENTS | {field: "{{ none }}"}
        if operator is YeastarCallReportSensor:
            del given["destination"]
        task = operator(**given, dag=dag)
        task.render_template_fields(CONTEXT)

        with pytest.raises(AirflowFailException, match=f"`{field}` was rendered to None"):
            task.execute({"ti": Mock()})

    def test_a_download_without_a_report_is_refused(self, dag: DAG) -> None:
        task: Any = YeastarDownloadReportOperator(task_id="fetch", report="{{ none }}", destination="/data/", dag=dag)
        task.render_template_fields(CONTEXT)

        with pytest.raises(AirflowFailException, match="`report` was rendered to None"):
            task.execute({"ti": Mock()})

    @pytest.mark.parametrize("output", [None, "", [], {}])
    @pytest.mark.parametrize("field", ["period", "parameters", "destination"])
    def test_the_output_of_another_task_that_is_none_is_refused(self, dag: DAG, field: str, output: Any) -> None:
        upstream = YeastarCallReportOperator(**ARGUMENTS | {"task_id": "upstream"}, dag=dag)
        task: Any = YeastarCallReportOperator(**arguments(field, upstream.output), dag=dag)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(upstream.output), "resolve", lambda *_, **__: output)
            task.render_template_fields(CONTEXT)

        with pytest.raises(AirflowFailException, match=f"`{field}` was rendered to .*upstream"):
            task.execute({"ti": Mock()})

    def test_a_part_that_may_be_missing_goes_into_a_block(self, dag: DAG) -> None:
        task = rendered(dag, destination="/data/{{ ds }}{% if empty %}_{{ empty }}{% endif %}.csv")

        assert task.destination == "/data/2026-11-20.csv"

    def test_what_was_given_as_none_is_left_out(self, dag: DAG) -> None:
        task = rendered(dag, api_version=None, start_time=None, my_report_id=None)

        assert task.build_request().api_version is None

    @pytest.mark.parametrize("parameters", [{"agent_id_list": None}, {"queue_id_list": [None]}])
    def test_none_inside_of_the_parameters_is_refused_when_the_dag_is_parsed(
        self, dag: DAG, parameters: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidRequestError, match="list"):
            YeastarCallReportOperator(**ARGUMENTS | {"parameters": {"queue_id_list": 1} | parameters}, dag=dag)

    def test_its_stand_in_tells_what_it_is(self) -> None:
        assert repr(RenderedToNothing("{{ x }}", " ")) == "<'{{ x }}' rendered to an empty text>"


class TestTextsStayTexts:
    @pytest.mark.parametrize("number", range(len(CONTEXT["texts"])))
    def test_whatever_they_look_like(self, dag: DAG, number: int) -> None:
        task = rendered(dag, parameters={"queue_id_list": 1, "call_from": f"{{{{ texts[{number}] }}}}"})

        assert task.parameters["call_from"] == CONTEXT["texts"][number]

    @pytest.mark.parametrize(
        ("template", "text"), [("00{{ 7 }}", "007"), ("{{ year }}-11", "2026-11"), ("+49{{ 30 }}", "+4930")]
    )
    def test_put_together_of_parts(self, dag: DAG, template: str, text: str) -> None:
        assert rendered(dag, parameters={"queue_id_list": 1, "call_from": template}).parameters["call_from"] == text

    def test_without_a_template(self, dag: DAG) -> None:
        task = rendered(dag, period="2026", yeastar_conn_id="1234", parameters={"queue_id_list": ["0301", "{x}"]})

        assert (task.period, task.yeastar_conn_id) == ("2026", "1234")
        assert task.parameters == {"queue_id_list": ["0301", "{x}"]}

    def test_a_value_that_is_no_text_keeps_its_type_where_the_dag_wants_that(self, dag: DAG) -> None:
        task = rendered(dag, parameters={"queue_id_list": "{{ ids }}", "talk_time": "{{ 2 + 1 }}"})

        assert task.parameters == (
            {"queue_id_list": [1, 2], "talk_time": 3}
            if is_native(dag)
            else {"queue_id_list": "[1, 2]", "talk_time": "3"}
        )

    def test_a_collection_whose_text_is_not_known_for_one_is_refused(self, dag: DAG) -> None:
        task = rendered(dag, parameters={"queue_id_list": "{{ array }}"})

        if is_native(dag):
            assert task.parameters == {"queue_id_list": [1, 2]}
        else:
            with pytest.raises(AirflowFailException, match=r"\(queue_id_list\) was rendered to an? Array"):
                task.execute({"ti": Mock()})

    def test_a_connection_id_that_is_no_text_is_refused(self) -> None:
        native = DAG("native", schedule=None, render_template_as_native_obj=True)
        task = rendered(native, yeastar_conn_id="{{ year }}")

        with pytest.raises(AirflowFailException, match="`yeastar_conn_id` was rendered to 2026, which is no text"):
            task.execute({"ti": Mock()})

    def test_what_another_task_returned_is_no_template(self, dag: DAG) -> None:
        task: Any = YeastarCallReportOperator(**ARGUMENTS, dag=dag)
        content = "{{ ds }}"

        assert task.render_template(content, CONTEXT, None, {id(content)}) == content


class TestMappedTasks:
    def mapped(self, dag: DAG, **changes: Any) -> Any:
        given = {name: value for name, value in ARGUMENTS.items() if name != "period"}
        return YeastarCallReportOperator.partial(**given | changes, dag=dag).expand(period=["2026-11-20", None])

    def test_one_that_is_expanded_to_none_is_refused(self, dag: DAG) -> None:
        task = self.mapped(dag).unmap({"period": None})

        with pytest.raises(AirflowFailException, match="`period` was expanded to None"):
            task.execute({"ti": Mock()})

    def test_what_is_left_out_of_all_is_left_out(self, dag: DAG) -> None:
        task = self.mapped(dag, api_version=None).unmap({"period": "2026-11-20"})

        assert task.build_request().api_version is None

    @pytest.mark.parametrize("field", ["destination", "yeastar_conn_id"])
    def test_an_empty_text_is_refused(self, dag: DAG, field: str) -> None:
        task = self.mapped(dag).unmap({"period": "2026-11-20", field: ""})

        with pytest.raises(AirflowFailException, match=f"`{field}` is an empty text"):
            task.execute({"ti": Mock()})
