"""Rows as files: what a reader of NDJSON or Parquet gets back."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import pytest
from pyarrow import parquet

from airflow_provider_yeastar.files.rows import RowsDigest, check_row_format, encoded_rows, require_writer
from airflow_provider_yeastar.pbx.errors import InvalidRequestError


def read_parquet(rows: list[dict[str, Any]]) -> Any:
    return parquet.read_table(io.BytesIO(b"".join(encoded_rows(rows, "parquet"))))


class TestNdjson:
    def test_a_row_is_a_line_and_comes_back_equal(self) -> None:
        rows = [{"queue": "Hugo Fernández\n", "calls": 3}, {"queue": None, "rate": "5 %", "sla": 0.5}]

        lines = b"".join(encoded_rows(rows, "ndjson")).decode().splitlines()

        assert [json.loads(line) for line in lines] == rows

    def test_no_rows_are_no_bytes(self) -> None:
        assert list(encoded_rows([], "ndjson")) == []


class TestParquet:
    @pytest.mark.parametrize(
        ("values", "kind", "read"),
        [
            ([1, 2], "int64", [1, 2]),
            ([1, None], "int64", [1, None]),
            ([1, 0.5], "double", [1.0, 0.5]),
            (["0640", "6401"], "string", ["0640", "6401"]),
            ([True, False], "bool", [True, False]),
            ([None, None], "string", [None, None]),
            ([1, "a"], "string", ["1", "a"]),
            ([1, True], "string", ["1", "true"]),
            ([2**70, 1], "string", [str(2**70), "1"]),
            ([["a"], {"b": 1}], "string", ['["a"]', '{"b": 1}']),
        ],
        ids=repr,
    )
    def test_a_column_has_one_type_and_loses_nothing(self, values: list[Any], kind: str, read: list[Any]) -> None:
        table = read_parquet([{"x": value} for value in values])

        assert str(table.schema.field("x").type) == kind
        assert table.column("x").to_pylist() == read

    def test_a_key_that_only_some_rows_have_is_a_column(self) -> None:
        assert read_parquet([{"a": 1}, {"a": 2, "newer": "x"}]).to_pylist() == [
            {"a": 1, "newer": None},
            {"a": 2, "newer": "x"},
        ]

    def test_no_rows_are_a_file_of_no_columns(self) -> None:
        assert read_parquet([]).num_columns == 0

    def test_without_pyarrow_it_is_refused_with_what_to_install(self) -> None:
        with (
            patch("airflow_provider_yeastar.files.rows.find_spec", return_value=None),
            pytest.raises(InvalidRequestError, match=r"airflow-provider-yeastar\[parquet\]"),
        ):
            require_writer("parquet")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="not one of ndjson, parquet"):
        check_row_format("csv")


def test_a_file_of_our_own_is_counted_and_hashed() -> None:
    digest = RowsDigest()
    digest.feed(b"ab")
    digest.feed(b"c")

    assert (digest.finish().bytes, digest.finish().sha256) == (3, sha256(b"abc").hexdigest())
