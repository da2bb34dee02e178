"""Templates of destinations: paths of several kinds, and what is no part of one."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import DAG, AirflowFailException, ObjectStoragePath
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.operators.missing_periods import YeastarMissingPeriodsOperator
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from tests.tasks.support import ARGUMENTS, CONTEXT, rendered


def of_table(operator: Any, dag: DAG, **arguments: Any) -> Any:
    """Return a rendered task of a table."""
    given = {"task_id": "load", "sql_conn_id": "warehouse", "table": "calls", **arguments}
    if operator is not YeastarCdrToSqlOperator:
        given |= {key: ARGUMENTS[key] for key in ("report_type", "parameters")}
    if operator is not YeastarMissingPeriodsOperator:
        given["period"] = ARGUMENTS["period"]
    task = operator(**given, dag=dag)
    task.render_template_fields(CONTEXT)
    return task


class TestPaths:
    @pytest.mark.parametrize("kind", [Path, PurePosixPath])
    def test_a_path_object_is_rendered(self, dag: DAG, kind: Any) -> None:
        task = rendered(dag, destination=kind("/data") / "{{ ds }}" / "{{ site }}.csv")

        assert task.destination == kind("/data/2026-11-20/berlin.csv")

    @pytest.mark.parametrize("store", ["file:///data", "memory://bucket"])
    def test_a_path_in_an_object_store_is_rendered(self, dag: DAG, store: str) -> None:
        task = rendered(dag, destination=ObjectStoragePath(f"{store}/{{{{ ds }}}}/report.csv"))

        assert isinstance(task.destination, ObjectStoragePath)
        assert str(task.destination) == str(ObjectStoragePath(f"{store}/2026-11-20/report.csv"))


class TestPartsThatAreNothing:
    @pytest.mark.parametrize(
        "destination",
        [
            "/data/{{ none }}/report.csv",
            "/data/{{ empty }}/report.csv",
            "/data/{{ ds }}/{{ none }}.csv",
            "/data/report_{{ empty }}.csv",
            "/data/report_{{ unknown }}",
            Path("/data") / "{{ none }}" / "report.csv",
            PurePosixPath("/data/{{ empty }}.csv"),
            ObjectStoragePath("file:///data/{{ none }}/report.csv"),
            ObjectStoragePath("memory://bucket/{{ empty }}/report.csv"),
        ],
        ids=str,
    )
    def test_a_part_of_a_destination_is_refused(self, dag: DAG, destination: Any) -> None:
        task = rendered(dag, destination=destination)

        with pytest.raises(AirflowFailException, match="`destination` was rendered to"):
            task.execute({"ti": Mock()})

    @pytest.mark.parametrize(
        "destination",
        [
            "/data/{{ none ~ '.csv' }}",
            "/data/{{ 'report_%s.csv' % none }}",
            "/data/{{ '{}/report.csv'.format(none) }}",
            "/data/{{ [site, none] | join('-') }}/report.csv",
            "/data/{{ object ~ '.csv' }}",
            "/data/{{ not_a_number ~ '.csv' }}",
            "/data/{{ 'report_%s.csv' % not_a_number }}",
            "/data/{{ none | string | lower }}.csv",
            "/data/{{ none | string | upper }}/{{ ds }}.csv",
            "/data/{{ 'null/' }}report.csv",
            "{{ 'undefined' }}/report.csv",
            "s3://lake@bucket/{{ (no_decimal ~ '') | lower }}/report.csv",
            "/data/None/{{ none ~ '.csv' }}",
            "{{ mixed }}",
            "{{ entry }}",
            PurePosixPath("/data/{{ none ~ '.csv' }}"),
            ObjectStoragePath("memory://bucket/{{ none ~ '.csv' }}"),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("operator", [YeastarCallReportOperator, YeastarMissingPeriodsOperator])
    def test_an_expression_that_makes_a_path_of_it_is_refused(self, dag: DAG, operator: Any, destination: Any) -> None:
        given = dict(ARGUMENTS)
        if operator is YeastarMissingPeriodsOperator:
            del given["period"]
        task = operator(**given | {"destination": destination}, dag=dag)
        task.render_template_fields(CONTEXT)

        with pytest.raises(AirflowFailException, match="`destination` was rendered to a path with"):
            task.pre_execute({"ti": Mock()})

    @pytest.mark.parametrize(
        "destination",
        [
            "/data/None/{{ ds }}.csv",
            "/data/null/{{ ds }}/",
            "/data/{{ 'none_answered' }}.csv",
            "/{{ 'nano' }}.csv",
            "/data/{{ 'calls.null' }}",
            "/data/{{ 'not-undefined' }}.csv",
            "/data/{# none #}none-{{ ds }}/",
        ],
    )
    def test_what_only_looks_like_it_is_a_name(self, dag: DAG, destination: str) -> None:
        rendered(dag, destination=destination).check_templates()

    @pytest.mark.parametrize("template", ["{{ none }}", "{{ unknown }}", "{{ blank }}", "calls_{{ none }}"])
    @pytest.mark.parametrize("name", ["table", "schema", "sql_conn_id"])
    @pytest.mark.parametrize("operator", [YeastarReportToSqlOperator, YeastarCdrToSqlOperator])
    def test_a_name_of_a_database_that_is_nothing_is_refused(
        self, dag: DAG, operator: Any, name: str, template: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=f"`{name}` was rendered to"):
            of_table(operator, dag, **{name: template}).pre_execute({"ti": Mock()})

    @pytest.mark.parametrize("template", ["{{ 'calls_%s' % none }}", "{{ none | string | lower }}", "{{ none ~ '' }}"])
    @pytest.mark.parametrize("name", ["table", "schema"])
    @pytest.mark.parametrize(
        "operator", [YeastarReportToSqlOperator, YeastarCdrToSqlOperator, YeastarMissingPeriodsOperator]
    )
    def test_so_is_one_of_which_an_expression_makes_a_part_of_it(
        self, dag: DAG, operator: Any, name: str, template: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=f"`{name}` was rendered to (a name with|the text) "):
            of_table(operator, dag, **{name: template}).pre_execute({"ti": Mock()})

    @pytest.mark.parametrize("operator", [YeastarReportToSqlOperator, YeastarCdrToSqlOperator])
    def test_a_schema_that_is_left_out_is_no_mistake(self, dag: DAG, operator: Any) -> None:
        of_table(operator, dag, table="none_{{ year }}").pre_execute({"ti": Mock()})

    def test_a_path_without_a_template_may_hold_any_word(self, dag: DAG) -> None:
        assert rendered(dag, destination="/data/None/").build_request()

    @pytest.mark.parametrize(
        ("template", "text"),
        [
            ("/data/None/{{ year }}/", "/data/None/2026/"),
            ("/data/{% if year %}None-{% endif %}{{ year }}.csv", "/data/None-2026.csv"),
        ],
    )
    def test_so_may_what_a_template_writes_itself(self, dag: DAG, template: str, text: str) -> None:
        task = rendered(dag, destination=template)
        task.check_templates()

        assert task.destination == text

    @pytest.mark.parametrize("name", ["mixed", "entry", "generated", "object", "no_items.append"])
    @pytest.mark.parametrize("template", ["/data/{{ %s }}.csv", "/data/{{ site }}/{{ %s }}/", "x{{ %s }}"])
    def test_what_is_no_text_is_no_part_of_one(self, dag: DAG, template: str, name: str) -> None:
        task = rendered(dag, destination=template % name)

        with pytest.raises(AirflowFailException, match=r"`destination` was rendered to a \w+, which is no part"):
            task.pre_execute({"ti": Mock()})

    @pytest.mark.parametrize(
        ("template", "text"), [("/data/{{ folder }}/{{ year }}/", "/data/exports/2026/"), ("/{{ 1.5 }}/", "/1.5/")]
    )
    def test_what_has_a_text_of_its_own_is_a_part_of_one(self, dag: DAG, template: str, text: str) -> None:
        task = rendered(dag, destination=template)
        task.check_templates()

        assert task.destination == text
