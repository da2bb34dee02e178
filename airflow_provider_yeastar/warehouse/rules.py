"""Decisions about a table, without a database: names, what changes, which old rows may go. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from airflow_provider_yeastar.exceptions import FewerRowsError, SchemaError
from airflow_provider_yeastar.pbx.error_base import counted

__all__ = ["MAX_NAME_BYTES", "ColumnChange", "Shrink", "column_changes", "refuse_fewer_rows", "sql_names"]

MAX_NAME_BYTES = 63
"""The longest name that PostgreSQL takes without cutting it; other databases take as much."""


def sql_names(keys: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return a column's name for each key.

    Lower case, ``_`` for what is neither letter nor digit, at most 63 bytes of UTF-8; a name that begins with a digit
    gets ``_`` before it; one that is taken gets ``_2``, ``_3``, …

    :param keys: the vendor's keys, in the order in which they get their names.
    :param taken: names of other columns.
    """
    used = set(taken)
    names: dict[str, str] = {}
    for key in keys:
        names[key] = next(name for name in _candidates(key) if name not in used)
        used.add(names[key])
    return names


def _candidates(key: str) -> Iterable[str]:
    plain = re.sub(r"\W+", "_", key.lower()).strip("_") or "column"
    plain = f"_{plain}" if plain[0].isdigit() else plain
    yield _cut(plain, "")
    for number in count(2):
        yield _cut(plain, f"_{number}")


def _cut(name: str, suffix: str) -> str:
    room = MAX_NAME_BYTES - len(suffix)
    # A letter of several bytes is left out whole.
    return name.encode()[:room].decode(errors="ignore") + suffix


@dataclass(frozen=True)
class ColumnChange:
    """What becomes of a report's columns in a table that is there.

    :param added: names that the table gets.
    :param left_out: names that are not written.
    """

    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def column_changes(
    table: str, wanted: Sequence[str], there: Collection[str], origin: Collection[str], on_schema_change: str
) -> ColumnChange:
    """Decide about columns that a table does not have, or that a report no longer has.

    :param table: its name, for messages.
    :param wanted: the report's columns.
    :param there: the table's columns.
    :param origin: the columns of origin, which every table of ours has.
    :param on_schema_change: ``evolve``, ``freeze`` or ``drop``.
    :raises SchemaError: for a table that is none of ours; with ``freeze``, for a difference.
    """
    strange = [name for name in origin if name not in there]
    if strange:
        raise SchemaError(
            f"The table {table} is there and was not made by this operator: it has no {', '.join(strange)}",
            remedy="Name another `table`, or drop that one.",
        )
    missing = tuple(name for name in wanted if name not in there)
    vanished = sorted(set(there) - set(wanted) - set(origin))
    if on_schema_change == "freeze" and (missing or vanished):
        parts = [f"lacks {', '.join(missing)}"] * bool(missing)
        parts += [f"has {', '.join(vanished)}, which the report has no longer"] * bool(vanished)
        raise SchemaError(f"The table {table} {' and '.join(parts)} (`on_schema_change` is freeze)")
    return ColumnChange(left_out=missing) if on_schema_change == "drop" else ColumnChange(added=missing)


@dataclass(frozen=True)
class Shrink:
    """When a period may be replaced by one with fewer rows.

    :param allowed: always.
    :param tolerance: the greatest share of rows, from 0 to 1, that may go; None for any.
    """

    allowed: bool = False
    tolerance: float | None = None


def refuse_fewer_rows(
    where: str, old: int, new: int, begins: datetime, shrink: Shrink, oldest_call: Callable[[], datetime | None]
) -> None:
    """Refuse to replace rows by fewer where the PBX may have forgotten calls.

    :param where: what is to be replaced, for the message.
    :param old: rows that are there.
    :param new: rows of the PBX's answer.
    :param begins: the period's beginning, by the PBX's clock.
    :param shrink: what the task allows.
    :param oldest_call: gives the time of the oldest call that the PBX has; asked only where it decides.
    :raises FewerRowsError: naming both counts.
    """
    if new >= old or shrink.allowed:
        return
    what = f"{where} holds {counted(old, 'row')}, and the PBX's answer {new}"
    if not new:
        raise FewerRowsError(what)
    if shrink.tolerance is not None and old - new > shrink.tolerance * old:
        raise FewerRowsError(f"{what}: more than `shrink_tolerance` {shrink.tolerance} would go")
    oldest = oldest_call()
    if oldest is None or oldest > begins:
        since = f"since {oldest.isoformat(sep=' ')}" if oldest else "of an unknown time on"
        raise FewerRowsError(f"{what}: the PBX has calls {since} only, and the period begins at {begins}")
