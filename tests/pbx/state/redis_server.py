"""A Redis server of Debian's package `redis-server`, started for a test on a port of its own."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ports import reserved_port


class RedisServer:
    """A server that tests may kill, stop and start again.

    :param home: its directory.
    :param port: that is kept for it while it is down.
    :param options: of its command line.
    """

    def __init__(self, home: Path, port: int, *options: str, password: str = "", tls: bool = False) -> None:
        self.port = port
        self.home = home
        self._scheme = "rediss" if tls else "redis"
        self._password = password
        listening = ["--port", "0", "--tls-port", str(port)] if tls else ["--port", str(port)]
        secret = ["--requirepass", password] if password else []
        self._command = ["redis-server", "--bind", "127.0.0.1", "--dir", str(home), *listening, *secret, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        secret = f":{self._password}@" if self._password else ""
        return f"{self._scheme}://{secret}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it has loaded its data; it accepts connections before, and refuses commands."""
        log = self.home / "log"
        with log.open("ab") as output:
            said_before = output.tell()
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if b"Ready to accept connections" in log.read_bytes()[said_before:]:
                return
            threading.Event().wait(0.02)  # no event tells of a line in a file
        raise AssertionError(log.read_text(encoding="utf-8"))

    def snapshot(self) -> None:
        """Let it write its data to disk now."""
        import redis

        redis.Redis.from_url(self.url).save()

    def kill(self) -> None:
        """End it at once, as a crash does; what it had not written to disk is lost."""
        self._end(signal.SIGKILL)

    def shut_down(self) -> None:
        """End it in good order; it writes its data to disk if it is started with ``--save``."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it answer nothing any more."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def redis_server(*options: str, password: str = "", tls: bool = False, save: bool = False) -> Iterator[RedisServer]:
    """Run a server; the test is skipped where there is none.

    :param options: of its command line.
    :param save: it writes its data to disk when it is shut down.
    """
    pytest.importorskip("redis")
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed (Debian and Ubuntu: redis-server)")
    home = Path(tempfile.mkdtemp(prefix="yeastar-redis-"))
    with reserved_port() as port:
        server = RedisServer(home, port, "--save", "3600 1" if save else "", *options, password=password, tls=tls)
        try:
            server.start()
            yield server
        finally:
            server.kill()
            shutil.rmtree(home, ignore_errors=True)
