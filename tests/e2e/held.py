"""What a process holds, and how much more of it is growth."""

from __future__ import annotations

from typing import TypeAlias

import psutil

Held: TypeAlias = dict[str, int]
"""How much of what; memory in bytes."""

GROWTH: Held = {"memory": 32 * 2**20, "sockets": 2, "threads": 8, "files": 4}
"""What a process may hold more than when it was warm: pools fill up, and a leak would be of hundreds."""


def held_by(process: psutil.Process) -> Held:
    """What a process holds now."""
    with process.oneshot():
        return {
            "memory": process.memory_info().rss,
            "sockets": len(process.net_connections()),
            "threads": process.num_threads(),
            "files": process.num_fds(),
        }


def growth(before: Held, after: Held) -> list[str]:
    """What grew by more than it may, in words; nothing must."""
    return [
        f"{name}: {before[name]} grew to {after[name]}"
        for name, allowed in GROWTH.items()
        if after[name] > before[name] + allowed
    ]
