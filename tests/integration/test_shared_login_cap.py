"""The token cap, met by all processes of a host that share one login, with real processes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import TokenCapError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.fleet import age, ends, fleet, launch
from tests.integration.support import Wait


def take_all_tokens(pbx: PbxSimulator) -> list[str]:
    """Log in as another program does that knows no measure."""
    for _ in range(pbx.settings.token_cap):
        pbx.state.log_in("10.0.0.9", pbx.client_id, pbx.client_secret, pbx.now())
    return list(pbx.state.tokens)


class TestTheTokenCap:
    def test_twenty_that_wait_ask_as_often_as_one(self, yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
        take_all_tokens(yeastar_pbx)

        assert fleet(yeastar_pbx, tmp_path, 20, patience=1.0, memory=600) == {"TokenCapError": 20}

        assert len(yeastar_pbx.calls("get_token")) == 1

    def test_twenty_that_wait_share_the_one_that_comes_free(self, yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
        first, *_ = take_all_tokens(yeastar_pbx)
        launched = launch(yeastar_pbx, tmp_path, 20, patience=60, memory=0.5)
        yeastar_pbx.wait_until(lambda pbx: len(pbx.calls("get_token")) >= 2)
        yeastar_pbx.state.revoke(first)

        assert ends(launched) == {"Yeastar P570": 20}

        assert yeastar_pbx.state.logins == yeastar_pbx.settings.token_cap + 1

    def test_a_refresh_that_meets_it_ends_in_one_more_attempt_and_is_waited_out(
        self, yeastar_pbx: PbxSimulator, tmp_path: Path
    ) -> None:
        fleet(yeastar_pbx, tmp_path, 2)
        age(yeastar_pbx, tmp_path, access_expires_at=0.0)
        yeastar_pbx.faults.add(Fault("errcode", "refresh_token", 60002), Fault("errcode", "get_token", 60002))

        assert fleet(yeastar_pbx, tmp_path, 20, patience=60, memory=0.5) == {"Yeastar P570": 20}

        assert len(yeastar_pbx.calls("refresh_token")) == 1
        assert len(yeastar_pbx.calls("get_token")) == 3

    def test_a_report_s_wait_waits_it_out_and_says_so_once(
        self,
        yeastar_pbx: PbxSimulator,
        tmp_path: Path,
        no_pauses: None,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.login.record._MEMORIES", {TokenCapError: 0.0})
        yeastar_pbx.faults.add(Fault("errcode", "get_token", 60002, times=5))

        assert Wait(yeastar_pbx, tmp_path).run().file.startswith("Queue-Performance")

        assert len(yeastar_pbx.calls("get_token")) == 6
        assert sum("8 live tokens" in record.message for record in caplog.records) == 1

    def test_a_token_that_comes_free_is_waited_for_and_said_once(
        self,
        yeastar_pbx: PbxSimulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda attempt, chance: 0.01)
        monkeypatch.setattr("airflow_provider_yeastar.pbx.login.record._MEMORIES", {TokenCapError: 0.0})
        yeastar_pbx.faults.add(Fault("errcode", "get_token", 60002, times=5))

        with Wait(yeastar_pbx, tmp_path).client() as client:
            asyncio.run(client.log_in(time.time() + 60))

        assert len(yeastar_pbx.calls("get_token")) == 6
        assert sum("8 live tokens" in record.message for record in caplog.records) == 1

    def test_it_is_not_waited_for_beyond_the_deadline(self, yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
        yeastar_pbx.faults.add(Fault("errcode", "get_token", 60002, times=99))

        with Wait(yeastar_pbx, tmp_path).client() as client, pytest.raises(TokenCapError, match="8 live tokens"):
            asyncio.run(client.log_in(time.time() + 0.1))

        assert len(yeastar_pbx.calls("get_token")) == 1
