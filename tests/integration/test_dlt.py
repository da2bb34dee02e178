"""The documented dlt resource: its rows in DuckDB, a day of them replaced by a second run."""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.docs.pages import DOCS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # dlt's own
    dlt = pytest.importorskip("dlt")


@pytest.fixture
def resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The block of the page as a module, which dlt looks for."""
    page = (DOCS / "warehouse.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```\{\.python \.dlt\}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(block.partition("@dlt")[2].splitlines()) < 10
    (tmp_path / "documented_resource.py").write_text(block, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("documented_resource").queue_performance


@pytest.mark.filterwarnings("ignore")
def test_a_day_is_loaded_and_replaced_by_a_second_run(
    pbx: PbxSimulator, resource: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    warehouse = tmp_path / "warehouse.duckdb"
    pipeline = dlt.pipeline(
        "calls",
        pipelines_dir=str(tmp_path / "pipelines"),
        destination=dlt.destinations.duckdb(str(warehouse)),
        dataset_name="pbx",
    )

    for day in ("2026-11-19", "2026-11-20", "2026-11-20"):
        pipeline.run(resource(day)).raise_on_failed_jobs()

    with duckdb.connect(str(warehouse), read_only=True) as db:
        rows = db.execute("SELECT day, queue_num, total_calls FROM pbx.queue_performance ORDER BY ALL").fetchall()
    assert [row[:2] for row in rows] == [(f"2026-11-{day}", queue) for day in (19, 20) for queue in ("6400", "6401")]
    assert all(type(calls) is int for _, _, calls in rows)
