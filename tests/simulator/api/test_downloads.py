"""The files that the simulated PBX serves: in parts where it is set up so, and broken as a fault says."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings

SECONDS = 10
CONTENT = b"Queue,Total\n" + b"Sales<6400>,1\n" * 20
NAME = "X.csv"


class Caller:
    """Asks a PBX for one file."""

    def __init__(self, pbx: PbxSimulator) -> None:
        self.pbx = pbx
        pbx.state.keep(NAME, CONTENT, pbx.now())
        answer = pbx.state.log_in("", pbx.client_id, pbx.client_secret, pbx.now())
        self.query = {"access_token": answer["access_token"]}

    def get(self, **options: Any) -> requests.Response:
        url = f"{self.pbx.base_url}/api/download/{NAME}"
        return requests.get(url, params=self.query, timeout=SECONDS, **options)

    @contextmanager
    def asking(self, header: str) -> Iterator[socket.socket]:
        """A connection on which the file was asked for."""
        with socket.create_connection((self.pbx.host, self.pbx.port), SECONDS) as connection:
            target = f"/api/download/{NAME}?{urlencode(self.query)}"
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: pbx\r\nUser-Agent: test\r\n{header}\r\n\r\n".encode())
            yield connection

    def answer_to(self, header: str) -> bytes:
        """All that comes until the connection ends."""
        with self.asking(header) as connection:
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def part(self, first: int, **headers: str) -> requests.Response:
        return self.get(
            headers={"Range": f"bytes={first}-"} | {name.replace("_", "-"): headers[name] for name in headers}
        )


@pytest.fixture
def caller() -> Iterator[Caller]:
    with PbxSimulator(SimulatorSettings(serves_ranges=True)) as pbx:
        yield Caller(pbx)


class TestRanges:
    def test_a_part_is_served_with_its_place_in_the_whole(self, caller: Caller) -> None:
        answer = caller.part(5)

        assert (answer.status_code, answer.content) == (206, CONTENT[5:])
        assert answer.headers["Content-Range"] == f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"

    def test_an_etag_decides_between_the_part_and_the_whole(self, caller: Caller) -> None:
        etag = caller.get().headers["ETag"]

        assert caller.part(5, **{"If-Range": etag}).status_code == 206
        assert caller.part(5, **{"If-Range": '"another"'}).content == CONTENT

    def test_without_etags_only_a_part_without_a_condition_is_served(self) -> None:
        with PbxSimulator(SimulatorSettings(serves_ranges=True, serves_etags=False)) as pbx:
            caller = Caller(pbx)

            assert "ETag" not in caller.get().headers
            assert caller.part(5).status_code == 206
            assert caller.part(5, **{"If-Range": '"another"'}).status_code == 200

    def test_a_part_behind_the_end_is_refused(self, caller: Caller) -> None:
        assert caller.part(len(CONTENT)).status_code == 416

    def test_another_part_comes_when_a_fault_says_so(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("other range"))

        assert caller.part(5).headers["Content-Range"].startswith("bytes 4-")

    def test_a_pbx_without_ranges_serves_the_whole(self, yeastar_pbx: PbxSimulator) -> None:
        answer = Caller(yeastar_pbx).part(5)

        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert "ETag" not in answer.headers


class TestFaults:
    @pytest.mark.parametrize("kind", ["truncated", "reset half-way"])
    def test_a_connection_ends_after_so_many_bytes(self, caller: Caller, kind: Any) -> None:
        caller.pbx.faults.add(Fault(kind, value=7))

        answer = caller.get(stream=True)
        assert answer.headers["Content-Length"] == str(len(CONTENT))
        with pytest.raises(requests.RequestException):
            answer.content  # noqa: B018
        assert caller.get().content == CONTENT

    def test_a_part_is_cut_like_the_whole(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("truncated", value=7))

        with caller.get(stream=True, headers={"Range": "bytes=5-"}) as answer:
            assert answer.raw.read(7) == CONTENT[5:12]

    def test_a_connection_stalls_until_the_other_side_leaves(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("stall half-way", value=7))

        with caller.asking("Connection: close") as connection:
            came = b""
            while not came.endswith(b"\r\n\r\n" + CONTENT[:7]):
                part = connection.recv(65536)
                assert part
                came += part
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(1)
        caller.pbx.wait_until(lambda pbx: pbx.stalled == 0)

    def test_more_comes_than_was_announced(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("longer", value=b"more", times=2))

        # No HTTP client reads what follows the announced length.
        head, _, body = caller.answer_to("Range: bytes=5-").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206 ")
        assert f"Content-Length: {len(CONTENT) - 5}\r\n".encode() in head
        assert body == CONTENT[5:] + b"more"
        assert caller.get().content == CONTENT

    def test_a_length_may_be_left_out(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("no length"))

        answer = caller.get()
        assert "Content-Length" not in answer.headers
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(CONTENT).digest()
