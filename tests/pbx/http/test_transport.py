"""Calls over real sockets to servers that misbehave: each ends in time, in bounded memory, as a YeastarError."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import NetworkError, NotAPbxError, YeastarError
from airflow_provider_yeastar.pbx.http import file_stream
from airflow_provider_yeastar.pbx.http.transport import FileStream, Transport
from airflow_provider_yeastar.pbx.settings import PbxSettings
from tests.pbx.http.support import ENDPOINT, OK, SECRET, TOKEN, black_hole, call
from tests.scripted import Handler, ScriptedServer, answer, read_head, scripted_server

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine_s_environment")


def opened(transport: Transport) -> contextlib.closing[FileStream]:
    return contextlib.closing(transport.stream("/api/download/x.csv", TOKEN))


@contextlib.contextmanager
def plain(server: ScriptedServer) -> Iterator[Transport]:
    """A transport to a server without TLS."""
    settings = PbxSettings(server.address, "client", SECRET, scheme="http", timeout=60.0)
    with contextlib.closing(Transport(settings)) as transport:
        yield transport


def answering_all(heads: list[bytes]) -> Handler:
    """Answers every request of a connection that is kept, and notes it."""

    def send(connection: socket.socket, head: bytes) -> None:
        while head:
            heads.append(head)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(OK), OK))
            head = read_head(connection)

    return send


def dripping(first: bytes, byte: bytes) -> Handler:
    """Sends something, then a byte every 50 ms for ever."""

    def send(connection: socket.socket, head: bytes) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(byte)
            threading.Event().wait(0.05)

    return send


class TestTheTimeOfACall:
    @pytest.mark.parametrize(
        ("first", "byte"),
        [
            pytest.param(b"", b"H", id="in-the-status-line"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX-Header: ", b"a", id="in-a-header"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", id="in-the-body"),
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b" ", id="in-a-body-without-length"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="in-chunks"),
        ],
    )
    def test_is_bounded_as_a_whole_although_a_byte_comes_now_and_then(self, first: bytes, byte: bytes) -> None:
        started = time.monotonic()
        with scripted_server(dripping(first, byte)) as server, pytest.raises(NetworkError):
            call(server.address, timeout=1.0)

        assert 0.9 < time.monotonic() - started < 10

    def test_of_a_long_report_does_not_lengthen_the_connecting(self) -> None:
        with black_hole() as (host, port):
            settings = PbxSettings(host, "client", SECRET, scheme="http", port=port, timeout=0.5)
            started = time.monotonic()
            with contextlib.closing(Transport(settings)) as transport, pytest.raises(NetworkError) as raised:
                transport.exchange("GET", ENDPOINT, limit=transport.limit(600.0))

        assert time.monotonic() - started < 10
        assert (raised.value.was_received, raised.value.is_timeout) == (False, True)

    def test_that_is_over_may_have_reached_the_pbx(self) -> None:
        silent: Handler = lambda connection, head: connection.recv(1)  # noqa: E731 - a handler of one call
        with scripted_server(silent) as server, pytest.raises(NetworkError) as raised:
            call(server.address, timeout=0.5)

        assert (raised.value.was_received, raised.value.is_timeout) == (True, True)

    def test_ends_at_once_when_it_is_stopped(self) -> None:
        hangs, ended = threading.Event(), threading.Event()

        def hang(connection: socket.socket, head: bytes) -> None:
            hangs.set()
            connection.recv(1)
            ended.set()

        with scripted_server(hang) as server, plain(server) as transport, ThreadPoolExecutor() as threads:
            limit = transport.limit(600.0)
            call = threads.submit(transport.exchange, "GET", ENDPOINT, limit=limit)
            assert hangs.wait(30)
            limit.stop()
            error = call.exception(timeout=30)
            assert ended.wait(30)

        assert isinstance(error, NetworkError)
        assert (error.was_received, error.is_timeout) == (True, False)

    def test_sends_nothing_once_it_is_stopped(self) -> None:
        heads: list[bytes] = []
        with scripted_server(answering_all(heads)) as server, plain(server) as transport:
            transport.exchange("GET", ENDPOINT)  # its connection is kept
            limit = transport.limit()
            limit.stop()
            with pytest.raises(NetworkError):
                transport.exchange("GET", ENDPOINT, limit=limit)

        assert len(heads) == 1

    def test_that_is_over_leaves_its_connection_to_others_when_it_is_stopped(self) -> None:
        heads: list[bytes] = []
        with scripted_server(answering_all(heads)) as server, plain(server) as transport:
            limit = transport.limit()
            transport.exchange("GET", ENDPOINT, limit=limit)
            limit.stop()
            assert transport.exchange("GET", ENDPOINT)["errcode"] == 0

        assert (len(server.heads), len(heads)) == (1, 2)

    def test_starts_anew_with_each_call(self) -> None:
        with scripted_server(answer(OK)) as server:
            settings = PbxSettings(server.address, "client", SECRET, scheme="http", timeout=2.0)
            with contextlib.closing(Transport(settings)) as transport:
                assert transport.exchange("GET", ENDPOINT)["errcode"] == 0
                assert transport.exchange("GET", ENDPOINT)["errcode"] == 0

    def test_bounds_of_a_file_only_its_pauses(self) -> None:
        def send(connection: socket.socket, head: bytes) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n")
            for _ in range(8):
                threading.Event().wait(0.2)
                connection.sendall(b"x")

        with scripted_server(send) as server:
            settings = PbxSettings(server.address, "client", SECRET, scheme="http", timeout=1.0)
            with contextlib.closing(Transport(settings)) as transport, opened(transport) as stream:
                assert b"".join(stream.chunks) == b"x" * 8

    @pytest.mark.parametrize(
        ("first", "byte"),
        [
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x", id="in-a-body"),
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"x", id="in-a-body-without-length"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="in-chunks"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"a: b\r\n", id="in-trailers"
            ),
        ],
    )
    def test_ends_a_file_of_which_a_byte_comes_now_and_then(
        self, first: bytes, byte: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_stream, "_SLOWEST_BYTES_A_SECOND", math.inf)
        with scripted_server(dripping(first, byte)) as server:
            settings = PbxSettings(server.address, "client", SECRET, scheme="http", timeout=1.0)
            started = time.monotonic()
            transport = Transport(settings)
            with contextlib.closing(transport), opened(transport) as stream, pytest.raises(NetworkError):
                list(stream.chunks)

        assert time.monotonic() - started < 10

    def test_ends_a_file_that_stalls(self) -> None:
        def send(connection: socket.socket, head: bytes) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nx")
            connection.recv(1)

        with scripted_server(send) as server:
            settings = PbxSettings(server.address, "client", SECRET, scheme="http", timeout=0.5)
            transport = Transport(settings)
            with contextlib.closing(transport), opened(transport) as stream, pytest.raises(NetworkError):
                list(stream.chunks)

    def test_covers_the_look_up_of_the_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        release = threading.Event()
        real = socket.getaddrinfo

        def slow(host: str, port: int, *rest: Any, **options: Any) -> Any:
            if options.get("flags"):
                return real(host, port, *rest, **options)
            release.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "late")

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        started = time.monotonic()
        try:
            with pytest.raises(NetworkError, match=r"could not be reached within 0\.5 seconds"):
                call("pbx.invalid", timeout=0.5)
        finally:
            release.set()

        assert time.monotonic() - started < 10


class TestTheSizeOfAnAnswer:
    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    def test_a_compressed_answer_is_read(self, encoding: str) -> None:
        body = gzip.compress(OK) if encoding == "gzip" else zlib.compress(OK)
        with scripted_server(answer(body, "200 OK", f"Content-Encoding: {encoding}")) as server:
            assert call(server.address)["data"] == {"sn": "369"}

    def test_a_decompression_bomb_costs_little(self) -> None:
        bomb = gzip.compress(b" " * (64 << 20))
        with (
            scripted_server(answer(bomb, "200 OK", "Content-Encoding: gzip")) as server,
            pytest.raises(NotAPbxError, match="longer than 32 MiB"),
        ):
            call(server.address)

    def test_an_endless_answer_ends(self) -> None:
        def send(connection: socket.socket, head: bytes) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b" " * 65536)

        with scripted_server(send) as server, pytest.raises(NotAPbxError, match="longer than 32 MiB"):
            call(server.address, timeout=30.0)

    @pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
    def test_another_encoding_is_refused(self, encoding: str) -> None:
        with (
            scripted_server(answer(OK, "200 OK", f"Content-Encoding: {encoding}")) as server,
            pytest.raises(NotAPbxError, match="not asked for"),
        ):
            call(server.address)

    @pytest.mark.parametrize("body", [gzip.compress(OK)[:-9], b"no gzip at all"], ids=["cut", "none"])
    def test_a_broken_encoding_is_refused(self, body: bytes) -> None:
        with (
            scripted_server(answer(body, "200 OK", "Content-Encoding: gzip")) as server,
            pytest.raises(NotAPbxError, match="compressed"),
        ):
            call(server.address)


class TestWhatThePbxQuotes:
    def test_the_token_and_the_secret_are_in_no_text_of_an_answer(self) -> None:
        quoted = {"errcode": 0, TOKEN: f"you sent {TOKEN}", "data": [{"label": SECRET}]}
        with scripted_server(answer(json.dumps(quoted).encode())) as server:
            told = json.dumps(call(server.address))

        assert TOKEN not in told
        assert SECRET not in told

    def test_a_login_s_tokens_are_what_the_pbx_gave(self) -> None:
        with scripted_server(answer(json.dumps({"errcode": 0, "access_token": TOKEN}).encode())) as server:
            assert call(server.address, token=None)["access_token"] == TOKEN


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"errcode":' + b"9" * 5000 + b"}",
        b'{"errcode":0,"x":' + b"9" * 5000 + b"}",
        b'{"errcode":0,"x":1e400}',
        b'{"errcode":0,"x":NaN}',
        b'{"errcode":[0]}',
        b'{"errcode":null}',
        b"\xff\xfe\x00",
    ],
    ids=["deep-list", "deep-object", "long-errcode", "long-number", "infinity", "nan", "list", "null", "no-text"],
)
def test_a_body_that_is_no_answer_is_one_error(body: bytes) -> None:
    with scripted_server(answer(body)) as server, pytest.raises(YeastarError):
        call(server.address)
