"""What the text of one cell says."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.readers import Label, parse_duration, parse_label, parse_percent


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Name<1021>", Label("Name", "1021")),
        ("1021-Name", Label("Name", "1021")),
        ("1021-Anna-Maria", Label("Anna-Maria", "1021")),
        ("A <b> C <*45>", Label("A <b> C", "*45")),
        ("李雷<0101>", Label("李雷", "0101")),
        ("<1021>", Label("", "1021")),
        ("Name", None),
        ("Name<x>", None),
        ("2026-11-22", None),
        ("10-20s", None),
        ("1021-", None),
    ],
)
def test_a_name_with_its_number_is_split(text: str, label: Label | None) -> None:
    assert parse_label(text) == label


@given(st.integers(0, 10**6))
def test_every_duration_is_read_as_its_seconds(seconds: int) -> None:
    assert parse_duration(f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}") == seconds


@given(st.integers(0, 10_000))
def test_every_percentage_is_read_as_written(hundredths: int) -> None:
    assert parse_percent(f"{hundredths / 100:.2f}%") == hundredths / 100


@pytest.mark.parametrize("text", ["00:60:00", "1:2:3", "12:30", "x00:00:00", ""])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None
