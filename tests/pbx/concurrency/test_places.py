from __future__ import annotations

import asyncio

from airflow_provider_yeastar.pbx.concurrency.places import Places


async def queue(places: Places, served: list[str], *names: str, hurries: bool = False) -> list[asyncio.Task[None]]:
    """Let some queue for a place, each of which is noted when it gets one and keeps it."""

    async def take(name: str) -> None:
        await places.take(hurries=hurries)
        served.append(name)

    tasks = [asyncio.create_task(take(name)) for name in names]
    await asyncio.sleep(0)
    return tasks


async def give_back(places: Places, times: int) -> None:
    for _ in range(times):
        places.give_back()
        await asyncio.sleep(0)


def test_there_are_as_many_places_as_were_said() -> None:
    served: list[str] = []

    async def three_for_two() -> None:
        places = Places(2)
        tasks = await queue(places, served, "a", "b", "c")
        assert served == ["a", "b"]
        await give_back(places, 1)
        await asyncio.gather(*tasks)

    asyncio.run(three_for_two())

    assert served == ["a", "b", "c"]


def test_the_oldest_and_the_newest_get_a_place_by_turns() -> None:
    served: list[str] = []

    async def five_in_a_row() -> None:
        places = Places(1)
        await places.take()
        tasks = await queue(places, served, "1", "2", "3", "4", "5")
        await give_back(places, 5)
        await asyncio.gather(*tasks)

    asyncio.run(five_in_a_row())

    assert served == ["1", "5", "2", "4", "3"]


def test_who_hurries_goes_before_all_others_and_in_order() -> None:
    served: list[str] = []

    async def two_and_two() -> None:
        places = Places(1)
        await places.take()
        tasks = await queue(places, served, "a", "b")
        tasks += await queue(places, served, "first", "second", hurries=True)
        await give_back(places, 4)
        await asyncio.gather(*tasks)

    asyncio.run(two_and_two())

    assert served == ["first", "second", "a", "b"]


def test_a_cancelled_one_takes_no_place() -> None:
    served: list[str] = []

    async def cancel_one() -> None:
        places = Places(1)
        await places.take()
        tasks = await queue(places, served, "a", "b")
        tasks[0].cancel()
        await give_back(places, 1)
        await tasks[1]

    asyncio.run(cancel_one())

    assert served == ["b"]


def test_one_that_is_cancelled_as_it_gets_a_place_passes_it_on() -> None:
    served: list[str] = []

    async def cancel_one() -> None:
        places = Places(1)
        await places.take()
        tasks = await queue(places, served, "a", "b")
        places.give_back()
        tasks[0].cancel()
        await asyncio.wait_for(tasks[1], 30)

    asyncio.run(cancel_one())

    assert served == ["b"]
