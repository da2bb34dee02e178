"""PbxSettings: where a PBX is and how to log in to it. Checked once, secrets hidden in ``repr``. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from string import hexdigits
from typing import Literal
from urllib.parse import urlsplit

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, YeastarError

__all__ = [
    "API_VERSIONS",
    "LOGIN_SHARING",
    "NO_PROXY",
    "PROXY_FROM_ENVIRONMENT",
    "PbxSettings",
    "check_seconds",
    "is_host",
]

API_VERSIONS = ("auto", "v1.0", "v2.0")
LOGIN_SHARING = ("host", "none")
PROXY_FROM_ENVIRONMENT, NO_PROXY = "environment", "none"
_SHA256_DIGITS = 64
_MOST_SECONDS = 366 * 86400
_LONGEST_HOST = 253
_LABELS = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class PbxSettings:
    """One PBX and one API application on it.

    :param host: name or address; a pasted URL (``https://pbx.example.com:8088``) is taken apart.
    :param client_id: the application's Client ID.
    :param client_secret: the application's Client Secret.
    :param port: TCP port; None is that in ``host``, else 443 for https and 80 for http.
    :param scheme: ``https`` or ``http``; empty is that in ``host``, else ``https``.
    :param api_version: ``auto``, ``v1.0`` or ``v2.0``.
    :param timezone: the PBX's IANA time zone, None to go by its present offset.
    :param date_format: display format such as ``DD/MM/YYYY``, for firmware that does not tell.
    :param time_format: display format such as ``hh:mm:ss`` or ``hh:mm:ss AM``, for firmware that does not tell.
    :param verify: True, False, or the path of a CA bundle.
    :param ssl_fingerprint: SHA-256 of the PBX's certificate, hex with or without colons; replaces ``verify``.
    :param timeout: seconds that a single call may take in all; a file may take longer while its bytes keep coming.
    :param login_sharing: ``host``: one token for all of a host's processes; ``none``: one's own, revoked at the end.
    :param proxy: ``environment`` (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY), ``none``, or a proxy's URL.
    :param exclusive: the user's word that nobody but this Airflow makes or downloads reports at this PBX.
    :raises InvalidSettingsError: with a sentence that names the field.
    """

    host: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    port: int | None = None
    scheme: str = ""
    api_version: str = "auto"
    timezone: str | None = None
    date_format: str | None = None
    time_format: str | None = None
    verify: bool | str = True
    ssl_fingerprint: str | None = None
    timeout: float = 30.0
    login_sharing: str = "host"
    proxy: str = field(default=PROXY_FROM_ENVIRONMENT, repr=False)  # a URL may hold a password
    exclusive: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheme", self.scheme.strip().lower())
        self._take_url_apart()
        if self.host and not is_host(self.host):
            raise InvalidSettingsError("Host is neither a host name nor an address")
        object.__setattr__(self, "scheme", self.scheme or "https")
        self._tidy_fingerprint()
        for name, value in (("Host", self.host), ("Client ID", self.client_id), ("Client Secret", self.client_secret)):
            if not value:
                raise InvalidSettingsError(f"{name} is missing in the connection")
            _check_text(name, value)
        if self.scheme not in _DEFAULT_PORTS:
            raise InvalidSettingsError(f"Schema is {self.scheme!r}, which is neither https nor http", pbx=self.host)
        if not 0 < self.effective_port < 65536:
            raise InvalidSettingsError(f"Port {self.port} is not between 1 and 65535", pbx=self.host)
        if self.api_version not in API_VERSIONS:
            raise InvalidSettingsError(
                f"api_version is {self.api_version!r}, not one of {', '.join(API_VERSIONS)}", pbx=self.host
            )
        if self.login_sharing not in LOGIN_SHARING:
            raise InvalidSettingsError(
                f"login_sharing is {self.login_sharing!r}, not one of {', '.join(LOGIN_SHARING)}", pbx=self.host
            )
        check_seconds("timeout", self.timeout, InvalidSettingsError)
        if (self.date_format is None) != (self.time_format is None):
            raise InvalidSettingsError("date_format and time_format go together, one of them is missing", pbx=self.host)

    def _take_url_apart(self) -> None:
        text = self.host.strip()
        _check_text("Host", text)  # urlsplit drops line breaks and tabs
        # An IPv6 address without brackets splits wrongly; it is taken as it stands.
        if text.count(":") > 1 and not text.startswith("[") and "://" not in text:
            object.__setattr__(self, "host", text)
            return
        # None of these sentences quotes the host, as a pasted URL may hold credentials.
        try:
            parts = urlsplit(text if "://" in text else f"//{text}")
        except ValueError:
            raise InvalidSettingsError("Host is neither a host name nor an address") from None
        # An unquoted # in a password makes of all that follows it, the true host too, a fragment.
        if parts.username or parts.password or parts.query or parts.path.strip("/") or parts.fragment:
            raise InvalidSettingsError(
                "Host is more than a host name; write credentials into Client ID and Client Secret"
            )
        try:
            port = parts.port
        except ValueError:
            raise InvalidSettingsError("What follows the colon in Host is no port between 1 and 65535") from None
        object.__setattr__(self, "host", parts.hostname or "")
        self._take("port", "Port", port)
        self._take("scheme", "Schema", parts.scheme or None)

    def _take(self, name: str, label: str, in_host: object) -> None:
        """Take what a pasted URL says; refuse it if the connection's own field says something else."""
        given = getattr(self, name)
        if in_host is not None and given not in (None, "", in_host):
            raise InvalidSettingsError(
                f"Host says {in_host} and {label} says {given}",
                pbx=self.host,
                remedy=f"Write only the host's name or address into Host, and check {label}.",
            )
        object.__setattr__(self, name, in_host if given in (None, "") and in_host is not None else given)

    def _tidy_fingerprint(self) -> None:
        if self.ssl_fingerprint is None:
            return
        digits = self.ssl_fingerprint.replace(":", "").strip().lower()
        if len(digits) != _SHA256_DIGITS or not set(digits) <= set(hexdigits):
            raise InvalidSettingsError(
                f"ssl_fingerprint has not the {_SHA256_DIGITS} hex digits of a SHA-256 fingerprint", pbx=self.host
            )
        object.__setattr__(self, "ssl_fingerprint", digits)

    @property
    def effective_port(self) -> int:
        return _DEFAULT_PORTS.get(self.scheme, 443) if self.port is None else self.port

    @property
    def address(self) -> str:
        """``host:port``, the name of the PBX in messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.effective_port}"

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def events_url(self) -> str:
        """The WebSocket's URL, without token."""
        websocket: Literal["wss", "ws"] = "wss" if self.scheme == "https" else "ws"
        return f"{websocket}://{self.address}/openapi/v1.0/subscribe"

    @property
    def state_name(self) -> str:
        """The name of this PBX in the shared state by its URL, as long as its serial number is not proven."""
        return f"url-{hashlib.sha256(self.base_url.encode()).hexdigest()[:16]}"


def is_host(name: str) -> bool:
    """Whether a text is an IP address, or a name that DNS can hold (RFC 1035, with the underscore of container names).

    :param name: without brackets or port; letters beyond ASCII count as their IDNA form.
    """
    if ":" in name:
        try:
            return bool(ipaddress.IPv6Address(name))
        except ValueError:
            return False
    try:
        encoded = name.removesuffix(".").encode("idna")
    except UnicodeError:  # an empty label, one above 63 bytes, a surrogate
        return False
    return len(encoded) <= _LONGEST_HOST and _LABELS.fullmatch(encoded) is not None


def check_seconds(name: str, value: object, error_class: type[YeastarError]) -> float:
    """Return a number of seconds: above 0, finite, at most a year.

    :param name: of the argument, for the message.
    :param value: what was given.
    :param error_class: what is raised for anything else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MOST_SECONDS:
        return float(value)
    raise error_class(f"{name} is {value!r}, not a number of seconds above 0 and up to a year")


def _check_text(name: str, value: str) -> None:
    if not value.isprintable() or value != value.strip():
        hint = " (a line break, as at the end of a file?)" if "\n" in value or "\r" in value else ""
        raise InvalidSettingsError(
            f"{name} begins or ends with white space, or holds a control character{hint}",
            remedy=f"Enter {name} in the Airflow connection again, without it.",
        )
