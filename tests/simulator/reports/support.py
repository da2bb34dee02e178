"""Builds the reports of a Monday in November 2026."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.reports import Bucket, ReportQuery, ReportTable, build_report
from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS

DAY = datetime(2026, 11, 23)
DAY_END = datetime(2026, 11, 23, 23, 59, 59)


def build(
    type_: str,
    filters: Mapping[str, str] | None = None,
    start: datetime = DAY,
    end: datetime = DAY_END,
    bucket: Bucket | None = None,
    need_detail: bool = False,
) -> ReportTable:
    return build_report(1, DIRECTORY, ReportQuery(REPORTS[type_], start, end, bucket, filters or {}, need_detail))


def values(table: ReportTable, key: str) -> set[object]:
    return {row[key] for row in table.rows}
