"""Batches of what arrives one by one: full, or as old as they may get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

__all__ = ["batches"]

Item = TypeVar("Item")


async def batches(items: AsyncIterator[Item], *, most: int, seconds: float) -> AsyncGenerator[list[Item]]:
    """Yield items in lists: when so many have come, or the first of them is so old. None is empty.

    :param items: ends with its last batch; what it raises passes through after the batch of what came before.
    :param most: items of a batch.
    :param seconds: from the first item of a batch to the batch.
    """
    clock = asyncio.get_running_loop().time
    batch: list[Item] = []
    until = 0.0
    upcoming = asyncio.ensure_future(_next(items))
    try:
        while True:
            # An item that is awaited is not given up when a batch is due: it belongs to the next one.
            await asyncio.wait({upcoming}, timeout=max(0.0, until - clock()) if batch else None)
            if upcoming.done():
                if batch and not upcoming.cancelled() and upcoming.exception():
                    yield batch
                arrived = upcoming.result()
                if not arrived:
                    break
                until = until if batch else clock() + seconds
                batch += arrived
                upcoming = asyncio.ensure_future(_next(items))
            if len(batch) >= most or (batch and clock() >= until):
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        upcoming.cancel()
        await asyncio.wait({upcoming})


async def _next(items: AsyncIterator[Item]) -> list[Item]:
    """Return the next item in a list, an empty one after the last."""
    async for item in items:
        return [item]
    return []
