"""Pages of calls and recordings, as the PBX answers them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.pbx.calls.answers import decode_page, oldest_in, refuse_other_times
from airflow_provider_yeastar.pbx.calls.query import CALL_APIS, CallQuery
from airflow_provider_yeastar.pbx.calls.recordings import RECORDING_API
from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat

DAY = datetime(2026, 11, 5), datetime(2026, 11, 5, 23, 59, 59)
QUERIES = [
    CallQuery(*DAY, api, ZoneInfo("Europe/Berlin"), DisplayFormat("DD/MM/YYYY", "hh:mm:ss"))
    for api in (*CALL_APIS.values(), RECORDING_API)
]


def decode(**answer: Any) -> Any:
    return decode_page({"errcode": 0, **answer}, pbx="pbx:8088", endpoint="openapi/v2.0/cdr/search")


def test_rows_and_count_are_found() -> None:
    page = decode(total_number=2, data=[{"uid": "a"}, {"uid": "b"}])

    assert (page.total, [row["uid"] for row in page.rows]) == (2, ["a", "b"])


def test_keys_are_printable_and_bounded() -> None:
    (row,) = decode(data=[{"uid": "a", "k\x1b[31m\n" + "A" * 20_000: 1}]).rows

    assert all(key.isprintable() and len(key) <= 100 for key in row)
    assert list(row.values()) == ["a", 1]


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


class TestTimes:
    @pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.api.endpoint)
    @pytest.mark.parametrize(
        "other",
        [
            {"timestamp": int(datetime(2026, 5, 11, 12, tzinfo=UTC).timestamp()), "time": "05/11/2026 12:00:00"},
            {"timestamp": str(int(datetime(2026, 11, 7, 12, tzinfo=UTC).timestamp()))},
            {"time": "11/05/2026 12:00:00"},
        ],
        ids=["day and month swapped", "two days later", "no timestamp"],
    )
    def test_a_row_of_another_time_at_either_end_is_refused(self, query: CallQuery, other: dict[str, Any]) -> None:
        right = {"time": "05/11/2026 12:00:00"}
        for rows in ([other, right], [right, other], [other]):
            with pytest.raises(NotAPbxError, match=r"asked for \w+ from 2026-11-05 .* and lists one of 2026-"):
                refuse_other_times(rows, query, pbx="pbx:8088")

    @pytest.mark.parametrize(
        "row",
        [
            {"time": "04/11/2026 23:59:50"},
            {"timestamp": int(datetime(2026, 11, 6, 3, tzinfo=UTC).timestamp())},
            {"timestamp": 10**15, "time": "x"},
            {"timestamp": "soon"},
            {"time": "05.11.2026"},
            {"time": None},
            {},
        ],
        ids=repr,
    )
    def test_a_call_around_midnight_and_a_row_that_does_not_tell_pass(self, row: dict[str, Any]) -> None:
        for query in QUERIES:
            refuse_other_times([row], query, pbx="pbx:8088")
            refuse_other_times([], query, pbx="pbx:8088")

    @pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.api.endpoint)
    def test_the_oldest_row_is_the_first_or_the_last(self, query: CallQuery) -> None:
        early, late, mute = {"time": "05/11/2026 07:00:00"}, {"time": "05/11/2026 12:00:00"}, {"uid": "a"}
        for rows in ([early, late], [late, early], [late, mute, early], [mute, early], [early]):
            assert oldest_in(rows, query) == datetime(2026, 11, 5, 7)
        assert oldest_in([mute], query) is oldest_in([], query) is None
