"""``protect``: personal data of chosen columns is hidden before a row reaches a file, a table or a record. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.schemas.json_texts import json_texts
from airflow_provider_yeastar.schemas.values import CONVERTERS, NO_VALUE

__all__ = ["JSON_BEGINS", "PROTECTIONS", "Protection", "check_protect", "protection"]

JSON_BEGINS = ("{", "[")
"""The first character of a text that is a JSON object or list."""

PROTECTIONS = ("hmac", "mask", "drop")
_SHORTEST_SECRET = 16
_SHOWN_CHARACTERS = 3
_PARTS = frozenset({"name", "number"})
"""Endings of columns that hold a part of another's label, as ``call_from_number`` of ``call_from``."""

_LONGEST_JSON = 1_000_000
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")
_VENDOR_KEY = re.compile(r"[a-z][A-Za-z_]*")


@dataclass(frozen=True)
class Protection:
    """What is hidden, and how.

    :param ways: ``hmac``, ``mask`` or ``drop`` by column; a column covers those made of it, such as
        ``call_from_number`` of ``call_from``, and of undeclared ones all that have its name in theirs, such as
        ``detail_call_from``, which a key of that name in an object within the row becomes; ``from`` in an object under
        ``call`` has that name too. Keys may be spelled otherwise: ``callFrom``, ``Call From``, ``call-from``.
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

    def in_column(self, key: str, value: Any) -> Any:
        """Return a value of a column that is not hidden itself, without what the keys within it say is to be hidden.

        :param key: of the column.
        :param value: a list or an object; of an undeclared column a text, too, which may be JSON.
        """
        return self.within(value, key) if isinstance(value, (list, dict)) or self.reads_texts(key) else value

    def reads_texts(self, key: str) -> bool:
        """Whether texts of a column are searched for JSON: those of columns that are not declared."""
        return key not in self.declared

    def within(self, value: Any, path: str = "") -> Any:
        """Return a value without what the keys within it say is to be hidden.

        :param value: of any JSON type; a text that is a JSON list or object is searched like one, and stays as it is
            where nothing in it is to be hidden. One that is too deep or has over a million characters becomes None.
        :param path: the keys under which it stands, as a column's name would join them.
        """
        if isinstance(value, list):
            return [self.within(each, path) for each in value]
        if isinstance(value, dict):
            names = {key: self._name_within(path, key) for key in value}
            return {
                key: self.hidden(name, value[key]) if self._way(name) else self.within(value[key], _joined(path, key))
                for key, name in names.items()
                if not self.drops(name)
            }
        return self._within_text(value, path) if isinstance(value, str) else value

    def _name_within(self, path: str, key: str) -> str:
        """Return the name by which a key in an object is judged: its own, else that of its whole path."""
        return key if key in self.declared or self._way(key) else _joined(path, key)

    def hidden(self, key: str, value: Any) -> Any:
        """Return the value of a protected key, hidden: each entry of a list or an object by itself.

        :param key: that is protected; a key in its object is named after both, as a column is, and is itself hidden
            unless it is a word in lower case, as the vendor's keys are: it may be a number or a name.
        :param value: of any JSON type. Equal numbers become equal texts, wherever they stand and whatever their type.
        """
        if isinstance(value, list):
            return [self.hidden(key, each) for each in value]
        if isinstance(value, dict):
            names = {inner: path if self._way(path := _joined(key, inner)) else key for inner in value}
            shown = {inner: name for inner, name in names.items() if not self.drops(name)}
            return _all_values(
                [(self._hidden_key(name, of), self.hidden(name, value[of])) for of, name in shown.items()]
            )
        plain = value.strip() if isinstance(value, str) else value
        hide = self.of(key)
        if hide is None or plain is None or plain in NO_VALUE:
            return None
        return hide(str(CONVERTERS["text"](plain)))

    def _hidden_key(self, name: str, key: str) -> str:
        hide = self.of(name)
        return key if hide is None or _VENDOR_KEY.fullmatch(key) else hide(key.strip())

    def _within_text(self, text: str, path: str) -> str | None:
        if not text.lstrip().startswith(JSON_BEGINS):
            return text
        if len(text) > _LONGEST_JSON:
            return None  # not searched, so nobody knows what it holds
        try:
            value = json.loads(text, object_pairs_hook=_all_values)
            shown = self.within(value, path)
            return text if shown == value else json_texts([shown])[0]
        except ValueError:
            return text
        except RecursionError:
            return None

    def _way(self, key: str) -> str | None:
        named = [column for column in self.ways if self._covers(column, key)]
        return self.ways[max(named, key=lambda column: (column == key, len(column)))] if named else None

    def _covers(self, column: str, key: str) -> bool:
        name, found = _plain_name(column), _plain_name(key)
        if found == name or found.startswith(f"{name}_"):
            return True
        if key in self.declared:
            return False
        together = name.replace("_", "")
        return not {together, *(together + part for part in _PARTS)}.isdisjoint(_runs_of_words(found))


def _joined(path: str, key: str) -> str:
    return f"{path}_{key}" if path else key


@lru_cache(maxsize=1_000)
def _plain_name(key: str) -> str:
    """Return a key in lower case, ``_`` between words: ``call_from`` of ``callFrom``, ``Call From``, ``call-from``."""
    return _NO_WORD.sub("_", _NEW_WORD.sub("_", key)).strip("_").lower() or key


@lru_cache(maxsize=1_000)
def _runs_of_words(name: str) -> frozenset[str]:
    """Return all words of a plain name that follow one another, written together: ``callfrom`` of ``x_call_from``."""
    words = name.split("_")
    return frozenset(run for first in range(len(words)) for run in accumulate(words[first:]))


def _all_values(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of a key that comes twice, the parser would keep the last value and show the others.
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}


def _masked(text: str) -> str:
    # A text of three characters or less would be shown whole.
    shown = text[-_SHOWN_CHARACTERS:] if len(text) > _SHOWN_CHARACTERS else ""
    return "*" * (len(text) - len(shown)) + shown


def check_protect(
    protect: Mapping[str, str] | None, known: Collection[str], others: str = "declare others with `columns`"
) -> None:
    """Refuse what protects nothing, when the DAG is parsed.

    :param protect: the argument of a task.
    :param known: the declared columns of the report.
    :param others: what to do about other columns, for the message.
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
                remedy=f"Its columns are {', '.join(known) or 'unknown'}; {others}.",
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
