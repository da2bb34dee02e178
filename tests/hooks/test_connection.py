from __future__ import annotations

import asyncio

import pytest

from airflow_provider_yeastar.hooks.connection import connect


def test_triggers_of_one_loop_share_the_client_of_equal_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BERLIN", "yeastar://client:secret@berlin.example.com")
    monkeypatch.setenv("AIRFLOW_CONN_HAUPTSTADT", "yeastar://client:secret@berlin.example.com")
    monkeypatch.setenv("AIRFLOW_CONN_BONN", "yeastar://client:secret@bonn.example.com")

    async def three() -> None:
        names = ("berlin", "hauptstadt", "bonn")
        berlin, capital, bonn = await asyncio.gather(*map(connect, names))
        assert await connect("berlin") is berlin is capital
        assert bonn is not berlin

    asyncio.run(three())
