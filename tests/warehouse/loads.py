"""A load of two rows into a table, and a look at what the table holds."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows
from airflow_provider_yeastar.warehouse.loading import Load
from airflow_provider_yeastar.warehouse.rules import Shrink
from airflow_provider_yeastar.warehouse.tables import ORIGIN, Origin

SCHEMA = Schema.of(
    None, {"queue": "text", "calls": "integer", "rate": "percent", "charge": "decimal", "time": "timestamp"}
)
ROWS = [
    {"queue": "Sales", "calls": 4, "rate": 77.14, "charge": "1.10", "time": "2026/11/22 08:00:00"},
    {"queue": "Продажи : '\"%s", "calls": None, "rate": "50.00%"},
]
TABLE = "queue_performance"
ORIGIN_OF_A_DAY = Origin(
    pbx_serial_number="SN1",
    report="queueperformance",
    period_start=datetime(2026, 11, 22),
    period_end=datetime(2026, 11, 22, 23, 59, 59),
    pbx_timezone="Europe/Berlin",
    selection="s1",
    source_sha256="a" * 64,
    loaded_at=datetime(2026, 11, 23, 3),
    dag_run_id="scheduled__2026-11-23",
)


def a_load(rows: list[dict[str, Any]], **changes: Any) -> Load:
    origin = replace(ORIGIN_OF_A_DAY, **{name: changes.pop(name) for name in list(changes) if name in ORIGIN})
    on_change = changes.get("on_schema_change", "evolve")
    schema = changes.pop("row_schema", SCHEMA)
    options = {
        "table": TABLE,
        "schema": None,
        "origin": origin,
        "rows": SchemaRows(rows, schema, on_schema_change="drop" if on_change == "drop" else "evolve"),
        "apart_from": (),
        "on_schema_change": on_change,
        "replace": "selection",
        "shrink": Shrink(),
        "only_changes": False,
        "oldest_call": lambda: datetime(2020, 1, 1),
        "until": time.time() + 60,
        "killed": lambda: False,
    }
    return Load(**options | changes)


def table(engine: sa.engine.Engine, columns: str = "queue, calls") -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(sa.text(f"SELECT {columns} FROM {TABLE}"))), key=repr)
