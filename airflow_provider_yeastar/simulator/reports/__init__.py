"""Every call report of the PBX, built over one history so that their figures agree with one another.

A report is a table of rows: ``rendering`` makes files of it, ``list_entries`` the JSON of ``call_report/list``.
Filters whose meaning the vendor tells take effect, the others are accepted and change nothing [U].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Directory
from airflow_provider_yeastar.simulator.calls.log import CallLog
from airflow_provider_yeastar.simulator.reports import agents, billing, extensions, queues, services, trunks
from airflow_provider_yeastar.simulator.reports.catalogue import ReportKind
from airflow_provider_yeastar.simulator.reports.source import Builder, Source
from airflow_provider_yeastar.simulator.reports.table import (
    DETAIL_COLUMNS,
    Bucket,
    Column,
    ColumnKind,
    ReportQuery,
    ReportTable,
    Row,
    call_row,
    list_entries,
)

__all__ = [
    "Bucket",
    "Column",
    "ColumnKind",
    "ReportQuery",
    "ReportTable",
    "build_report",
    "call_row",
    "empty_report",
    "list_entries",
    "report_calls",
    "report_of",
]

_BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        **agents.BUILDERS,
        **billing.BUILDERS,
        **extensions.BUILDERS,
        **queues.BUILDERS,
        **services.BUILDERS,
        **trunks.BUILDERS,
    }
)


def build_report(seed: int, directory: Directory, query: ReportQuery) -> ReportTable:
    """Build one report over a window of an endless history.

    :param seed: the history's seed.
    :param query: what to build; its filters are raw strings with comma-joined values.
    """
    return report_of(CallLog(seed, directory), query)


def report_of(log: CallLog, query: ReportQuery) -> ReportTable:
    """Build one report over a window of what a PBX still has.

    Ids that the directory does not know give no rows; an id parameter left out means all of its kind, since refusing
    a request without it is the endpoint's business. ``need_detail`` counts only where the vendor offers it.

    :param log: the calls.
    :param query: what to build; its filters are raw strings with comma-joined values.
    """
    builder = _BUILDERS[query.kind.type]
    lines = builder.lines(Source(log, query))
    detailed = query.need_detail and builder.has_detail
    return ReportTable(
        kind=query.kind,
        columns=builder.columns,
        rows=tuple(line.row for line in lines),
        detail_columns=DETAIL_COLUMNS if detailed else (),
        details=tuple(tuple(call_row(call) for call in line.calls) for line in lines) if detailed else (),
        grouping=builder.grouping,
        around=tuple(line.around for line in lines),
        folded=builder.folded,
        window=(query.start, query.end),
    )


def report_calls(log: CallLog, query: ReportQuery) -> list[tuple[Row, Sequence[Call]]]:
    """Return the rows of a report, each with the calls behind it.

    :param log: the calls.
    :param query: of a report that has details.
    """
    return [(line.row, line.calls) for line in _BUILDERS[query.kind.type].lines(Source(log, query))]


def empty_report(kind: ReportKind) -> ReportTable:
    """Give the report's columns without any row: the answer to a wrong id, format or API version."""
    builder = _BUILDERS[kind.type]
    return ReportTable(kind=kind, columns=builder.columns, rows=(), grouping=builder.grouping, folded=builder.folded)
