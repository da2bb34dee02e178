"""Pages of calls and recordings, as the PBX answers them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.pbx.calls.answers import decode_page
from airflow_provider_yeastar.pbx.errors import NotAPbxError


def decode(**answer: Any) -> Any:
    return decode_page({"errcode": 0, **answer}, pbx="pbx:8088", endpoint="openapi/v2.0/cdr/search")


def test_rows_and_count_are_found() -> None:
    page = decode(total_number=2, data=[{"uid": "a"}, {"uid": "b"}])

    assert (page.total, [row["uid"] for row in page.rows]) == (2, ["a", "b"])


@pytest.mark.parametrize("answer", [{"data": None}, {"data": []}, {"total_number": 0}], ids=repr)
def test_no_rows_may_be_said_in_several_ways(answer: dict[str, Any]) -> None:
    assert list(decode(**answer).rows) == []


@pytest.mark.parametrize("answer", [{}, {"errmsg": "SUCCESS"}, {"total_number": None}, {"rows": []}], ids=repr)
def test_a_success_that_says_nothing_is_no_empty_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(NotAPbxError, match="neither lists nor counts anything"):
        decode(**answer)


@pytest.mark.parametrize("data", ["rows", {}, 1, [1], [None], [[]]])
def test_what_is_no_list_of_rows_is_refused(data: Any) -> None:
    with pytest.raises(NotAPbxError):
        decode(data=data)


@pytest.mark.parametrize(
    ("count", "total"),
    [
        (0, 0),
        ("25", 25),
        (" 25 ", 25),
        (25.0, 25),
        (None, None),
        (-1, None),
        (True, None),
        (2.5, None),
        ("many", None),
        ("9" * 5000, None),
        (10**18, None),
        ([], None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_a_count_is_a_whole_number_or_as_good_as_missing(count: Any, total: int | None) -> None:
    assert decode(total_number=count, data=[]).total == total
