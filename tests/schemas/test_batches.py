"""Rows column by column."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.schemas.batches import RowsInMemory, batches_of, column_lists, packed

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


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**63), 2**63),
    st.floats(),
    st.text(),
    st.sampled_from(["", "\0", "\1", "a\0b", "\ud800", "x"]),
    st.lists(st.text(max_size=2), max_size=2),
)
ALIKE = st.sampled_from(
    [st.text(), st.integers(-5, 2**63), st.none() | st.text(), st.none() | st.sampled_from("\0\1x")]
)


@given(st.one_of(st.lists(ODD_VALUES, min_size=1), ALIKE.flatmap(lambda values: st.lists(values, min_size=1))))
def test_a_column_comes_out_of_its_pack_as_it_went_in(values: list[Any]) -> None:
    found = list(packed(tuple(values)))

    assert [(type(value), repr(value)) for value in found] == [(type(value), repr(value)) for value in values]


def test_texts_and_whole_numbers_are_kept_as_one_value() -> None:
    assert [type(packed(values)).__name__ for values in (("a", ""), ("a", None), (1, 2**40))] == [
        "Texts",
        "Texts",
        "array",
    ]


def test_rows_of_many_shapes_share_a_batch() -> None:
    rows = [{key: number for key in "abcdef" if number >> "abcdef".index(key) & 1} for number in range(64)] * 4

    (batch,) = batches_of(rows)

    assert list(batch.rows()) == rows
    assert list(batch.column("f")) == [row.get("f") for row in rows]


def test_rows_without_a_key_in_common_take_no_room_for_one_another() -> None:
    rows = [{f"{number}-{key}": number for key in range(20)} for number in range(500)]

    batches = list(batches_of(rows))

    assert [row for batch in batches for row in batch.rows()] == rows
    assert max(len(batch.keys) for batch in batches) <= 256


@pytest.mark.parametrize(
    "values",
    [
        ([1], [1.0], [True], None, [1]),
        ({"a": 1, "b": None}, {"b": None, "a": 1}, [], {}),
        (["\0"], ["\1"], None),
        (["\ud800"], ['\\u0000", "'], ["é"]),
    ],
    ids=ascii,
)
def test_lists_and_objects_come_out_as_they_went_in(values: tuple[Any, ...]) -> None:
    assert list(map(repr, packed(values))) == list(map(repr, values))
