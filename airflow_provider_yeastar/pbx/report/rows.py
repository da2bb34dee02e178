"""The rows of ``call_report/list``: found in the answer, and flattened to one row each. Pure.

The PBX names the list of rows after the report, and nests agents under their queue and members under their ring group.
Which keys a report has is known for a few only, so nothing here depends on one, and nothing is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from operator import contains
from typing import Any

from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.pbx.redaction import clean_text
from airflow_provider_yeastar.pbx.report.frame import Asked, Fit

__all__ = [
    "LIST_KEY",
    "HeldRows",
    "Row",
    "are_flat",
    "check_says_something",
    "counted_rows",
    "flattened_rows",
    "list_keys",
    "listed_rows",
    "members",
    "names_list",
    "with_clean_keys",
]

Row = dict[str, Any]

LIST_KEY = "list_key"
"""The column that tells the lists apart where an answer, or a row of it, has several."""

_LONGEST_KEY = 100
_NO_ROWS = frozenset({"invalid_param_list"})
_BARE = "The answer says success, and neither lists nor counts anything"
_BARE_REMEDY = (
    "Whether that means that there is nothing is unknown, so it is not taken for an empty answer; nothing was written. "
    "Compare with the PBX's web portal, and see whether a proxy between changes answers."
)
_OWNERS = {"detail": ("queue_num", "queue", "agent"), "member_list": ("group_num", "group", "ext")}
"""For each known nested list: a key of the entry around it, and the prefixes of the outer and the inner keys."""


def listed_rows(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> list[Row]:
    """Return the rows of an answer as they stand there.

    The one list in it holds the rows, whatever its key. Of several all are taken, and ``list_key`` says which a row is
    of. A list that is null is a report without rows, unless the answer counts some.

    :param answer: a successful one.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    :raises NotAPbxError: when it counts rows and lists none, or lists something else.
    """
    lists: dict[str, list[Row]] = {key: value for key, value in answer.items() if key in list_keys(answer)}
    strange = [key for key, value in lists.items() if not set(map(type, value)) <= {dict}]
    strange += [key for key, value in answer.items() if key.endswith("_list") and not isinstance(value, list | None)]
    if strange:
        named = clean_text(strange[0], _LONGEST_KEY)
        raise NotAPbxError(f"The list {named} of the answer holds no rows", pbx=pbx, endpoint=endpoint)
    if not lists and (total := counted_rows(answer, pbx=pbx, endpoint=endpoint)):
        raise NotAPbxError(f"The answer counts {counted(total, 'row')} and lists none", pbx=pbx, endpoint=endpoint)
    if len(lists) == 1:
        return next(iter(lists.values()))
    return [_named(row, key) for key, rows in lists.items() for row in rows]


def names_list(answer: Mapping[str, Any]) -> bool:
    """Whether an answer has a list of rows, be it empty or null."""
    return bool(list_keys(answer)) or any(key.endswith("_list") and key not in _NO_ROWS for key in answer)


def check_says_something(answer: Mapping[str, Any], has_list: bool, *, pbx: str, endpoint: str) -> None:
    """Refuse a success that neither names a list nor counts: nothing tells whether there is nothing, or nothing came.

    :param answer: a successful one.
    :param has_list: whether the list that was asked for is in it, be it empty or null.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    :raises NotAPbxError: for such an answer.
    """
    if not has_list and answer.get("total_number") is None:
        raise NotAPbxError(_BARE, pbx=pbx, endpoint=endpoint, remedy=_BARE_REMEDY)


def list_keys(answer: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of the lists that hold an answer's rows."""
    return frozenset(key for key, value in answer.items() if isinstance(value, list) and key not in _NO_ROWS)


def counted_rows(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> int | None:
    """Return how many rows an answer counts, on all pages together; None where it does not say.

    :param answer: a successful one.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    :raises NotAPbxError: when it says something that is no count.
    """
    total = answer.get("total_number")
    if total is None:
        return None
    if isinstance(total, str) and re.fullmatch(r"\s*\d{1,18}\s*", total, re.ASCII):
        return int(total)
    if isinstance(total, int | float) and not isinstance(total, bool) and 0 <= total < 10**18 and total == int(total):
        return int(total)
    raise NotAPbxError(f"The answer counts its rows as {ascii(total)[:40]}", pbx=pbx, endpoint=endpoint)


def members(row: Row) -> list[Row]:
    """Return the objects that are nested in a row, agents in a queue for instance, one level deep."""
    return [entry for value in row.values() if _is_list_of_objects(value) for entry in value]


def are_flat(rows: Sequence[Row]) -> bool:
    """Whether each row is one already, without lists within it and without keys to be renamed.

    :param rows: from :func:`listed_rows`.
    """
    if any(any(map(contains, rows, repeat(nested))) for nested in _OWNERS):
        return False
    try:
        deque(map(hash, map(tuple, map(dict.values, rows))), maxlen=0)
    except TypeError:  # a list, or an object
        return list not in map(type, chain.from_iterable(map(dict.values, rows)))
    return True


def flattened_rows(rows: list[Row]) -> list[Row]:
    """Return one row for each innermost entry, with the keys around it repeated.

    A nested list of objects gives a row for each of them; where it is empty the keys around it make one row by
    themselves. Several such lists beside one another give rows of their own each, told apart by ``list_key``. An inner
    key that is an outer one too is kept under ``<list's key>_<key>``. Other values stay as the PBX has them, lists of
    plain values and objects included.

    The totals of a queue and of its agents, and of a ring group and its members, bear the same keys. There every key
    says whose it is: ``queue_total_calls`` and ``agent_total_calls``, ``group_total_calls`` and ``ext_total_calls``.

    :param rows: from :func:`listed_rows`.
    """
    return with_clean_keys(rows if are_flat(rows) else [flat for row in rows for flat in _flattened(_owned(row))])


def with_clean_keys(rows: list[Row]) -> list[Row]:
    """Return rows with keys that may name columns in files, logs and XCom: printable and at most 100 characters long.

    A key that is neither ends in a digest of what it was, so that different keys stay different on all pages.

    :param rows: of one page, without rows within them.
    """
    keys: set[str] = set().union(*rows)
    clean = {key: _clean_key(key) for key in keys if not key.isprintable() or len(key) > _LONGEST_KEY}
    return [{clean.get(key, key): value for key, value in row.items()} for row in rows] if clean else rows


def _clean_key(key: str) -> str:
    if clean_text(key, _LONGEST_KEY) == key:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{clean_text(key, _LONGEST_KEY - len(digest) - 1)}_{digest}"


class HeldRows:
    """Rows without those that lie outside of the window that was asked for, and how many these were.

    A PBX has answered July with a row of another month [L]. Which times a report selects by is unknown [U], so rows
    that are near the window, and others that are in doubt, are kept and counted.

    :param asked: the window.
    :param keys: see :meth:`.Asked.fit`; objects that are nested in a row are held as well.
    """

    def __init__(self, asked: Asked, keys: tuple[str, ...]) -> None:
        self._asked, self._keys = asked, keys
        self.kept = self.doubtful = self.outside = 0

    def take(self, rows: list[Row]) -> list[Row]:
        """Return the rows that are kept.

        :param rows: of one page, from :func:`listed_rows`.
        """
        held = self._flat if are_flat(rows) else self._nested
        kept = [found for row in rows if (found := held(row)) is not None]
        self.kept += len(kept)
        return kept

    def _flat(self, row: Row) -> Row | None:
        fit = self._asked.fit(row, self._keys)
        self.doubtful += fit is Fit.DOUBTFUL
        self.outside += fit is Fit.OUTSIDE
        return None if fit is Fit.OUTSIDE else row

    def _nested(self, row: Row) -> Row | None:
        """Hold the objects in a row, too; where none of them is left the row is none."""
        if self._flat(row) is None:
            return None
        lists = {key: entries for key, entries in row.items() if _is_list_of_objects(entries)}
        kept = {
            key: [found for entry in entries if (found := self._nested(entry)) is not None]
            for key, entries in lists.items()
        }
        return {**row, **kept} if any(kept.values()) or not lists else None


def _owned(row: Row) -> Row:
    """Return a queue with its agents, or a ring group with its members, with keys that say whose they are."""
    for nested, (marker, outer, inner) in _OWNERS.items():
        if nested in row and marker in row:
            entries = row[nested] or []
            if _is_list_of_objects(entries):
                entries = [{_own(key, inner): value for key, value in entry.items()} for entry in entries]
            return {**{_own(key, outer): value for key, value in row.items() if key != nested}, nested: entries}
    return row


def _own(key: str, owner: str) -> str:
    return key if key == owner or key.startswith(f"{owner}_") else f"{owner}_{key}"


def _flattened(row: Row) -> Iterator[Row]:
    nested = {key: value for key, value in row.items() if _is_list_of_objects(value)}
    outer = {key: value for key, value in row.items() if key not in nested and value != []}
    entries = [(key, entry) for key, inner in nested.items() for entry in inner]
    if not entries:
        yield outer
    for key, entry in entries:
        for inner in _flattened(entry):
            joined = _joined(outer, inner, key)
            yield _named(joined, key) if len(nested) > 1 else joined


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)


def _joined(outer: Row, inner: Row, list_key: str) -> Row:
    joined = dict(outer)
    for key, value in inner.items():
        joined[_free(key, joined, list_key)] = value
    return joined


def _named(row: Row, list_key: str) -> Row:
    return {**row, _free(LIST_KEY, row, list_key): list_key}


def _free(key: str, taken: Mapping[str, Any], prefix: str) -> str:
    while key in taken:
        key = f"{prefix}_{key}"
    return key
