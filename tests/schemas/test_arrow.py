"""What Arrow converts all at once is what the rule of a single value gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow
import pytest
from hypothesis import example, given, strategies as st

from airflow_provider_yeastar.exceptions import SchemaError
from airflow_provider_yeastar.schemas.arrow import arrow_batches, arrow_columns, arrow_table
from airflow_provider_yeastar.schemas.batches import packed
from airflow_provider_yeastar.schemas.columns import COLUMN_TYPES, ColumnType
from airflow_provider_yeastar.schemas.protection import Protection
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows

NO_VALUES = ["", " ", "-", "--", "\N{EN DASH}", " \N{EM DASH}", "NaN", None]
BLANK = ["\t", "\x1c", "\x1f", "\x85", "\xa0", "\u2028", "\u200b", "\u3000", "\x00", "\x01"]
TEXTS = st.one_of(
    st.text(max_size=4),
    st.sampled_from([*NO_VALUES, "x", "\ud800", "ü\0", "\1"]),
    st.builds(lambda before, text, behind: before + text + behind, *(st.sampled_from([*BLANK, "", "a b"]),) * 3),
)
TIMES = st.one_of(
    st.datetimes().map(lambda moment: f"{moment:%Y}".zfill(4) + f"{moment:/%m/%d %H:%M:%S}"),
    st.from_regex(r"[0-2]\d{3}[-/.][01]\d[-/.][0-3]\d[ T][0-2]\d:[0-6]\d:[0-6]\d\n?", fullmatch=True),
    st.sampled_from(["0000/01/01 00:00:00", "2026-11-22 08:00:00 PM", "2026/02/29 08:00:00", "2026/11/22 24:00:00"]),
)
NUMBERS = st.integers() | st.integers(-(2**63), 2**63) | st.sampled_from([0, -1, 10**15])
OTHERS = st.one_of(
    st.booleans(),
    st.floats(),
    st.sampled_from(["17", "1.5", "50.00%", "00:00:17"]),
    st.lists(TEXTS, max_size=2),
    st.dictionaries(st.text(max_size=2), NUMBERS, max_size=2),
)
COLUMNS = st.sampled_from(
    [TEXTS, TIMES, NUMBERS, OTHERS, TEXTS | st.none(), TIMES | st.none(), TEXTS | NUMBERS | OTHERS]
)


def schema_rows(kind: ColumnType, values: Sequence[Any], **options: Any) -> SchemaRows:
    return SchemaRows([{"a": value} for value in values], Schema.of(None, {"a": kind}), **options)


def at_once(rows: SchemaRows) -> Any:
    batches = arrow_batches(rows.columns, rows.batches(arrow_columns))
    return pyarrow.Table.from_batches(list(batches))["a"]


@given(st.sampled_from(COLUMN_TYPES), COLUMNS.flatmap(lambda values: st.lists(values, min_size=1)))
@example(kind="text", values=[["\ud800"]])
@example(kind="text", values=[{"a": "\ud800"}, None, ["ü\0"]])
def test_a_column_at_once_is_its_cells_one_by_one(kind: ColumnType, values: list[Any]) -> None:
    cells = []
    for value in values:
        rows = schema_rows(kind, [value])
        try:
            cells += arrow_table(rows.columns, rows)["a"].to_pylist()
        except SchemaError:
            with pytest.raises(SchemaError):
                at_once(schema_rows(kind, values))
            return

    assert list(map(repr, at_once(schema_rows(kind, values)).to_pylist())) == list(map(repr, cells))


@given(st.lists(TEXTS, min_size=1))
def test_a_hidden_column_is_left_to_what_hides_it(values: list[Any]) -> None:
    rows = schema_rows("text", values, protection=Protection({"a": "mask"}))

    assert at_once(rows).to_pylist() == [row["a"] for row in rows]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ("x", " y ", "", None)),
        ("text", (17, 18)),
        ("integer", (17, -(2**63))),
        ("duration", (17, 18)),
        ("timestamp", ("2026/11/22 08:00:00", "2026-11-22T20:00:00")),
    ],
)
def test_ordinary_columns_never_become_single_values(kind: ColumnType, values: tuple[Any, ...]) -> None:
    (found,) = arrow_columns([kind], [packed(values)])

    assert isinstance(found, pyarrow.Array)
    assert len(found) == len(values)
