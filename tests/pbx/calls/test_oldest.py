"""Since when a PBX remembers, from answers only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.pbx.calls.oldest import History, read_history
from airflow_provider_yeastar.pbx.errors import NotAPbxError, NotFoundError, ParameterError, PermissionDeniedError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat

DISPLAY = DisplayFormat("YYYY/MM/DD", "hh:mm:ss")
BERLIN = ZoneInfo("Europe/Berlin")


def oldest(*answers: Any, display: DisplayFormat | None = DISPLAY) -> tuple[datetime | None, list[dict[str, str]]]:
    """Find it at a PBX that gives these answers; also return the queries."""
    asked: list[dict[str, str]] = []

    def call(endpoint: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        assert endpoint == "openapi/v1.0/cdr/list"
        asked.append(dict(query))
        answer = answers[len(asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # a test may let it answer anything

    return read_history(call, display, BERLIN, pbx="pbx:443").oldest, asked


def test_one_row_is_asked_for_the_oldest_first() -> None:
    found, asked = oldest({"total_number": 9, "data": [{"time": "2026/11/20 01:00:00", "timestamp": 1795133000}]})
    assert found == datetime.fromtimestamp(1795133000, UTC)
    assert asked == [{"page": "1", "page_size": "1", "sort_by": "time", "order_by": "asc"}]


def test_a_pbx_that_knows_no_order_is_asked_without() -> None:
    found, asked = oldest(ParameterError("sort_by", errcode=40002), {"data": [{"timestamp": "1795133000"}]})
    assert found == datetime.fromtimestamp(1795133000, UTC)
    assert asked[1] == {"page": "1", "page_size": "1"}


def test_without_seconds_the_time_is_by_the_pbx_s_clock() -> None:
    assert oldest({"data": [{"time": "2026/07/01 01:00:00"}]})[0] == datetime(2026, 7, 1, 1, tzinfo=BERLIN)


@pytest.mark.parametrize("answer", [{"data": []}, {"data": None}, {}, NotFoundError("nothing", errcode=60001)])
def test_a_pbx_without_calls_has_no_oldest(answer: Any) -> None:
    assert oldest(answer)[0] is None


@pytest.mark.parametrize(
    "data", ["text", {"a": 1}, [1], [{}], [{"time": "?"}], [{"timestamp": "x"}], [{"timestamp": 10**30}], [None]]
)
def test_what_cannot_be_read_is_an_error(data: Any) -> None:
    with pytest.raises(NotAPbxError, match="does not tell when its oldest call was"):
        oldest({"data": data})


def test_other_errors_pass() -> None:
    with pytest.raises(PermissionDeniedError):
        oldest(PermissionDeniedError("no", errcode=10005))


EVENING = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (History(), "the PBX has no calls"),
        (
            History(EVENING, 9_999),
            "9999 records of calls, the oldest of 2026-11-21: a re-run of 2026-11-21 or of an earlier day may ",
        ),
        (History(EVENING), "records of calls, the oldest of 2026-11-21: "),
    ],
    ids=["none", "counted", "not counted"],
)
def test_what_is_unsafe_is_told_by_the_pbx_s_clock(history: History, words: str) -> None:
    assert history.words(BERLIN).startswith(words)
    assert "suspect" not in history.words(BERLIN)


@pytest.mark.parametrize("cap", [5_000, 10_000, 50_000, 100_000])
def test_a_count_at_which_lists_are_known_to_end_is_suspect(cap: int) -> None:
    assert f"the count is suspect, as lists of Yeastar end at {cap}" in History(EVENING, cap).words(BERLIN)
