"""What is open when a call returns, such as a socket, has an owner whenever the caller is cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from airflow_provider_yeastar.pbx.concurrency.threads import in_thread


class TestAResultThatHasToBeClosed:
    def test_is_the_caller_s_who_takes_it(self) -> None:
        discarded: list[str] = []

        assert asyncio.run(in_thread(lambda: "open", discard=discarded.append)) == "open"
        assert discarded == []

    def test_is_discarded_when_it_comes_after_its_caller_was_cancelled(self) -> None:
        async def cancel() -> str:
            started, release = threading.Event(), threading.Event()
            discarded: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            def call() -> str:
                started.set()
                release.wait(30)
                return "open"

            waiting = asyncio.create_task(in_thread(call, discard=discarded.set_result))
            await asyncio.to_thread(started.wait, 30)
            waiting.cancel()
            await asyncio.wait({waiting})
            release.set()
            return await asyncio.wait_for(discarded, 30)

        assert asyncio.run(cancel()) == "open"

    def test_is_discarded_when_it_is_there_and_the_cancellation_comes_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        discarded: list[str] = []
        waiting: asyncio.Task[str]

        class Cancelling(asyncio.Future[str]):
            def set_result(self, result: str) -> None:
                super().set_result(result)
                waiting.cancel()

        async def cancel() -> None:
            nonlocal waiting
            loop = asyncio.get_running_loop()
            monkeypatch.setattr(loop, "create_future", lambda: Cancelling(loop=loop))
            waiting = asyncio.create_task(in_thread(lambda: "open", discard=discarded.append))
            await asyncio.wait({waiting})

        asyncio.run(cancel())

        assert waiting.cancelled()
        assert discarded == ["open"]

    def test_is_discarded_when_the_loop_is_closed(self) -> None:
        started, release, discarded = threading.Event(), threading.Event(), threading.Event()

        def call() -> str:
            started.set()
            release.wait(30)
            return "open"

        async def leave() -> None:
            waiting = asyncio.create_task(in_thread(call, discard=lambda _: discarded.set()))
            await asyncio.to_thread(started.wait, 30)
            waiting.cancel()

        asyncio.run(leave())
        release.set()

        assert discarded.wait(30)

    @pytest.mark.parametrize("is_late", [True, False])
    def test_is_none_where_the_call_failed(self, is_late: bool) -> None:
        discarded: list[None] = []

        async def fail() -> None:
            started, release = threading.Event(), threading.Event()

            def call() -> None:
                started.set()
                release.wait(30)
                raise LookupError("lost")

            waiting = asyncio.create_task(in_thread(call, of="pbx", discard=discarded.append))
            await asyncio.to_thread(started.wait, 30)
            if is_late:
                waiting.cancel()
                await asyncio.wait({waiting})
            release.set()
            await asyncio.wait({waiting})
            await in_thread(str, of="pbx")
            assert waiting.cancelled() or isinstance(waiting.exception(), LookupError)

        asyncio.run(fail())

        assert discarded == []
