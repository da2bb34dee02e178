"""The `:param` lines of tasks and of the hook are written from one table, and are in step with it."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators import call_report, cdr, recordings, report_rows
from airflow_provider_yeastar.sensors.call_report import YeastarCallReportSensor
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from tests.docs.pages import DOCS
from tests.examples import import_file

table = import_file(DOCS / "_tools" / "arguments.py")
EXPLAINED = {
    "YeastarCallReportOperator": call_report.YeastarCallReportOperator,
    "YeastarDownloadReportOperator": call_report.YeastarDownloadReportOperator,
    "YeastarCallReportRowsOperator": report_rows.YeastarCallReportRowsOperator,
    "YeastarCallReportSensor": YeastarCallReportSensor,
    "YeastarHook.get_report_rows": YeastarHook.get_report_rows,
    "YeastarHook.iter_calls": YeastarHook.iter_calls,
    "YeastarCdrOperator": cdr.YeastarCdrOperator,
    "YeastarReportToSqlOperator": YeastarReportToSqlOperator,
    "YeastarCdrToSqlOperator": YeastarCdrToSqlOperator,
    "YeastarRecordingsOperator": recordings.YeastarRecordingsOperator,
}


@pytest.mark.parametrize("place", table.DOCUMENTED)
def test_a_docstring_is_in_step_with_the_table(place: str) -> None:
    path, content = table.rewritten(place)

    assert path.read_text(encoding="utf-8") == content, "run `make reference`"


@pytest.mark.parametrize("place", table.DOCUMENTED)
def test_an_editor_shows_all_of_them(place: str) -> None:
    shown: Any = EXPLAINED[place.partition(":")[2]]

    names = re.findall(r"^:param (\w+):", inspect.getdoc(shown) or "", re.MULTILINE)

    assert tuple(names) == table.DOCUMENTED[place]


def test_the_table_holds_nothing_that_no_docstring_has() -> None:
    used = {name for names in table.DOCUMENTED.values() for name in names}

    assert used == table.ARGUMENTS.keys()
    assert {name for place, name in table.OTHERWISE if name not in table.DOCUMENTED[place]} == set()
