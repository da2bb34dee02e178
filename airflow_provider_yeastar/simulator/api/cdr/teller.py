"""How a PBX tells of one call: its rows of v1.0, its row of v2.0, its detail, and the event at its end. No sockets.

That all legs of a call bear the time of its beginning is our reading [U]; so calls, legs and reports agree on the day.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.simulator.api.cdr.legs import STATUS, Leg, legs_of
from airflow_provider_yeastar.simulator.api.display import Display
from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Trunk
from airflow_provider_yeastar.simulator.settings import SimulatorSettings

__all__ = ["Teller", "is_recorded", "recording_file", "timestamp_of"]

Entry = dict[str, Any]


def timestamp_of(started: datetime, zone: ZoneInfo) -> int:
    """Return Unix seconds of a PBX-local time; of an hour that the clock shows twice the first is meant."""
    return int(started.replace(tzinfo=zone).timestamp())


class Teller:
    """Tells of calls in a PBX's own formats.

    :param settings: the PBX's.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.directory = settings.directory
        self.display = Display(settings.date_format, settings.twelve_hour)
        self.zone = ZoneInfo(settings.timezone)
        self._trunks = {trunk.id: trunk for trunk in settings.directory.trunks}

    def legs(self, call: Call) -> list[Entry]:
        """Return the rows of v1.0: one for each leg, ``new_id`` is the only key; what is empty has no key."""
        common = self._common(call)
        return [
            common
            | self._parties(call, leg.number)
            | {"new_id": f"{call.id}{number:02d}", "disposition": leg.status}
            | _filled({**_durations(leg), **self._lines(call), **self._record(call, leg)})
            for number, leg in enumerate(legs_of(call, self.directory), 1)
        ]

    def row(self, call: Call) -> Entry:
        """Return the row of v2.0: one for each call, key ``uid``."""
        legs = legs_of(call, self.directory)
        routing = call.duration_seconds - call.talk_seconds
        row: Entry = {"uid": call.id, "time": self.display.show(call.started)}
        row |= {"call_type": call.communication, "last_status": _last_status(call)}
        row |= self._parties(call, legs[0].number if call.communication == "Inbound" else call.callee)
        row |= self.directory.party("second_participant", legs[0].number)
        row |= self.directory.party("last_participant", legs[-1].number)
        row |= {"call_duration": call.duration_seconds, "routing_duration": routing}
        row |= {"handling_duration": call.talk_seconds, "segments": len(legs)}
        row["queues"] = next(iter(self._visited(legs, "Queue") or ()), None)
        row |= {"ivrs": self._visited(legs, "IVR"), "ring_groups": self._visited(legs, "Ring Group")}
        row |= {"call_flows": None, "dids": _numbers(call.did), "outbound_caller_ids": _numbers(call.dod)}
        return row | {"disconnected_by": "caller" if call.disposition == "abandoned" else "callee"}

    def detail(self, call: Call, recording_id: int | None) -> Entry:
        """Return what ``cdr/detail`` tells of a call.

        :param recording_id: of its recording, None without one.
        """
        legs = legs_of(call, self.directory)
        timeline = [self._timeline(call, number, leg, recording_id) for number, leg in enumerate(legs, 1)]
        notes = {"disposition_code_list": None, "remark": ""}
        return {"basic": self.row(call), "call_notes": notes, "timeline": timeline}

    def ended(self, call: Call) -> Entry:
        """Return the message of event 30012: its names are not those of a CDR row [L]."""
        legs = legs_of(call, self.directory)
        trunk = self._trunk(call)
        inbound = call.communication == "Inbound"
        return {
            "call_id": call_id(call, self.zone),
            "uid": call.id,
            "time_start": self.display.show(call.started),
            "call_from": call.caller,
            "call_to": legs[-1].number,
            "call_duration": call.duration_seconds,
            "talk_duration": call.talk_seconds,
            "src_trunk_name": trunk if inbound else "",
            "dst_trunk_name": "" if inbound else trunk,
            "pin_code": call.pin,
            "status": STATUS[call.disposition],
            "type": call.communication,
            "recording": "",
            "did_number": call.did,
            "agent_ring_time": legs[-1].ring_seconds if call.queue is not None and call.is_answered else 0,
        }

    def _common(self, call: Call) -> Entry:
        return {
            "time": self.display.show(call.started),
            "timestamp": timestamp_of(call.started, self.zone),
            "uid": call.id,
            "call_id": call_id(call, self.zone),
            "call_type": call.communication,
            "did": call.did,
            "pin_code": call.pin,
        }

    def _parties(self, call: Call, number: str) -> Entry:
        return self.directory.party("call_from", call.caller) | self.directory.party("call_to", number)

    def _lines(self, call: Call) -> Entry:
        trunk = self._trunk(call)
        inbound = call.communication == "Inbound"
        ends = {"src_trunk": trunk if inbound else "", "dst_trunk": "" if inbound else trunk}
        return {**ends, "did_number": call.did, "dod_number": call.dod}

    def _record(self, call: Call, leg: Leg) -> Entry:
        return {"record_file": recording_file(call) if leg.talk_seconds and is_recorded(call) else ""}

    def _trunk(self, call: Call) -> str:
        trunk: Trunk | None = self._trunks.get(call.trunk_id or 0)
        return trunk.name if trunk else ""

    def _visited(self, legs: Sequence[Leg], kind: str) -> list[Entry] | None:
        visited = [leg for leg in legs if leg.kind == kind]
        names = self.directory.names
        entries = [{"name": names.get(leg.number, ""), "number": leg.number, "status": leg.status} for leg in visited]
        return entries or None

    def _timeline(self, call: Call, number: int, leg: Leg, recording_id: int | None) -> Entry:
        began = call.started + timedelta(seconds=leg.after_seconds)
        return {
            "leg": number,
            "transaction_id": f"{call.id}T{number:02d}",
            "cdr_id": f"{call.id}{number:02d}",
            "time": self.display.show(began),
            "status": leg.status,
            "call_type": call.communication,
            "call_from": self.directory.party("call_from", call.caller)["call_from"],
            "call_to": self.directory.party("call_to", leg.number)["call_to"],
            "call_duration": leg.ring_seconds + leg.talk_seconds,
            "ring_duration": leg.ring_seconds,
            "talk_duration": leg.talk_seconds,
            "hold_duration": leg.hold_seconds,
            "recording_id": recording_id if leg.hold_seconds or leg.talk_seconds else None,
            "event_list": self._events(call, number, leg, began),
        }

    def _events(self, call: Call, number: int, leg: Leg, began: datetime) -> list[Entry]:
        after = {"Ring": 0, "Answer": leg.ring_seconds, "Hang Up": leg.ring_seconds + leg.talk_seconds}
        if leg.status != "ANSWERED":
            del after["Answer"]
        return [
            {
                "event_id": f"{call.id}{number:02d}{index}",
                "event_name": name,
                "event_type": leg.kind,
                "event_time": seconds,
                "event_ts": self.display.show(began + timedelta(seconds=seconds)),
            }
            for index, (name, seconds) in enumerate(after.items(), 1)
        ]


def is_recorded(call: Call) -> bool:
    """Tell whether a call was recorded: two of five answered calls with the outside."""
    return call.is_answered and call.communication != "Internal" and zlib.crc32(call.id.encode()) % 5 < 2


def recording_file(call: Call) -> str:
    """Return the name of a call's recording."""
    return f"{call.id}-{call.caller}-{call.callee}-{call.communication}.wav"


def call_id(call: Call, zone: ZoneInfo) -> str:
    """Return the ``call_id`` that all legs of a call share."""
    return f"{timestamp_of(call.started, zone)}.{_sequence(call) % 10_000}"


def _sequence(call: Call) -> int:
    """Return the number that a call bears on its day, behind the letter of its id."""
    return int(call.id[15:] or 0) if call.id[15:].isdecimal() else 0


def _last_status(call: Call) -> str:
    return "ABANDONED" if call.disposition == "abandoned" else STATUS[call.disposition]


def _durations(leg: Leg) -> Entry:
    total = leg.ring_seconds + leg.talk_seconds
    return {"duration": total, "talk_duration": leg.talk_seconds, "ring_duration": leg.ring_seconds}


def _filled(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if value}


def _numbers(number: str) -> list[Entry] | None:
    return [{"name": "", "number": number}] if number else None
