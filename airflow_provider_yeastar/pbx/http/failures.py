"""What went wrong on the way to a PBX: one error of ours for whatever `requests`, urllib3 or a socket raised.

Their exceptions hold whole URLs, token included, so nothing of their texts is shown but the operating system's words.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from airflow_provider_yeastar.pbx.errors import CertificateError, InvalidSettingsError, NetworkError, YeastarError
from airflow_provider_yeastar.pbx.http.policy import Route
from airflow_provider_yeastar.pbx.http.tls import causes, certificate_complaint

__all__ = ["CONNECTION_ERRORS", "network_failure", "proxy_refusal", "system_words"]

CONNECTION_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""What is raised on the way to a PBX. A ValueError is urllib3's complaint of a host that cannot be one."""

_NEVER_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ProxyError,
)
"""Says that there was no connection on which a call could have been sent."""

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"})
"""OpenSSL's words for what it gets from a server that speaks no TLS; then there was no connection either."""

_TIMEOUTS = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)

_HTTP_OR_HTTPS = "Set Schema of the Airflow connection to http, or Port to the one where the PBX speaks https."

# http.client raises a bare OSError for a CONNECT that was refused; the status stands only in its text.
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
_PROXY_STATUSES = {
    403: "does not allow connections to the PBX",
    502: "could not reach the PBX",
    503: "could not reach the PBX",
    504: "could not reach the PBX in time",
}


def network_failure(
    error: BaseException, *, route: Route, seconds: float, pbx: str, endpoint: str, subject: str = "connection"
) -> YeastarError:
    """Return the error for an exception of a library, or of a socket.

    :param error: what was raised; the cause may be wrapped several times.
    :param route: the way to the PBX, named where it is a proxy.
    :param seconds: the call's time-out.
    :param pbx: ``host:port``.
    :param endpoint: the path that was called.
    :param subject: what failed, such as ``event connection``.
    """
    where: dict[str, Any] = {"pbx": pbx, "endpoint": endpoint}
    through = f", {route}" if route.proxy else ""
    complaint = certificate_complaint(error)
    if complaint:
        untrusted = CertificateError(f"The TLS certificate of the PBX was not accepted: {complaint}", **where)
        untrusted.was_received = False
        return untrusted
    found = list(causes(error))
    for refused in (_TUNNEL_REFUSED.match(str(cause)) for cause in found if isinstance(cause, OSError)):
        if refused:
            refusal = proxy_refusal(int(refused[1]), route, **where)
            refusal.was_received = False
            return refusal
    if any(isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS for cause in found):
        what = f"What listens at the port of the PBX speaks no TLS{through}"
        plain = NetworkError(what, remedy=_HTTP_OR_HTTPS, **where)
        plain.was_received = False
        return plain
    failure = NetworkError(f"{_what(found, seconds, subject)}{through}", **where)
    # A refused connection is one of urllib3's time-outs by its class alone.
    is_refused = _any(found, urllib3.exceptions.NewConnectionError)
    failure.is_timeout = not is_refused and _any(found, *_TIMEOUTS)
    failure.was_received = not (_any(found, *_NEVER_SENT) or _is_in_handshake(found))
    return failure


def _what(found: list[BaseException], seconds: float, subject: str) -> str:
    words = next(_strerrors(found), None)
    if words:
        return f"The {subject} to the PBX failed: {words}"
    if _any(found, requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return f"The PBX could not be reached within {seconds:g} seconds"
    if _is_in_handshake(found):
        return f"The PBX did not end the TLS handshake within {seconds:g} seconds"
    if _any(found, TimeoutError, requests.Timeout, urllib3.exceptions.ReadTimeoutError):
        return "The PBX took the call but did not answer in time"
    if _any(found, ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        return "The TLS connection to the PBX failed"
    if _any(found, UnicodeError, requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError):
        return "The address of the PBX cannot be used"
    return f"The {subject} to the PBX broke off"


def _is_in_handshake(found: list[BaseException]) -> bool:
    # Nothing but Python's own words tells this time-out from that of an answer.
    return any(isinstance(cause, TimeoutError) and "handshake" in str(cause) for cause in found)


def _any(found: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in found)


def system_words(error: BaseException) -> str | None:
    """Return the operating system's own words about an error, the only part of it that holds no URL; None without."""
    return next(_strerrors(list(causes(error))), None)


def _strerrors(found: list[BaseException]) -> Iterator[str]:
    for cause in found:
        if isinstance(cause, OSError) and isinstance(cause.strerror, str) and not isinstance(cause, ssl.SSLError):
            yield cause.strerror


def proxy_refusal(status: int, route: Route, *, pbx: str, endpoint: str) -> YeastarError:
    """Return the error for an HTTP status with which a proxy refused to go on.

    :param status: for instance 407.
    :param route: the way to the PBX.
    :param pbx: ``host:port``.
    :param endpoint: the path that was called.
    """
    proxy = f"The proxy {route.proxy.address} ({route.source})" if route.proxy else "A proxy before the PBX"
    if status == requests.codes.proxy_authentication_required:
        return InvalidSettingsError(
            f"{proxy} refused the connection: it wants a user and password, or others (HTTP status 407)",
            pbx=pbx,
            endpoint=endpoint,
            remedy="Write them into the proxy's URL, http://user:password@host:port.",
        )
    reason = _PROXY_STATUSES.get(status, "refused the connection to the PBX")
    return NetworkError(
        f"{proxy} {reason} (HTTP status {status})",
        pbx=pbx,
        endpoint=endpoint,
        remedy="Let the proxy connect to the PBX's host and port, name the PBX in NO_PROXY, or set the extra `proxy` "
        "of the Airflow connection.",
    )
