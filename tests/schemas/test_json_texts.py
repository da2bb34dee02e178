"""JSON of many values at once is that of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.schemas.json_texts import json_lines, json_texts

TEXTS = st.text() | st.sampled_from(["\0", "a\0b", "\\u0000", '", "', "\\", '"'])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CONTAINERS = st.lists(JSON, max_size=3) | st.dictionaries(TEXTS, JSON, max_size=3)


def without_nul(value: Any) -> Any:
    """Return a value as it has to come back, objects as lists of pairs: two of their keys may be one without NUL."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return [[without_nul(key), without_nul(inner)] for key, inner in value.items()]
    return list(map(without_nul, value)) if isinstance(value, list) else value


@given(st.lists(CONTAINERS, min_size=1, max_size=5))
def test_each_value_is_the_json_of_itself_without_nul(values: list[Any]) -> None:
    found = [json.loads(text, object_pairs_hook=lambda pairs: list(map(list, pairs))) for text in json_texts(values)]

    assert found == list(map(without_nul, values))


@given(st.lists(CONTAINERS.filter(lambda value: "\\u0000" not in json.dumps(value)), min_size=1, max_size=5))
def test_it_is_written_as_the_standard_library_writes_it(values: list[Any]) -> None:
    assert json_texts(values) == [json.dumps(value, ensure_ascii=False) for value in values]


@given(st.lists(st.dictionaries(TEXTS, JSON, max_size=3), min_size=1, max_size=5))
def test_a_line_is_the_json_of_a_row(rows: list[dict[str, Any]]) -> None:
    assert json_lines(rows) == "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


@pytest.mark.parametrize("rows", [[{"a": float("nan")}], [{"a": "\0"}, {"a": float("inf")}]], ids=["nan", "infinity"])
def test_a_number_that_json_does_not_have_is_in_no_line(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_lines(rows)
