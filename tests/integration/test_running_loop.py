"""The hook where an event loop runs already: in a notebook, and in an ``async def`` task."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import QUEUE_REPORT, connect, run_task


@pytest.fixture(autouse=True)
def connected(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connect(pbx, monkeypatch)
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))


def in_a_loop(work: Any) -> Any:
    async def cell() -> Any:
        return work()

    return asyncio.run(cell())


def test_rows_are_had() -> None:
    assert in_a_loop(lambda: YeastarHook().get_report_rows(**QUEUE_REPORT))


def test_a_task_on_the_worker_delivers_its_file(tmp_path: Path) -> None:
    operator = YeastarCallReportOperator(task_id="report", destination=f"{tmp_path}/", deferrable=False, **QUEUE_REPORT)

    path, _ = in_a_loop(lambda: run_task(operator))

    assert Path(path).stat().st_size


def test_the_doctor_examines() -> None:
    with YeastarHook().get_conn() as client:
        findings = in_a_loop(lambda: list(client.examine()))

    assert [finding.subject for finding in findings if not finding.ok] == []
