from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.events.overlap import Overlap
from airflow_provider_yeastar.pbx.wire import EventFrame

A, B = (EventFrame(True, name, f"/api/download/{name}", "", None) for name in ("A.csv", "B.csv"))


def delivered(*arrivals: tuple[str, EventFrame]) -> list[EventFrame]:
    overlap = Overlap()
    overlap.begin()
    return [event for channel, event in arrivals if not overlap.is_repeated(channel, event, 0.0)]


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        pytest.param([("old", A), ("new", A)], [A], id="old-first"),
        pytest.param([("new", A), ("old", A)], [A], id="new-first"),
        pytest.param([("old", A), ("new", B)], [A, B], id="different-ones"),
        pytest.param([("old", A), ("old", A), ("new", A), ("new", A)], [A, A], id="announced-twice-on-each"),
        pytest.param([("old", A), ("new", A), ("old", A), ("new", A)], [A, A], id="announced-twice-alternating"),
        pytest.param([("old", A), ("new", A), ("old", B), ("new", B)], [A, B], id="two-on-each"),
    ],
)
def test_what_both_sockets_announce_is_delivered_once(
    arrivals: list[tuple[str, EventFrame]], expected: list[EventFrame]
) -> None:
    assert delivered(*arrivals) == expected


def test_without_two_sockets_every_event_is_delivered() -> None:
    assert not any(Overlap().is_repeated(channel, A, 0.0) for channel in ("old", "new", "new"))


def test_soon_after_the_old_socket_is_closed_equal_events_are_two_again() -> None:
    overlap = Overlap()
    overlap.begin()
    assert not overlap.is_repeated("old", A, 0.0)
    overlap.end(1.0)

    assert overlap.is_repeated("new", A, 2.0)
    assert not overlap.is_repeated("old", B, 3.0)
    assert not overlap.is_repeated("new", B, 60.0)
