"""What arrives over a socket, byte by byte: lengths, codings and ends of a body, and what becomes of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import pytest

from airflow_provider_yeastar.files.fetching import FileFetch
from airflow_provider_yeastar.files.storage import StoredFile
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import BadFileError, NetworkError
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.memory import MemoryState

CSV = b"Queue,Total,Answered\r\n" + b"Support<6401>,12,9\r\n" * 3000
OTHER = CSV.replace(b"12", b"13")
TOKENS = {
    "errcode": 0,
    "access_token": "a" * 32,
    "refresh_token": "b" * 32,
    "access_token_expire_time": 1800,
    "refresh_token_expire_time": 86400,
}


def answer(body: bytes, *headers: str) -> bytes:
    """An answer as it goes over the wire: only these headers, and the end of the connection behind the body."""
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body


def chunked(body: bytes, size: int = 9000, *, ended: bool = True) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if ended else b"")


def length_of(body: bytes) -> str:
    return f"Content-Length: {len(body)}"


class Wire:
    """A server that gives a login what it wants, and each GET of a file the next bytes it was told to send."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
                    head += part
                if head.startswith(b"POST"):
                    body = json.dumps(TOKENS).encode()
                    connection.sendall(answer(body, length_of(body)))
                    continue
                self.requests.append(head.decode())
                if self.answers:
                    connection.sendall(self.answers.pop(0))


@pytest.fixture
def wire() -> Iterator[Wire]:
    server = Wire()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda attempt, chance: 0.0)


def fetch(wire: Wire, directory: Path, *answers: bytes, file_format: str = "csv") -> StoredFile:
    """Fetch a file of which the server gives these answers, and put it in place."""
    wire.answers += answers
    settings = PbxSettings("127.0.0.1", "id", "secret", port=wire.port, scheme="http", timeout=10)
    path = str(directory / "out" / f"x.{file_format}")
    with PbxClient(settings, state=MemoryState()) as client:
        asyncio.run(client.log_in(time.time() + 10))
        with (
            FileFetch(client, f"/api/download/x.{file_format}", killed=lambda: False) as fetching,
            fetching.receive(path, file_format, None) as received,
        ):
            received.put_in_place()
    assert Path(path).stat().st_size == received.stored.bytes
    return received.stored


def zstd(content: bytes) -> bytes:
    """A frame of one raw block, as RFC 8878 has it; what is in it does not matter."""
    return b"\x28\xb5\x2f\xfd\x60" + len(content[:40000]).to_bytes(2, "little") + content[:40000]


class TestContentEncoding:
    CODED: ClassVar = {
        "gzip": gzip.compress(CSV),
        "x-gzip": gzip.compress(CSV),
        "deflate": zlib.compress(CSV),
        "br": b"\x1b\xff\xff\x00" + CSV[:400],
        "zstd": zstd(CSV),
        "gzip, gzip": gzip.compress(gzip.compress(CSV)),
        "identity, gzip": gzip.compress(CSV),
        "compress": CSV,
        "aws-chunked": CSV,
    }

    @pytest.mark.parametrize("coding", CODED)
    @pytest.mark.parametrize("share", [1, 0.5], ids=["whole", "cut"])
    @pytest.mark.parametrize("told", [True, False], ids=["with a length", "without"])
    def test_none_is_accepted_that_was_not_asked_for(
        self, wire: Wire, tmp_path: Path, coding: str, share: float, told: bool
    ) -> None:
        body = self.CODED[coding]
        lengths = [length_of(body[: int(len(body) * share)])] if told else []

        with pytest.raises(
            BadFileError,
            match=f"compressed the file \\({coding.removeprefix('identity, ')}\\), which was not asked for",
        ):
            fetch(wire, tmp_path, answer(body[: int(len(body) * share)], f"Content-Encoding: {coding}", *lengths))

        assert "Accept-Encoding: identity" in wire.requests[0]
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("coding", ["identity", "Identity", ""])
    def test_identity_is_none(self, wire: Wire, tmp_path: Path, coding: str) -> None:
        stored = fetch(wire, tmp_path, answer(CSV, f"Content-Encoding: {coding}", length_of(CSV)))

        assert stored.sha256 == sha256(CSV).hexdigest()

    @pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "zstd"])
    def test_a_compressed_body_is_seen_where_no_header_tells_of_it(
        self, wire: Wire, tmp_path: Path, coding: str
    ) -> None:
        body = self.CODED[coding]

        with pytest.raises(BadFileError, match=r"The PBX sent (gzip|Zstandard) data in place of the csv file"):
            fetch(wire, tmp_path, answer(body, length_of(body)))


class TestTheEndOfABody:
    def test_a_length_that_is_met_is_enough(self, wire: Wire, tmp_path: Path) -> None:
        assert fetch(wire, tmp_path, answer(CSV, length_of(CSV))).bytes == len(CSV)
        assert len(wire.requests) == 1

    def test_chunks_with_their_end_are_enough(self, wire: Wire, tmp_path: Path) -> None:
        assert fetch(wire, tmp_path, answer(chunked(CSV), "Transfer-Encoding: chunked")).bytes == len(CSV)
        assert len(wire.requests) == 1

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
    def test_chunks_without_their_end_are_fetched_again(self, wire: Wire, tmp_path: Path, kept: float) -> None:
        whole = chunked(CSV)
        cut = answer(whole[: int(len(whole) * kept)], "Transfer-Encoding: chunked")

        assert fetch(wire, tmp_path, cut, cut, answer(whole, "Transfer-Encoding: chunked")).bytes == len(CSV)

    def test_chunks_that_never_end_are_no_file(self, wire: Wire, tmp_path: Path) -> None:
        with pytest.raises(NetworkError):
            fetch(wire, tmp_path, *[answer(chunked(CSV, ended=False), "Transfer-Encoding: chunked")] * 6)

        assert list((tmp_path / "out").iterdir()) == []

    def test_a_body_that_ends_with_its_connection_is_fetched_twice(
        self, wire: Wire, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")

        assert fetch(wire, tmp_path, answer(CSV), answer(CSV)).sha256 == sha256(CSV).hexdigest()
        assert len(wire.requests) == 2
        assert "fetched a second time and compared" in caplog.text

    @pytest.mark.parametrize(
        "bodies",
        [(CSV[:20_022], CSV), (CSV, CSV[:20_022]), (CSV, OTHER), (CSV, CSV + b"Sales<6402>,1,1\r\n")],
        ids=["the first is cut", "the second is cut", "another file", "a longer one"],
    )
    def test_two_that_are_not_the_same_are_no_file(self, wire: Wire, tmp_path: Path, bodies: Any) -> None:
        assert bodies[0].endswith(b"\n"), "else its end alone would tell"

        with pytest.raises(BadFileError, match="two different files under one URL"):
            fetch(wire, tmp_path, *map(answer, bodies))

        assert list((tmp_path / "out").iterdir()) == []

    def test_one_that_is_cut_alike_each_time_is_known_by_its_end(self, wire: Wire, tmp_path: Path) -> None:
        with pytest.raises(BadFileError, match="a table whose last line has no end in place of the csv file"):
            fetch(wire, tmp_path, *[answer(CSV[:20_000])] * 2)

    @pytest.mark.parametrize(
        "headers",
        [
            ["Content-Length: many"],
            ["Content-Length: -1"],
            ["Content-Length: 0x10"],
            [f"Content-Length: {'9' * 5000}"],
            ["Transfer-Encoding: gzip, chunked"],
            ["Transfer-Encoding: chunked, chunked"],
        ],
        ids=repr,
    )
    def test_what_is_said_of_the_body_and_cannot_be_understood_is_an_error(
        self, wire: Wire, tmp_path: Path, headers: list[str]
    ) -> None:
        with pytest.raises(BadFileError, match=r"a length that is no number|a transfer coding that is not known"):
            fetch(wire, tmp_path, answer(CSV, *headers))

    def test_two_lengths_are_an_error(self, wire: Wire, tmp_path: Path) -> None:
        with pytest.raises(NetworkError):
            fetch(wire, tmp_path, *[answer(CSV, "Content-Length: 5000", length_of(CSV))] * 6)

        assert not (tmp_path / "out").exists()
