"""One outstanding report per PBX and host: whose turn it is, within this process and between processes.

Without a job id, order is what ties an event to its request, so two requests must not be under way at once. Within
an event loop an ``asyncio.Lock`` keeps the order of arrival; between processes a lock file, which the operating system
lets go of when its holder dies.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.state.directory import prepare_state_dir, state_errors

__all__ = ["turn"]

log = logging.getLogger(__name__)

_FILE_LOCK_INTERVAL = 0.5
"""Seconds between two looks at the lock file: the operating system tells nobody when a lock comes free."""

_locks: PerLoop[asyncio.Lock] = PerLoop()


@asynccontextmanager
async def turn(pbx_key: str, state_dir: Path) -> AsyncIterator[None]:
    """Wait for this PBX's turn and hold it; cancellation, also by a time-out around it, leaves no trace.

    :param pbx_key: names the PBX.
    :param state_dir: directory for lock files, shared by the processes of this host.
    :raises InvalidSettingsError: when the directory cannot be used.
    """
    prepare_state_dir(state_dir)
    lock = _locks.get(pbx_key, asyncio.Lock)
    async with lock:
        # Not tied to a thread: the event loop's thread takes it and gives it back.
        file_lock = FileLock(state_dir / f"{pbx_key}.lock", thread_local=False)
        await _acquire(file_lock, state_dir)
        try:
            yield
        finally:
            file_lock.release()


async def _acquire(file_lock: FileLock, state_dir: Path) -> None:
    told = False
    with state_errors(state_dir):
        while True:
            try:
                file_lock.acquire(blocking=False)
            except Timeout:
                if not told:
                    log.info("Waiting for the turn: another process of this host has a report made.")
                    told = True
                await asyncio.sleep(_FILE_LOCK_INTERVAL)
            else:
                return
