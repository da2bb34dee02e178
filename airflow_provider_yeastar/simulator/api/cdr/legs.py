"""The legs of a call: menu, queue or ring group, and whoever answered. Pure.

A leg from a queue to an agent is written only if the agent answered [L].
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_yeastar.simulator.calls.call import Call, Disposition
from airflow_provider_yeastar.simulator.calls.directory import Directory

__all__ = ["STATUS", "Leg", "legs_of"]

STATUS: dict[Disposition, str] = {
    "answered": "ANSWERED",
    "no_answer": "NO ANSWER",
    "busy": "BUSY",
    "failed": "FAILED",
    "voicemail": "VOICEMAIL",
    "abandoned": "NO ANSWER",
}
"""Of v1.0, which knows no ABANDONED."""


@dataclass(frozen=True)
class Leg:
    """A part of a call, to one destination.

    :param number: of the destination.
    :param after_seconds: from the call's beginning.
    :param kind: what the destination is.
    """

    number: str
    status: str
    after_seconds: int = 0
    ring_seconds: int = 0
    talk_seconds: int = 0
    hold_seconds: int = 0
    kind: str = "Extension"


def legs_of(call: Call, directory: Directory) -> list[Leg]:
    """Return the legs of a call, in order; one at least."""
    legs: list[Leg] = []
    listened = _listened(call)
    if call.ivr is not None:
        menu = next((ivr.number for ivr in directory.ivrs if ivr.id == call.ivr.ivr_id), call.callee)
        legs.append(Leg(menu, "ANSWERED", 0, 0, listened, kind="IVR"))
        if call.callee == menu:
            return legs
    answered = call.offers[-1] if call.is_answered and call.offers else None
    if call.queue is not None or call.ring_group_id is not None:
        kind = "Queue" if call.queue is not None else "Ring Group"
        waited = call.ring_seconds - listened
        legs.append(Leg(call.callee, STATUS[call.disposition], listened, waited, call.talk_seconds, kind=kind))
        if answered is None:
            return legs
    number = call.callee
    if answered is not None:
        numbers = {extension.id: extension.number for extension in directory.extensions}
        number = numbers.get(answered.extension_id, call.callee)
    ring = answered.ring_seconds if answered else call.ring_seconds - listened
    leg = Leg(number, STATUS[call.disposition], listened, ring, call.talk_seconds, call.hold_seconds, _kind(call))
    return [*legs, leg]


def _kind(call: Call) -> str:
    if call.ai_receptionist_id is not None:
        return "AI Receptionist"
    return "External Number" if call.communication == "Outbound" else "Extension"


def _listened(call: Call) -> int:
    """Return the seconds in the menu, before whatever it led to began to ring."""
    if call.ivr is None:
        return 0
    if call.queue is not None:
        return call.ring_seconds - call.queue.wait_seconds
    rung = sum(offer.ring_seconds for offer in call.offers)
    return call.ring_seconds - rung
