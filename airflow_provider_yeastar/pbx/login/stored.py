"""How the record of a login is stored in the shared state: attempts in clear, tokens encrypted. Pure.

An entry holds the attempts of an application, the failures of each Client Secret by its hash, and a few sealed tokens.
Each user opens what its Fernet key and its Client Secret open, and keeps all else as it is: connections with another
secret, deployments with another key and other versions of this provider do not take one another's tokens away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from airflow_provider_yeastar.pbx.login.record import Attempt, Failure, LoginRecord
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import Entry, number
from airflow_provider_yeastar.pbx.tokens import Tokens

__all__ = ["Cipher", "StoredLogin", "application_key", "joined"]

_MOST_SEALED = 6
"""Tokens of other secrets, keys and versions that are kept, the newest ones."""
_MOST_FAILURES = 20
_TOKEN_FIELDS = ("access_token", "refresh_token")
_TIME_FIELDS = ("access_expires_at", "refresh_expires_at", "issued_at")


class Cipher(Protocol):
    """Encrypts tokens; ``cryptography``'s Fernet classes are some."""

    def encrypt(self, msg: bytes) -> bytes: ...

    def decrypt(self, msg: bytes) -> bytes: ...


def application_key(settings: PbxSettings) -> str:
    """Return a short name of the application for entries' names."""
    return hashlib.sha256(settings.client_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class StoredLogin:
    """Reads and writes the record of one Client Secret.

    :param credentials: hash of application and secret; the secret itself is not written.
    :param cipher: encrypts the tokens, None to write them as they are.
    :param shares_tokens: False leaves the tokens in the entry alone, for a login whose token nobody else uses.
    """

    credentials: str
    cipher: Cipher | None
    shares_tokens: bool

    @classmethod
    def of(cls, settings: PbxSettings, cipher: Cipher | None) -> StoredLogin:
        text = f"{settings.client_id}\n{settings.client_secret}".encode("utf-8", "surrogatepass")
        return cls(hashlib.sha256(text).hexdigest(), cipher, settings.login_sharing != "none")

    def read(self, entry: Entry | None) -> LoginRecord:
        """Return the record; what is of no use in the entry counts as not there."""
        entry = entry or {}
        opened = next(filter(None, map(self._open, _list(entry, "sealed"))), {})
        failures = entry.get("failures")
        return LoginRecord(
            tokens=_tokens(opened.get("tokens")),
            given_by=_attempt(opened.get("given_by")),
            attempts=tuple(filter(None, map(_attempt, _list(entry, "attempts")))),
            failure=_failure(failures.get(self.credentials)) if isinstance(failures, dict) else None,
            busy=_text(entry, "busy"),
            busy_until=number(entry.get("busy_until")) or 0.0,
            first_user=_text(entry, "first_user"),
            is_shared=entry.get("is_shared") is True,
        )

    def write(self, record: LoginRecord, entry: Entry | None) -> dict[str, Any]:
        """Return the entry with the record in it.

        :param entry: as it is now.
        """
        entry = entry or {}
        others = [text for text in _list(entry, "sealed") if self._open(text) is None]
        failures = entry.get("failures")
        failures = dict(failures) if isinstance(failures, dict) else {}
        failures.pop(self.credentials, None)
        if record.failure:
            failures[self.credentials] = asdict(record.failure)
        return {
            **entry,
            "sealed": [*others, *([self._seal(record)] if record.tokens and self.shares_tokens else [])][
                -_MOST_SEALED:
            ],
            "attempts": [[attempt.key, attempt.at] for attempt in record.attempts],
            "failures": dict(list(failures.items())[-_MOST_FAILURES:]),
            "busy": record.busy,
            "busy_until": record.busy_until,
            "first_user": record.first_user,
            "is_shared": record.is_shared,
        }

    def _seal(self, record: LoginRecord) -> str:
        given_by = record.given_by and [record.given_by.key, record.given_by.at]
        data = {
            "credentials": self.credentials,
            "tokens": record.tokens and asdict(record.tokens),
            "given_by": given_by,
        }
        content = json.dumps(data).encode()
        return (self.cipher.encrypt(content) if self.cipher else content).decode()

    def _open(self, sealed: object) -> dict[str, Any] | None:
        """Return what was sealed, None if it is not ours to open."""
        if not isinstance(sealed, str) or not self.shares_tokens:
            return None
        try:
            content = self.cipher.decrypt(sealed.encode()) if self.cipher else sealed.encode()
            data = json.loads(content)
        except Exception:  # noqa: BLE001 - another key, or a corrupt entry: each cipher has errors of its own
            return None
        is_ours = isinstance(data, dict) and data.get("credentials") == self.credentials and _tokens(data.get("tokens"))
        return data if is_ours else None


def joined(entry: Entry | None, source: Entry | None) -> Entry | None:
    """Return an entry with what another one holds of other secrets, keys and versions.

    :param entry: as it is now.
    :param source: that has moved there, None if nothing has.
    """
    if source is None:
        return entry
    entry = entry or {}
    sealed = dict.fromkeys([*_list(source, "sealed"), *_list(entry, "sealed")])
    failures = [known.get("failures") for known in (source, entry)]
    known_failures = {name: failure for known in failures if isinstance(known, dict) for name, failure in known.items()}
    return {**entry, "sealed": list(sealed), "failures": known_failures}


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    return value if isinstance(value, list) else []


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _attempt(value: object) -> Attempt | None:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return None
    at = number(value[1])
    return None if at is None else Attempt(value[0], at)


def _failure(value: object) -> Failure | None:
    if not isinstance(value, dict) or not isinstance(value.get("error"), dict):
        return None
    at, refusals = number(value.get("at")), value.get("refusals")
    return None if at is None else Failure(value["error"], at, refusals if type(refusals) is int else 0)


def _tokens(value: object) -> Tokens | None:
    if not isinstance(value, dict):
        return None
    texts = [value.get(name) for name in _TOKEN_FIELDS]
    times = [number(value.get(name)) for name in _TIME_FIELDS]
    if not all(isinstance(text, str) for text in texts) or not texts[0] or None in times:
        return None
    return Tokens(*texts, *times)  # type: ignore[arg-type]  # the line above has checked them
