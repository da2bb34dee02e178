"""The way of one call through the simulated PBX: menu, queue, ring group, extension, or out over a trunk.

Each function takes the exchange as it stands at that moment, draws from its random numbers, and marks the extensions
that talk as busy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from random import Random

from airflow_provider_yeastar.simulator.calls.call import Call, Callback, Disposition, IvrVisit, Offer, QueueVisit
from airflow_provider_yeastar.simulator.calls.directory import Directory, Extension, Ivr, Queue, RingGroup
from airflow_provider_yeastar.simulator.calls.shifts import Shift

__all__ = ["Exchange", "inbound_call", "internal_call", "outbound_call"]

_QUEUE_PATIENCE_MEAN = 210
_QUEUE_TIMEOUT = 240
_ROUTES = (("ivr", 34), ("queue", 40), ("ring_group", 12), ("extension", 12), ("ai", 2))


@dataclass
class Exchange:
    """The PBX during one day: who is there, and who is on the telephone until when."""

    rng: Random
    directory: Directory
    shifts: Sequence[Shift]
    busy_until: dict[int, datetime] = field(default_factory=dict)

    @cached_property
    def shifts_of_agents(self) -> dict[int, list[Shift]]:
        """The shifts by agent."""
        shifts: dict[int, list[Shift]] = defaultdict(list)
        for shift in self.shifts:
            shifts[shift.agent_id].append(shift)
        return shifts

    def is_free(self, extension_id: int, at: datetime) -> bool:
        """Tell whether an extension is on no call."""
        return self.busy_until.get(extension_id, datetime.min) <= at

    def takes_queue_calls(self, agent_id: int, at: datetime) -> bool:
        """Tell whether an agent is logged in, not paused and on no call."""
        shifts = self.shifts_of_agents.get(agent_id, ())
        return self.is_free(agent_id, at) and any(shift.takes_calls_at(at) for shift in shifts)

    def occupy(self, extension_id: int, until: datetime) -> None:
        """Keep an extension on the telephone."""
        self.busy_until[extension_id] = max(until, self.busy_until.get(extension_id, datetime.min))


def inbound_call(exchange: Exchange, at: datetime) -> Call:
    """Play a call from outside, to wherever its number leads.

    :param at: its beginning, PBX-local.
    """
    trunk = exchange.rng.choice(exchange.directory.trunks)
    call = Call(
        started=at,
        communication="Inbound",
        caller=_outside_number(exchange.rng),
        callee=trunk.number,
        trunk_id=trunk.id,
        did=exchange.rng.choice(trunk.did_numbers),
    )
    return _transcribed(exchange.rng, _route(exchange, call))


def outbound_call(exchange: Exchange, at: datetime, number: str | None = None) -> Call:
    """Play a call to the outside.

    :param at: its beginning, PBX-local.
    :param number: whom to call; None for anybody.
    """
    rng = exchange.rng
    extension = _free_extension(exchange, at)
    trunk = rng.choice(exchange.directory.trunks)
    call = Call(
        started=at,
        communication="Outbound",
        caller=extension.number,
        callee=number or _outside_number(rng),
        extension_id=extension.id,
        trunk_id=trunk.id,
        dod=rng.choice(trunk.dod_numbers),
        pin=extension.pin,
        disposition=_drawn(rng, (("answered", 72), ("no_answer", 14), ("busy", 8), ("failed", 6))),
        ring_seconds=rng.randint(3, 28),
    )
    if call.is_answered:
        call = _talk(rng, call)
    exchange.occupy(extension.id, _end(call))
    return _transcribed(rng, call)


def internal_call(exchange: Exchange, at: datetime) -> Call:
    """Play a call from one extension to another.

    :param at: its beginning, PBX-local.
    """
    caller = _free_extension(exchange, at)
    others = [extension for extension in exchange.directory.extensions if extension.id != caller.id]
    callee = exchange.rng.choice(others or [caller])
    call = Call(
        started=at, communication="Internal", caller=caller.number, callee=callee.number, extension_id=caller.id
    )
    call = _ring_extension(exchange, call, callee)
    exchange.occupy(caller.id, _end(call))
    return call


def _route(exchange: Exchange, call: Call) -> Call:
    directory = exchange.directory
    there = {
        "ivr": directory.ivrs,
        "queue": directory.queues,
        "ring_group": directory.ring_groups,
        "extension": directory.extensions,
        "ai": directory.ai_receptionists,
    }
    routes = [(name, weight) for name, weight in _ROUTES if there[name]]
    match exchange.rng.choices([name for name, _ in routes], [weight for _, weight in routes])[0]:
        case "ivr":
            return _enter_menu(exchange, call, exchange.rng.choice(directory.ivrs))
        case "queue":
            return _enter_queue(exchange, call, exchange.rng.choice(directory.queues))
        case "ring_group":
            return _ring_group(exchange, call, exchange.rng.choice(directory.ring_groups))
        case "ai":
            return _meet_receptionist(exchange, call)
    return _ring_extension(exchange, call, exchange.rng.choice(directory.extensions))


def _enter_menu(exchange: Exchange, call: Call, ivr: Ivr) -> Call:
    rng = exchange.rng
    listened = rng.randint(4, 35)
    chosen = rng.choice(ivr.keys) if ivr.keys and rng.random() < 0.88 else None
    visit = IvrVisit(ivr.id, chosen.key if chosen else "", rng.choices((0, 1, 2), (90, 8, 2))[0])
    call = replace(call, callee=ivr.number, ivr=visit, ring_seconds=listened)
    if chosen is None:
        return replace(call, disposition="abandoned")
    directory = exchange.directory
    match chosen.target:
        case "queue":
            target = [queue for queue in directory.queues if queue.id == chosen.target_id]
            return _enter_queue(exchange, call, target[0]) if target else call
        case "ring_group":
            group = [item for item in directory.ring_groups if item.id == chosen.target_id]
            return _ring_group(exchange, call, group[0]) if group else call
    extension = [item for item in directory.extensions if item.id == chosen.target_id]
    return _ring_extension(exchange, call, extension[0]) if extension else call


def _enter_queue(exchange: Exchange, call: Call, queue: Queue) -> Call:
    limit = min(_QUEUE_TIMEOUT, 5 + int(exchange.rng.expovariate(1 / _QUEUE_PATIENCE_MEAN)))
    offers, waited = _offer_to_agents(exchange, queue, _end(call), limit)
    call = replace(call, callee=queue.number, offers=offers)
    if offers and offers[-1].result == "answered":
        return _answered_in_queue(exchange, call, queue, waited)
    return _lost_in_queue(exchange.rng, call, queue, limit)


def _offer_to_agents(exchange: Exchange, queue: Queue, entered: datetime, limit: int) -> tuple[tuple[Offer, ...], int]:
    """Ring one free agent after another, each once, until one answers or the limit is reached.

    :return: the offers, and the seconds waited.
    """
    rng = exchange.rng
    waited = rng.randint(2, 8)
    offers: list[Offer] = []
    agent_ids = rng.sample([agent.id for agent in queue.agents], len(queue.agents))
    while waited < limit and not (offers and offers[-1].result == "answered"):
        at = entered + timedelta(seconds=waited)
        ready = [agent_id for agent_id in agent_ids if exchange.takes_queue_calls(agent_id, at)]
        if not ready:
            waited += rng.randint(10, 30)
            continue
        agent_ids.remove(ready[0])
        ring = min(rng.randint(4, 20), limit - waited)
        waited += ring
        offers.append(Offer(ready[0], at, ring, "answered" if waited < limit and rng.random() < 0.8 else "no_answer"))
        exchange.occupy(ready[0], at + timedelta(seconds=ring))
    return tuple(offers), waited


def _answered_in_queue(exchange: Exchange, call: Call, queue: Queue, waited: int) -> Call:
    rng = exchange.rng
    agent_id = call.offers[-1].extension_id
    satisfaction = rng.choices((1, 2, 3, 4, 5), (4, 6, 14, 36, 40))[0] if rng.random() < 0.35 else None
    call = _talk(rng, replace(call, disposition="answered", ring_seconds=call.ring_seconds + waited))
    exchange.occupy(agent_id, _end(call))
    return replace(call, queue=QueueVisit(queue.id, waited, "answered", agent_id, satisfaction))


def _lost_in_queue(rng: Random, call: Call, queue: Queue, waited: int) -> Call:
    ring = call.ring_seconds + waited
    if waited >= _QUEUE_TIMEOUT:
        lost: Disposition = "voicemail" if rng.random() < 0.5 else "no_answer"
        return replace(call, disposition=lost, ring_seconds=ring, queue=QueueVisit(queue.id, waited, "missed"))
    left = call.started + timedelta(seconds=ring)
    callback = Callback(left) if rng.random() < 0.4 else None
    visit = QueueVisit(queue.id, waited, "abandoned", callback=callback)
    return replace(call, disposition="abandoned", ring_seconds=ring, queue=visit)


def _ring_group(exchange: Exchange, call: Call, group: RingGroup) -> Call:
    rng = exchange.rng
    call = replace(call, callee=group.number, ring_group_id=group.id)
    offers: list[Offer] = []
    for extension_id in group.extension_ids:
        at = _end(call)
        if not exchange.is_free(extension_id, at):
            offers.append(Offer(extension_id, at, 0, "busy"))
            continue
        ring = rng.randint(4, 15)
        answered = rng.random() < 0.55
        offers.append(Offer(extension_id, at, ring, "answered" if answered else "no_answer"))
        call = replace(call, ring_seconds=call.ring_seconds + ring)
        if answered:
            call = _talk(rng, replace(call, disposition="answered", offers=tuple(offers)))
            exchange.occupy(extension_id, _end(call))
            return call
    return replace(call, disposition="voicemail" if rng.random() < 0.4 else "no_answer", offers=tuple(offers))


def _ring_extension(exchange: Exchange, call: Call, extension: Extension) -> Call:
    rng = exchange.rng
    at = _end(call)
    if not exchange.is_free(extension.id, at):
        result: Disposition = _drawn(rng, (("busy", 70), ("voicemail", 30)))
        ring = 0
    else:
        result = _drawn(rng, (("answered", 76), ("no_answer", 11), ("voicemail", 8), ("abandoned", 5)))
        ring = rng.randint(3, 25)
    call = replace(
        call,
        callee=extension.number,
        disposition=result,
        ring_seconds=call.ring_seconds + ring,
        offers=(Offer(extension.id, at, ring, result),),
    )
    if call.is_answered:
        call = _talk(rng, call)
        exchange.occupy(extension.id, _end(call))
    return call


def _meet_receptionist(exchange: Exchange, call: Call) -> Call:
    receptionist = exchange.rng.choice(exchange.directory.ai_receptionists)
    call = replace(call, callee=receptionist.number, ai_receptionist_id=receptionist.id, disposition="answered")
    return replace(call, ring_seconds=call.ring_seconds + 1, talk_seconds=exchange.rng.randint(15, 150))


def _talk(rng: Random, call: Call) -> Call:
    talk = 5 + int(min(rng.lognormvariate(4.9, 0.8), 3600))
    hold = rng.randint(1, max(1, talk // 3)) if rng.random() < 0.25 else 0
    return replace(call, talk_seconds=talk, hold_seconds=hold)


def _transcribed(rng: Random, call: Call) -> Call:
    return replace(call, transcribed=call.is_answered and rng.random() < 0.15)


def _free_extension(exchange: Exchange, at: datetime) -> Extension:
    extensions = exchange.directory.extensions
    return exchange.rng.choice([item for item in extensions if exchange.is_free(item.id, at)] or extensions)


def _drawn(rng: Random, weighted: Sequence[tuple[Disposition, int]]) -> Disposition:
    return rng.choices([result for result, _ in weighted], [weight for _, weight in weighted])[0]


def _outside_number(rng: Random) -> str:
    return f"0{rng.randint(2_000_000_000, 7_999_999_999)}"


def _end(call: Call) -> datetime:
    return call.started + timedelta(seconds=call.duration_seconds)
