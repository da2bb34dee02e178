"""What the tests of delivered files share: the operator, a PBX whose reports are given bytes, what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.integration.support import connect, know_the_past

WAYS: dict[str, dict[str, Any]] = {
    "deferred": {"deferrable": True},
    "worker": {"deferrable": False},
    "synchronous": {"asynchronous": False},
}
BIG = b"Queue,Total\r\n" + b"Support<6401>,12\r\n" * 200_000
"""A report of 3.6 MB: a file in many chunks."""


def operator(destination: object, **changes: Any) -> YeastarCallReportOperator:
    arguments: dict[str, Any] = {
        "task_id": "queue_report",
        "report_type": "queueperformance",
        "period": "2026-11-20",
        "parameters": {"queue_id_list": [1, 2, 3]},
        "wait_timeout": 60,
    }
    return YeastarCallReportOperator(**{**arguments, "destination": str(destination), **changes})


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None = None, **settings: Any
) -> Iterator[PbxSimulator]:
    """A PBX that is `yeastar_default`, whose reports are all of the given bytes."""
    with PbxSimulator(SimulatorSettings(**settings)) as pbx:
        connect(pbx, monkeypatch)
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        know_the_past(pbx, tmp_path / "state")
        if content is not None:
            keep = pbx.state.keep
            monkeypatch.setattr(pbx.state, "keep", lambda name, _, now: keep(name, content, now))
        yield pbx


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def fetches(pbx: PbxSimulator) -> list[str]:
    """The ranges that were asked for, one for each GET of a file; empty for the whole."""
    return [call.headers.get("Range", "") for call in pbx.requests if call.path.startswith("/api/download/")]
