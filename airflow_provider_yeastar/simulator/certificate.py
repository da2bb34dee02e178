"""A self-signed certificate made on the fly, as an appliance has one."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["SelfSigned", "self_signed"]

_PEM = serialization.Encoding.PEM
_LIFE = timedelta(days=365)


@dataclass(frozen=True)
class SelfSigned:
    """A certificate that nobody vouches for.

    :param fingerprint: SHA-256 in lower-case hex, for the connection's ``ssl_fingerprint``.
    :param context: what a server shows it with.
    """

    fingerprint: str
    context: ssl.SSLContext = field(repr=False)


def self_signed(host: str) -> SelfSigned:
    """Make a certificate for a host, valid for a year; its key leaves no file behind.

    :param host: an address or a name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated PBX")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([_name_of(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = _context(made.public_bytes(_PEM) + private)
    return SelfSigned(hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest(), context)


def _name_of(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # OpenSSL reads certificates from files only.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pbx.pem"
        file.touch(mode=0o600)
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return context
