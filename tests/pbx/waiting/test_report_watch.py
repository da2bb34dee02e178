"""How often a watch connects again; what it hears is tested in `tests/integration/test_report_event`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import NetworkError
from airflow_provider_yeastar.pbx.waiting import report_watch, retrying


class FlappingConnection:
    """Every subscription stands for some seconds, as the event loop's clock shows it, and is lost.

    :param stands_for: these seconds, one for each subscription; the watch is stopped after the last one.
    """

    session = SimpleNamespace(
        settings=SimpleNamespace(address="pbx", base_url="http://pbx"), hiding_secrets=nullcontext
    )

    def __init__(self, stands_for: list[float]) -> None:
        self.now = 0.0
        self._stands_for = stands_for

    @asynccontextmanager
    async def listen_to(self, topic: object) -> AsyncIterator[Any]:
        if not self._stands_for:
            raise StopWatchingError
        yield self

    async def next_events(self) -> Any:
        self.now += self._stands_for.pop(0)
        raise NetworkError("dropped")


class StopWatchingError(Exception):
    pass


def delays(monkeypatch: pytest.MonkeyPatch, stands_for: list[float]) -> list[float]:
    """Return the pauses between the subscriptions."""
    connection = FlappingConnection(stands_for)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    loop = SimpleNamespace(time=lambda: connection.now)
    monkeypatch.setattr(report_watch, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    monkeypatch.setattr(retrying, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(retrying, "random", SimpleNamespace(random=lambda: 1.0))

    async def watch() -> None:
        async for _ in report_watch.watch_reports(connection):  # type: ignore[arg-type]  # stands in for it
            pass

    with pytest.raises(StopWatchingError):
        asyncio.run(watch())
    return pauses


def test_a_flapping_socket_is_opened_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    assert delays(monkeypatch, [0.1] * 7) == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_subscription_that_stood_for_a_while_ends_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert delays(monkeypatch, [0.1, 0.1, 3600.0, 0.1]) == [2.0, 4.0, 2.0, 4.0]


def test_a_flood_of_events_that_are_passed_over_is_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    passed_over = report_watch._PassedOver()
    for at in range(150_000):
        passed_over.tell(f"Event {at} leads away.", 10.0 + at / 1000)

    assert caplog.messages == [
        "Event 0 leads away.",
        "Event 60000 leads away. 59999 more events were passed over before.",
        "Event 120000 leads away. 59999 more events were passed over before.",
    ]
