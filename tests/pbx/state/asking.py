"""What tests ask of a held turn."""

from __future__ import annotations

from airflow_provider_yeastar.pbx.state.interface import Entry
from airflow_provider_yeastar.pbx.state.turns import Turn

__all__ = ["is_unbroken"]


async def is_unbroken(held: Turn) -> bool:
    """Tell whether the lease has never lapsed since the turn was taken, by an update that changes nothing."""
    seen: list[bool] = []

    def look(entry: Entry | None, now: float, has_held: bool) -> tuple[Entry | None, bool]:
        seen.append(has_held)
        return entry, False

    await held.update("pbx/ledger", look, keep_seconds=60)
    return seen[-1]
