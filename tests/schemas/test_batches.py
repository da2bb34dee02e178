"""Rows column by column."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.schemas.batches import RowsInMemory, batches_of, column_lists

ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=3), max_size=8)


@given(ROWS)
def test_rows_come_out_of_their_batches_as_they_went_in(rows: list[dict[str, Any]]) -> None:
    batches = list(batches_of(rows))

    assert [list(row.items()) for batch in batches for row in batch.rows()] == [list(row.items()) for row in rows]
    assert sum(batch.size for batch in batches) == len(rows)
    for batch in batches:
        for key in "abc":
            assert list(batch.column(key)) == [row.get(key) for row in batch.rows()]


@given(ROWS)
def test_keys_are_those_of_all_rows_in_the_order_in_which_they_came(rows: list[dict[str, Any]]) -> None:
    assert list(RowsInMemory(rows).keys) == list(dict.fromkeys(key for row in rows for key in row))


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_a_batch_is_bounded(count: int) -> None:
    rows = [{"a": number, "b": None} for number in range(count)]

    assert [value for batch in batches_of(rows) for value in batch.column("a")] == list(range(count))
    assert all(batch.size < count for batch in batches_of(rows)) == (count != 1)
    assert [value for columns in column_lists(["a", "c"], rows) for value in columns[0]] == list(range(count))
    assert all(set(columns[1]) == {None} for columns in column_lists(["a", "c"], rows))
