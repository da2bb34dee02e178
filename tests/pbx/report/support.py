"""Requests with few arguments, and their queries."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.pbx.report.catalogue import REPORT_TYPES
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.request import build_request

DISPLAY = DisplayFormat("YYYY/MM/DD", "hh:mm:ss")
BERLIN = ZoneInfo("Europe/Berlin")
QUEUES = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1]}}


def minimal(report_type: str, **changes: Any) -> dict[str, Any]:
    """The fewest arguments with which a report can be asked for."""
    required = dict.fromkeys(REPORT_TYPES[report_type].required, "1")
    return {"report_type": report_type, "period": "2026-11-20", "parameters": required} | changes


def query(**arguments: Any) -> dict[str, str]:
    return build_request(**arguments).query(DISPLAY, BERLIN)
