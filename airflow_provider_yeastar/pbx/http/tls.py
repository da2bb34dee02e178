"""How a PBX's TLS certificate is trusted, for HTTP and WebSocket alike.

An appliance comes with a self-signed certificate that does not match its address; its SHA-256 fingerprint can be pinned
instead. A pinned context checks the certificate at the end of the handshake, before the first byte of a request, and so
before any credential, is sent.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import socket
import ssl
import stat
from collections.abc import Iterator

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, ResourceError
from airflow_provider_yeastar.pbx.http.policy import Trust
from airflow_provider_yeastar.pbx.http.sockets import LimitedTlsSocket

__all__ = ["causes", "certificate_complaint", "fetch_fingerprint", "make_ssl_context"]


# What only a person mends; a mount that is away or a limit on open files passes.
_FINAL = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG})


class _FingerprintError(ssl.SSLError):
    """The certificate that was met is not the pinned one."""

    def __init__(self, met: str) -> None:
        super().__init__("certificate fingerprint mismatch")
        self.met = met


class _PinningContext(ssl.SSLContext):
    fingerprint: str


class _PinnedSocket(LimitedTlsSocket):
    """For `requests`, whose sockets shake hands blocking."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _check(self)


class _PinnedObject(ssl.SSLObject):
    """For asyncio, which shakes hands in memory."""

    def do_handshake(self) -> None:
        super().do_handshake()
        _check(self)


def _check(connection: ssl.SSLSocket | ssl.SSLObject) -> None:
    met = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    context = connection.context
    if isinstance(context, _PinningContext) and not hmac.compare_digest(met, context.fingerprint):
        raise _FingerprintError(met)


def make_ssl_context(trust: Trust) -> ssl.SSLContext:
    """Return the TLS context for HTTP and WebSocket alike.

    It is not made by ``ssl.create_default_context``, which would log the keys of sessions into ``SSLKEYLOGFILE``: the
    token is in every URL.

    :param trust: which certificate to accept.
    :raises InvalidSettingsError: when there is no such CA bundle, or it is none.
    :raises ResourceError: when it cannot be read at the moment.
    """
    if trust.fingerprint:
        return _pinning_context(trust.fingerprint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = LimitedTlsSocket
    if not trust.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.bundle:
        _load_bundle(context, trust.bundle, trust.source)
    else:
        context.load_default_certs()
    if trust.with_certifi:
        _load_bundle(context, DEFAULT_CA_BUNDLE_PATH, "the library certifi")
    return context


def _pinning_context(fingerprint: str) -> ssl.SSLContext:
    pinning = _PinningContext(ssl.PROTOCOL_TLS_CLIENT)
    pinning.check_hostname = False
    pinning.verify_mode = ssl.CERT_NONE
    pinning.fingerprint = fingerprint
    pinning.sslsocket_class = _PinnedSocket
    pinning.sslobject_class = _PinnedObject
    return pinning


def _load_bundle(context: ssl.SSLContext, bundle: str, source: str) -> None:
    shown = f"The CA bundle {bundle}, named by {source},"
    try:
        is_folder = stat.S_ISDIR(os.stat(bundle).st_mode)
        context.load_verify_locations(**{"capath" if is_folder else "cafile": bundle})
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidSettingsError(f"{shown} does not exist") from None
    except (ssl.SSLError, ValueError):
        raise InvalidSettingsError(f"{shown} cannot be read: it holds no certificate") from None
    except OSError as error:
        what = f"{shown} cannot be read: {error.strerror or type(error).__name__}"
        if error.errno in _FINAL:
            raise InvalidSettingsError(what) from None
        raise ResourceError(what, remedy="Check the disk that holds it.") from None


def certificate_complaint(error: BaseException) -> str | None:
    """Return what was wrong with the certificate, None when the error is of another kind.

    :param error: what a library raised; the cause may be wrapped several times.
    """
    for cause in causes(error):
        if isinstance(cause, _FingerprintError):
            return f"its SHA-256 fingerprint is {cause.met}, which is not the connection's `ssl_fingerprint`"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and all that it wraps: urllib3 nests them in ``reason`` and in its arguments."""
    pending, seen = [error], set()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        nested = [getattr(current, "reason", None), current.__cause__, current.__context__, *current.args]
        pending.extend(item for item in nested if isinstance(item, BaseException))


def fetch_fingerprint(plain: socket.socket, host: str) -> str:
    """Return the SHA-256 fingerprint, in lower-case hex, of the certificate that a server shows; nothing else is sent.

    :param plain: a socket that is connected to the server; it is closed.
    :param host: name or address, for servers with several certificates.
    :raises OSError: when it is no TLS server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with plain, context.wrap_socket(plain, server_hostname=host) as secured:
        return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
