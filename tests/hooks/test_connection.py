from __future__ import annotations

import asyncio
from importlib import import_module

import pytest

from airflow_provider_yeastar import compat
from airflow_provider_yeastar.get_provider_info import get_provider_info
from airflow_provider_yeastar.hooks.connection import connect
from airflow_provider_yeastar.pbx.errors import InvalidSettingsError


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


def test_a_state_dir_of_a_user_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BERLIN", "yeastar://client:secret@berlin.example.com")
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", "~nobody-of-this-name/yeastar")

    with pytest.raises(InvalidSettingsError, match="'~nobody-of-this-name/yeastar', and there is no such user"):
        asyncio.run(connect("berlin"))


def test_airflow_hides_no_extra_that_is_no_secret() -> None:
    """It goes by the name: `login_sharing` was called `token_sharing` once, and shown as ***."""
    (connection_type,) = get_provider_info()["connection-types"]
    extras = dict.fromkeys(connection_type["conn-fields"], "a value")

    shown = import_module(compat.mask_secret.__module__).redact(extras)

    hidden = {name for name, value in shown.items() if value != "a value"}
    assert shown["login_sharing"] == "a value"
    assert "protect_secret" in hidden
    assert hidden <= {"protect_secret", "proxy"}  # the URL of a proxy may hold a password: Airflow 3 hides it
