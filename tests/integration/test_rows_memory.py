"""What rows cost in memory does not depend on how many there are, from the pages of a PBX to a file or a table."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.files.rows import encoded_rows
from airflow_provider_yeastar.files.spool import Spool
from airflow_provider_yeastar.pbx.report.paging import row_pages
from airflow_provider_yeastar.pbx.report.rows import flattened_rows
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows
from airflow_provider_yeastar.warehouse.answers import Answer
from airflow_provider_yeastar.warehouse.loading import load_period
from airflow_provider_yeastar.warehouse.periods import TablePeriod
from tests.warehouse.loads import a_load

PAGE_ROWS = 1_000
FEW, MANY = 6_000, 16_000
MIB = 1024 * 1024
DAY = TablePeriod(datetime(2026, 11, 22), datetime(2026, 11, 22, 23, 59, 59))


def answer(count: int, page: int) -> dict[str, Any]:
    numbers = range((page - 1) * PAGE_ROWS, min(page * PAGE_ROWS, count))
    rows = [
        {
            "time": f"2026/11/22 {number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}",
            "call_from": f"Caller {number}<0151{number:07d}>",
            "ring_duration": number % 60,
        }
        for number in numbers
    ]
    # Through JSON, as a PBX's answer comes: what is decoded shares no text with the page before.
    return dict(json.loads(json.dumps({"total_number": count, "unreturn_miss_call_list": rows})))


def into_parquet(rows: SchemaRows, folder: Path) -> None:
    with (folder / "rows.parquet").open("wb") as file:
        for chunk in encoded_rows(rows.columns, rows, "parquet"):
            file.write(chunk)


def into_ndjson(rows: SchemaRows, folder: Path) -> None:
    with (folder / "rows.ndjson").open("wb") as file:
        for chunk in encoded_rows(rows.columns, rows, "ndjson"):
            file.write(chunk)


def into_table(rows: SchemaRows, folder: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{folder}/warehouse.db", poolclass=sa.pool.NullPool)
    told = Answer("unreturnmisscall", DAY, "all", "SN1", "Europe/Berlin", rows, "evolve", {}).origin("run")
    loaded = load_period(engine, replace(a_load([]), rows=rows, origin=told))
    engine.dispose()
    assert loaded.rows == rows.count


@pytest.mark.parametrize("write", [into_parquet, into_ndjson, into_table])
def test_many_rows_take_no_more_memory_than_few(write: Callable[[SchemaRows, Path], None], tmp_path: Path) -> None:
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with Spool() as spool:
            for page in row_pages(lambda page: answer(count, page), pbx="pbx", endpoint="list"):
                spool.extend(flattened_rows(page))
            write(SchemaRows(spool, Schema.of("unreturnmisscall")), folder)
        return tracemalloc.get_traced_memory()[1] - before

    peak(PAGE_ROWS)  # what is imported or compiled once does not count
    tracemalloc.start()
    try:
        few, many = peak(FEW), peak(MANY)
    finally:
        tracemalloc.stop()

    assert many < few + 2 * MIB
