from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest

from airflow_provider_yeastar.pbx.concurrency.silence import SilenceGuard
from airflow_provider_yeastar.pbx.errors import NetworkError
from airflow_provider_yeastar.pbx.http.transport import Transport


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class TestAPbxThatDoesNotAnswer:
    @pytest.fixture(autouse=True)
    def set_up(self) -> None:
        self.clock = Clock()
        self.transport = create_autospec(Transport, instance=True)
        self.guard = SilenceGuard(self.transport, self.clock)

    def call(self, outcome: NetworkError | dict[str, Any], timeout: float | None = None) -> None:
        self.transport.exchange.side_effect = [outcome]
        self.guard.exchange("GET", "endpoint", timeout=timeout)

    def calls_made(self) -> int:
        return int(self.transport.exchange.call_count)

    def test_is_asked_once_a_minute(self) -> None:
        with pytest.raises(NetworkError):
            self.call(silence())
        for _ in range(9):
            with pytest.raises(NetworkError, match="did not answer; the next call is made in 60 seconds") as raised:
                self.call(silence())
            assert not raised.value.was_received
        assert self.calls_made() == 1

        self.clock.now += 60
        for _ in range(3):
            with pytest.raises(NetworkError):
                self.call(silence())
        assert self.calls_made() == 2

    def test_is_asked_as_ever_once_it_has_answered(self) -> None:
        with pytest.raises(NetworkError):
            self.call(silence())
        self.clock.now += 60
        self.call({"errcode": 0})
        self.call({"errcode": 0})

        assert self.calls_made() == 3

    @pytest.mark.parametrize("timeout", [None, 1800.0])
    def test_is_none_that_refuses_connections_or_makes_a_long_report(self, timeout: float | None) -> None:
        error = silence() if timeout else NetworkError("Connection refused")
        with pytest.raises(NetworkError):
            self.call(error, timeout)
        self.call({"errcode": 0})

        assert self.calls_made() == 2


def silence() -> NetworkError:
    error = NetworkError("The PBX did not answer")
    error.is_timeout = True
    return error
