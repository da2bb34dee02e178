"""From an Airflow connection of type ``yeastar`` to the settings and the client of a PBX."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from airflow_provider_yeastar.compat import AirflowNotFoundException, BaseHook, conf, get_async_connection
from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, MissingConnectionError, YeastarError
from airflow_provider_yeastar.pbx.redaction import clean_text
from airflow_provider_yeastar.pbx.settings import API_VERSIONS, LOGIN_SHARING, PROXY_FROM_ENVIRONMENT, PbxSettings

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Connection
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.login.stored import Cipher
    from airflow_provider_yeastar.pbx.state.interface import SharedState

__all__ = [
    "airflow_errors",
    "client_for",
    "connect",
    "mask_token",
    "naming_key",
    "protect_secret",
    "read_connection",
    "settings_from_connection",
]

_EXTRAS = (
    "api_version",
    "timezone",
    "date_format",
    "time_format",
    "verify",
    "ssl_fingerprint",
    "timeout",
    "proxy",
    "login_sharing",
    "exclusive",
    # Read by the tasks that protect personal data.
    "protect_secret",
)
# The form of Airflow 2.11 puts this before the fields' names; its Test button sends each field under both names.
_PREFIX_IN_FORM = "extra__yeastar__"


def read_connection(conn_id: str) -> Connection:
    """Return an Airflow connection; blocks, so not for a trigger.

    :param conn_id: text, its id.
    :return: the connection.
    :raises MissingConnectionError: if Airflow does not give it.
    """
    with airflow_errors(conn_id):
        return BaseHook.get_connection(conn_id)


@contextmanager
def airflow_errors(conn_id: str, argument: str = "yeastar_conn_id", kind: str = "type Yeastar PBX") -> Iterator[None]:
    """Turn any error of Airflow, of its API server or of a secrets backend into a :class:`.MissingConnectionError`.

    It is retried, because Airflow hides the reason. The words of a backend may hold a secret, and are not chained.

    :param conn_id: text, id of the connection that is looked up.
    :param argument: of the task, which names the connection.
    :param kind: of the connection, for the remedy.
    """
    remedy = (
        f"Create it ({kind}), or set the task's `{argument}`, now {conn_id!r}. If it exists, check Airflow's secrets "
        "backend and API server."
    )
    try:
        yield
    except AirflowNotFoundException:
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        if os.environ.get(variable):
            raise MissingConnectionError(
                f"Airflow finds no connection {conn_id!r}, and can read none from the environment variable {variable}",
                remedy=f"Correct the variable: a connection ({kind}) as JSON, or as a URI.",
            ) from None
        raise MissingConnectionError(
            f"There is no Airflow connection {conn_id!r}, or Airflow could not read it at the moment", remedy=remedy
        ) from None
    except Exception as error:  # noqa: BLE001 - secrets backends are of many makers
        words = f"{type(error).__name__}: {clean_text(error)}".rstrip(": .")
        raise MissingConnectionError(
            f"Airflow could not read its connection {conn_id!r} ({words})", remedy=remedy
        ) from None


def protect_secret(connection: Connection) -> str | None:
    """Return the extra ``protect_secret`` of an Airflow connection, None without one.

    :param connection: of type ``yeastar``.
    :return: text of any length.
    :raises InvalidSettingsError: if an extra is unknown, or this one no text.
    """
    return _text(_extras(connection), "protect_secret")


def naming_key(connection: Connection) -> str:
    """Return the secret that keys the digests of PINs in names: ``protect_secret``, else the Client Secret.

    :param connection: of type ``yeastar``.
    :return: text.
    :raises InvalidSettingsError: as :func:`protect_secret`.
    """
    return protect_secret(connection) or connection.password or ""


def client_for(settings: PbxSettings, announce_secret: Callable[[str], None] | None = None) -> PbxClient:
    """Return a client that keeps its state in the directory of this Airflow.

    :param settings: from :func:`settings_from_connection`.
    :param announce_secret: function that is called with each new token. None in the triggerer, where masking would be a
        blocking call to Airflow in the event loop.
    :return: the client; it has asked nobody yet.
    :raises InvalidSettingsError: if ``[core] fernet_key`` is no Fernet key, or ``[yeastar] state_url`` is invalid.
    """
    from airflow_provider_yeastar.pbx.client import PbxClient

    return PbxClient(settings, state=_state(), cipher=_cipher(), announce_secret=announce_secret)


_resolving: PerLoop[asyncio.Lock] = PerLoop()
_clients: PerLoop[PbxClient] = PerLoop()
"""Of the triggers; those with equal settings share one."""


async def connect(conn_id: str) -> PbxClient:
    """Return a client for a trigger; the client makes no further call to Airflow, and need not be closed.

    :param conn_id: text, id of the Airflow connection; resolved once, without blocking the event loop.
    :return: the client; it has asked nobody yet.
    :raises InvalidSettingsError: if the connection is missing or invalid.
    """
    from airflow_provider_yeastar.pbx.concurrency.threads import in_thread

    # One at a time, and none at once: a triggerer that starts a thousand triggers must stay responsive.
    async with _resolving.get(None, asyncio.Lock):
        await asyncio.sleep(0)
        with airflow_errors(conn_id):
            connection = await get_async_connection(conn_id)
    settings = settings_from_connection(connection)
    client = _clients.find(settings)
    if client is None:
        # In a thread, as the first client imports requests and websockets.
        made = await in_thread(client_for, settings)
        client = _clients.get(settings, lambda: made)
    return client


def mask_token(token: str) -> None:
    """Register a token with Airflow's secrets masker, in every spelling that it may have in a URL.

    :param token: text, as the PBX gave it.
    :raises YeastarError: if the masker fails; from Airflow 3.1 on it tells the process that writes the task's log.
    """
    from airflow_provider_yeastar.compat import mask_secret

    for spelling in {token, quote(token, safe=""), quote_plus(token)}:
        try:
            mask_secret(spelling)
        except Exception as error:  # noqa: BLE001 - its text may quote the token, which is not masked yet
            kind = type(error).__name__
            raise YeastarError(
                f"Airflow's secrets masker took no token of the PBX ({kind})",
                remedy="Run the task again; if it ends so too, check the worker's log.",
            ) from None


def settings_from_connection(connection: Connection) -> PbxSettings:
    """Return the settings that an Airflow connection holds; no call to Airflow is made.

    :param connection: of type ``yeastar``; docs/connection.md explains its fields.
    :return: the settings, validated.
    :raises InvalidSettingsError: if a field or an extra is invalid, or an extra unknown.
    """
    extras = _extras(connection)
    return PbxSettings(
        host=connection.host or "",
        client_id=connection.login or "",
        client_secret=connection.password or "",
        port=connection.port,
        scheme=connection.schema or "",
        api_version=_text(extras, "api_version") or API_VERSIONS[0],
        timezone=_text(extras, "timezone"),
        date_format=_text(extras, "date_format"),
        time_format=_text(extras, "time_format"),
        verify=_verify(extras.get("verify")),
        ssl_fingerprint=_text(extras, "ssl_fingerprint"),
        timeout=_seconds(extras.get("timeout")),
        proxy=_text(extras, "proxy") or PROXY_FROM_ENVIRONMENT,
        login_sharing=_text(extras, "login_sharing") or LOGIN_SHARING[0],
        exclusive=_exclusive(extras.get("exclusive")),
    )


def _extras(connection: Connection) -> Mapping[str, Any]:
    try:
        extras = json.loads(connection.extra) if connection.extra else {}
    except ValueError:
        extras = None
    if not isinstance(extras, dict):
        raise InvalidSettingsError(f"The extra of connection {connection.conn_id!r} is not a JSON object")
    with_prefix = {name: value for name, value in extras.items() if name.startswith(_PREFIX_IN_FORM)}
    without = {name: value for name, value in extras.items() if name not in with_prefix}
    extras = {name.removeprefix(_PREFIX_IN_FORM): value for name, value in with_prefix.items()} | without
    unknown = sorted(set(extras) - set(_EXTRAS))
    if unknown:
        raise InvalidSettingsError(
            f"Connection {connection.conn_id!r} has the unknown extra {', '.join(unknown)}",
            remedy=f"Remove it; known are {', '.join(_EXTRAS)}.",
        )
    return extras


def _text(extras: Mapping[str, Any], name: str) -> str | None:
    value = extras.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidSettingsError(f"The extra {name} is {value!r}, not a text")
    return value.strip() or None if value else None


def _verify(value: object) -> bool | str:
    if value is None or value == "":
        return True
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise InvalidSettingsError(f"The extra verify is {value!r}, neither true nor false nor a CA bundle's path")
    return {"true": True, "false": False}.get(value.strip().lower(), value.strip())


def _exclusive(value: object) -> bool:
    where = "The extra exclusive"
    if value is None or (isinstance(value, str) and not value.strip()):
        where, value = "`[yeastar] exclusive`", conf.get("yeastar", "exclusive", fallback="") or False
    given = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).strip().lower())
    if given is None:
        raise InvalidSettingsError(f"{where} is {value!r}, neither true nor false")
    return given


def _seconds(value: object) -> float:
    if value is None or value == "":
        return PbxSettings.timeout
    try:
        return float(str(value))
    except ValueError:
        raise InvalidSettingsError(f"The extra timeout is {value!r}, not a number of seconds") from None


def _cipher() -> Cipher | None:
    """Airflow's Fernet keys, the first of which encrypts and any of which decrypts; None where Airflow has none."""
    from cryptography.fernet import Fernet, MultiFernet

    configured = conf.get("core", "fernet_key", fallback="")
    # Where no key was ever written, Airflow 3's task SDK hands out the placeholder of its template.
    keys = [] if configured == "{FERNET_KEY}" else [key.strip() for key in configured.split(",") if key.strip()]
    try:
        return MultiFernet([Fernet(key) for key in keys]) if keys else None
    except ValueError:
        raise InvalidSettingsError(
            "`[core] fernet_key` is not a Fernet key", remedy="Correct it in Airflow's configuration."
        ) from None


def _state() -> SharedState:
    """What `[yeastar] state_url` names, else the directory of `state_dir`; nothing is read or written yet."""
    from airflow_provider_yeastar.pbx.state.opening import open_state

    directory = conf.get("yeastar", "state_dir", fallback="")
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    url = conf.get("yeastar", "state_url", fallback="")
    try:
        return open_state(url, Path(directory).expanduser() if directory else home / "yeastar")
    except RuntimeError:  # of expanduser
        raise InvalidSettingsError(
            f"`[yeastar] state_dir` is {directory!r}, and there is no such user on this machine",
            remedy="Set it to an absolute path.",
        ) from None
