from __future__ import annotations

import asyncio

from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop


class Thing:
    pass


def test_it_finds_what_was_made_and_makes_nothing_itself() -> None:
    things: PerLoop[Thing] = PerLoop()

    async def look() -> None:
        assert things.find("a") is None
        made = things.get("a", Thing)
        assert things.find("a") is made
        assert things.get("a", Thing) is made
        things.forget("a")
        assert things.find("a") is None
        things.forget("a")

    asyncio.run(look())


def test_each_loop_has_its_own() -> None:
    things: PerLoop[Thing] = PerLoop()

    async def make() -> Thing:
        return things.get("a", Thing)

    assert asyncio.run(make()) is not asyncio.run(make())
