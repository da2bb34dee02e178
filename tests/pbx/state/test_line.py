from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.state.line import LEASE_SECONDS, Line, Ticket

A1, A2, B1 = Ticket("a", "1"), Ticket("a", "2"), Ticket("b", "1")


def line_of(*steps: tuple[float, str, list[str]]) -> Line:
    line = Line()
    for now, member, names in steps:
        line = line.attended(now, member, names)
    return line


def test_the_first_to_come_holds_the_turn() -> None:
    line = line_of((0, "a", ["1"]), (1, "b", ["1"]), (2, "a", ["1", "2"]))

    assert line.tickets == (A1, B1, A2)
    assert line.holder == A1


def test_the_turn_passes_to_who_came_next_and_not_to_the_holder_s_own() -> None:
    before = line_of((0, "a", ["1"]), (1, "b", ["1"]), (2, "a", ["1", "2"]))
    line = before.attended(3, "a", ["2"])

    assert line.tickets == (B1, A2)
    assert line.fence > before.fence


def test_a_renewal_changes_nothing_but_the_lease() -> None:
    line = line_of((0, "a", ["1"]))
    renewed = line.attended(5, "a", ["1"])

    assert (renewed.fence, renewed.tickets) == (line.fence, line.tickets)
    assert renewed.leases == {"a": 5 + LEASE_SECONDS}


def test_the_turn_of_a_dead_holder_passes_when_its_lease_has_lapsed() -> None:
    line = line_of((0, "a", ["1"]), (1, "b", ["1"]))

    assert line.attended(LEASE_SECONDS - 0.1, "b", ["1"]).holder == A1
    assert line.attended(LEASE_SECONDS, "b", ["1"]).holder == B1
    assert LEASE_SECONDS <= 30


def test_a_renewal_that_comes_too_late_finds_another_fence_although_nobody_else_came() -> None:
    before = line_of((0, "a", ["1"]))
    line = before.attended(LEASE_SECONDS, "a", ["1"])

    assert line.holder == A1
    assert line.fence > before.fence


def test_the_fence_grows_even_when_the_state_has_lost_the_line() -> None:
    before = line_of((1.0, "a", ["1"]), (1.1, "a", ["2"]), (1.2, "a", ["3"]))

    assert line_of((1.3, "b", ["1"])).fence > before.fence


def test_a_dead_waiter_is_passed_over() -> None:
    line = line_of((0, "a", ["1"]), (1, "b", ["1"]), (20, "a", ["1"]), (21, "c", ["1"]), (40, "a", []))

    assert line.holder == Ticket("c", "1")


def test_who_leaves_leaves_no_trace() -> None:
    line = line_of((0, "a", ["1"]), (1, "b", ["1"]), (2, "b", []))

    assert line.tickets == (A1,)
    assert set(line.leases) == {"a"}


@pytest.mark.parametrize("until", [LEASE_SECONDS + 5, 86400.0])
def test_a_lease_of_a_clock_that_was_ahead_counts_as_lapsed(until: float) -> None:
    line = Line(1, (A1,), {"a": until})

    assert line.at(0.0).holder is None


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"fence": "1", "tickets": 5, "leases": []},
        {"fence": True, "tickets": [1, ["a"], ["a", 2], None, ["a", "b", "c"]], "leases": {"a": "soon", "b": True}},
    ],
)
def test_what_is_of_no_use_in_an_entry_counts_as_not_there(entry: dict[str, Any] | None) -> None:
    assert Line.from_entry(entry) == Line()


def test_a_line_survives_being_stored_with_what_others_know() -> None:
    line = line_of((0, "a", ["1"]), (1, "b", ["1"]))
    entry = line.to_entry({"later": 1, "fence": 99})

    assert Line.from_entry(entry) == line
    assert entry["later"] == 1


STEPS = st.lists(
    st.tuples(
        st.floats(0, 12, allow_nan=False), st.sampled_from("abc"), st.lists(st.sampled_from("1234"), unique=True)
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_the_fence_grows_with_every_holder_and_the_order_is_kept(
    steps: list[tuple[float, str, list[str]]],
) -> None:
    line, now = Line(), 0.0
    holders: dict[int, Ticket] = {}
    for passed, member, names in steps:
        now += passed
        before, line = line, line.attended(now, member, names)

        assert line.fence >= before.fence
        if line.holder:
            assert holders.setdefault(line.fence, line.holder) == line.holder
        if line.holder != before.holder and line.holder:
            assert line.fence > before.fence
        stayed = [ticket for ticket in before.at(now).tickets if ticket.member != member or ticket.name in names]
        assert list(line.tickets[: len(stayed)]) == stayed
        assert {ticket.member for ticket in line.tickets} <= set(line.leases)
        assert len(set(line.tickets)) == len(line.tickets)
