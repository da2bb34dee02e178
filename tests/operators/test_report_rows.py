"""What the operator of rows decides by itself; with a PBX at the other end it is tested in tests/integration."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import AirflowException
from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError


def operator(destination: object, **changes: Any) -> YeastarCallReportRowsOperator:
    arguments = {
        "task_id": "rows",
        "report_type": "queueperformance",
        "period": "2026-11-20",
        "parameters": {"queue_id_list": [1, 2]},
        "destination": str(destination),
    }
    return YeastarCallReportRowsOperator(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"report_type": "queueperformence"}, "queueperformance"),
        ({"parameters": {}}, "queue_id_list"),
        ({"file_format": "csv"}, "ndjson, parquet"),
        ({"on_empty": "drop"}, "ok, skip, fail"),
        ({"check_ids": "no"}, "check_ids"),
        ({"wait_timeout": 0}, "wait_timeout"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_mistake_is_refused_when_the_dag_is_parsed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        operator("/data/", **changes)


def test_templates_are_left_for_later() -> None:
    operator("/data/{{ ds }}/", period="{{ ds }}", file_format="{{ params.format }}")


@pytest.mark.parametrize("argument", ["scheduled_report_id", "duration_format", "asynchronous"])
def test_what_concerns_a_file_is_no_argument(argument: str) -> None:
    # Airflow 2.11 has an error of its own for it.
    with pytest.raises((TypeError, AirflowException)):
        operator("/data/", **{argument: 1})


def test_an_unwritable_destination_is_told_before_the_pbx_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DestinationError, match="cannot be written"):
        operator(tmp_path / "file" / "rows.ndjson").execute(Mock())


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text("kept")

    assert operator(file, overwrite=False, yeastar_conn_id="no_such_pbx").execute(Mock()) == str(file)
