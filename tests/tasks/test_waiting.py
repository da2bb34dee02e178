from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.compat import DAG
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.operators.missing_periods import YeastarMissingPeriodsOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.tasks.waiting import WaitingTask
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator

DAY: dict[str, Any] = {"task_id": "t", "period": "2026-11-20"}
REPORT: dict[str, Any] = DAY | {"report_type": "unreturnmisscall"}
FOLDER, TABLE = {"destination": "/data/"}, {"sql_conn_id": "warehouse", "table": "t"}

ON_THE_WORKER: list[tuple[type[WaitingTask], dict[str, Any]]] = [
    (YeastarCdrOperator, DAY | FOLDER),
    (YeastarRecordingsOperator, DAY | FOLDER),
    (YeastarCdrToSqlOperator, DAY | TABLE),
    (YeastarCallReportRowsOperator, REPORT | FOLDER),
    (YeastarReportToSqlOperator, REPORT | TABLE),
    (YeastarMissingPeriodsOperator, {"task_id": "t", "report_type": "unreturnmisscall", **TABLE}),
]


@pytest.mark.parametrize(("operator", "arguments"), ON_THE_WORKER)
class TestATaskThatStaysOnTheWorker:
    def test_says_so_when_it_is_to_be_deferred(self, operator: type[WaitingTask], arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError, match=r"this task cannot be deferred.*Leave `deferrable` out"):
            operator(**arguments, deferrable=True)

    def test_is_what_a_dag_s_defaults_and_the_configuration_are_not_asked_about(
        self, operator: type[WaitingTask], arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")

        with DAG("d", schedule=None, default_args={"deferrable": True}):
            task = operator(**arguments)

        assert task.deferrable is False
        assert operator(**arguments | {"task_id": "u"}, deferrable=False).deferrable is False
