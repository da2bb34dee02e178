"""What ``call_report/list`` and ``call_report/detail`` answer: a report's rows as JSON, and the calls behind them.

Of ``detail`` the answer for the IVR report is known from a public client; the keys of the others follow its style [U].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from airflow_provider_yeastar.simulator.api.display import Display
from airflow_provider_yeastar.simulator.api.listings import paged
from airflow_provider_yeastar.simulator.api.orders import ReportOrder, order_report
from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Directory
from airflow_provider_yeastar.simulator.calls.log import CallLog
from airflow_provider_yeastar.simulator.reports import call_row, list_entries, report_calls
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["report_detail", "report_list"]

Entry = dict[str, Any]


def report_list(order: ReportOrder, query: Mapping[str, str], settings: SimulatorSettings, log: CallLog) -> Entry:
    """Answer ``call_report/list``.

    :param order: the report.
    :param query: of the URL; its pages count where the settings say so.
    :param log: the calls.
    """
    entries, total = list_entries(order.build(log), idle_members=settings.lists_idle_agents)
    key = order.kind.list_key
    if not settings.rows_per_page:
        return {"total_number": total, key: entries}
    return paged(entries, {"page_size": str(settings.rows_per_page), **query}, key) | {"total_number": total}


def report_detail(
    query: Mapping[str, str], version: str, settings: SimulatorSettings, today: datetime, log: CallLog
) -> Entry:
    """Answer ``call_report/detail``: the calls behind the rows, or behind one chosen by its number.

    :raises Refusal: for another report, and when one of the four times is missing.
    """
    detail = _DETAILS.get(query.get("type", ""))
    if detail is None:
        raise Refusal(40002, [{"value": query.get("type", ""), "validation_type": "oneof"}])
    missing = [name for name in detail.required if not query.get(name)]
    if missing:
        raise Refusal(40002, [{"field": name, "valid_msg": f"{name} is required"} for name in missing])
    # Its rows are chosen by number, so that no list of ids is needed.
    order = order_report({**dict.fromkeys(_IDS, _ANY), **query}, version, settings, today, log)
    calls = _calls(order, query, settings, log)
    return paged((detail.row(call, log.directory) for call in calls), {"page_size": "10000", **query}, detail.list_key)


def _calls(order: ReportOrder, query: Mapping[str, str], settings: SimulatorSettings, log: CallLog) -> list[Call]:
    if order.query is None:
        return []
    filters = {name: value for name, value in order.query.filters.items() if value != _ANY}
    report = replace(order.query, filters=filters)
    display = Display(settings.date_format, settings.twelve_hour)
    begin = display.read_time(query.get("detail_time_begin", "")) or report.start
    end = display.read_time(query.get("detail_time_end", "")) or report.end
    if span := display.read_span(query.get("detail_time", "")):
        begin, end = span.start, span.end
    rows = [(row, calls) for row, calls in report_calls(log, report) if _is_chosen(row, query)]
    found = {call.id: call for _, calls in rows for call in calls if begin <= call.started <= end}
    return sorted(found.values(), key=lambda call: (call.started, call.id))


def _is_chosen(row: Mapping[str, object], query: Mapping[str, str]) -> bool:
    return all(query.get(sent, row.get(key)) == row.get(key) for sent, key in _NUMBERS.items())


def _plain(call: Call, directory: Directory) -> Entry:
    return dict(call_row(call)) | {"start_time": f"{call.started:%Y/%m/%d %H:%M:%S}"}


def _menu(call: Call, directory: Directory) -> Entry:
    pressed = call.ivr.key if call.ivr else ""
    ivr = next((ivr for ivr in directory.ivrs if call.ivr and ivr.id == call.ivr.ivr_id), None)
    target = next((key.target for key in ivr.keys if key.key == pressed), None) if ivr else None
    label = directory.party("call_to", call.callee)["call_to"]
    return {
        "id": call.id,
        "time": f"{call.started:%Y/%m/%d %H:%M:%S}",
        "call_from": directory.party("call_from", call.caller)["call_from"],
        "press": pressed or "timeout",
        "call_to": label if target else "",
        "destination": label if target else "",
        "destination_type": target.replace("_", " ").title() if target else "Hang Up",
        "opr_duration": call.ring_seconds - (call.queue.wait_seconds if call.queue else 0),
    }


class _Detail(NamedTuple):
    list_key: str
    row: Callable[[Call, Directory], Entry]
    required: tuple[str, ...] = ("start_time", "end_time", "detail_time_begin", "detail_time_end")


_ANY = "*"
_IDS = ("ivr_id_list", "queue_id", "queue_id_list")
_NUMBERS = {"ivr_num": "ivr_num", "queue_num": "queue_num", "agent_num": "agent_number"}

_DETAILS: Mapping[str, _Detail] = MappingProxyType(
    {
        "ivr": _Detail("ivr_report_detail", _menu),
        "queueperformance": _Detail("queue_performance_detail", _plain),
        "queueperformanceactivity": _Detail("queue_performance_activity_detail", _plain, ("time", "detail_time")),
        "queueagentperformance": _Detail("queue_agent_performance_detail", _plain),
    }
)
