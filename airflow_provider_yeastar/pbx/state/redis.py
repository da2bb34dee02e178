"""The shared state of several hosts: entries in Redis.

An update reads the entry and replaces it by a script that does so only if nobody else has replaced it meanwhile; else
it starts again. Time is the server's. Each key expires by itself. The server must not evict keys (``noeviction``): a
lost turn, token or ledger is noticed, but costs a login, a second request, or hours of synchronous requests.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, StateUnavailableError, YeastarError
from airflow_provider_yeastar.pbx.state.interface import Change, Entry, decode_entry, encode_entry, stored_name

if TYPE_CHECKING:
    import redis

__all__ = ["RedisState"]

_PREFIX = "yeastar:"
_CALL_SECONDS = 5.0
"""For a connection, and for an answer."""
_HEALTH_CHECK_SECONDS = 30
_UPDATE_SECONDS = 20.0
"""For the attempts of one update; each conflict means that another process's update succeeded."""
_LONGEST_PAUSE_SECONDS = 0.05
_MOST_SERVERS = 8
"""Servers whose connections a process keeps."""

_nothing = threading.Event()

_REPLACE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
"""
"""Replaces a key's value, if it is the expected one (empty: no such key); an empty new value deletes the key."""


class RedisState:
    """Entries in one database of a Redis server, shared by all that use the same URL.

    :param url: ``redis://[[user]:password@]host[:port][/database]``, or ``rediss://`` for TLS; its query may hold
        options of the library, such as ``ssl_ca_certs``.
    :raises InvalidSettingsError: if the URL is invalid, or the library `redis` is not installed.
    """

    spans_hosts = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = _client(_library(), url)
        self._replace = self._client.register_script(_REPLACE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RedisState) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    @property
    def name(self) -> str:
        options = self._client.connection_pool.connection_kwargs
        return f"Redis at {options.get('host') or options.get('path')}:{options.get('port', '')}".rstrip(":")

    def now(self) -> float:
        with self._errors():
            return _seconds(self._client.time())

    def read(self, name: str) -> Entry | None:
        now, stored = self._look(_key(name))
        return decode_entry(name, stored, now) if stored else None

    def update(self, name: str, change: Change, *, keep_seconds: float) -> Entry | None:
        key = _key(name)
        started = time.monotonic()
        pause = 0.001
        while time.monotonic() - started < _UPDATE_SECONDS:
            now, stored = self._look(key)
            entry = change(decode_entry(name, stored, now) if stored else None, now)
            new = b"" if entry is None else encode_entry(name, entry, now, keep_seconds)
            with self._errors():
                if self._replace(keys=[key], args=[stored, new, max(1, round(keep_seconds * 1000))]):
                    return entry
            _nothing.wait(random.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        raise StateUnavailableError(f"{self.name}: others replaced an entry at each attempt to update it")

    def sweep(self) -> None:
        """Do nothing: Redis removes expired keys by itself."""

    def _look(self, key: str) -> tuple[float, bytes]:
        """Return the server's time, and what it holds under a key; empty if it holds nothing."""
        with self._errors():
            calls = self._client.pipeline(transaction=False)
            calls.time()
            calls.get(key)
            now, stored = calls.execute()
            return _seconds(now), stored or b""

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn an error of the library into ours; theirs may quote what was sent, so it is not chained."""
        failure: YeastarError
        try:
            yield
            return
        except (_library().exceptions.RedisError, OSError) as error:
            failure = _failure(error, self.name)
        raise failure


def _library() -> Any:
    try:
        import redis
    except ImportError:
        raise InvalidSettingsError(
            "`[yeastar] state_url` needs the library redis, which is not installed",
            remedy="Install it: pip install 'airflow-provider-yeastar[redis]'.",
        ) from None
    return redis


@lru_cache(_MOST_SERVERS)
def _client(library: Any, url: str) -> redis.Redis:
    """Return the client of a server, which all states of this process share: each trigger opens its state anew."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        if urlsplit(url).scheme not in ("redis", "rediss"):
            raise ValueError
        client: redis.Redis = library.Redis.from_url(
            url,
            socket_connect_timeout=_CALL_SECONDS,
            socket_timeout=_CALL_SECONDS,
            health_check_interval=_HEALTH_CHECK_SECONDS,
            # Once, for a pooled connection that the server has closed; longer outages are the callers' to wait for.
            retry=Retry(NoBackoff(), 1),
        )
    except (ValueError, TypeError):
        raise InvalidSettingsError(
            "`[yeastar] state_url` is not a URL such as redis://host:6379/0 or rediss://user:password@host:6379/0",
            remedy="Correct it in Airflow's configuration.",
        ) from None
    return client


def _failure(error: Exception, where: str) -> YeastarError:
    errors = _library().exceptions
    if isinstance(error, errors.AuthenticationError | errors.AuthorizationError | errors.NoPermissionError):
        return InvalidSettingsError(
            f"{where} refused the credentials of `[yeastar] state_url`",
            remedy="Correct user and password there; the user needs GET, SET, DEL, TIME and EVALSHA on keys yeastar:*.",
        )
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return InvalidSettingsError(
            f"{where} has a TLS certificate that was not accepted",
            remedy="Add ?ssl_ca_certs=/path/of/the/ca.pem to `[yeastar] state_url`.",
        )
    if isinstance(error, errors.OutOfMemoryError):
        return StateUnavailableError(f"{where} is full", remedy="Raise its `maxmemory`, or remove keys from it.")
    if isinstance(error, errors.TimeoutError | TimeoutError):
        return StateUnavailableError(f"{where} did not answer within {_CALL_SECONDS:g} seconds")
    if isinstance(error, errors.ResponseError):
        return StateUnavailableError(f"{where} refused a command: {str(error)[:100]}")
    words = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    return StateUnavailableError(f"{where} cannot be reached: {words or type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _key(name: str) -> str:
    return f"{_PREFIX}{stored_name(name)}"


def _seconds(moment: Any) -> float:
    """Return epoch seconds of what the server answers to TIME: seconds and microseconds."""
    seconds, microseconds = moment
    return float(seconds) + float(microseconds) / 1e6
