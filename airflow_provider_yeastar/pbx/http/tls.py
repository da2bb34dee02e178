"""How a PBX's TLS certificate is trusted, for HTTP and WebSocket alike.

An appliance comes with a self-signed certificate that does not match its address; its SHA-256 fingerprint can be pinned
instead. A pinned context checks the certificate at the end of the handshake, before the first byte of a request, and so
before any credential, is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from airflow_provider_yeastar.pbx.settings import PbxSettings

__all__ = ["causes", "certificate_complaint", "fetch_fingerprint", "make_ssl_context"]


class _FingerprintError(ssl.SSLError):
    """The certificate that was met is not the pinned one."""

    def __init__(self, met: str) -> None:
        super().__init__("certificate fingerprint mismatch")
        self.met = met


class _PinningContext(ssl.SSLContext):
    fingerprint: str


class _PinnedSocket(ssl.SSLSocket):
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


def make_ssl_context(settings: PbxSettings) -> ssl.SSLContext:
    """Return the context that trusts what the settings say: a fingerprint, a CA bundle, the system's CAs or anyone."""
    if settings.ssl_fingerprint:
        pinning = _PinningContext(ssl.PROTOCOL_TLS_CLIENT)
        pinning.check_hostname = False
        pinning.verify_mode = ssl.CERT_NONE
        pinning.fingerprint = settings.ssl_fingerprint
        pinning.sslsocket_class = _PinnedSocket
        pinning.sslobject_class = _PinnedObject
        return pinning
    if isinstance(settings.verify, str):
        bundle = Path(settings.verify)
        return ssl.create_default_context(
            cafile=None if bundle.is_dir() else str(bundle), capath=str(bundle) if bundle.is_dir() else None
        )
    context = ssl.create_default_context()
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


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


def fetch_fingerprint(host: str, port: int, timeout: float) -> str:
    """Return the SHA-256 fingerprint, in lower-case hex, of the certificate that a server shows; nothing else is sent.

    :param host: name or address.
    :param port: TCP port.
    :param timeout: seconds.
    :raises OSError: when there is no TLS server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
