"""The timeline of a call's detail as rows."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.pbx.calls.legs import decode_legs
from airflow_provider_yeastar.pbx.errors import NotAPbxError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"timeline": [{"leg": 1}, {"leg": 2}]}, [{"uid": "u", "leg": 1}, {"uid": "u", "leg": 2}]),
        ({"timeline": [{"leg": 1, "uid": "another"}]}, [{"uid": "u", "leg": 1}]),
        ({"timeline": []}, []),
        ({"timeline": None}, []),
        ({"basic": {}}, []),
    ],
)
def test_each_leg_is_a_row_that_begins_with_its_call(data: Any, expected: list[dict[str, Any]]) -> None:
    rows = decode_legs({"errcode": 0, "data": data}, "u", pbx="pbx")

    assert rows == expected
    assert all(next(iter(row)) == "uid" for row in rows)


@pytest.mark.parametrize("basic", [{"uid": "7"}, {"uid": 7}, {"uid": ""}, {"uid": None}, {}, None, []], ids=repr)
def test_a_detail_may_name_its_call(basic: Any) -> None:
    assert len(decode_legs({"data": {"basic": basic, "timeline": [{"leg": 1}]}}, "7", pbx="pbx")) == 1


@pytest.mark.parametrize("told", ["8", 8, "77"])
def test_the_detail_of_another_call_is_refused(told: Any) -> None:
    with pytest.raises(NotAPbxError, match="another call"):
        decode_legs({"data": {"basic": {"uid": told}, "timeline": [{"leg": 1}]}}, "7", pbx="pbx")


def test_keys_are_printable() -> None:
    (row,) = decode_legs({"errcode": 0, "data": {"timeline": [{"leg\x1b[31m\n": 1}]}}, "u", pbx="pbx")

    assert all(key.isprintable() for key in row)
    assert list(row.values()) == ["u", 1]


@pytest.mark.parametrize("data", [None, "x", [], 1, {"timeline": "x"}, {"timeline": [1]}, {"timeline": {}}], ids=repr)
def test_anything_else_is_no_answer_of_a_pbx(data: Any) -> None:
    with pytest.raises(NotAPbxError, match="timeline"):
        decode_legs({"errcode": 0, "data": data}, "u", pbx="pbx")
