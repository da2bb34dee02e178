"""A value as its column's type wants it, or an error: nothing is rounded, cut or guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.schemas.columns import ColumnType
from airflow_provider_yeastar.schemas.values import CONVERTERS, iso_timestamp


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "0302", "0302"),
        ("text", 3055501001, "3055501001"),
        ("text", 1001.0, "1001"),
        ("text", True, "true"),
        ("text", ["a", 1], '["a", 1]'),
        ("text", "a\0b", "ab"),
        ("text", "\ud800x", "?x"),
        ("text", ["\ud800", {"\udfffé": 1}], '["?", {"?é": 1}]'),
        ("text", ["a\0\ud800"], '["a?"]'),
        ("integer", 17, 17),
        ("integer", 17.0, 17),
        ("integer", "17", 17),
        ("integer", -(2**63), -(2**63)),
        ("percent", 77.14, 77.14),
        ("percent", 77, 77.0),
        ("percent", "77.14%", 77.14),
        ("percent", "77,14 %", 77.14),
        ("duration", 65, 65),
        ("duration", "00:01:05", 65),
        ("duration", "65", 65),
        ("decimal", "1.10", 1.1),
        ("decimal", "0,125", 0.125),
        ("decimal", "12,5", 12.5),
        ("decimal", 5, 5),
        ("timestamp", "2026/11/22 08:00:00", "2026-11-22T08:00:00"),
        ("timestamp", "2026-11-22 08:00:00 PM", "2026-11-22T20:00:00"),
        ("timestamp", "2026.11.22 12:00:00 AM", "2026-11-22T00:00:00"),
    ],
)
def test_what_a_pbx_sends_becomes_the_column_s_value(kind: ColumnType, value: Any, expected: object) -> None:
    found = CONVERTERS[kind](value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "many"),
        ("integer", 17.94),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "1,234"),
        ("decimal", "1,234"),
        ("decimal", "-123,456"),
        ("percent", "1,234%"),
        ("integer", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("percent", float("inf")),
        ("percent", "half"),
        ("percent", [1]),
        ("percent", "1e5"),
        ("decimal", 1e300),
        ("decimal", 0.12345678901),
        ("duration", "09:60:00"),
        ("duration", -1.5),
        ("duration", {}),
        ("timestamp", "22/11/2026 08:00:00"),
        ("timestamp", "2026/11/22"),
        ("timestamp", 1785436297),
        ("timestamp", "2026/02/30 08:00:00"),
        ("timestamp", "2026/11/22 13:00:00 PM"),
    ],
)
def test_what_does_not_fit_is_an_error(kind: ColumnType, value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"no whole number|no number|digits behind|begins with|day is out of range|13:00"
    ):
        CONVERTERS[kind](value)


@given(st.datetimes().map(lambda moment: moment.replace(microsecond=0)))
def test_every_time_that_begins_with_its_year_is_read(moment: Any) -> None:
    assert iso_timestamp(f"{moment:%Y}".zfill(4) + f"{moment:/%m/%d %H:%M:%S}") == moment.isoformat()
