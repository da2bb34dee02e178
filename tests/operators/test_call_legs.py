"""Which legs are asked for, and which an earlier try has kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.files.kept_rows import KeptRows
from airflow_provider_yeastar.files.spool import Spool
from airflow_provider_yeastar.operators.call_legs import kept_if_stopped, legs_path, read_legs


def calls(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"uid": f"call-{number}"} for number in range(start, count)]


class Pbx:
    """Gives each call two legs.

    :param fails_at: the number of calls after which it gives nothing more.
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.asked: list[str] = []
        self._fails_at = fails_at

    def legs(self, uids: Sequence[str]) -> list[dict[str, Any]]:
        if self._fails_at is not None and len(self.asked) + len(uids) > self._fails_at:
            raise ConnectionError
        self.asked += uids
        return [{"uid": uid, "leg": leg} for uid in uids for leg in (1, 2)]


def read(found: list[dict[str, Any]], pbx: Pbx, kept: KeptRows) -> list[tuple[str, int]]:
    with Spool() as legs, kept_if_stopped(legs, kept):
        read_legs(found, pbx.legs, kept, legs)
        return [(leg["uid"], leg["leg"]) for leg in legs]


def both_legs(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(call["uid"], leg) for call in found for leg in (1, 2)]


@pytest.fixture
def kept(tmp_path: Path) -> KeptRows:
    return KeptRows(str(tmp_path / "calls_legs.ndjson"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/calls.ndjson", "/data/calls_legs.ndjson"),
        ("/data/v1.0/calls", "/data/v1.0/calls_legs"),
        ("s3://aws@bucket/a.b/calls_2026-11-20_ab.parquet", "s3://aws@bucket/a.b/calls_2026-11-20_ab_legs.parquet"),
        ("/data/.calls", "/data/.calls_legs"),
    ],
)
def test_legs_lie_beside_their_calls(path: str, expected: str) -> None:
    assert legs_path(path) == expected


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
def test_every_call_is_asked_for_once(kept: KeptRows, count: int) -> None:
    pbx = Pbx()

    assert read(calls(count), pbx, kept) == both_legs(calls(count))
    assert pbx.asked == [call["uid"] for call in calls(count)]


def test_a_next_try_asks_for_the_rest_alone(kept: KeptRows) -> None:
    first, second = Pbx(fails_at=200), Pbx()
    with pytest.raises(ConnectionError):
        read(calls(350), first, kept)

    assert read(calls(350), second, kept) == both_legs(calls(350))
    assert (len(first.asked), len(second.asked)) == (200, 150)
    assert list(kept) == []


def test_calls_that_came_or_went_between_two_tries_are_seen_to(kept: KeptRows) -> None:
    with pytest.raises(ConnectionError):
        read(calls(200), Pbx(fails_at=100), kept)

    found = calls(210, start=50)
    assert sorted(read(found, Pbx(), kept)) == sorted(both_legs(found))


def test_a_process_that_is_killed_outright_loses_a_thousand_calls_at_the_most(kept: KeptRows) -> None:
    pbx = Pbx(fails_at=2_500)

    with pytest.raises(ConnectionError), Spool() as legs:
        read_legs(calls(3_000), pbx.legs, kept, legs)  # nobody is left to keep anything at the end

    assert len({leg["uid"] for leg in kept}) == 2_000


def test_nothing_is_kept_of_nothing(kept: KeptRows, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        read(calls(10), Pbx(fails_at=0), kept)

    assert list(tmp_path.iterdir()) == []
