"""Batches: full, or as old as they may get, and nothing is lost between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from airflow_provider_yeastar.pbx.concurrency.batching import batches

LONG = 3600.0


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [
        (0, 2, []),
        (1, 2, [[0]]),
        (2, 2, [[0, 1]]),
        (5, 2, [[0, 1], [2, 3], [4]]),
        (3, 1, [[0], [1], [2]]),
    ],
)
def test_a_batch_is_full_or_the_last(count: int, most: int, expected: list[list[int]]) -> None:
    async def collect() -> list[list[int]]:
        return [batch async for batch in batches(numbers(count), most=most, seconds=LONG)]

    assert asyncio.run(collect()) == expected


def test_a_batch_is_no_older_than_it_may_be_although_nothing_more_comes() -> None:
    async def collect() -> list[list[int]]:
        arrivals: asyncio.Queue[int] = asyncio.Queue()

        async def items() -> AsyncIterator[int]:
            while True:
                yield await arrivals.get()

        found = []
        async with aclosing(batches(items(), most=100, seconds=0.01)) as batched:
            for number in range(3):
                arrivals.put_nowait(number)
                # It comes while the next item is awaited, which is not lost by that.
                found.append(await anext(batched))
        return found

    assert asyncio.run(collect()) == [[0], [1], [2]]


def test_a_batch_waits_for_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first item counts, however many come after it."""

    async def collect() -> list[list[int]]:
        now = 0.0
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: now)

        async def items() -> AsyncIterator[int]:
            nonlocal now
            for number in range(5):
                yield number
                now += 4.0

        return [batch async for batch in batches(items(), most=100, seconds=10.0)]

    # Items at 0, 4, 8, 12, 16 seconds: the one at 12 is noticed when the batch is due.
    assert asyncio.run(collect()) == [[0, 1, 2, 3], [4]]


@pytest.mark.parametrize(("count", "found"), [(0, []), (1, [[0]]), (2, [[0, 1]]), (3, [[0, 1], [2]])])
def test_what_the_source_raises_passes_through_after_what_it_gave(count: int, found: list[list[int]]) -> None:
    async def broken() -> AsyncIterator[int]:
        for number in range(count):
            yield number
        raise LookupError

    got = []

    async def collect() -> None:
        async for batch in batches(broken(), most=2, seconds=LONG):
            got.append(batch)

    with pytest.raises(LookupError):
        asyncio.run(collect())
    assert got == found


def test_who_leaves_ends_the_source() -> None:
    closed = []

    async def endless() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def leave() -> None:
        async with aclosing(batches(endless(), most=1, seconds=LONG)) as batched:
            await anext(batched)

    asyncio.run(leave())
    assert closed == [True]
