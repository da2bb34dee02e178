"""Whole tasks whose state is a Redis server that is full, wants a password, or speaks TLS.

A task waits until the server is well again and goes on, or ends red with a sentence. It never gets another's file.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.pbx.errors import WaitTimeoutError
from airflow_provider_yeastar.pbx.state import line, turns
from airflow_provider_yeastar.pbx.state.line import Line
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.certificates import make_certificate
from tests.integration.asking import label_of, pbx_that, request
from tests.integration.delivering import operator
from tests.integration.support import Wait, connect, know_the_past, run_task
from tests.pbx.state.redis_server import RedisServer, redis_server

SALES, SUPPORT = 1, 2
PASSWORD = "the-password"
LEASE = 2.0
FULL = "--maxmemory-policy", "noeviction"

Told = Callable[[str], None]
Serving = tuple[RedisServer, str]
"""A server, and the URL for `state_url`."""


def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds, of which no event tells: a log record, a lease that has lapsed."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def line_at(pbx: PbxSimulator, server: RedisServer) -> Line:
    """Return who has the turn at a PBX, and who waits for it."""
    state = open_state(server.url, Path())
    return Line.from_entry(state.read(f"{pbx.settings.serial_number}/turn")).at(state.now())


@pytest.fixture
def brief_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the state looks again soon."""
    monkeypatch.setattr(turns, "_LONGEST_RETRY_SECONDS", 0.1)
    for delay in ("retry_delay", "busy_delay", "unanswered_delay"):
        monkeypatch.setattr(f"airflow_provider_yeastar.pbx.waiting.bounds.{delay}", lambda attempt, chance: 0.1)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """Wait until the log has told something."""
    caplog.set_level(logging.INFO)

    return lambda words: until(lambda: words in caplog.text)


@contextmanager
def password(home: Path) -> Iterator[Serving]:
    with redis_server(password=PASSWORD) as server:
        yield server, server.url


@contextmanager
def tls(home: Path) -> Iterator[Serving]:
    file = str(make_certificate(home).file)
    options = ["--tls-cert-file", file, "--tls-key-file", file, "--tls-ca-cert-file", file, "--tls-auth-clients", "no"]
    with redis_server(*options, password=PASSWORD, tls=True) as server:
        yield server, f"{server.url}?ssl_ca_certs={file}"


@pytest.fixture(params=[password, tls], ids=["password", "tls"])
def serving(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serving]:
    with request.param(tmp_path) as served:
        yield served


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server(*FULL) as server:
        yield server


def set_limit(server: RedisServer, limit: str) -> None:
    """Set ``maxmemory``: a server is full from the next command on if it holds more, and no longer with ``0``."""
    import redis

    with closing(redis.Redis.from_url(server.url)) as client:
        client.config_set("maxmemory", limit)


def use(pbx: PbxSimulator, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a PBX `yeastar_default`, and a Redis server the state."""
    connect(pbx, monkeypatch)
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_URL", url)


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Do something on a thread; Airflow 2 wants a task itself on the main one."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


@pytest.mark.usefixtures("brief_pauses")
class TestAFullServer:
    def test_is_waited_for_before_anything_is_sent(
        self,
        server: RedisServer,
        yeastar_pbx: PbxSimulator,
        way: dict[str, Any],
        told: Told,
        monkeypatch: pytest.MonkeyPatch,
        out: Path,
    ) -> None:
        use(yeastar_pbx, server.url, monkeypatch)
        set_limit(server, "1")

        def make_room() -> list[Any]:
            told("is full")
            sent = list(yeastar_pbx.requests)
            set_limit(server, "0")
            return sent

        with beside(make_room) as sent_meanwhile:
            path, _ = run_task(operator(out / "report.csv", **request(SUPPORT), **way))

        assert sent_meanwhile.result() == []
        assert label_of(Path(path).read_bytes()).startswith("Support")

    def test_ends_a_task_with_one_sentence(
        self,
        server: RedisServer,
        yeastar_pbx: PbxSimulator,
        way: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
        out: Path,
    ) -> None:
        use(yeastar_pbx, server.url, monkeypatch)
        set_limit(server, "1")

        with pytest.raises(WaitTimeoutError, match=r"Redis at 127\.0\.0\.1:\d+ is full.* Raise its `maxmemory`"):
            run_task(operator(out / "report.csv", **way, wait_timeout=2, queue_timeout=2))

        assert yeastar_pbx.requests == []
        assert list(out.iterdir()) == []

    def test_while_one_has_the_turn_gives_it_to_no_other_and_each_gets_its_file(
        self, server: RedisServer, told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(line, "LEASE_SECONDS", LEASE)
        monkeypatch.setattr(turns, "_RENEWAL_SECONDS", LEASE / 8)
        with pbx_that(parallel_jobs=2) as pbx:
            first, second = (Wait(pbx, tmp_path, state_url=server.url) for _ in range(2))
            know_the_past(pbx, tmp_path, server.url)
            pbx.hold_reports()
            with (
                beside(lambda: first.run(request=request(SALES))) as sales,
                beside(lambda: second.run(request=request(SUPPORT))) as support,
            ):
                told("Waiting for the turn")
                pbx.wait_until(lambda pbx: pbx.busy)
                set_limit(server, "1")
                told("is full")
                until(lambda: not line_at(pbx, server).tickets)  # the lease, which nobody can renew, has lapsed
                asked_meanwhile = len(pbx.calls("call_report/download"))
                pbx.release_reports()
                set_limit(server, "0")
                reports = [sales.result(60), support.result(60)]

            labels = [label_of(first.fetch(report)) for report in reports]

        assert asked_meanwhile == 1
        assert [label.partition("<")[0] for label in labels] == ["Sales", "Support"]


@pytest.mark.usefixtures("brief_pauses")
class TestAServerWithAPasswordOrTls:
    def test_that_is_down_is_waited_for(
        self,
        serving: Serving,
        yeastar_pbx: PbxSimulator,
        way: dict[str, Any],
        told: Told,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
        out: Path,
    ) -> None:
        server, url = serving
        use(yeastar_pbx, url, monkeypatch)
        server.kill()

        def restart() -> None:
            told("cannot be reached")
            server.start()

        with beside(restart):
            path, xcoms = run_task(operator(out / "report.csv", **request(SUPPORT), **way))

        assert label_of(Path(path).read_bytes()).startswith("Support")
        assert PASSWORD not in caplog.text + str(xcoms)

    def test_that_refuses_us_ends_a_task_with_one_sentence(
        self,
        serving: Serving,
        yeastar_pbx: PbxSimulator,
        way: dict[str, Any],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
        out: Path,
    ) -> None:
        _, url = serving
        use(yeastar_pbx, url.partition("?")[0].replace(PASSWORD, f"not-{PASSWORD}"), monkeypatch)

        with pytest.raises(AirflowFailException, match=r"refused the credentials|certificate that was not") as red:
            run_task(operator(out / "report.csv", **way))

        assert PASSWORD not in caplog.text + str(red.value)
        assert yeastar_pbx.requests == []
