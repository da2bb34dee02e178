"""The WebSocket's handshake with servers that are no PBX: where the token goes, and when the attempt ends."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    InvalidSettingsError,
    NetworkError,
    NotAPbxError,
    TokenExpiredError,
)
from airflow_provider_yeastar.pbx.events import handshake
from airflow_provider_yeastar.pbx.events.handshake import shake_hands
from airflow_provider_yeastar.pbx.events.websocket import subscribe
from airflow_provider_yeastar.pbx.http.transport import Transport
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.certificates import make_certificate
from tests.integration.support import settings_for
from tests.scripted import answer, scripted_server, tunnelling

TOKEN = "5qcixSatPqNQfjsepgFdUsQBID1ZWnu8"


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def settings(address: str, **changes: Any) -> PbxSettings:
    return PbxSettings(address, "client", "secret", **{"scheme": "http", "timeout": 5.0, **changes})


def shake(address: str, **changes: Any) -> None:
    asyncio.run(shake_hands(settings(address, **changes), TOKEN, "test"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["ws://{}/", "http://{}/", "/elsewhere", "//{}/"])
def test_a_redirect_is_not_followed(status: int, target: str) -> None:
    with scripted_server(answer(b"")) as trap:
        redirect = answer(b"", f"{status} Elsewhere", f"Location: {target.format(trap.address)}")
        with scripted_server(redirect) as server, pytest.raises(NotAPbxError, match="redirect") as raised:
            shake(server.address)

    assert trap.heads == []
    assert len(server.heads) == 1
    assert TOKEN not in str(raised.value)


def test_a_redirect_to_two_places_at_once_is_not_followed_either() -> None:
    redirect = answer(b"", "302 Found", "Location: /here", "Location: /there")
    with scripted_server(redirect) as server, pytest.raises(NotAPbxError, match="redirect"):
        shake(server.address)

    assert len(server.heads) == 1


def test_an_error_of_the_pbx_is_its_own_class() -> None:
    body = json.dumps({"errcode": 10004, "errmsg": "TOKEN EXPIRED"}).encode()
    with scripted_server(answer(body, "400 Bad Request")) as server, pytest.raises(TokenExpiredError):
        shake(server.address)


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "500 Internal Server Error"])
@pytest.mark.parametrize("secret", [TOKEN, "secret"], ids=["token", "client-secret"])
def test_what_a_refusal_quotes_of_what_it_was_sent_is_hidden(status: str, secret: str) -> None:
    body = json.dumps({"errcode": 10005, "errmsg": f"The credential {secret} was refused"}).encode()
    with scripted_server(answer(body, status)) as server, pytest.raises(AnswerError, match="was refused") as raised:
        shake(server.address)

    assert secret not in str(raised.value)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"[" * 5000, b'{"errcode":[]}'])
def test_another_answer_is_not_a_pbx_s(body: bytes) -> None:
    with scripted_server(answer(body)) as server, pytest.raises(NotAPbxError):
        shake(server.address)


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    started = time.monotonic()
    with scripted_server(lambda connection, head: connection.recv(1)) as server, pytest.raises(NetworkError):
        shake(server.address, timeout=0.5)

    assert time.monotonic() - started < 10


class TestAProxy:
    @pytest.fixture
    def pbx(self, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[PbxSettings]:
        certificate = make_certificate(tmp_path_factory.mktemp("tls"))
        with PbxSimulator(ssl_context=certificate.context if request.param == "https" else None) as simulator:
            yield settings_for(simulator, ssl_fingerprint=certificate.fingerprint)

    @pytest.mark.parametrize("pbx", ["http", "https"], indirect=True)
    def test_of_the_environment_is_used_as_by_calls(self, pbx: PbxSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        async def subscribe_with_a_token() -> None:
            token = await asyncio.to_thread(log_in, pbx)
            async with subscribe(pbx, token, "test"):
                pass

        with scripted_server(tunnelling()) as proxy:
            monkeypatch.setenv(f"{pbx.scheme.upper()}_PROXY", f"http://{proxy.address}")
            asyncio.run(subscribe_with_a_token())
            assert len(proxy.heads) >= 2, "the login and the socket"
            asked = len(proxy.heads)

            monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
            asyncio.run(subscribe_with_a_token())
            assert len(proxy.heads) == asked

    @pytest.mark.parametrize(
        ("status", "kind"), [(403, NetworkError), (407, InvalidSettingsError), (502, NetworkError)]
    )
    def test_that_refuses_is_named(self, status: int, kind: type[Exception]) -> None:
        with scripted_server(answer(b"", f"{status} No")) as proxy, pytest.raises(kind) as raised:
            shake("127.0.0.1:9", proxy=f"http://user:s3cret@{proxy.address}")

        assert f"The proxy http://{proxy.address}" in str(raised.value)
        assert str(status) in str(raised.value)
        assert "s3cret" not in str(raised.value)

    def test_of_another_protocol_is_one_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")

        with pytest.raises(InvalidSettingsError, match="socks5://, which is not supported"):
            shake("127.0.0.1:9")


def log_in(pbx: PbxSettings) -> str:
    body = {"username": pbx.client_id, "password": pbx.client_secret}
    with closing(Transport(pbx)) as transport:
        return str(transport.exchange("POST", "openapi/v1.0/get_token", body=body)["access_token"])


def test_a_task_that_is_killed_while_the_name_is_looked_up_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looking_up, release = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, port: int, *rest: Any, **options: Any) -> Any:
        if options.get("flags"):
            return real(host, port, *rest, **options)
        looking_up.set()
        release.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "late")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    try:
        with pytest.raises(TaskKilledError):
            run_on_worker(shake_hands(settings("pbx.invalid", timeout=30.0), TOKEN, "test"), looking_up.is_set)
    finally:
        release.set()

    assert time.monotonic() - started < 4


def test_a_socket_that_nobody_waits_for_any_more_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled, release, closed = threading.Event(), threading.Event(), threading.Event()
    dial = handshake.dial

    def slow_dial(*arguments: Any) -> Any:
        opened = dial(*arguments)
        real_close = opened.close
        monkeypatch.setattr(type(opened), "close", lambda self: (real_close(), closed.set()))
        dialled.set()
        release.wait(60)
        return opened

    monkeypatch.setattr(handshake, "dial", slow_dial)
    with scripted_server(answer(b"")) as server:
        with pytest.raises(TaskKilledError):
            run_on_worker(shake_hands(settings(server.address), TOKEN, "test"), dialled.is_set)
        release.set()
        assert closed.wait(10)
