"""Rows as files: what a reader of NDJSON or Parquet gets back."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import pytest
from pyarrow import parquet

from airflow_provider_yeastar.files.rows import RowsDigest, check_row_format, encoded_rows, require_writer
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.schemas.columns import Column

COLUMNS = (
    Column("queue", "Queue"),
    Column("calls", "Calls", "integer"),
    Column("waiting", "Waiting", "duration", "seconds"),
    Column("rate", "Rate", "percent"),
    Column("charge", "Charge", "decimal"),
    Column("time", "Time", "timestamp"),
)
ROWS: list[dict[str, Any]] = [
    {
        "queue": "Hugo Fernández\n",
        "calls": 3,
        "waiting": 17,
        "rate": 77.14,
        "charge": 1.1,
        "time": "2026-11-22T08:00:00",
    },
    {"queue": None, "rate": 100.0},
]


def read_parquet(rows: list[dict[str, Any]]) -> Any:
    return parquet.read_table(io.BytesIO(b"".join(encoded_rows(COLUMNS, rows, "parquet"))))


class TestNdjson:
    def test_a_row_is_a_line_with_all_columns(self) -> None:
        lines = b"".join(encoded_rows(COLUMNS, ROWS, "ndjson")).decode().splitlines()

        empty = dict.fromkeys(column.key for column in COLUMNS)
        assert [json.loads(line) for line in lines] == [empty | row for row in ROWS]

    def test_no_rows_are_no_bytes(self) -> None:
        assert b"".join(encoded_rows(COLUMNS, [], "ndjson")) == b""

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_a_number_that_json_does_not_have_is_never_written(self, number: float) -> None:
        with pytest.raises(ValueError, match="JSON compliant"):
            list(encoded_rows(COLUMNS, [{"rate": number}], "ndjson"))


class TestParquet:
    def test_each_column_has_the_type_of_its_schema(self) -> None:
        table = read_parquet(ROWS)

        assert [str(field.type) for field in table.schema] == [
            "string",
            "int64",
            "int64",
            "double",
            "decimal128(38, 9)",
            "timestamp[us]",
        ]
        first, second = table.to_pylist()
        assert first == ROWS[0] | {"charge": Decimal("1.1"), "time": datetime(2026, 11, 22, 8)}
        assert second == dict.fromkeys(first) | ROWS[1]

    def test_no_rows_are_a_file_with_the_same_columns(self) -> None:
        assert read_parquet([]).schema == read_parquet(ROWS).schema

    def test_without_pyarrow_it_is_refused_with_what_to_install(self) -> None:
        with (
            patch("airflow_provider_yeastar.schemas.arrow.find_spec", return_value=None),
            pytest.raises(InvalidRequestError, match=r"airflow-provider-yeastar\[parquet\]"),
        ):
            require_writer("parquet")


@pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
def test_memory_does_not_grow_with_the_rows(file_format: str) -> None:
    def peak(count: int) -> int:
        def rows() -> Iterator[dict[str, Any]]:
            for number in range(count):
                yield {"queue": f"Queue {number}", "calls": number}

        tracemalloc.reset_peak()
        for _ in encoded_rows(COLUMNS, rows(), file_format):
            pass
        return tracemalloc.get_traced_memory()[1]

    list(encoded_rows(COLUMNS, [{}], file_format))  # what is imported once does not count
    tracemalloc.start()
    try:
        few, many = peak(20_000), peak(60_000)
    finally:
        tracemalloc.stop()

    assert many < 1.5 * few


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="not one of ndjson, parquet"):
        check_row_format("csv")


def test_a_file_of_our_own_is_counted_and_hashed() -> None:
    digest = RowsDigest()
    digest.feed(b"ab")
    digest.feed(b"c")

    assert (digest.finish().bytes, digest.finish().sha256) == (3, sha256(b"abc").hexdigest())
