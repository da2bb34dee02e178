from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from airflow_provider_yeastar.pbx.concurrency import threads
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread


def _fail() -> None:
    raise LookupError("lost")


def test_a_result_and_an_error_come_back() -> None:
    async def both() -> int:
        with pytest.raises(LookupError, match="lost"):
            await in_thread(_fail)
        return await in_thread(max, 1, 2)

    assert asyncio.run(both()) == 2


def test_the_context_goes_along() -> None:
    name: ContextVar[str] = ContextVar("name")

    async def look() -> str:
        name.set("here")
        return await in_thread(name.get)

    assert asyncio.run(look()) == "here"


def test_calls_that_only_wait_keep_nobody_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_QUICK_SECONDS", 0.01)
    release = threading.Event()

    async def many_slow_and_a_quick_one() -> str:
        slow = [asyncio.create_task(in_thread(release.wait, 60)) for _ in range(50)]
        answer = await in_thread(str, "quick")
        assert not any(call.done() for call in slow)
        release.set()
        await asyncio.gather(*slow)
        return answer

    assert asyncio.run(many_slow_and_a_quick_one()) == "quick"


def test_there_are_never_more_calls_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_QUICK_SECONDS", 0.01)
    monkeypatch.setattr(threads, "_MOST_CALLS", 3)
    started = threading.Semaphore(0)
    release = threading.Event()

    def call() -> None:
        started.release()
        release.wait(60)

    async def five() -> None:
        calls = [asyncio.create_task(in_thread(call)) for _ in range(5)]
        for _ in range(3):
            assert await asyncio.to_thread(started.acquire, timeout=30)
        # A cancelled caller's call goes on, and counts until it is over.
        calls[0].cancel()
        assert not await asyncio.to_thread(started.acquire, timeout=0.05)
        release.set()
        await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(five())


def test_a_call_that_hangs_keeps_no_process_alive() -> None:
    program = """
import asyncio, threading
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread

async def main():
    call = asyncio.create_task(in_thread(threading.Event().wait))
    await asyncio.wait({call}, timeout=0.1)
    call.cancel()

asyncio.run(main())
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
