"""What the PBX lists about itself: its clock and firmware, its menus, directories and reports. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.simulator.api.display import Display
from airflow_provider_yeastar.simulator.calls.directory import Directory, Queue
from airflow_provider_yeastar.simulator.reports.catalogue import MY_REPORTS, SCHEDULED_REPORTS
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["LISTINGS", "information", "local_time", "menu_options", "paged"]

Entry = dict[str, Any]


def local_time(settings: SimulatorSettings, now: float) -> datetime:
    """Return what the PBX's clock shows, naive."""
    return datetime.fromtimestamp(now, ZoneInfo(settings.timezone)).replace(tzinfo=None)


def information(settings: SimulatorSettings, now: float, booted_at: float) -> Entry:
    """Answer ``system/information``.

    :param now: epoch seconds by the PBX's clock.
    :param booted_at: epoch seconds of its last start.
    """
    shown = local_time(settings, now)
    display = Display(settings.date_format, settings.twelve_hour)
    data: Entry = {
        "device_name": "Simulated PBX",
        "model_name": settings.model,
        "hardware_version": settings.hardware_version,
        "sn": settings.serial_number,
        "firmware_version": settings.firmware_version,
        "system_time": display.show(shown),
        "up_time": int(now - booted_at),
    }
    if settings.tells_display:
        data |= {
            "system_date_format": settings.date_format,
            "system_time_format": display.time_format(shown),
            "timestamp": int(datetime.fromtimestamp(now, UTC).timestamp()),
        }
    return {"data": data}


def menu_options(directory: Directory, query: Mapping[str, str]) -> Entry:
    """Answer ``system/get_menuoptions``: labels and internal ids of one kind."""
    kinds: dict[str, Sequence[Any]] = {
        "extension": directory.extensions,
        "ext_group": directory.ext_groups,
        "trunk": directory.trunks,
        "ivr": directory.ivrs,
        "ring_group": directory.ring_groups,
        "queue": directory.queues,
    }
    menu = query.get("menu", "")
    if menu == "queue_agent":
        if not query.get("id"):
            raise Refusal(40002, [{"field": "id", "valid_msg": "id is required"}])
        queues = [queue for queue in directory.queues if str(queue.id) == query.get("id")]
        return {"data": [_option(agent, "extension") for queue in queues for agent in queue.agents]}
    if menu not in kinds:
        raise Refusal(40002, [{"value": menu, "validation_type": "oneof"}])
    return {"data": [_option(entry, menu) for entry in kinds[menu]]}


def _option(entry: Any, kind: str) -> Entry:
    label = f"{entry.number}-{entry.name}" if entry.number else entry.name
    return {"text": label, "text2": entry.number, "value": str(entry.id), "type": kind, "item": ""}


def paged(entries: Iterable[Entry], query: Mapping[str, str], key: str = "data") -> Entry:
    """Return one page of a list: ``sort_by`` and ``order_by`` as the vendor has them."""
    listed = list(entries)
    sort_by = query.get("sort_by")
    if sort_by and listed and sort_by in listed[0]:
        listed.sort(key=itemgetter(sort_by), reverse=query.get("order_by") == "desc")
    size = int(query["page_size"]) if query.get("page_size", "").isdigit() else 20
    page = int(query["page"]) if query.get("page", "").isdigit() else 1
    return {"total_number": len(listed), key: listed[(page - 1) * size : page * size]}


def _queues(settings: SimulatorSettings, query: Mapping[str, str]) -> Entry:
    return paged((_queue(queue) for queue in settings.directory.queues), query, "queue_list")


def _queue(queue: Queue) -> Entry:
    agents = {
        static: [
            {"value": str(agent.id), "text": agent.name, "text2": agent.number, "type": "extension"}
            for agent in queue.agents
            if agent.static is static
        ]
        for static in (True, False)
    }
    return {
        "id": queue.id,
        "number": queue.number,
        "name": queue.name,
        "ring_strategy": queue.ring_strategy,
        "static_agent_list": agents[True] or None,
        "dynamic_agent_list": agents[False] or None,
    }


def _extensions(settings: SimulatorSettings, query: Mapping[str, str]) -> Entry:
    entries = ({"id": extension.id, "number": extension.number} for extension in settings.directory.extensions)
    if not settings.lists_names:
        return paged(entries, query)
    names = (
        {
            "first_name": extension.first_name,
            "last_name": extension.last_name,
            "caller_id_name": extension.name,
        }
        for extension in settings.directory.extensions
    )
    return paged((entry | name for entry, name in zip(entries, names, strict=True)), query)


def _named(entries: Iterable[Any], query: Mapping[str, str]) -> Entry:
    return paged(({"id": entry.id, "number": entry.number, "name": entry.name} for entry in entries), query)


def _my_reports(settings: SimulatorSettings, query: Mapping[str, str]) -> Entry:
    keys = ("id", "name", "dataset", "type", "creator")
    return paged(({key: getattr(report, key) for key in keys} for report in MY_REPORTS), query)


def _scheduled_reports(settings: SimulatorSettings, query: Mapping[str, str]) -> Entry:
    display = Display(settings.date_format, settings.twelve_hour)
    entries = (
        {
            "id": report.id,
            "name": report.name,
            "format": report.format,
            "date": display.show(datetime.combine(report.date, datetime.min.time())).partition(" ")[0],
        }
        for report in SCHEDULED_REPORTS
    )
    return paged(entries, query)


LISTINGS = {
    "queue/list": _queues,
    "extension/list": _extensions,
    "ivr/list": lambda settings, query: _named(settings.directory.ivrs, query),
    "ringgroup/list": lambda settings, query: _named(settings.directory.ring_groups, query),
    "queue_pause_reason/list": lambda settings, query: paged(
        ({"id": number, "reason": reason} for number, reason in enumerate(settings.directory.pause_reasons, 1)), query
    ),
    "myreport/list": _my_reports,
    "call_schedule_report/list": _scheduled_reports,
}
"""The lists the PBX gives, by endpoint: each takes the settings and the query."""
