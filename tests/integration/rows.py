"""What the tests of report rows share: the operator, and a PBX that answers differently."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator

LIST = "call_report/list"
AGENTS = {"report_type": "queueagentperformance", "period": "2026-11-20", "parameters": {"queue_id": "Support"}}


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[None]:
    """Let the PBX's list answer differently: newer firmware, or one of which nothing is known."""
    from airflow_provider_yeastar.simulator.api.routes import Routes

    answer = Routes._query

    async def changed(self: Routes, endpoint: str, version: str, query: dict[str, str]) -> dict[str, Any]:
        given = await answer(self, endpoint, version, query)
        return change(given) if endpoint == LIST else given

    with monkeypatch.context() as patched:
        patched.setattr(Routes, "_query", changed)
        yield


def operator(destination: object, **changes: Any) -> YeastarCallReportRowsOperator:
    return YeastarCallReportRowsOperator(
        **{"task_id": "rows", "wait_timeout": 60, **AGENTS, "destination": str(destination), **changes}
    )


def run(task: YeastarCallReportRowsOperator) -> tuple[str, dict[str, Any]]:
    """Run a task; return its value and what it pushes under `report`."""
    instance = Mock(spec=["xcom_push"])
    path = task.execute({"ti": instance})
    (record,) = [call.kwargs["value"] for call in instance.xcom_push.mock_calls if call.kwargs["key"] == "report"]
    return path, json.loads(json.dumps(record))
