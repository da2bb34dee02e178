from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from airflow_provider_yeastar.pbx.concurrency import threads
from airflow_provider_yeastar.pbx.concurrency.threads import about_to_wait, in_thread
from airflow_provider_yeastar.pbx.errors import Reaction, ResourceError
from tests.patience import PATIENCE_SECONDS


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
    monkeypatch.setattr(threads, "_COMPUTING_SECONDS", 0.01)
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
    monkeypatch.setattr(threads, "_COMPUTING_SECONDS", 0.01)
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


@pytest.mark.parametrize("says_so", [True, False], ids=["once-it-waits", "before-it-says-how"])
def test_a_call_is_stopped_when_its_caller_is_cancelled(says_so: bool) -> None:
    started, cancelled, stopped = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        if not says_so:
            started.set()
            cancelled.wait(30)
        about_to_wait(stopped.set)
        started.set()
        stopped.wait(30)

    async def cancel() -> bool:
        waiting = asyncio.create_task(in_thread(call, of="pbx"))
        await asyncio.to_thread(started.wait, 30)
        waiting.cancel()
        await asyncio.wait({waiting})
        cancelled.set()
        return await asyncio.to_thread(stopped.wait, 30)

    assert asyncio.run(cancel())


def test_a_wait_that_has_to_be_carried_to_its_end_is_not_stopped() -> None:
    started, release, stopped, ended = (threading.Event() for _ in range(4))

    def call() -> None:
        about_to_wait(stopped.set)
        about_to_wait()
        started.set()
        release.wait(30)
        ended.set()

    async def cancel() -> None:
        waiting = asyncio.create_task(in_thread(call, of="pbx"))
        await asyncio.to_thread(started.wait, 30)
        waiting.cancel()
        await asyncio.wait({waiting})
        release.set()
        await asyncio.to_thread(ended.wait, 30)

    asyncio.run(cancel())

    assert ended.is_set()
    assert not stopped.is_set()


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

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_one_pbx_gets_two_calls_at_a_time_and_the_others_theirs() -> None:
    started = threading.Semaphore(0)
    release = threading.Event()

    def call() -> None:
        about_to_wait()
        started.release()
        release.wait(60)

    async def three_and_one() -> None:
        calls = [asyncio.create_task(in_thread(call, of="silent")) for _ in range(3)]
        for _ in range(2):
            assert await asyncio.to_thread(started.acquire, timeout=30)
        assert await in_thread(str, "healthy", of="healthy") == "healthy"
        assert not await asyncio.to_thread(started.acquire, timeout=0.05)
        release.set()
        await asyncio.gather(*calls)

    asyncio.run(three_and_one())


def test_a_call_that_waits_gives_its_place_to_one_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_COMPUTING_SECONDS", 60.0)
    release = threading.Event()

    def wait() -> None:
        about_to_wait()
        release.wait(60)

    async def many_waiting_and_one() -> str:
        waiting = [asyncio.create_task(in_thread(wait, of=number)) for number in range(50)]
        answer = await asyncio.wait_for(in_thread(str, "quick"), 30)
        release.set()
        await asyncio.gather(*waiting)
        return answer

    assert asyncio.run(many_waiting_and_one()) == "quick"


def test_a_cancelled_caller_in_the_queue_gives_its_places_back() -> None:
    release = threading.Event()

    async def cancel_the_third() -> None:
        calls = [asyncio.create_task(in_thread(release.wait, 60, of="pbx")) for _ in range(3)]
        await asyncio.sleep(0)
        calls[2].cancel()
        release.set()
        await asyncio.wait(calls)
        assert await asyncio.wait_for(asyncio.gather(*(in_thread(str, 1, of="pbx") for _ in range(4))), 30)

    asyncio.run(cancel_the_third())


def test_a_thread_that_cannot_be_started_is_an_error_to_retry_and_gives_its_places_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads._threads.cache_clear()

    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def start_ten_then_one() -> str:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            for _ in range(10):
                with pytest.raises(ResourceError, match="no thread left") as raised:
                    await in_thread(str, "x", of="pbx")
                assert raised.value.reaction is Reaction.ASK_AGAIN
        return await asyncio.wait_for(in_thread(str, "again", of="pbx"), 30)

    assert asyncio.run(start_ten_then_one()) == "again"


def test_a_further_thread_that_cannot_be_started_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    threads._threads.cache_clear()
    started, release = threading.Event(), threading.Event()

    def keep_a_thread() -> None:
        started.set()
        release.wait(60)

    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def one_more() -> str:
        busy = asyncio.create_task(in_thread(keep_a_thread, of="pbx"))
        while not started.is_set():  # noqa: ASYNC110 - the default pool's threads would be started meanwhile
            await asyncio.sleep(0.01)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            for _ in range(3):
                with pytest.raises(ResourceError, match="no thread left"):
                    await in_thread(str, "x", of="pbx")
        release.set()
        await busy
        return await asyncio.wait_for(in_thread(str, "again", of="pbx"), 30)

    assert asyncio.run(one_more()) == "again"


def test_the_event_loop_starts_no_thread_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    threads._threads.cache_clear()
    starters: list[threading.Thread] = []
    start = threading.Thread.start

    def note(self: threading.Thread) -> None:
        starters.append(threading.current_thread())
        start(self)

    async def four_at_once() -> None:
        everybody = threading.Barrier(4)
        await asyncio.gather(*(in_thread(everybody.wait, 60) for _ in range(4)))

    monkeypatch.setattr(threading.Thread, "start", note)
    asyncio.run(four_at_once())

    assert len(starters) == 5
    assert starters.count(threading.main_thread()) == 1


def test_a_call_that_hurries_goes_before_those_that_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_COMPUTING_SECONDS", 60.0)
    monkeypatch.setattr(threads, "_COMPUTING_CALLS", 1)
    served: list[str] = []

    async def three_behind_one() -> None:
        release = threading.Event()
        calls = [asyncio.create_task(in_thread(release.wait, 60))]
        calls += [asyncio.create_task(in_thread(served.append, name)) for name in "ab"]
        calls.append(asyncio.create_task(in_thread(served.append, "first", hurries=True)))
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*calls)

    asyncio.run(three_behind_one())

    assert served[0] == "first"
