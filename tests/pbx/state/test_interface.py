from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.state.interface import decode_entry, encode_entry, entry_name, number, stored_name

NAME = "3692A1234567/turn"
STORED = encode_entry(NAME, {"fence": 1}, 1000.0, 60.0)


@pytest.mark.parametrize(
    ("now", "entry"),
    [
        pytest.param(1000.0, {"fence": 1}, id="at-once"),
        pytest.param(1059.9, {"fence": 1}, id="just-before-its-end"),
        pytest.param(1060.0, None, id="expired"),
        pytest.param(950.0, {"fence": 1}, id="written-by-a-clock-a-little-ahead"),
        pytest.param(939.0, None, id="written-by-a-clock-that-was-ahead"),
    ],
)
def test_an_entry_lives_from_its_update_on(now: float, entry: dict[str, int] | None) -> None:
    assert decode_entry(NAME, STORED, now) == entry


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"noise",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        STORED[:-1],
        STORED.replace(b"1000.0", b"true"),
        STORED.replace(b"1000.0", b"NaN"),
        STORED.replace(b"1000.0", b"1" * 400),
        STORED.replace(b'{"fence": 1}', b"[1]"),
    ],
    ids=["empty", "noise", "binary", "list", "object", "deep", "cut", "bool", "nan", "huge", "no-object"],
)
def test_a_corrupt_entry_counts_as_none(stored: bytes) -> None:
    assert decode_entry(NAME, stored, 1000.0) is None


def test_an_entry_of_another_name_counts_as_none() -> None:
    assert decode_entry("other/turn", STORED, 1000.0) is None
    assert entry_name(STORED) == NAME


@given(st.binary())
def test_whatever_is_stored_is_an_entry_or_none(stored: bytes) -> None:
    assert decode_entry(NAME, stored, 1000.0) is None


@given(st.text())
def test_a_stored_name_is_one_short_file_name(name: str) -> None:
    stored = stored_name(name)

    assert len(stored) < 200
    assert "/" not in stored
    assert "\0" not in stored
    assert stored not in (".", "..")


def test_names_that_differ_are_stored_apart() -> None:
    names = ["a/b", "a%2Fb", "a b", "a+b", "A/b", "x" * 200, "x" * 201]

    assert len({stored_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("value", [None, True, "1", [], {}, float("nan"), float("inf"), 10**400])
def test_what_is_no_finite_number_is_no_time(value: object) -> None:
    assert number(value) is None


def test_unknown_fields_of_the_envelope_are_passed_over() -> None:
    stored = json.dumps({**json.loads(STORED), "later": 1}).encode()

    assert decode_entry(NAME, stored, 1000.0) == {"fence": 1}
