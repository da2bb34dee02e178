"""Servers on loopback that answer as a test scripts it, where no simulated PBX would: proxies, traps, slow senders."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Handler = Callable[[socket.socket, bytes], None]
"""Gets a connection and the head of what was asked on it."""


@dataclass
class ScriptedServer:
    """What a server was asked.

    :param heads: the first line and headers of each request, in order of arrival.
    """

    host: str
    port: int
    heads: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@contextlib.contextmanager
def scripted_server(handler: Handler) -> Iterator[ScriptedServer]:
    """Serve each connection on a thread of its own until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ScriptedServer(*listener.getsockname())
        connections: list[socket.socket] = []

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                head = read_head(connection)
                if head:
                    server.heads.append(head)
                    handler(connection, head)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def read_head(connection: socket.socket) -> bytes:
    """Return a request's first line and headers."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def answer(body: bytes, status: str = "200 OK", *headers: str) -> Handler:
    """A handler that sends one answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]

    def send(connection: socket.socket, head: bytes) -> None:
        connection.sendall("\r\n".join(lines).encode() + body)

    return send


def tunnelling(credentials: str | None = None) -> Handler:
    """A proxy: CONNECT opens a tunnel, and GET or POST of an absolute URL is passed on.

    :param credentials: Base64 of ``user:password`` that it demands.
    """

    def serve(connection: socket.socket, head: bytes) -> None:
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        if credentials and f"Basic {credentials}".encode() not in head:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        host, _, port = place.decode().rpartition(":")
        with socket.create_connection((host, int(port))) as onward:
            if method == b"CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                onward.sendall(head.replace(b"http://" + place, b"", 1))
            pump = threading.Thread(target=_pump, args=(onward, connection), daemon=True)
            pump.start()
            _pump(connection, onward)
            pump.join()

    return serve


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
