"""How calls reach the PBX: by the environment's settings, through a proxy, at one of several addresses."""

from __future__ import annotations

import errno
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, NetworkError
from airflow_provider_yeastar.pbx.http.sockets import LimitedSocket
from airflow_provider_yeastar.pbx.http.transport import Transport
from airflow_provider_yeastar.pbx.settings import PbxSettings
from tests.pbx.http.support import OK, SECRET, TOKEN, black_hole, call
from tests.ports import reserved_port
from tests.scripted import answer, scripted_server, tunnelling

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine_s_environment")


class TestTheEnvironment:
    def test_netrc_is_not_sent_to_the_pbx(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login someone password elsewhere\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        with scripted_server(answer(OK)) as server:
            call(server.address)

        assert b"authorization" not in server.heads[0].lower()

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_a_bundle_that_does_not_exist_is_named(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, "/nowhere/ca.pem")

        with pytest.raises(InvalidSettingsError, match=f"/nowhere/ca.pem, named by {name}, does not exist"):
            Transport(PbxSettings("pbx.example.com", "client", SECRET))

    def test_a_bundle_without_certificates_is_named(self, tmp_path: Path) -> None:
        bundle = tmp_path / "ca.pem"
        bundle.write_text("nothing")

        with pytest.raises(InvalidSettingsError, match="cannot be read"):
            Transport(PbxSettings("pbx.example.com", "client", SECRET, verify=str(bundle)))


class TestAProxy:
    def test_is_used_and_may_want_credentials(self) -> None:
        with scripted_server(answer(OK)) as pbx, scripted_server(tunnelling("dXNlcjpwdw==")) as proxy:
            assert call(pbx.address, proxy=f"http://user:pw@{proxy.address}")["errcode"] == 0

        assert len(proxy.heads) == 1

    def test_that_refuses_the_credentials_is_named_without_them(self) -> None:
        with scripted_server(tunnelling("dXNlcjpwdw==")) as proxy, pytest.raises(InvalidSettingsError) as raised:
            call("127.0.0.1:9", proxy=f"http://user:s3cret@{proxy.address}")

        assert f"The proxy http://{proxy.address} (the extra `proxy`) refused the connection" in str(raised.value)
        assert "407" in str(raised.value)
        assert "s3cret" not in str(raised.value)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(("status", "words"), [(403, "does not allow"), (502, "could not reach"), (504, "in time")])
    def test_is_named_for_its_own_status(self, status: int, words: str, scheme: str) -> None:
        page = answer(b"<html>no</html>", f"{status} No")
        with scripted_server(page) as proxy, pytest.raises(NetworkError) as raised:
            call("127.0.0.1:9", scheme=scheme, proxy=f"http://{proxy.address}")

        assert f"The proxy http://{proxy.address}" in str(raised.value)
        assert words in str(raised.value)
        assert TOKEN not in str(raised.value)

    def test_that_is_away_is_named(self) -> None:
        with reserved_port() as port, pytest.raises(NetworkError, match=f"through the proxy http://127.0.0.1:{port}"):
            call("127.0.0.1:9", proxy=f"http://127.0.0.1:{port}")

    def test_of_the_pbx_s_own_errors_nothing_is_taken_for_the_proxy_s(self) -> None:
        busy = json.dumps({"errcode": 70082}).encode()
        with scripted_server(answer(busy, "503 Busy")) as pbx, scripted_server(tunnelling()) as proxy:
            assert call(pbx.address, proxy=f"http://{proxy.address}")["errcode"] == 70082


class TestSeveralAddresses:
    def addresses(self, monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> None:
        real = socket.getaddrinfo

        def look_up(host: str, port: int, *rest: Any, **options: Any) -> Any:
            if host != "pbx.test" or options.get("flags"):
                return real(host, port, *rest, **options)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def test_one_that_swallows_connections_costs_a_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with black_hole() as hole, scripted_server(answer(OK)) as server:
            self.addresses(monkeypatch, hole, (server.host, server.port))

            assert call("pbx.test", timeout=30.0)["errcode"] == 0

    def test_one_that_refuses_costs_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with reserved_port() as refusing, scripted_server(answer(OK)) as server:
            self.addresses(monkeypatch, ("127.0.0.1", refusing), (server.host, server.port))

            assert call("pbx.test")["errcode"] == 0

    def test_all_that_swallow_connections_take_no_longer_than_the_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with black_hole() as first, black_hole() as second:
            self.addresses(monkeypatch, first, second)
            started = time.monotonic()

            with pytest.raises(NetworkError, match="could not be reached within 1 seconds"):
                call("pbx.test", timeout=1.0)

        assert time.monotonic() - started < 10

    def test_no_address_that_answers_is_told_with_the_last_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with reserved_port() as refusing:
            self.addresses(monkeypatch, ("127.0.0.1", refusing))

            with pytest.raises(NetworkError, match="Connection refused") as raised:
                call("pbx.test")

        assert (raised.value.was_received, raised.value.is_timeout) == (False, False)


def test_a_connection_that_cannot_be_used_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[LimitedSocket] = []

    def refuse(self: LimitedSocket, *_: Any) -> None:
        opened.append(self)
        raise OSError(errno.EINVAL, "the other end is gone")

    monkeypatch.setattr(LimitedSocket, "setsockopt", refuse)
    with scripted_server(answer(OK)) as server, pytest.raises(NetworkError):
        call(server.address)

    assert [each.fileno() for each in opened] == [-1]
