"""What tasks that store a file check before they ask the PBX."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator, YeastarDownloadReportOperator
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.operators.missing_periods import YeastarMissingPeriodsOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator

REPORT = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1]}}
DAY = {"period": "2026-11-22"}
TASKS: list[tuple[type, dict[str, Any]]] = [
    (YeastarCallReportOperator, REPORT | DAY),
    (YeastarDownloadReportOperator, {"report": {}}),
    (YeastarCallReportRowsOperator, REPORT | DAY),
    (YeastarCdrOperator, DAY),
    (YeastarRecordingsOperator, DAY),
    (YeastarMissingPeriodsOperator, REPORT),
]


@pytest.mark.parametrize(("operator", "arguments"), TASKS)
@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("foo://nobody@bucket/pbx/", "no provider serves the scheme foo"),
        ("~/pbx/", "begins with ~"),
        ("file://pbx/", "lacks a slash"),
        ({"path": "/pbx/"}, "is a dict, neither a text nor a path"),
    ],
)
def test_a_destination_that_is_none_ends_the_task_before_anything_is_asked(
    operator: type, arguments: dict[str, Any], destination: Any, words: str
) -> None:
    task = operator(task_id="task", destination=destination, **arguments)

    with pytest.raises(AirflowFailException, match=words):
        task.pre_execute({"ti": Mock()})


def test_the_folder_of_recordings_may_be_a_bucket_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.files.storage.require_store", Mock())
    task = YeastarRecordingsOperator(task_id="task", destination="s3://lake", **DAY)

    task.pre_execute({"ti": Mock()})

    assert task.path_of("x.ndjson") == "s3://lake/x.ndjson"
