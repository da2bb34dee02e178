"""A simulated PBX that answers each page of calls once; from then on they come from a disk."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

TRAFFIC, CALLS_A_DAY = 170, 20_000
SEARCH = "/openapi/v2.0/cdr/search"


class Replay(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the simulator; answers a page of calls from the disk if it has been asked for before."""

    protocol_version = "HTTP/1.1"
    simulator: str
    folder: Path
    pages: dict[str, Path]
    searches = 0

    def do_POST(self) -> None:
        self._answer(self._ask(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/searches":
            self._answer(json.dumps(Replay.searches).encode())
        elif url.path == SEARCH:
            Replay.searches += 1
            query = sorted(pair for pair in parse_qsl(url.query) if pair[0] != "access_token")
            self._answer_page(urlencode(query))
        else:
            self._answer(self._ask(None))

    def _answer_page(self, key: str) -> None:
        if key not in self.pages:
            page = self.folder / f"{len(self.pages)}.json"
            page.write_bytes(self._ask(None))
            self.pages[key] = page
        with self.pages[key].open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            self._begin(length)
            sent = 0
            while sent < length:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, length - sent)

    def _ask(self, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json", "User-Agent": "OpenAPI"}
        method = "GET" if body is None else "POST"
        return requests.request(
            method, f"{self.simulator}{self.path}", data=body, headers=headers, timeout=3600
        ).content

    def _answer(self, content: bytes) -> None:
        self._begin(len(content))
        self.wfile.write(content)

    def _begin(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Not to the table."""


def serve(folder: str) -> None:
    from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings

    with PbxSimulator(SimulatorSettings(traffic=TRAFFIC)) as pbx:
        Replay.simulator, Replay.folder, Replay.pages = pbx.base_url, Path(folder), {}
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Replay)
        print(server.server_port, flush=True)
        threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown())).start()
        server.serve_forever()


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


def searches(port: int) -> int:
    return int(requests.get(f"http://127.0.0.1:{port}/searches", timeout=60).json())


if __name__ == "__main__":
    serve(sys.argv[1])
