"""Call accounting: what the outbound calls of each extension cost."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_UP, Decimal

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Extension
from airflow_provider_yeastar.simulator.reports.source import Builder, Line, Source, words
from airflow_provider_yeastar.simulator.reports.table import Column

__all__ = ["BUILDERS"]

# One rate for all numbers, per minute begun; a PBX has a table of them.
_RATE = Decimal("0.06")


def _charge(call: Call) -> Decimal:
    return _RATE * (Decimal(call.talk_seconds) / 60).to_integral_value(ROUND_UP)


def _billed(source: Source) -> list[tuple[Extension, Call]]:
    trunk_ids = {trunk.id for trunk in source.trunks()}
    extensions = {extension.id: extension for extension in source.extensions()}
    return [
        (extensions[call.extension_id], call)
        for call in source.calls()
        if call.communication == "Outbound"
        and call.is_answered
        and call.trunk_id in trunk_ids
        and call.extension_id in extensions
    ]


def _summary(source: Source) -> list[Line]:
    calls: dict[Extension, list[Call]] = defaultdict(list)
    for extension, call in _billed(source):
        calls[extension].append(call)
    return [
        Line(
            {
                "ext_num": extension.number,
                "ext_name": extension.name,
                "total_calls": len(calls[extension]),
                "total_talking_time": sum(call.talk_seconds for call in calls[extension]),
                "total_charge": str(sum((_charge(call) for call in calls[extension]), Decimal("0.00"))),
            }
        )
        for extension in source.extensions()
        if source.trunks()
    ]


def _details(source: Source) -> list[Line]:
    pins, callers = words(source.filters, "pin_list"), words(source.filters, "call_from")
    trunks = {trunk.id: trunk for trunk in source.directory.trunks}
    return [
        Line(
            {
                "time": call.started,
                "ext_num": extension.number,
                "ext_name": extension.name,
                "callee": call.callee,
                "trunk": trunks[call.trunk_id].name if call.trunk_id in trunks else "",
                "pin": call.pin,
                "talking_time": call.talk_seconds,
                "rate": str(_RATE),
                "charge": str(_charge(call)),
            }
        )
        for extension, call in _billed(source)
        if (pins is None or call.pin in pins) and (callers is None or call.caller in callers)
    ]


_NAME = Column("ext_name", "Extension", number_key="ext_num")

BUILDERS = {
    "extcallbilling": Builder(
        (
            _NAME,
            Column("total_calls", "Total Calls", "integer"),
            Column("total_talking_time", "Total Talking Time", "seconds"),
            Column("total_charge", "Total Charge"),
        ),
        _summary,
    ),
    "extcallbillingdetails": Builder(
        (
            Column("time", "Time", "datetime"),
            _NAME,
            Column("callee", "Call To"),
            Column("trunk", "Trunk"),
            Column("pin", "PIN Code"),
            Column("talking_time", "Talking Time", "seconds"),
            Column("rate", "Rate"),
            Column("charge", "Charge"),
        ),
        _details,
    ),
}
"""The builders of this module by report type."""
