from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_yeastar import compat
from airflow_provider_yeastar.compat import AirflowException, BaseHook
from airflow_provider_yeastar.get_provider_info import get_provider_info
from airflow_provider_yeastar.hooks.connection import connect, mask_token, read_connection
from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, MissingConnectionError, YeastarError


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


@pytest.mark.parametrize("error", [AirflowException, ValueError, OSError, KeyError])
@pytest.mark.parametrize("read", [read_connection, lambda conn_id: asyncio.run(connect(conn_id))])
def test_the_words_of_a_secrets_backend_are_washed_and_not_chained(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], object], error: type[Exception]
) -> None:
    async def fail_later(*_: Any) -> None:
        fail()

    def fail(*_: Any) -> None:
        raise error("cannot parse \x1b[31m{'password': 's3cret-of-vault'}\n" + 9_000 * "!")

    monkeypatch.setattr("airflow_provider_yeastar.hooks.connection.get_async_connection", fail_later)
    monkeypatch.setattr(BaseHook, "get_connection", fail)

    with pytest.raises(
        MissingConnectionError, match=rf"its connection 'berlin' \({error.__name__}: .?cannot parse"
    ) as found:
        read("berlin")

    assert len(str(found.value)) < 1_000
    assert str(found.value).isprintable()
    assert "s3cret-of-vault" not in "".join(traceback.format_exception(found.value))


def test_an_error_of_the_masker_does_not_quote_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(secret: str) -> None:
        raise ConnectionError(f"cannot send {secret}")

    monkeypatch.setattr(compat, "mask_secret", fail)
    token = "t0ken-of-berlin"

    with pytest.raises(YeastarError, match=r"took no token of the PBX \(ConnectionError\)") as found:
        mask_token(token)

    assert token not in "".join(traceback.format_exception(found.value))
