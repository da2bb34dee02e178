"""The shared state of several hosts: entries in Redis.

A server that restarts has forgotten what it had not written to disk: all since its snapshot, or the end of its
append-only file, which is written up to two seconds late. So each entry is stored with the server's run, and is marked
when another run returns it.

An update reads the entries and replaces them by a script that does so only if nobody else has replaced one meanwhile;
else it starts again. Time is the server's. Each key expires by itself. The server must not evict keys (``noeviction``):
a lost turn, token or ledger is noticed, but costs a login, a second request, or hours of synchronous requests.
"""

from __future__ import annotations

import random
import re
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, StateUnavailableError, YeastarError
from airflow_provider_yeastar.pbx.settings import is_host
from airflow_provider_yeastar.pbx.state.interface import (
    Entry,
    JointChange,
    SharedState,
    decode_entry,
    encode_entry,
    stored_name,
)

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
_OPTION = re.compile(r"db|protocol|client_name|ssl_\w+")
"""What may follow a ``?`` in the URL: others of the library's settings are ours, or fail at the first call only."""
_DATABASE = re.compile(r"[0-9]{0,10}")
_MAX_DATABASE = 2**31 - 1
# The library drops line breaks and tabs, fails at a NUL, and cannot encode surrogates (a variable that is no UTF-8).
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MOST_SERVERS = 8
"""Servers whose connections a process keeps."""

_nothing = threading.Event()

_LOOK = """
local run, server = '', redis.pcall('INFO', 'server')
if type(server) == 'string' then run = string.match(server, 'run_id:(%x+)') or '' end
return {redis.call('TIME'), run, redis.call('MGET', unpack(KEYS))}
"""
"""Returns the server's time, its run (empty where a proxy forbids to ask), and values."""

_REPLACE = """
for at, key in ipairs(KEYS) do
  if (redis.call('GET', key) or '') ~= ARGV[3 * at - 2] then return 0 end
end
for at, key in ipairs(KEYS) do
  if ARGV[3 * at - 1] == '' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, ARGV[3 * at - 1], 'PX', ARGV[3 * at])
  end
end
return 1
"""
"""Replaces keys' values, if they are all the expected ones (empty: no such key); an empty new value deletes its key.

Three arguments for each key: the expected value, the new one, and its life in milliseconds.
"""


class RedisState(SharedState):
    """Entries in one database of a Redis server, shared by all that use the same URL.

    :param url: ``redis://[[user]:password@]host[:port][/database]``, or ``rediss://`` for TLS; its query may hold
        options of the library, such as ``ssl_ca_certs``.
    :raises InvalidSettingsError: if the URL is invalid, or the library `redis` is not installed.
    """

    spans_hosts = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = _client(_library(), url)
        self._look = self._client.register_script(_LOOK)
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

    def look(self, name: str) -> tuple[Entry | None, float]:
        now, run, (stored,) = self._stored([name])
        return _decoded(name, stored, now, run), now

    def update_all(self, names: Mapping[str, float], change: JointChange) -> Sequence[Entry | None]:
        started = time.monotonic()
        pause = 0.001
        while time.monotonic() - started < _UPDATE_SECONDS:
            now, run, found = self._stored(names)
            entries = change([_decoded(name, stored, now, run) for name, stored in zip(names, found, strict=True)], now)
            arguments: list[bytes | int] = []
            for (name, keep_seconds), stored, entry in zip(names.items(), found, entries, strict=True):
                new = b"" if entry is None else encode_entry(name, entry, now, keep_seconds, run)
                arguments += [stored, new, max(1, round(keep_seconds * 1000))]
            with self._errors():
                if self._replace(keys=[*map(_key, names)], args=arguments):
                    return entries
            _nothing.wait(random.uniform(0, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        raise StateUnavailableError(f"{self.name}: others replaced an entry at each attempt to update it")

    def sweep(self) -> None:
        """Do nothing: Redis removes expired keys by itself."""

    def _stored(self, names: Iterable[str]) -> tuple[float, str, list[bytes]]:
        """Return the server's time, its run, and what it holds under each name; empty if it holds nothing."""
        with self._errors():
            now, run, found = self._look(keys=[*map(_key, names)])
            return _seconds(now), run.decode(), [stored or b"" for stored in found]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn an error of the library into ours; theirs may quote what was sent, so it is not chained."""
        failure: YeastarError
        try:
            yield
            return
        except (_library().exceptions.RedisError, OSError, ValueError) as error:
            failure = _failure(error, self.name)
        raise failure from None


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
        if not _is_usable(url):
            raise ValueError
        client: redis.Redis = library.Redis.from_url(
            url,
            socket_connect_timeout=_CALL_SECONDS,
            socket_timeout=_CALL_SECONDS,
            health_check_interval=_HEALTH_CHECK_SECONDS,
            # Once, for a pooled connection that the server has closed; longer outages are the callers' to wait for.
            retry=Retry(NoBackoff(), 1),
        )
        # It connects to nothing yet, and takes the URL's options only now.
        client.connection_pool.make_connection()
    except (ValueError, TypeError, library.exceptions.RedisError):
        raise InvalidSettingsError(
            "`[yeastar] state_url` is not a URL such as redis://host:6379/0 or rediss://user:password@host:6379/0, "
            "with a host, a database's number and no control characters, "
            "behind a ? with no options but db, protocol, client_name and, for rediss, ssl_ca_certs and the like",
            remedy="Correct it in Airflow's configuration. In user and password write # as %23, / as %2F, ? as %3F, "
            "@ as %40 and % as %25.",
        ) from None
    return client


def _is_usable(url: str) -> bool:
    """Whether a URL says what the library makes of it: it takes others too, and fails or connects elsewhere later.

    :raises ValueError: for a URL that cannot be taken apart.
    """
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    databases = [parts.path.removeprefix("/"), *(value for name, value in options if name == "db")]
    return (
        parts.scheme in ("redis", "rediss")
        and not _UNUSABLE.search(url)
        and is_host(unquote(parts.hostname or ""))
        and parts.port != 0
        # An unquoted # or ? in a password makes of all that follows it, the true host too, a fragment or a query.
        and not parts.fragment
        and "@" not in parts.query
        and all(_DATABASE.fullmatch(number) and int(number or 0) <= _MAX_DATABASE for number in databases)
        and all(_OPTION.fullmatch(name) and not _UNUSABLE.search(value) for name, value in options)
    )


def _failure(error: Exception, where: str) -> YeastarError:
    errors = _library().exceptions
    if isinstance(error, errors.AuthenticationError | errors.AuthorizationError | errors.NoPermissionError):
        return InvalidSettingsError(
            f"{where} refused the credentials of `[yeastar] state_url`",
            remedy="Correct user and password there; the user needs GET, MGET, SET, DEL, TIME, INFO, EVALSHA and "
            "SCRIPT LOAD on keys yeastar:*.",
        )
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return InvalidSettingsError(
            f"{where} cannot be used ({type(error).__name__})",
            remedy="Check `[yeastar] state_url` for a misspelt host or option, and that a Redis answers there.",
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


def _decoded(name: str, stored: bytes, now: float, run: str) -> Entry | None:
    return decode_entry(name, stored, now, run) if stored else None


def _key(name: str) -> str:
    return f"{_PREFIX}{stored_name(name)}"


def _seconds(moment: Any) -> float:
    """Return epoch seconds of what the server answers to TIME: seconds and microseconds."""
    seconds, microseconds = moment
    return float(seconds) + float(microseconds) / 1e6
