from __future__ import annotations

import asyncio
import shutil
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, StateUnavailableError
from airflow_provider_yeastar.pbx.state import redis as module
from airflow_provider_yeastar.pbx.state.interface import MAY_BE_OLDER, Entry, SharedState
from airflow_provider_yeastar.pbx.state.line import Line
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.state.turns import turn
from tests.certificates import make_certificate
from tests.pbx.state.asking import in_the_end, is_unbroken
from tests.pbx.state.redis_server import RedisServer, redis_server

HERE = Path("/nowhere")


def write(state: SharedState, value: str = "x") -> Entry | None:
    return state.update("pbx/turn", lambda entry, now: {"value": value}, keep_seconds=60)


def test_a_restarted_server_is_used_again_with_what_it_kept() -> None:
    with redis_server("--appendonly", "yes") as server:
        state = open_state(server.url, HERE)
        write(state)
        server.shut_down()
        with pytest.raises(StateUnavailableError, match=r"Redis at 127\.0\.0\.1:\d+ cannot be reached: \w"):
            state.read("pbx/turn")
        server.start()

        assert state.read("pbx/turn") == {"value": "x", MAY_BE_OLDER: True}


@pytest.mark.parametrize("appends", [False, True], ids=["snapshots", "a file"])
def test_a_server_that_was_killed_may_have_gone_back_to_an_older_copy(appends: bool) -> None:
    """An append-only file lacks the last writes where one before was still on its way to the disk."""
    with redis_server("--appendonly", "yes" if appends else "no", save=True) as server:
        state = open_state(server.url, HERE)
        write(state, "old")
        server.snapshot()
        appended, copy = server.home / "appendonlydir", server.home / "copy"
        if appends:
            shutil.copytree(appended, copy)
        write(state, "new")
        server.kill()
        if appends:
            shutil.rmtree(appended)
            copy.rename(appended)
        server.start()

        assert state.read("pbx/turn") == {"value": "old", MAY_BE_OLDER: True}
        state.update("pbx/turn", lambda entry, now: {**(entry or {}), "value": "newer"}, keep_seconds=60)
        assert state.read("pbx/turn") == {"value": "newer"}


def test_a_server_that_does_not_tell_its_run_is_used_all_the_same() -> None:
    rules = ["--user", "default", "on", "nopass", "~*", "+@all", "-info"]
    with redis_server(*rules, save=True) as server:
        state = open_state(server.url, HERE)
        write(state)
        server.shut_down()
        server.start()

        assert state.read("pbx/turn") == {"value": "x"}


def test_a_crashed_server_that_lost_all_is_used_again() -> None:
    with redis_server() as server:
        state = open_state(server.url, HERE)
        write(state)
        server.kill()
        server.start()

        assert state.read("pbx/turn") is None
        assert write(state) == {"value": "x"}


def test_a_full_server_says_so_and_still_reads_and_deletes() -> None:
    with redis_server("--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as server:
        state = open_state(server.url, HERE)
        write(state)

        def fill() -> None:
            for number in range(100):
                state.update(f"{number}/x", lambda entry, now: {"value": "x" * 100_000}, keep_seconds=60)

        with pytest.raises(StateUnavailableError, match=r"is full.*maxmemory"):
            fill()

        assert state.read("pbx/turn") == {"value": "x"}
        assert state.update("pbx/turn", lambda entry, now: None, keep_seconds=60) is None


def test_the_states_of_a_process_share_their_connections() -> None:
    """A triggerer opens one for each trigger."""
    with redis_server() as server:
        states = [open_state(server.url, HERE) for _ in range(3)]
        assert [write(state) for state in states] == 3 * [{"value": "x"}]

        with closing(pytest.importorskip("redis").Redis.from_url(server.url)) as other:
            assert len(other.client_list()) == 2


def test_a_server_that_hangs_is_given_up_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CALL_SECONDS", 0.3)
    with redis_server() as server:
        state = open_state(server.url, HERE)
        assert in_the_end(lambda: write(state)) == {"value": "x"}
        server.pause()
        with pytest.raises(StateUnavailableError, match="did not answer"):
            state.read("pbx/turn")
        server.resume()

        assert in_the_end(lambda: state.read("pbx/turn")) == {"value": "x"}


def test_a_password_is_used_and_never_shown() -> None:
    with redis_server(password="the-password") as server:
        state = open_state(server.url, HERE)

        assert write(state) == {"value": "x"}
        assert "the-password" not in state.name
        assert "the-password" not in repr(state)


@pytest.mark.parametrize("secret", ["", ":wrong-password@"], ids=["none", "wrong"])
def test_refused_credentials_are_given_up_without_showing_them(secret: str) -> None:
    with redis_server(password="the-password") as server:
        state = open_state(f"redis://{secret}127.0.0.1:{server.port}/0", HERE)

        with pytest.raises(InvalidSettingsError, match="refused the credentials") as refused:
            write(state)
        assert "password@" not in str(refused.value)


class TestTls:
    def test_a_trusted_server_is_used(self, tmp_path: Path) -> None:
        with self.server(tmp_path) as server:
            state = open_state(f"{server.url}?ssl_ca_certs={tmp_path}/pbx.pem", HERE)

            assert write(state) == {"value": "x"}

    def test_another_server_is_refused(self, tmp_path: Path) -> None:
        with (
            self.server(tmp_path) as server,
            pytest.raises(InvalidSettingsError, match=r"certificate that was not accepted.*ssl_ca_certs"),
        ):
            write(open_state(server.url, HERE))

    def server(self, home: Path) -> redis_server:  # type: ignore[valid-type]  # its generator's manager
        file = str(make_certificate(home).file)
        options = ["--tls-cert-file", file, "--tls-key-file", file, "--tls-ca-cert-file", file]
        return redis_server(*options, "--tls-auth-clients", "no", tls=True)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://host",
            "host:6379",
            "redis//host",
            "redis://host:port/0",
            "redis://host/name",
            "redis://host:99999/0",
        ),
        # No # may stand in a password unquoted: "user" would be the host.
        *("redis://user:12#s3cret@host:6379/0", "rediss://user:#s3cret@host"),
        *("redis://user:12/s3cret@host:6379/0", "rediss://user:12?s3cret@host", "redis://user:?s3cret=1@host/0"),
        *(f"redis://host/0?{option}" for option in ("unknown=1", "retry=3", "encoding=unknown", "protocol=9", "db=x")),
        *(f"redis://host/0?{option}" for option in ("ssl_ca_certs=/etc/ssl/ca.pem", "socket_timeout=soon", "ssl_")),
        "rediss://host/0?ssl_unknown=1",
        # What follows was accepted, and failed at the first call, or connected elsewhere.
        *("redis://a..b", f"redis://{'x' * 70}.de", "redis://ho st", "redis://host%0a", "redis://", "redis://:1234/5"),
        *("rediss://host?ssl_ca_certs=a%00b", "redis://u:12?client_name=s3cret@host:6379/0", "redis://host:0"),
        *("redis://u:\udce9s3cret@host", "redis://u:s3\ncret@host", "redis://u:s3\tcret@host", "redis://host?\x7f"),
        *("redis://host/\u0663", "redis://host/2147483648", "redis://host/99999999999999999999", "redis://host/-1"),
        *(f"redis://host?db={number}" for number in ("-1", "%2B1", "1_0", "\u0663", "2147483648", "1&db=-1")),
    ],
    ids=ascii,
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match="redis://host:6379/0") as raised:
        open_state(url, HERE)

    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        *("redis://host", "redis://host/", "redis://host:1/15", "rediss://user:12%23s3cret@host:6379/0"),
        *("rediss://host/0?ssl_ca_certs=/etc/ssl/ca.pem&ssl_check_hostname=false", "redis://host/0?protocol=3"),
        *("redis://host/2147483647", "redis://host?db=15", "redis://host_1.example.com./0", "redis://u:p%0A%40@host"),
        "rediss://host?ssl_ca_certs=/home/me%40work/ca.pem",
    ],
)
def test_a_url_is_taken_with_its_options(url: str) -> None:
    assert open_state(url, HERE).name.startswith("Redis at host")


@pytest.mark.parametrize("url", ["redis://[::1]:6379/0", "redis://127.0.0.1", "redis://b\u00fccher.example"])
def test_a_url_holds_an_address_or_an_international_name(url: str) -> None:
    assert open_state(url, HERE).spans_hosts


def test_what_the_library_refuses_at_the_first_call_is_a_setting_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_is_usable", lambda url: True)
    with redis_server() as server:
        state = open_state(f"redis://u:\udce9s3cret@127.0.0.1:{server.port}", HERE)

        with pytest.raises(InvalidSettingsError, match="state_url") as raised:
            write(state)

    assert "s3cret" not in "".join(traceback.format_exception(raised.value))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(InvalidSettingsError, match=r"airflow-provider-yeastar\[redis\]"):
        open_state("redis://127.0.0.1:1/0", HERE)


def test_an_unreachable_server_is_retried_by_who_waits() -> None:
    with pytest.raises(StateUnavailableError, match="Connection refused"):
        write(open_state("redis://127.0.0.1:1/0", HERE))


def test_what_another_program_keeps_under_our_key_counts_as_none() -> None:
    with redis_server() as server:
        import redis

        client, state = redis.Redis.from_url(server.url), open_state(server.url, HERE)
        write(state)
        (key,) = client.keys("*")
        client.set(key, b"noise")
        assert state.read("pbx/turn") is None
        assert write(state) == {"value": "x"}
        assert 0 < client.pttl(key) <= 60_000


class TestATurnWhenTheServer:
    """The wait goes on, or the task is red with a sentence; and the holder of a lost turn knows."""

    def test_is_restarted_without_its_data_is_broken_for_its_holder(self) -> None:
        async def hold(server: RedisServer) -> None:
            state = open_state(server.url, HERE)
            async with turn(state, "pbx", time.time() + 60) as held:
                assert await is_unbroken(held)
                server.kill()
                with pytest.raises(StateUnavailableError, match="cannot be reached"):
                    await is_unbroken(held)
                server.start()
                assert not await is_unbroken(held)
            async with turn(state, "pbx", time.time() + 60) as again:
                assert await is_unbroken(again)

        with redis_server() as server:
            asyncio.run(hold(server))

    def test_is_restarted_with_its_data_goes_on(self) -> None:
        async def hold(server: RedisServer) -> None:
            async with turn(open_state(server.url, HERE), "pbx", time.time() + 60) as held:
                server.shut_down()
                server.start()
                assert await is_unbroken(held)

        with redis_server(save=True) as server:
            asyncio.run(hold(server))

    def test_is_down_is_waited_for(self, caplog: pytest.LogCaptureFixture) -> None:
        async def wait(server: RedisServer) -> None:
            state = open_state(server.url, HERE)

            async def take() -> None:
                async with turn(state, "pbx", time.time() + 60):
                    pass

            server.kill()
            waiting = asyncio.create_task(take())
            async with asyncio.timeout(30):
                while "cannot be reached" not in caplog.text:  # noqa: ASYNC110 - a log record is no event
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(server.start)
            await asyncio.wait_for(waiting, 30)
            assert Line.from_entry(state.read("pbx/turn")).tickets == ()

        with redis_server() as server:
            asyncio.run(wait(server))
