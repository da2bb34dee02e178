"""A PBX that names hostile URLs and files: the token goes nowhere else, and a name decides no path."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import (
    AirflowFailException,
)
from airflow_provider_yeastar.pbx.errors import (
    NotAPbxError,
    YeastarError,
)
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.delivering import fetches, names, operator
from tests.integration.support import run_task


class Listener:
    """Somebody else's web server on this machine, to whom no token must come."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                self.send_error(404)

            def log_message(self, *arguments: Any) -> None:
                """Not to the tests' output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as there:
        yield there


class TestHostileUrls:
    URLS = (
        "http://127.0.0.1:{port}/x.csv",
        "http://localhost:{port}/x.csv",
        "//127.0.0.1:{port}/x.csv",
        "///127.0.0.1:{port}/x.csv",
        "http:\\\\127.0.0.1:{port}\\x.csv",
        "/\\127.0.0.1:{port}/x.csv",
        "http://{pbx}@127.0.0.1:{port}/x.csv",
        "http://user:password@{pbx}/x.csv",
        "@127.0.0.1:{port}/x.csv",
        "/@127.0.0.1:{port}/x.csv",
        ":{port}/x.csv",
        "http://{pbx}#@127.0.0.1:{port}/x.csv",
        "http://{pbx}/../../../x.csv?next=http://127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/x.csv",
        "\thttp://127.0.0.1:{port}/x.csv",
        "http://127.0.0.1:{port}%2f@{pbx}/x.csv",
        "/api/download/x.csv\r\nHost: 127.0.0.1:{port}",
    )

    @pytest.mark.parametrize("url", URLS)
    def test_the_token_goes_nowhere_else(
        self, pbx: PbxSimulator, listener: Listener, out: Path, url: str, way: dict[str, Any]
    ) -> None:
        hostile = url.format(port=listener.port, pbx=f"127.0.0.1:{pbx.port}")
        pbx.faults.add(*[Fault("url", value=hostile)] * 2)

        with pytest.raises((AirflowFailException, YeastarError), match=r"URL|60001|10001"):
            run_task(operator(out / "x.csv", **way))

        assert listener.seen == []
        assert names(out) == []

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, pbx: PbxSimulator, listener: Listener, out: Path, status: int) -> None:
        pbx.faults.add(*[Fault("redirect", value=(status, f"http://127.0.0.1:{listener.port}/x.csv"))] * 4)

        with pytest.raises(NotAPbxError, match="redirect"):
            run_task(operator(out / "x.csv", deferrable=False))

        assert listener.seen == []
        assert len(fetches(pbx)) == 4

    def test_the_listener_would_have_seen_it(self, listener: Listener) -> None:
        with socket.create_connection(("127.0.0.1", listener.port)) as connection:
            connection.sendall(b"GET /x.csv?access_token=t HTTP/1.0\r\n\r\n")
            connection.recv(1000)

        assert listener.seen == ["/x.csv?access_token=t"]


class TestHostileNames:
    NAMES = (
        "../../../../etc/cron.d/x.csv",
        "/etc/passwd.csv",
        "..\\..\\x.csv",
        "a\0b.csv",
        "x" * 4096 + ".csv",
        "\uff0e\uff0e\uff0fx.csv",
        "report\u202evsc.csv",
        "",
    )

    @pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
    def test_a_name_decides_no_path(self, pbx: PbxSimulator, out: Path, name: str, way: dict[str, Any]) -> None:
        pbx.faults.add(Fault("file name", value=name))

        path, xcoms = run_task(operator(f"{out}/", **way))

        assert names(out) == [Path(path).name]
        assert Path(path).name.startswith("queueperformance_2026-11-20_")
        assert "/" not in xcoms["report"]["file"]
        assert len(xcoms["report"]["file"].encode()) <= 200
