"""All calls of a window, each once, or an error: the reader against PBXs that cap, ignore, lose and gain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.calls.query import PAGE_ROWS, Span
from airflow_provider_yeastar.pbx.calls.reading import Ask, Page, read_calls
from airflow_provider_yeastar.pbx.errors import IncompleteCallsError

Call = tuple[int, str]
"""Second and key."""


@dataclass
class Pbx:
    """A PBX without sockets: what it has, and how it misbehaves."""

    calls: list[Call]
    page_cap: int = PAGE_ROWS
    counts: bool = True
    ignores_page: bool = False
    deepest_page: int | None = None
    count_cap: int | None = None
    newest_first: bool = False
    page_of: Callable[[int], int] = lambda number: number
    arrivals: dict[int, list[Call]] = field(default_factory=dict)
    """By the number of requests before them."""
    asked: list[Ask] = field(default_factory=list)

    def answer(self, ask: Ask) -> Page:
        self.asked.append(ask)
        self.calls += self.arrivals.pop(len(self.asked), [])
        found = sorted(call for call in self.calls if ask.span.first <= call[0] <= ask.span.last)
        if self.newest_first:
            found.reverse()
        total = len(found) if self.count_cap is None else min(len(found), self.count_cap)
        found = found[:total]
        size, number = min(ask.rows, self.page_cap), 1 if self.ignores_page else self.page_of(ask.page)
        rows = [] if self.deepest_page and number > self.deepest_page else found[(number - 1) * size : number * size]
        return Page([{"uid": key, "second": second} for second, key in rows], total if self.counts else None)


def read(pbx: Pbx, span: Span) -> list[str]:
    """Return the keys that come, in order; none may come twice."""
    keys = [row["uid"] for row in rows(pbx, span)]
    assert len(keys) == len(set(keys))
    return keys


def rows(pbx: Pbx, span: Span) -> Iterator[dict[str, Any]]:
    reading = read_calls(span, "uid")
    page: Page | None = None
    while True:
        try:
            step = reading.send(page)
        except StopIteration:
            return
        page = pbx.answer(step) if isinstance(step, Ask) else None
        if not isinstance(step, Ask):
            yield from step


def calls(number: int, *, seconds: int) -> list[Call]:
    return [(index * seconds // max(number, 1), f"call-{index}") for index in range(number)]


DAY = Span(0, 86_399)


def keys(found: list[Call]) -> list[str]:
    return [key for _, key in found]


class TestAPbxThatCounts:
    @pytest.mark.parametrize("number", [0, 1, 9_999, 10_000, 10_001, 25_000])
    def test_gives_each_call_once_in_ascending_order(self, number: int) -> None:
        there = calls(number, seconds=86_400)

        assert read(Pbx(list(there)), DAY) == keys(there)

    def test_is_asked_once_for_each_ten_thousand_and_once_more_for_the_count(self) -> None:
        pbx = Pbx(calls(24_999, seconds=86_400))

        read(pbx, DAY)

        assert [(ask.page, ask.rows) for ask in pbx.asked] == [(1, PAGE_ROWS), (2, PAGE_ROWS), (3, PAGE_ROWS), (1, 1)]

    @pytest.mark.parametrize("cap", [1, 7, 100])
    def test_may_give_smaller_pages_than_it_was_asked_for(self, cap: int) -> None:
        there = calls(50, seconds=86_400)

        assert read(Pbx(list(there), page_cap=cap), DAY) == keys(there)

    def test_may_ignore_page(self) -> None:
        there = calls(1_000, seconds=86_400)

        assert sorted(read(Pbx(list(there), page_cap=100, ignores_page=True), DAY)) == sorted(keys(there))

    def test_may_stop_at_a_deepest_page(self) -> None:
        there = calls(1_000, seconds=86_400)

        assert sorted(read(Pbx(list(there), page_cap=100, deepest_page=3), DAY)) == sorted(keys(there))

    def test_may_repeat_an_earlier_page_later_on(self) -> None:
        there = calls(1_000, seconds=86_400)
        pbx = Pbx(list(there), page_cap=100, page_of=lambda number: 1 if number == 3 else number)

        assert sorted(read(pbx, DAY)) == sorted(keys(there))

    @pytest.mark.parametrize("cap", [1_000, 3_000, 5_000, 10_000])
    @pytest.mark.parametrize("seconds", [86_400, 3_600])
    def test_may_cap_its_count_at_a_round_figure(self, cap: int, seconds: int) -> None:
        there = calls(3 * cap, seconds=seconds)

        assert sorted(read(Pbx(list(there), count_cap=cap), DAY)) == sorted(keys(there))

    def test_may_count_exactly_such_a_figure(self) -> None:
        pbx = Pbx(calls(10_000, seconds=86_400))

        assert len(read(pbx, DAY)) == 10_000
        assert len(pbx.asked) == 4

    def test_may_sort_the_other_way(self) -> None:
        there = calls(2_500, seconds=86_400)

        assert sorted(read(Pbx(list(there), page_cap=100, newest_first=True), DAY)) == sorted(keys(there))

    def test_that_gives_two_calls_one_key_is_an_error(self) -> None:
        twice = [*calls(100, seconds=86_400), (50, "call-99")]
        with pytest.raises(IncompleteCallsError, match=r"counts 101 calls .* and lists 100 of them"):
            read(Pbx(twice), DAY)

    @pytest.mark.parametrize("deleted", [0, 5, 15, 99])
    @pytest.mark.parametrize("after", [1, 2, 9])
    def test_may_delete_a_call_meanwhile(self, after: int, deleted: int) -> None:
        made = calls(100, seconds=86_400)
        left = {*made} - {made[deleted]}
        pbx = Pbx(made, page_cap=10)
        answer = pbx.answer

        def deleting(ask: Ask) -> Page:
            page = answer(ask)
            if len(pbx.asked) == after:
                del made[deleted]
            return page

        pbx.answer = deleting  # type: ignore[method-assign]
        assert set(read(pbx, DAY)) >= {key for _, key in left}

    @pytest.mark.parametrize("after", range(2, 12))
    def test_may_delete_the_oldest_call_as_another_one_is_added(self, after: int) -> None:
        made = calls(100, seconds=86_400)
        pbx = Pbx(made, page_cap=10)
        answer = pbx.answer

        def forgetting(ask: Ask) -> Page:
            if len(pbx.asked) == after - 1:
                del made[0]
                made.append((86_399, "late"))
            return answer(ask)

        pbx.answer = forgetting  # type: ignore[method-assign]
        assert set(read(pbx, DAY)) >= set(keys(made))

    @pytest.mark.parametrize("after", range(2, 12))
    def test_may_lose_its_count_while_a_call_is_added(self, after: int) -> None:
        there = calls(100, seconds=86_400)
        pbx = Pbx(list(there), page_cap=10, arrivals={after: [(0, "late")]})
        answer = pbx.answer

        def count_once(ask: Ask) -> Page:
            page = answer(ask)
            return page if len(pbx.asked) == 1 else Page(page.rows)

        pbx.answer = count_once  # type: ignore[method-assign]
        assert sorted(read(pbx, DAY)) == sorted([*keys(there), "late"])

    @pytest.mark.parametrize("nothing", [Page((), 0), Page()])
    @pytest.mark.parametrize("after", [1, 2, 9])
    def test_that_has_nothing_any_more_is_an_error(self, after: int, nothing: Page) -> None:
        pbx = Pbx(calls(100, seconds=86_400), page_cap=10)
        answer = pbx.answer

        def forgetting(ask: Ask) -> Page:
            page = answer(ask)
            return page if len(pbx.asked) <= after else nothing if ask.page > 1 else Page((), 0)

        pbx.answer = forgetting  # type: ignore[method-assign]
        with pytest.raises(IncompleteCallsError, match="counts 100 calls"):
            read(pbx, DAY)

    @pytest.mark.parametrize("cap", [1_000, 5_000, 10_000])
    def test_that_counts_a_round_figure_in_a_single_second_is_an_error(self, cap: int) -> None:
        pbx = Pbx([(5, f"call-{index}") for index in range(3 * cap)], count_cap=cap)

        with pytest.raises(IncompleteCallsError, match=f"counts {cap} calls"):
            read(pbx, DAY)

    def test_that_caps_a_single_second_is_an_error(self) -> None:
        pbx = Pbx([(5, f"call-{index}") for index in range(300)], page_cap=100, ignores_page=True)

        with pytest.raises(IncompleteCallsError, match=r"counts 300 calls .* lists 100"):
            read(pbx, DAY)


class TestRowsThatArriveMeanwhile:
    @pytest.mark.parametrize("moment", range(1, 12))
    @pytest.mark.parametrize("second", [0, 40_000, 86_399])
    @pytest.mark.parametrize("newest_first", [False, True])
    def test_come_too(self, moment: int, second: int, newest_first: bool) -> None:
        there = calls(1_000, seconds=86_400)
        pbx = Pbx(list(there), page_cap=100, newest_first=newest_first, arrivals={moment: [(second, "late")]})

        assert sorted(read(pbx, DAY)) == sorted([*keys(there), "late"])

    def test_without_end_are_an_error(self) -> None:
        pbx = Pbx(calls(10, seconds=86_400), arrivals={number: [(0, f"late-{number}")] for number in range(1, 100)})

        with pytest.raises(IncompleteCallsError):
            read(pbx, Span(0, 0))


class TestAPbxThatDoesNotCount:
    @pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 1_000])
    def test_gives_all_although_a_page_is_short(self, number: int) -> None:
        there = calls(number, seconds=86_400)

        assert read(Pbx(list(there), page_cap=100, counts=False), DAY) == keys(there)

    @pytest.mark.parametrize("seconds", [86_400, 3_600])
    @pytest.mark.parametrize("newest_first", [False, True])
    def test_may_ignore_page(self, seconds: int, newest_first: bool) -> None:
        there = calls(1_000, seconds=seconds)
        pbx = Pbx(list(there), page_cap=100, counts=False, ignores_page=True, newest_first=newest_first)

        assert sorted(read(pbx, DAY)) == sorted(keys(there))

    @pytest.mark.parametrize("number", [21, 42, 43, 1_000])
    def test_may_sort_the_other_way_from_the_second_page_on(self, number: int) -> None:
        there = calls(number, seconds=86_400)
        pbx, newest = (Pbx(list(there), 7, counts=False, newest_first=newest_first) for newest_first in (False, True))
        first = pbx.answer

        def turned(ask: Ask) -> Page:
            return first(ask) if ask.page == 1 else newest.answer(ask)

        pbx.answer = turned  # type: ignore[method-assign]
        assert sorted(read(pbx, DAY)) == sorted(keys(there))

    def test_that_repeats_a_full_page_of_a_single_second_is_an_error(self) -> None:
        there = [*calls(100, seconds=3_600), *[(5_000, f"busy-{index}") for index in range(50)]]

        with pytest.raises(IncompleteCallsError, match=r"repeats its pages of calls .* may list more than 30"):
            read(Pbx(there, page_cap=30, counts=False, ignores_page=True), DAY)

    def test_may_repeat_the_only_page_there_is(self) -> None:
        there = [(5, f"leg-{index}") for index in range(3)]

        assert read(Pbx(list(there), counts=False, ignores_page=True), DAY) == keys(there)


@given(
    seconds=st.lists(st.integers(0, 300), max_size=120),
    cap=st.integers(1, 40),
    counts=st.booleans(),
    newest_first=st.booleans(),
    deepest=st.none() | st.integers(1, 3),
    late=st.dictionaries(st.integers(1, 30), st.lists(st.integers(0, 300), min_size=1, max_size=2), max_size=2),
)
def test_whatever_a_pbx_does_the_calls_are_all_there_or_it_is_an_error(
    seconds: list[int],
    cap: int,
    counts: bool,
    newest_first: bool,
    deepest: int | None,
    late: dict[int, list[int]],
) -> None:
    there = [(second, f"call-{index}") for index, second in enumerate(seconds)]
    arrivals = {
        moment: [(second, f"late-{moment}-{index}") for index, second in enumerate(moments)]
        for moment, moments in late.items()
    }
    pbx = Pbx(list(there), cap, counts, False, deepest, None, newest_first, arrivals=arrivals)
    try:
        came = set(read(pbx, Span(0, 300)))
    except IncompleteCallsError:
        return
    # Of a PBX that neither counts nor turns pages, a second of a full page may hide more.
    may_hide = not counts and deepest is not None
    assert may_hide or set(keys(there)) <= came
