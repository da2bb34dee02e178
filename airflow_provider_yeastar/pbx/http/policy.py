"""How this machine reaches a PBX, and whose certificate it trusts there: decided once, for HTTP and WebSocket. Pure.

`requests`, `websockets`, `urllib` and OpenSSL each read other variables of the environment and match ``NO_PROXY``
differently. None of them decides here; they are told.

Proxy, from the connection's extra ``proxy``: ``none`` connects directly; a URL is the proxy. ``environment`` takes, in
lower case first, ``HTTPS_PROXY`` for a PBX on https or ``HTTP_PROXY`` for one on http, else ``ALL_PROXY``, unless an
entry of ``NO_PROXY`` matches: ``*``, an address, a CIDR network, a host with its subdomains, with or without leading
dot or ``*.``, a pattern with ``*``, each optionally with ``:port``. International names match in either spelling
(``bücher.example``, ``xn--bcher-kva.example``), IPv4 addresses also within IPv6 (``::ffff:10.0.0.1``).

Trust, where no fingerprint is pinned: the path in the extra ``verify``; else the bundle in ``REQUESTS_CA_BUNDLE`` or
``CURL_CA_BUNDLE``; else the system's CAs, which OpenSSL looks up in ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``; and without
these two variables certifi's CAs as well, as small container images have none of their own.
``~/.netrc`` and ``SSLKEYLOGFILE`` are ignored.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError
from airflow_provider_yeastar.pbx.settings import NO_PROXY, PROXY_FROM_ENVIRONMENT, PbxSettings, is_host

__all__ = ["Policy", "Proxy", "Route", "Trust", "choose_route", "decide"]

_DEFAULT_PROXY_PORT = 80
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED_BITS = 96
_ACE = "xn--"
_DOTS = re.compile(r"[.\u3002\uff0e\uff61]")
"""What parts the labels of an international name (RFC 3490, 3.1)."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy.

    :param host: name or address.
    :param port: TCP port.
    :param user: for basic authentication, empty without.
    :param password: of the user.
    """

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """Its URL without credentials, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def credentials(self) -> str | None:
        """``user:password``, None without a user."""
        return f"{self.user}:{self.password}" if self.user else None

    @property
    def url(self) -> str:
        """Its URL with credentials; never to be shown."""
        if not self.user:
            return self.address
        return self.address.replace("//", f"//{quote(self.user, safe='')}:{quote(self.password, safe='')}@", 1)


@dataclass(frozen=True)
class Route:
    """The way to a server.

    :param proxy: None for a direct connection.
    :param source: what decided: the extra or the variable by name.
    """

    proxy: Proxy | None
    source: str

    def __str__(self) -> str:
        return f"through the proxy {self.proxy.address} ({self.source})" if self.proxy else f"directly ({self.source})"


@dataclass(frozen=True)
class Trust:
    """Which certificate is accepted.

    :param fingerprint: of the one pinned certificate, SHA-256 in lower-case hex; the rest then does not count.
    :param verify: False accepts any certificate.
    :param bundle: file or directory of CAs in place of the system's.
    :param with_certifi: certifi's CAs are trusted besides the system's.
    :param source: what decided: the extra or the variable by name.
    """

    fingerprint: str | None = None
    verify: bool = True
    bundle: str | None = None
    with_certifi: bool = False
    source: str = ""


@dataclass(frozen=True)
class Policy:
    """All that is decided about a connection to a PBX."""

    route: Route
    trust: Trust


def decide(settings: PbxSettings, environment: Mapping[str, str]) -> Policy:
    """Return how a PBX is reached and trusted.

    :param settings: of the connection.
    :param environment: the process's variables.
    :raises InvalidSettingsError: for a proxy that cannot be used.
    """
    route = choose_route(settings.scheme, settings.host, settings.effective_port, settings.proxy, environment)
    return Policy(route, _choose_trust(settings, environment))


def choose_route(scheme: str, host: str, port: int, proxy: str, environment: Mapping[str, str]) -> Route:
    """Return the way to a server.

    :param scheme: ``https`` or ``http``.
    :param host: name or address.
    :param port: TCP port.
    :param proxy: ``environment``, ``none`` or a URL.
    :param environment: the process's variables.
    :raises InvalidSettingsError: for a proxy that cannot be used.
    """
    if proxy.strip().lower() == NO_PROXY:
        return Route(None, "the extra `proxy` is none")
    if proxy.strip().lower() != PROXY_FROM_ENVIRONMENT:
        return Route(_parse_proxy(proxy.strip(), "the extra `proxy`"), "the extra `proxy`")
    for name in _proxy_variables(scheme, environment):
        if not environment.get(name, "").strip():
            continue
        entry = _matching_entry(host, port, _variable("NO_PROXY", environment))
        if entry:
            return Route(None, f"{entry} in NO_PROXY")
        return Route(_parse_proxy(environment[name].strip(), name), name)
    return Route(None, "no proxy is configured")


def _proxy_variables(scheme: str, environment: Mapping[str, str]) -> list[str]:
    """The variables that may name the proxy, the first that is set counts; an empty one in lower case unsets the other.

    A CGI program gets a request's header ``Proxy`` as HTTP_PROXY, so that is not believed there.
    """
    names = []
    for name in (f"{scheme}_proxy", "all_proxy"):
        is_from_a_request = name == "http_proxy" and "REQUEST_METHOD" in environment
        upper = [] if name in environment or is_from_a_request else [name.upper()]
        names += [name, *upper]
    return names


def _variable(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(name.lower(), environment.get(name, ""))


def _parse_proxy(url: str, source: str) -> Proxy:
    # None of these sentences quotes the URL, as it may hold a password.
    remedy = (
        "Set the extra `proxy` of the Airflow connection to the URL of an HTTP proxy (http://…), or to none. "
        "In its user and password write # as %23, / as %2F, ? as %3F, @ as %40 and % as %25."
    )
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidSettingsError(f"The proxy in {source} is not a valid URL", remedy=remedy) from None
    if parts.scheme.lower() != "http":
        scheme = parts.scheme if re.fullmatch(r"[a-zA-Z0-9+.-]{1,20}", parts.scheme) else "another protocol"
        raise InvalidSettingsError(
            f"The proxy in {source} is spoken to in {scheme}://, which is not supported: only http:// is", remedy=remedy
        )
    is_address = host is not None and host.isascii() and is_host(host) and port != 0
    if host is None or not is_address or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidSettingsError(f"The proxy in {source} is not a valid URL", remedy=remedy)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    try:
        f"{user}{password}".encode("latin-1")
    except UnicodeEncodeError:
        raise InvalidSettingsError(
            f"User or password of the proxy in {source} has a character that basic authentication does not carry",
            remedy="Give the proxy's user a password of ASCII characters.",
        ) from None
    return Proxy(host, port or _DEFAULT_PROXY_PORT, user, password)


def _matching_entry(host: str, port: int, no_proxy: str) -> str | None:
    """Return the first entry of NO_PROXY that covers a server."""
    name = _spelled_out(host).rstrip(".")
    return next((entry for entry in re.split(r"[\s,]+", no_proxy) if entry and _covers(entry, name, port)), None)


def _covers(entry: str, name: str, port: int) -> bool:
    pattern, wanted_port = _split_port(_spelled_out(entry))
    if wanted_port is not None and wanted_port != port:
        return False
    address = _address(name)
    try:
        network = ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        network = None
    if network is not None:
        return address is not None and (address in network or _unmapped(address) in _unmapped_network(network))
    domain = pattern.removeprefix("*").lstrip(".").rstrip(".")
    if "*" in domain or not domain:
        return fnmatchcase(name, pattern)
    return name == domain or (address is None and name.endswith(f".{domain}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"\[(?P<v6>[^\]]+)\](?::(?P<p6>\d{1,5}))?|(?P<name>[^:]+):(?P<port>\d{1,5})", entry)
    if found is None:
        return entry, None
    digits = found["p6"] or found["port"]
    return found["v6"] or found["name"], int(digits) if digits else None


def _address(name: str) -> _Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None


def _unmapped(address: _Address) -> _Address:
    """Return the IPv4 address that one of IPv6 holds, or the address itself."""
    return getattr(address, "ipv4_mapped", None) or address


def _unmapped_network(network: _Network) -> _Network:
    begin = _unmapped(network.network_address)
    if begin.version == network.version or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((int(begin), network.prefixlen - _MAPPED_BITS))


def _spelled_out(name: str) -> str:
    """Return a host name in lower case and in letters, as people write it, of an IDNA form or of any other."""
    labels = _DOTS.split(unicodedata.normalize("NFKC", name).lower())
    return ".".join(_label_spelled_out(label) for label in labels)


def _label_spelled_out(label: str) -> str:
    try:
        return label.removeprefix(_ACE).encode("ascii").decode("punycode") if label.startswith(_ACE) else label
    except UnicodeError:  # it only begins like one
        return label


def _choose_trust(settings: PbxSettings, environment: Mapping[str, str]) -> Trust:
    if settings.ssl_fingerprint:
        return Trust(fingerprint=settings.ssl_fingerprint, source="the extra `ssl_fingerprint`")
    if isinstance(settings.verify, str):
        return Trust(bundle=settings.verify, source="the extra `verify`")
    if not settings.verify:
        return Trust(verify=False, source="the extra `verify` is false")
    for name in _BUNDLES:
        if environment.get(name):
            return Trust(bundle=environment[name], source=name)
    named = [name for name in _OPENSSL_VARIABLES if environment.get(name)]
    if named:
        return Trust(source=" and ".join(named))
    return Trust(with_certifi=True, source="the CAs of the system and of certifi")
