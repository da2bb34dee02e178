"""``protect``: personal data of chosen columns is hidden before a row reaches a file, a table or a record. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError

__all__ = ["PROTECTIONS", "Protection", "check_protect", "protection"]

PROTECTIONS = ("hmac", "mask", "drop")
_SHORTEST_SECRET = 16
_SHOWN_CHARACTERS = 3
_PARTS = frozenset({"name", "number"})
"""Endings of columns that hold a part of another's label, as ``call_from_number`` of ``call_from``."""


@dataclass(frozen=True)
class Protection:
    """What is hidden, and how.

    :param ways: ``hmac``, ``mask`` or ``drop`` by column; a column covers those made of it, such as
        ``call_from_number`` of ``call_from``.
    :param secret: the key of the HMAC.
    """

    ways: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)

    def drops(self, key: str) -> bool:
        """Whether there is to be no such column."""
        return self._way(key) == "drop"

    def of(self, key: str) -> Callable[[str], str] | None:
        """Return what hides a value of a column, None where nothing is to be hidden."""
        way = self._way(key)
        if way == "hmac":
            secret = self.secret.encode()
            return lambda text: hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        return _masked if way == "mask" else None

    def _way(self, key: str) -> str | None:
        named = [column for column in self.ways if key == column or key.startswith(f"{column}_")]
        return self.ways[max(named, key=len)] if named else None


def _masked(text: str) -> str:
    # A text of three characters or less would be shown whole.
    shown = text[-_SHOWN_CHARACTERS:] if len(text) > _SHOWN_CHARACTERS else ""
    return "*" * (len(text) - len(shown)) + shown


def check_protect(protect: Mapping[str, str] | None, known: Collection[str]) -> None:
    """Refuse what protects nothing, when the DAG is parsed.

    :param protect: the argument of a task.
    :param known: the declared columns of the report.
    :raises InvalidRequestError: one sentence.
    """
    if protect is not None and not isinstance(protect, Mapping):
        raise InvalidRequestError('`protect` is no mapping of columns to ways, such as {"caller": "hmac"}')
    protect = protect or {}
    for column, way in protect.items():
        if way not in PROTECTIONS:
            raise InvalidRequestError(f"`protect` gives {column} {way!r}, not one of {', '.join(PROTECTIONS)}")
        if column not in known:
            raise InvalidRequestError(
                f"`protect` names {column}, which is no column of the report",
                remedy=f"Its columns are {', '.join(known) or 'unknown'}; declare others with `columns`.",
            )
        whole, _, part = column.rpartition("_")
        if part in _PARTS and whole in known and whole not in protect:
            raise InvalidRequestError(
                f"`protect` names {column}, and {whole} shows it as well",
                remedy=f"Name {whole}: it covers {column}.",
            )


def protection(protect: Mapping[str, str] | None, secret: str | None) -> Protection:
    """Return the protection of a task.

    :param protect: its argument.
    :param secret: the extra ``protect_secret`` of the Airflow connection.
    :raises InvalidSettingsError: when ``hmac`` is asked for without a secret of 16 characters.
    """
    ways = dict(protect or {})
    if "hmac" in ways.values() and len(secret or "") < _SHORTEST_SECRET:
        raise InvalidSettingsError(
            f"`protect` asks for hmac, and the Airflow connection's `protect_secret` "
            f"{'is too short' if secret else 'is missing'}",
            remedy=f"Set `protect_secret` in the connection's extra, {_SHORTEST_SECRET} characters or more.",
        )
    return Protection(ways, secret or "")
