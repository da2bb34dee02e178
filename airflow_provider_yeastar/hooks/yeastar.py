"""YeastarHook: from an Airflow connection of type ``yeastar`` to a client of that PBX."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, conf

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, YeastarError
from airflow_provider_yeastar.pbx.settings import API_VERSIONS, TOKEN_SHARING, PbxSettings

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.token_store import Cipher
    from airflow_provider_yeastar.pbx.wire import PbxInformation

__all__ = ["YeastarHook", "client_for", "missing_connection", "settings_from_connection"]

_EXTRAS = (
    "api_version",
    "timezone",
    "date_format",
    "time_format",
    "verify",
    "ssl_fingerprint",
    "timeout",
    "token_sharing",
)


class YeastarHook(BaseHook):
    """Talks to a Yeastar P-Series PBX through its API.

    :param yeastar_conn_id: id of an Airflow connection of type ``yeastar``.
    """

    conn_name_attr = "yeastar_conn_id"
    default_conn_name = "yeastar_default"
    conn_type = "yeastar"
    hook_name = "Yeastar PBX"

    def __init__(self, yeastar_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.yeastar_conn_id = yeastar_conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's extra fields for Airflow before 3.2; later ones read them from the provider info."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import StringField

        return {
            name: StringField(
                lazy_gettext(field["label"]), widget=BS3TextFieldWidget(), description=field["description"]
            )
            for name, field in _connection_type()["conn-fields"].items()
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of the form for Airflow before 3.2."""
        behaviour = _connection_type()["ui-field-behaviour"]
        return {
            "hidden_fields": behaviour["hidden-fields"],
            "relabeling": behaviour["relabeling"],
            "placeholders": behaviour["placeholders"],
        }

    def get_conn(self) -> PbxClient:
        """Return a client of the PBX; close it, or use it in a ``with``, to give its token back.

        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        """
        return client_for(self._get_settings(), announce_secret=_mask)

    def get_portal_url(self) -> str:
        """Return the URL of the PBX's web portal, without asking the PBX: scheme, host and port of the connection.

        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        """
        return f"{self._get_settings().base_url}/"

    def _get_settings(self) -> PbxSettings:
        try:
            connection = self.get_connection(self.yeastar_conn_id)
        except AirflowNotFoundException:
            raise missing_connection(self.yeastar_conn_id) from None
        return settings_from_connection(connection)

    def get_information(self) -> PbxInformation:
        """Return serial number, model, firmware, clock and display format of the PBX.

        Vendor's page: "Query PBX Information".

        :raises YeastarError: when it cannot be had.
        """
        with self.get_conn() as client:
            return client.get_information()

    def test_connection(self) -> tuple[bool, str]:
        """Log in, ask the PBX who it is, and check its clock; for the button "Test" of the connection form."""
        try:
            with self.get_conn() as client:
                client.forget_refusal()
                information = client.get_information()
        except YeastarError as error:
            return False, str(error)
        return True, (
            f"Connected to {information.model or 'the PBX'}, serial number {information.serial_number or 'unknown'}, "
            f"firmware {information.firmware or 'unknown'}; its clock shows {information.system_time or 'nothing'}."
        )


def missing_connection(conn_id: str) -> InvalidSettingsError:
    """Return the error for a connection id that Airflow does not know."""
    return InvalidSettingsError(
        f"There is no Airflow connection {conn_id!r}",
        remedy=f"Create it (type Yeastar PBX), or set the task's `yeastar_conn_id`, now {conn_id!r}.",
    )


def client_for(settings: PbxSettings, announce_secret: Callable[[str], None] | None = None) -> PbxClient:
    """Return a client that keeps its state where this Airflow wants it.

    :param settings: from :func:`settings_from_connection`.
    :param announce_secret: is told each new token; left out in the triggerer, where masking would mean a blocking call
        to Airflow in the event loop.
    """
    from airflow_provider_yeastar.pbx.client import PbxClient

    return PbxClient(settings, state_dir=_state_dir(), cipher=_cipher(), announce_secret=announce_secret)


def _mask(secret: str) -> None:
    """Have a token masked in every spelling that a URL may give it."""
    from airflow.providers.common.compat.sdk import mask_secret

    for spelling in {secret, quote(secret, safe=""), quote_plus(secret)}:
        mask_secret(spelling)


def _connection_type() -> dict[str, Any]:
    from airflow_provider_yeastar.get_provider_info import get_provider_info

    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type


def settings_from_connection(connection: Connection) -> PbxSettings:
    """Return the settings that an Airflow connection holds; no call to Airflow is made.

    :raises InvalidSettingsError: for what cannot be used, an unknown extra among it.
    """
    extras = _extras(connection)
    return PbxSettings(
        host=connection.host or "",
        client_id=connection.login or "",
        client_secret=connection.password or "",
        port=connection.port,
        scheme=connection.schema or _scheme_in(connection.host),
        api_version=_text(extras, "api_version") or API_VERSIONS[0],
        timezone=_text(extras, "timezone"),
        date_format=_text(extras, "date_format"),
        time_format=_text(extras, "time_format"),
        verify=_verify(extras.get("verify")),
        ssl_fingerprint=_text(extras, "ssl_fingerprint"),
        timeout=_seconds(extras.get("timeout")),
        token_sharing=_text(extras, "token_sharing") or TOKEN_SHARING[0],
    )


def _scheme_in(host: str | None) -> str:
    return "http" if (host or "").startswith("http://") else "https"


def _extras(connection: Connection) -> Mapping[str, Any]:
    try:
        extras = json.loads(connection.extra) if connection.extra else {}
    except ValueError:
        extras = None
    if not isinstance(extras, dict):
        raise InvalidSettingsError(f"The extra of connection {connection.conn_id!r} is not a JSON object")
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


def _state_dir() -> Path:
    configured = conf.get("yeastar", "state_dir", fallback="")
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    return Path(configured).expanduser() if configured else home / "yeastar"
