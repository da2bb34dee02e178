"""A report as a table: the question, its columns and rows, and its JSON form.

A row may hold more keys than the columns show: ids and numbers that only the JSON answer has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.reports.catalogue import ReportKind

__all__ = [
    "DATETIME_FORMAT",
    "DETAIL_COLUMNS",
    "Bucket",
    "Column",
    "ColumnKind",
    "Grouping",
    "ReportQuery",
    "ReportTable",
    "Row",
    "call_row",
    "list_entries",
]

Bucket = Literal["hour", "day", "month"]
ColumnKind = Literal["text", "integer", "seconds", "percent", "datetime"]
Row = Mapping[str, object]

# Whether a PBX writes a report's own times in its display format is unknown [U]; here always in this one.
DATETIME_FORMAT = "%Y/%m/%d %H:%M:%S"


@dataclass(frozen=True)
class ReportQuery:
    """What is asked of a report.

    :param start: first second, PBX-local and naive.
    :param end: last second.
    :param bucket: a row per what, in a ``time`` report; None lets the window's length decide.
    :param filters: the vendor's parameter names and their raw strings.
    :param need_detail: whether the calls behind each row are wanted.
    """

    kind: ReportKind
    start: datetime
    end: datetime
    bucket: Bucket | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    need_detail: bool = False


@dataclass(frozen=True)
class Column:
    """One column of a report.

    :param key: the rows' key.
    :param label: the header in a file.
    :param kind: how to write it: seconds are whole numbers, a percent is a number of percent points.
    :param number_key: for a name, the key of the number that a label shows with it.
    """

    key: str
    label: str
    kind: ColumnKind = "text"
    number_key: str = ""


@dataclass(frozen=True)
class Grouping:
    """How the JSON answer nests rows under groups: agents under their queue, members under their ring group.

    :param keys: what rows of one group have in common; the JSON answer has it around them, not in them.
    :param nested_key: key of the list of rows within their group.
    :param counts_rows: whether ``total_number`` counts the rows instead of the groups.
    """

    keys: tuple[str, ...]
    nested_key: str
    counts_rows: bool = False


@dataclass(frozen=True)
class ReportTable:
    """A built report.

    :param details: for each row the calls behind it; empty when no details were asked for.
    :param grouping: how the JSON answer nests the rows, None where it does not.
    :param around: for each row the figures of its group.
    :param folded: beginning of the keys that the JSON answer has in an object of their own, ``{folded}_count``.
    :param window: first and last second; None when nothing was looked for.
    """

    kind: ReportKind
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    detail_columns: tuple[Column, ...] = ()
    details: tuple[tuple[Row, ...], ...] = ()
    grouping: Grouping | None = None
    around: tuple[Row, ...] = ()
    folded: str = ""
    window: tuple[datetime, datetime] | None = None


DETAIL_COLUMNS = (
    Column("call_id", "Call ID"),
    Column("start_time", "Time", "datetime"),
    Column("call_from", "Call From"),
    Column("call_to", "Call To"),
    Column("communication_type", "Communication Type"),
    Column("status", "Status"),
    Column("waiting_time", "Waiting Time", "seconds"),
    Column("talking_time", "Talking Time", "seconds"),
    Column("holding_time", "Holding Time", "seconds"),
)
"""The nested call table's columns."""


def call_row(call: Call) -> Row:
    """Give a call as a row of the nested call table."""
    return {
        "call_id": call.id,
        "start_time": call.started,
        "call_from": call.caller,
        "call_to": call.callee,
        "communication_type": call.communication,
        "status": call.disposition,
        "waiting_time": call.queue.wait_seconds if call.queue else call.ring_seconds,
        "talking_time": call.talk_seconds,
        "holding_time": call.hold_seconds,
    }


def list_entries(table: ReportTable, *, idle_members: bool = True) -> tuple[list[dict[str, Any]], int]:
    """Return what ``call_report/list`` lists, and its ``total_number``: durations as whole seconds, members nested.

    The calls of ``need_detail`` are not among them: whether the PBX lists them there is unknown [U].

    :param idle_members: False leaves out agents without calls; a queue of such agents has null in their place.
    """
    rows = [_folded({key: _plain(value) for key, value in row.items()}, table.folded) for row in table.rows]
    grouping = table.grouping
    if grouping is None:
        return rows, len(rows)
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row, around in zip(rows, table.around, strict=True):
        head = {key: row.pop(key) for key in grouping.keys}
        group = groups.setdefault(tuple(head.values()), {**head, **around, grouping.nested_key: []})
        if idle_members or row["total_calls"]:
            group[grouping.nested_key].append(row)
    entries = list(groups.values())
    members = sum(len(entry[grouping.nested_key]) for entry in entries)
    for entry in entries:
        entry[grouping.nested_key] = entry[grouping.nested_key] or None
    return entries, members if grouping.counts_rows else len(entries)


def _folded(row: dict[str, Any], name: str) -> dict[str, Any]:
    inner = {key: row.pop(key) for key in list(row) if name and key.startswith(f"{name}_")}
    return {**row, f"{name}_count": inner} if name else row


def _plain(value: object) -> object:
    return value.strftime(DATETIME_FORMAT) if isinstance(value, datetime) else value
