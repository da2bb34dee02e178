"""``protect``: personal data of chosen columns is hidden before a row reaches a file, a table or a record. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

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
        ``call_from_number`` of ``call_from``, and of undeclared ones all that have its name in theirs, such as
        ``detail_call_from``, which a key of that name in an object within the row becomes.
    :param secret: the key of the HMAC.
    :param declared: the columns of the schema.
    """

    ways: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    declared: Collection[str] = ()

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

    def may_hold_others(self, key: str) -> bool:
        """Whether a column's values may be objects with keys that are protected."""
        return bool(self.ways) and key not in self.declared

    def within(self, value: Any) -> Any:
        """Return a list or an object without what its keys say is to be hidden.

        :param value: of a column that is not hidden itself.
        """
        if isinstance(value, list):
            return [self.within(each) for each in value]
        if isinstance(value, dict):
            return {key: self._hidden(key, each) for key, each in value.items() if not self.drops(key)}
        return value

    def _hidden(self, key: str, value: Any) -> Any:
        hide = self.of(key)
        if hide is None or value is None:
            return self.within(value)
        return hide(value if isinstance(value, str) else json.dumps(value))

    def _way(self, key: str) -> str | None:
        named = [column for column in self.ways if self._covers(column, key)]
        return self.ways[max(named, key=len)] if named else None

    def _covers(self, column: str, key: str) -> bool:
        is_made_of_it = key == column or key.startswith(f"{column}_")
        return is_made_of_it or (key not in self.declared and f"_{column}_" in f"_{key}_")


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
