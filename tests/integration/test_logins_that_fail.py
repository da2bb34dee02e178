"""Logins that go wrong, with clients of their own as many tasks have them: how often the PBX is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet

from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import (
    CredentialsError,
    NetworkError,
    NotAPbxError,
    StateUnavailableError,
    TokenExpiredError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.login.stored import Cipher
from airflow_provider_yeastar.pbx.state import interface
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from airflow_provider_yeastar.simulator.state import PbxState
from tests.integration.support import settings_for
from tests.pbx.state.backends import Opening, opening, redis_of_the_session

__all__ = ["opening", "redis_of_the_session"]

INFORMATION = "system/information"


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next task comes as late as is worst for the number of logins."""
    monkeypatch.setattr("airflow_provider_yeastar.pbx.login.record._MEMORIES", {YeastarError: 0.0})


def ask(pbx: PbxSimulator, state: SharedState, *, cipher: Cipher | None = None, **changes: Any) -> str:
    """Ask who the PBX is, as a task does."""
    with PbxClient(settings_for(pbx, **changes), state=state, cipher=cipher) as client:
        return client.get_information().model


def asked_by(tasks: int, ask_once: Callable[[], str]) -> list[YeastarError]:
    """Let so many tasks ask one after another; return what they end in."""
    errors = []
    for _ in range(tasks):
        try:
            ask_once()
        except YeastarError as error:
            errors.append(error)
    return errors


def logins(pbx: PbxSimulator) -> int:
    return len(pbx.calls("get_token"))


def test_answers_that_are_lost_cost_two_tokens(yeastar_pbx: PbxSimulator, opening: Opening) -> None:
    yeastar_pbx.faults.add(Fault("reset after", "get_token", times=99))

    errors = asked_by(6, lambda: ask(yeastar_pbx, opening()))

    assert {type(error) for error in errors} == {NetworkError}
    assert "two logins brought no usable token, the next is sent in 30 minutes" in str(errors[-1])
    assert logins(yeastar_pbx) == len(yeastar_pbx.state.tokens) == 2


def test_answers_that_are_lost_with_a_wrong_secret_do_not_block_the_address(
    yeastar_pbx: PbxSimulator, opening: Opening
) -> None:
    yeastar_pbx.faults.add(Fault("reset after", "get_token", times=99))

    asked_by(6, lambda: ask(yeastar_pbx, opening(), client_secret="wrong"))

    assert yeastar_pbx.state.failed_logins == {"127.0.0.1": 2}


@pytest.mark.parametrize("secrets", [["wrong"], ["wrong", "older", "oldest"]], ids=["one", "several"])
def test_wrong_secrets_do_not_block_the_address(
    yeastar_pbx: PbxSimulator, opening: Opening, secrets: list[str]
) -> None:
    for secret in secrets * 4:
        with pytest.raises((CredentialsError, TokenExpiredError)):
            ask(yeastar_pbx, opening(), client_secret=secret)

    assert yeastar_pbx.state.failed_logins == {"127.0.0.1": 2}


def test_tokens_of_one_s_own_are_as_careful(yeastar_pbx: PbxSimulator, opening: Opening) -> None:
    asked_by(8, lambda: ask(yeastar_pbx, opening(), client_secret="wrong", login_sharing="none"))

    assert yeastar_pbx.state.failed_logins == {"127.0.0.1": 2}


def test_fresh_tokens_that_are_refused_are_not_replaced_without_limit(
    yeastar_pbx: PbxSimulator, opening: Opening
) -> None:
    yeastar_pbx.faults.add(Fault("errcode", INFORMATION, 10004, times=99))

    errors = asked_by(3, lambda: ask(yeastar_pbx, opening()))

    assert {type(error) for error in errors} == {TokenExpiredError}
    assert logins(yeastar_pbx) == 2


def test_fresh_tokens_of_one_s_own_that_are_refused_are_not_replaced_without_limit(
    yeastar_pbx: PbxSimulator, opening: Opening
) -> None:
    yeastar_pbx.faults.add(Fault("errcode", INFORMATION, 10004, times=99))

    asked_by(3, lambda: ask(yeastar_pbx, opening(), login_sharing="none"))

    assert logins(yeastar_pbx) == 2


@pytest.mark.parametrize(
    ("changes", "can_be_used"),
    [
        ({"refresh_token_expire_time": None}, True),
        ({"refresh_token": None}, True),
        ({"refresh_token": ["x"], "access_token_expire_time": "soon"}, True),
        ({"access_token_expire_time": 0}, True),
        ({"access_token_expire_time": -1800}, True),
        ({"access_token_expire_time": 10**18}, True),
        ({"access_token_expire_time": True}, True),
        ({"access_token_expire_time": "1800"}, True),
        # More digits than any answer of a PBX has: the whole answer is refused.
        ({"access_token_expire_time": 10**400}, False),
        ({"access_token": None}, False),
        ({"access_token": 5}, False),
        ({"access_token": ""}, False),
    ],
    ids=str,
)
def test_a_login_s_answer_of_another_shape_is_used_or_asked_for_twice(
    yeastar_pbx: PbxSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    can_be_used: bool,
) -> None:
    issue = PbxState._issue

    def issue_another(self: PbxState, now: float) -> dict[str, Any]:
        answer = {**issue(self, now), **changes}
        return {name: value for name, value in answer.items() if value is not None}

    monkeypatch.setattr(PbxState, "_issue", issue_another)

    errors = asked_by(5, lambda: ask(yeastar_pbx, open_state("", tmp_path)))

    assert {type(error) for error in errors} == (set() if can_be_used else {NotAPbxError})
    assert logins(yeastar_pbx) == (1 if can_be_used else 2)


@pytest.mark.parametrize("life", [1, 30, 59, 61])
def test_tokens_that_live_shortly_are_refreshed_and_not_replaced(
    yeastar_pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, life: int
) -> None:
    monkeypatch.setitem(vars(yeastar_pbx.settings), "access_token_life", life)

    assert asked_by(5, lambda: ask(yeastar_pbx, open_state("", tmp_path))) == []

    assert logins(yeastar_pbx) == 1


def test_a_pbx_that_is_not_reached_costs_no_attempt(yeastar_pbx: PbxSimulator, opening: Opening) -> None:
    errors = asked_by(5, lambda: ask(yeastar_pbx, opening(), port=1))

    assert all("Connection refused" in str(error) for error in errors)
    assert len(errors) == 5


def test_two_versions_of_the_layout_use_a_token_each(
    yeastar_pbx: PbxSimulator, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    for layout in [1, 2] * 4:
        monkeypatch.setattr(interface, "_LAYOUT", layout)
        assert ask(yeastar_pbx, opening()) == "Yeastar P570"

    assert logins(yeastar_pbx) <= 2


def test_two_keys_use_a_token_each_and_a_rotated_key_the_old_one_s(yeastar_pbx: PbxSimulator, opening: Opening) -> None:
    one, other = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    ciphers: list[Cipher | None] = [one, other, None, MultiFernet([Fernet(Fernet.generate_key()), one])]

    for cipher in ciphers * 3:
        assert ask(yeastar_pbx, opening(), cipher=cipher) == "Yeastar P570"

    assert logins(yeastar_pbx) == 3


def test_what_is_stored_shows_no_token_and_no_secret(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    ask(yeastar_pbx, open_state("", tmp_path), cipher=Fernet(Fernet.generate_key()))

    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    (token,) = yeastar_pbx.state.tokens.values()
    for secret in (token.access, token.refresh, yeastar_pbx.client_secret):
        assert secret.encode() not in stored


def test_a_state_that_cannot_be_written_keeps_the_login_from_being_sent(
    yeastar_pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = open_state("", tmp_path)

    def fail(*arguments: object, **options: object) -> None:
        raise StateUnavailableError("The disk is full")

    monkeypatch.setattr(state, "update", fail)

    errors = asked_by(3, lambda: ask(yeastar_pbx, state))

    assert {type(error) for error in errors} == {StateUnavailableError}
    assert yeastar_pbx.requests == []


def test_a_token_that_cannot_be_kept_is_used_all_the_same(
    yeastar_pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = open_state("", tmp_path)
    update = state.update

    def fail_after_the_login(*arguments: Any, **options: Any) -> Any:
        if logins(yeastar_pbx):
            raise StateUnavailableError("The disk is full")
        return update(*arguments, **options)

    monkeypatch.setattr(state, "update", fail_after_the_login)

    async def log_in() -> None:
        with PbxClient(settings_for(yeastar_pbx), state=state) as client:
            await client.log_in(time.time() + 10)

    asyncio.run(log_in())
    assert "known to this task alone" in caplog.text


class TestOnePbxUnderTwoNames:
    """Fault 5: an address and a host name had two turns and two tokens."""

    def test_shares_its_token_and_its_name(self, yeastar_pbx: PbxSimulator, opening: Opening) -> None:
        names = set()
        for host in ["127.0.0.1", "localhost", "127.0.0.1", "localhost"]:
            with PbxClient(settings_for(yeastar_pbx, host=host), state=opening()) as client:
                client.get_information()
                names.add(client._session.pbx_id())

        assert names == {yeastar_pbx.settings.serial_number}
        assert logins(yeastar_pbx) == 2
        assert len(yeastar_pbx.state.tokens) == 1

    def test_needs_no_call_to_know_its_name_again(self, yeastar_pbx: PbxSimulator, opening: Opening) -> None:
        ask(yeastar_pbx, opening())
        calls = len(yeastar_pbx.requests)

        with PbxClient(settings_for(yeastar_pbx), state=opening()) as client:
            assert client._session.pbx_id() == yeastar_pbx.settings.serial_number

        assert len(yeastar_pbx.requests) == calls

    def test_another_pbx_that_tells_the_same_number_stays_apart(
        self, yeastar_pbx: PbxSimulator, opening: Opening
    ) -> None:
        with PbxSimulator() as twin:
            names = set()
            for pbx in [yeastar_pbx, twin] * 3:
                with PbxClient(settings_for(pbx), state=opening()) as client:
                    client.get_information()
                    names.add(client._session.pbx_id())

            assert len(names) == 2
            assert (logins(yeastar_pbx), logins(twin)) == (1, 1)

    def test_one_that_tells_no_number_is_known_by_its_url(
        self, yeastar_pbx: PbxSimulator, opening: Opening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(vars(yeastar_pbx.settings), "serial_number", "")

        for _ in range(2):
            with PbxClient(settings_for(yeastar_pbx), state=opening()) as client:
                assert client._session.pbx_id().startswith("url-")

        assert logins(yeastar_pbx) == 1
        assert len(yeastar_pbx.calls(INFORMATION)) == 1
