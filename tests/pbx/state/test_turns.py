from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError
from airflow_provider_yeastar.pbx.state.turns import turn

HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_waiters_of_one_pbx_are_served_in_order(tmp_path: Path) -> None:
    served: list[str] = []

    async def wait(name: str) -> None:
        async with turn("pbx", tmp_path):
            served.append(f"{name} begins")
            await asyncio.sleep(0)
            served.append(f"{name} ends")

    async def all_at_once() -> None:
        await asyncio.gather(*(wait(name) for name in "abc"))

    asyncio.run(all_at_once())

    assert served == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]


def test_another_pbx_does_not_wait(tmp_path: Path) -> None:
    async def both() -> bool:
        async with turn("pbx", tmp_path), turn("other", tmp_path):
            return True

    assert asyncio.run(both())


def test_another_process_is_waited_for_even_when_it_dies(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "pbx.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    async def take_turn() -> None:
        async with turn("pbx", tmp_path):
            pass

    async def wait_then_bury() -> None:
        waiter = asyncio.create_task(take_turn())
        done, _ = await asyncio.wait({waiter}, timeout=1.0)
        assert not done
        holder.kill()
        await asyncio.wait_for(waiter, 30)

    asyncio.run(wait_then_bury())
    holder.communicate()


def test_a_cancelled_waiter_leaves_no_trace(tmp_path: Path) -> None:
    async def cancel_the_second() -> None:
        async with turn("pbx", tmp_path):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), turn("pbx", tmp_path):
                    pytest.fail("two turns at once")
            with pytest.raises(Timeout):
                FileLock(tmp_path / "pbx.lock").acquire(blocking=False)

    asyncio.run(cancel_the_second())

    FileLock(tmp_path / "pbx.lock").acquire(blocking=False).lock.release()


def test_an_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def take_turn() -> None:
        async with turn("pbx", tmp_path / "file" / "state"):
            pytest.fail("no lock, no turn")

    with pytest.raises(InvalidSettingsError, match=r"state cannot be used.*state_dir"):
        asyncio.run(take_turn())
