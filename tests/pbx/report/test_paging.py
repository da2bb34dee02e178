"""All rows of a report or an error, from answers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import (
    BusyError,
    InterfaceError,
    NotAPbxError,
    NotFoundError,
    ParameterError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.report.paging import row_pages
from airflow_provider_yeastar.pbx.report.rows import flattened_rows

QUEUES, AGENTS = "queue_performance_list", "queue_agent_performance_list"
REFUSALS = [NotFoundError("nothing", errcode=60001), ParameterError("page", errcode=40002), InterfaceError("no page")]


def numbered(first: int, end: int) -> list[dict[str, Any]]:
    return [{"queue": number} for number in range(first, end)]


def page(rows: list[dict[str, Any]] | None, total: Any = None, key: str = QUEUES) -> dict[str, Any]:
    return {"errcode": 0, key: rows} | ({} if total is None else {"total_number": total})


BARE: list[dict[str, Any]] = [
    {"errcode": 0},
    {"errcode": 0, "errmsg": "SUCCESS"},
    {"errcode": 0, "errmsg": "SUCCESS", "invalid_param_list": []},
    {"errcode": 0, "total_number": None},
    {"errcode": 0, "status": "ok"},
]
"""Successes that neither list nor count."""


def gather(*answers: Any) -> tuple[list[dict[str, Any]], int]:
    """Gather from a PBX that gives these answers, the last one for all pages behind it; also return how often."""
    asked = []

    def ask(number: int) -> Mapping[str, Any]:
        asked.append(number)
        answer = answers[min(number, len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # a test may let it answer anything

    rows = [row for rows in row_pages(ask, pbx="pbx:443", endpoint="list") for row in rows]
    return rows, len(asked)


class TestWholeReports:
    def test_all_pages_come_and_no_page_more(self) -> None:
        pages = [page(numbered(at, at + 100), 250) for at in (0, 100)] + [page(numbered(200, 250), 250)]
        assert gather(*pages) == (numbered(0, 250), 3)

    @pytest.mark.parametrize("total", [3, "3", " 3 ", 3.0])
    def test_a_count_may_be_written_in_several_ways(self, total: Any) -> None:
        assert gather(page(numbered(0, 2), total), page(numbered(2, 3), total)) == (numbered(0, 3), 2)

    @pytest.mark.parametrize(
        "answer",
        [page(None), page([]), page(None, 0), page([], "0"), {"errcode": 0, "total_number": 0}, REFUSALS[0]],
        ids=repr,
    )
    def test_a_report_without_rows_has_none(self, answer: Any) -> None:
        assert gather(answer) == ([], 1)

    @pytest.mark.parametrize("answer", BARE, ids=repr)
    def test_a_success_that_says_nothing_is_no_report_without_rows(self, answer: Any) -> None:
        with pytest.raises(NotAPbxError, match="neither lists nor counts anything"):
            gather(answer)

    def test_a_page_may_hold_more_than_is_counted(self) -> None:
        assert gather(page(numbered(0, 3), 1)) == (numbered(0, 3), 1)

    def test_only_the_first_page_need_tell_the_count(self) -> None:
        assert gather(page(numbered(0, 2), 3), page(numbered(2, 3))) == (numbered(0, 3), 2)


class TestMissingRows:
    @pytest.mark.parametrize(
        "later",
        [page([], 250), page(None, 250), page([], 0), {"errcode": 0}, {"errcode": 0, "total_number": 250}, *REFUSALS],
        ids=repr,
    )
    def test_a_page_that_is_missing_is_an_error(self, later: Any) -> None:
        with pytest.raises(NotAPbxError, match="counts 250 rows and lists 100"):
            gather(page(numbered(0, 100), 250), later)

    def test_counted_rows_that_are_not_listed_are_an_error(self) -> None:
        with pytest.raises(NotAPbxError, match="counts 3 rows and lists none"):
            gather(page([], 3))

    @pytest.mark.parametrize("order", [(0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)], ids=repr)
    def test_a_page_that_comes_again_is_no_other(self, order: tuple[int, ...]) -> None:
        pages = [page(numbered(at * 100, at * 100 + 100), 250) for at in order]
        with pytest.raises(NotAPbxError, match="counts 250 rows and lists 300: some came twice"):
            gather(*pages, page([], 250))

    @pytest.mark.parametrize("rows", [1, 10, 100])
    @pytest.mark.parametrize("total", [99, 100, 200, 1000])
    def test_a_pbx_that_pays_no_heed_to_the_page_is_found_out_at_once(self, rows: int, total: int) -> None:
        if rows >= total:
            return
        asked: list[int] = []

        def ask(number: int) -> Mapping[str, Any]:
            asked.append(number)
            return page(numbered(0, rows), total)

        with pytest.raises(NotAPbxError, match="pays no heed to the page"):
            list(row_pages(ask, pbx="pbx:443", endpoint="list"))
        assert len(asked) == 3

    def test_agents_that_come_again_do_not_make_up_for_queues(self) -> None:
        answer = page([group("Sales", "Ann", "Bob")], 6)
        with pytest.raises(NotAPbxError):
            gather(answer)

    @pytest.mark.parametrize("end", [page([], 30), page(None), {"errcode": 0}, *REFUSALS], ids=repr)
    def test_pages_that_are_truly_equal_all_count(self, end: Any) -> None:
        equal = [{"caller": "anonymous"}] * 10
        assert gather(*[page(equal, 30)] * 3, end) == (equal * 3, 4)

    @pytest.mark.parametrize(
        "pages",
        [
            pytest.param([(0, 100), (100, 200), (0, 100), (200, 250)], id="an earlier page in place of another"),
            pytest.param([(0, 100), (0, 100), (200, 250)], id="a page in place of the next"),
            pytest.param([(0, 100), (99, 199), (199, 250)], id="a row that moved"),
            pytest.param([(0, 100), (50, 150)], id="half a page"),
        ],
    )
    def test_rows_that_move_while_they_are_read_are_an_error(self, pages: list[tuple[int, int]]) -> None:
        total = sum(end - first for first, end in pages)
        with pytest.raises(NotAPbxError, match="they moved while they were read"):
            gather(*[page(numbered(*ends), total) for ends in pages], page([], total))

    def test_rows_that_move_are_an_error_without_a_count_too(self) -> None:
        with pytest.raises(NotAPbxError, match="they moved while they were read"):
            gather(page(numbered(0, 100)), page(numbered(50, 150)), page([]))

    def test_the_rows_of_a_page_in_another_order_are_an_error(self) -> None:
        with pytest.raises(NotAPbxError, match="they moved while they were read"):
            gather(page(numbered(0, 3), 6), page(numbered(0, 3)[::-1], 6))

    @pytest.mark.parametrize("numbers", [(-1, -2), (1, 2**61), (7, "7"), (0, None), ([1], [2])], ids=repr)
    def test_rows_that_differ_in_one_number_are_no_repetition(self, numbers: tuple[Any, Any]) -> None:
        first, second = ([{"queue": "Sales", "calls": number}] for number in numbers)
        assert gather(page(first, 2), page(second, 2)) == (first + second, 2)
        assert gather(page(first), page(second), page([])) == (first + second, 3)

    def test_an_earlier_page_in_another_order_is_an_error(self) -> None:
        with pytest.raises(NotAPbxError, match="they moved while they were read"):
            gather(page(numbered(0, 3), 9), page(numbered(3, 6), 9), page(numbered(0, 3)[::-1], 9))

    @pytest.mark.parametrize("end", [page([], 3), page(None, 3), {"errcode": 0, "total_number": "3"}], ids=repr)
    def test_rows_that_only_a_page_without_any_counts_are_missing(self, end: Any) -> None:
        with pytest.raises(NotAPbxError, match="counts 3 rows and lists 2"):
            gather(page(numbered(0, 2)), end)

    def test_equal_rows_on_both_sides_of_a_page_s_end_are_true_where_others_are(self) -> None:
        rows = [{"caller": "anonymous"}] * 3 + numbered(0, 3) + [{"caller": "anonymous"}]
        assert gather(page(rows[:2], 7), page(rows[2:], 7)) == (rows, 2)

    @pytest.mark.parametrize("value", [{"1": {"queue": 1}}, "none", 0, True], ids=repr)
    def test_a_list_of_another_type_is_an_error(self, value: Any) -> None:
        with pytest.raises(NotAPbxError, match="holds no rows"):
            gather({"errcode": 0, QUEUES: value})

    def test_a_count_that_changes_is_an_error(self) -> None:
        with pytest.raises(NotAPbxError, match="counted 4 rows and then 5: they changed"):
            gather(page(numbered(0, 2), 4), page(numbered(2, 4), 5))

    def test_a_page_of_another_list_is_an_error(self) -> None:
        with pytest.raises(NotAPbxError, match="Page 2 of the rows is one of another list, \\['ivr_list'\\]"):
            gather(page(numbered(0, 2), 4), page(numbered(2, 4), 4, "ivr_list"))

    @pytest.mark.parametrize(
        "total",
        ["", "many", "-1", "²", "1e3", "9" * 5000, -1, 2.5, float("inf"), float("nan"), True, [], {"a": 1}],
        ids=lambda total: ascii(total)[:9],
    )
    def test_any_other_count_is_an_error(self, total: Any) -> None:
        with pytest.raises(NotAPbxError, match="counts its rows as"):
            gather(page(numbered(0, 2), total))

    def test_what_may_pass_is_left_to_who_asks(self) -> None:
        with pytest.raises(BusyError):
            gather(page(numbered(0, 2), 4), BusyError("busy"))

    @pytest.mark.parametrize("refusal", REFUSALS[1:], ids=repr)
    def test_a_refused_question_is_an_error(self, refusal: YeastarError) -> None:
        with pytest.raises(type(refusal)):
            gather(refusal)


def group(name: str, *agents: str) -> dict[str, Any]:
    return {"queue": name, "detail": [{"agent": agent} for agent in agents]}


class TestCountsOfMembers:
    SALES, SUPPORT = group("Sales", "Ann", "Bob"), group("Support", "Cleo", "Dan", "Eve", "Fay")

    def test_agents_that_are_counted_need_no_second_request(self) -> None:
        assert gather(page([self.SALES, self.SUPPORT], 6, AGENTS)) == ([self.SALES, self.SUPPORT], 1)

    def test_agents_that_are_missing_are_asked_for(self) -> None:
        assert gather(page([self.SALES], 6, AGENTS), page([self.SUPPORT], 6, AGENTS))[1] == 2

    def test_agents_that_stay_missing_are_an_error(self) -> None:
        with pytest.raises(NotAPbxError, match="counts 6 rows"):
            gather(page([self.SALES], 6, AGENTS), page(None, 0, AGENTS))

    @pytest.mark.parametrize("end", [page(None, 0), page([], 6), page([SALES, SUPPORT], 6), *REFUSALS], ids=repr)
    def test_where_it_is_not_known_what_is_counted_a_page_more_tells(self, end: Any) -> None:
        assert gather(page([self.SALES, self.SUPPORT], 6), end) == ([self.SALES, self.SUPPORT], 2)

    def test_members_do_not_make_up_for_groups_that_are_to_come(self) -> None:
        third = group("Night", "Gus")
        pages = page([self.SALES, self.SUPPORT], 3), page([third], 3)
        assert gather(*pages) == ([self.SALES, self.SUPPORT, third], 2)


class TestWithoutACount:
    @pytest.mark.parametrize("end", [page(None), page([]), page(numbered(0, 2)), *REFUSALS], ids=repr)
    def test_pages_are_asked_for_until_there_is_no_other(self, end: Any) -> None:
        assert gather(page(numbered(0, 2)), end) == (numbered(0, 2), 2)

    @pytest.mark.parametrize("end", BARE, ids=repr)
    def test_a_success_that_says_nothing_is_not_the_end(self, end: Any) -> None:
        with pytest.raises(NotAPbxError, match="neither lists nor counts anything"):
            gather(page(numbered(0, 2)), end)

    def test_further_pages_count(self) -> None:
        assert gather(page(numbered(0, 2)), page(numbered(2, 3)), page([])) == (numbered(0, 3), 3)

    def test_a_count_of_none_beside_rows_is_no_count(self) -> None:
        pages = page(numbered(0, 2), 0), page(numbered(2, 3), 0), page([], 0)
        assert gather(*pages) == (numbered(0, 3), 3)


ANSWERS = st.one_of(
    st.sampled_from(REFUSALS),
    st.builds(
        page,
        st.none() | st.lists(st.sampled_from([*numbered(0, 4), group("Sales", "Ann", "Bob")]), max_size=5),
        st.none() | st.integers(-1, 9) | st.sampled_from(["3", "x", 2.0, True]),
        st.sampled_from([QUEUES, AGENTS]),
    ),
)


@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_whatever_comes_is_an_error_or_at_least_what_was_counted(answers: list[Any]) -> None:
    answers = [*answers, page([])]
    try:
        rows, asked = gather(*answers)
    except YeastarError:
        return
    totals = [answer.get("total_number") for answer in answers[:asked] if isinstance(answer, dict) and _rows(answer)]
    counted = [int(total) for total in totals if total is not None]
    assert all(max(len(rows), len(flattened_rows(rows))) >= total for total in counted)


def _rows(answer: Mapping[str, Any]) -> Any:
    return answer.get(QUEUES) or answer.get(AGENTS)
