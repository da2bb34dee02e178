"""400 days of a report as Parquet files in one folder: every reader opens them as one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow
import pytest
from pyarrow import dataset, parquet

from airflow_provider_yeastar.files.rows import encoded_rows
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.schema import Drift, Schema, SchemaRows

DAYS = 400
FIRST = date(2025, 10, 1)
SUNDAY = 6
UPDATE, SECOND_UPDATE = 150, 300
"""The days of two updates of the firmware: one adds columns, one renames a column and speaks another language."""
ADDED = ("new_calls", "mood")
NOTHING = (None, "", "-", "--")

Value = tuple[object, object]
"""A value as the PBX writes it, and as a table has to hold it."""


def _text(random: Random, day: int) -> Value:
    words = ("支持", "销售") if day >= SECOND_UPDATE else ("Support", "Sales", "0302")
    number = random.randrange(1000, 9999)
    return random.choice([(number, str(number)), *((word, word) for word in words)])


def _integer(random: Random, day: int) -> Value:
    number = random.randrange(100)
    return random.choice([(number, number), (str(number), number), (float(number), number)])


def _duration(random: Random, day: int) -> Value:
    seconds = random.randrange(3600)
    return random.choice([(seconds, seconds), (f"00:{seconds // 60:02d}:{seconds % 60:02d}", seconds)])


def _percent(random: Random, day: int) -> Value:
    return random.choice([(100, 100.0), (77.14, 77.14), ("50.00%", 50.0), ("12,5%", 12.5)])


def _decimal(random: Random, day: int) -> Value:
    raw, value = random.choice([(1, "1"), (1.1, "1.1"), ("0.105", "0.105"), ("2", "2")])
    return raw, Decimal(value).quantize(Decimal("1e-9"))


def _timestamp(random: Random, day: int) -> Value:
    midnight = datetime.combine(FIRST + timedelta(days=day), datetime.min.time())
    moment = midnight + timedelta(seconds=random.randrange(86_400))
    return random.choice([(f"{moment:%Y/%m/%d %H:%M:%S}", moment), (f"{moment:%Y-%m-%d %I:%M:%S %p}", moment)])


MAKE: dict[str, Callable[[Random, int], Value]] = {
    "text": _text,
    "integer": _integer,
    "duration": _duration,
    "percent": _percent,
    "decimal": _decimal,
    "timestamp": _timestamp,
}


@dataclass(frozen=True)
class Days:
    """What was generated: the folder, and the rows that every reader must find in it."""

    folder: Path
    rows: list[dict[str, Any]]
    drifts: list[Drift]
    schema: Schema

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())


def columns_of(schema: Schema, day: int) -> list[Column]:
    """Return what the firmware of a day sends."""
    columns = list(schema.columns)
    if day >= UPDATE:
        columns += [schema.column(key) for key in ADDED]
    if day >= SECOND_UPDATE:
        columns[-len(ADDED) - 1] = schema.column("renamed")
    return columns


@pytest.fixture(scope="module", params=["queueperformance", "extcallbillingdetails", "unreturnmisscall"])
def days(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Days:
    random, schema = Random(15), Schema.of(request.param)
    found = Days(tmp_path_factory.mktemp("days"), [], [], schema)
    for day in range(DAYS):
        when = FIRST + timedelta(days=day)
        sent: list[dict[str, Any]] = []
        for _ in range(0 if when.weekday() == SUNDAY else random.randrange(1, 5)):
            values = {column.key: _value(random, day, column) for column in columns_of(schema, day)}
            sent.append({key: raw for key, (raw, _) in values.items()})
            found.rows.append({key: value for key, (_, value) in values.items()})
        rows = SchemaRows(sent, schema)
        found.drifts.append(rows.drift)
        with (found.folder / f"{when}.parquet").open("wb") as file:
            file.writelines(encoded_rows(rows.columns, rows, "parquet"))
    return found


def _value(random: Random, day: int, column: Column) -> Value:
    return (random.choice(NOTHING), None) if random.random() < 0.2 else MAKE[column.type](random, day)


def expected(days: Days, key: str) -> list[Any]:
    return [row.get(key) for row in days.rows]


def all_keys(days: Days) -> list[str]:
    return [*(column.key for column in days.schema.columns), *ADDED, "renamed"]


def test_each_drift_is_told_once(days: Days) -> None:
    for day, drift in enumerate(days.drifts):
        is_empty = (FIRST + timedelta(days=day)).weekday() == SUNDAY
        renamed = ("renamed",) if day >= SECOND_UPDATE else ()
        assert set(drift.unknown) == (set() if is_empty or day < UPDATE else {*renamed, *ADDED})
        assert len(set(drift.unknown)) == len(drift.unknown)


def test_pyarrow_opens_the_folder_as_one_table(days: Days) -> None:
    schema = pyarrow.unify_schemas([parquet.read_schema(file) for file in days.files])
    table = dataset.dataset(days.files, schema=schema, format="parquet").to_table()

    assert set(table.column_names) == set(all_keys(days))
    for key in all_keys(days):
        assert table.column(key).to_pylist() == expected(days, key)


def test_duckdb_opens_the_folder_as_one_table(days: Days) -> None:
    with duckdb.connect() as db:
        names = ", ".join(f'"{key}"' for key in all_keys(days))
        rows = db.execute(f"SELECT {names} FROM read_parquet('{days.folder}/*.parquet', union_by_name=true)").fetchall()

    assert sorted(map(repr, rows)) == sorted(repr(tuple(row.get(key) for key in all_keys(days))) for row in days.rows)


def test_polars_opens_the_folder_as_one_table(days: Days) -> None:
    polars = pytest.importorskip("polars")
    table = polars.concat([polars.read_parquet(file) for file in days.files], how="diagonal")

    for key in all_keys(days):
        assert table[key].to_list() == expected(days, key)


def test_a_reader_that_merges_schemas_finds_one_type_for_each_name(days: Days) -> None:
    """As Spark's ``mergeSchema`` does, for which upper and lower case are the same."""
    types: dict[str, set[str]] = {}
    for file in days.files:
        for field in parquet.read_schema(file):
            types.setdefault(field.name.lower(), set()).add(str(field.type))

    assert all(len(found) == 1 for found in types.values())
    assert len(types) == len(all_keys(days))
