"""The calls of the simulated PBX: made up from a seed and a date, the same each time, each day by itself.

A day is played in order: calls begin, keep their extensions busy, and an extension that is busy, paused or logged out
does not answer. Of the callers that got nobody, some are rung back later on the same day. What a single call goes
through stands in ``routing``.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from airflow_provider_yeastar.simulator.calls.call import Call, Quality
from airflow_provider_yeastar.simulator.calls.directory import Directory
from airflow_provider_yeastar.simulator.calls.routing import Exchange, inbound_call, internal_call, outbound_call
from airflow_provider_yeastar.simulator.calls.shifts import days_between, shifts_of_day

__all__ = ["calls_between", "calls_of_day"]

# Calls per hour of the day, relative to one another: quiet nights, a peak before noon and one after lunch.
_HOUR_WEIGHTS = (1, 1, 0, 0, 0, 1, 2, 6, 20, 42, 46, 40, 22, 24, 40, 44, 38, 18, 8, 5, 3, 2, 2, 1)
_WEEKDAY_CALLS = (110, 190)
_WEEKEND_CALLS = (25, 50)
_RETURNED_SHARE = 0.55


@dataclass(frozen=True, order=True, slots=True)
class _Due:
    """A call to be made: one out of nothing, or one that rings back the caller of an earlier call."""

    at: datetime
    sequence: int
    returns: int | None = None


def calls_between(seed: int, directory: Directory, start: datetime, end: datetime) -> list[Call]:
    """Give the calls that began in a window, in order of their beginning.

    :param seed: makes one PBX differ from another.
    :param start: first second, PBX-local.
    :param end: last second, PBX-local; before ``start`` there are no calls.
    """
    calls: list[Call] = []
    for day in days_between(start, end):
        calls.extend(call for call in calls_of_day(seed, directory, day) if start <= call.started <= end)
    return calls


@lru_cache(maxsize=8)
def calls_of_day(seed: int, directory: Directory, day: date, traffic: float = 1.0) -> tuple[Call, ...]:
    """Return the calls of one day, in order of their beginning; the days asked for last are remembered.

    :param seed: makes one PBX differ from another.
    :param traffic: how many times as many calls as usual.
    """
    if not directory.extensions:
        return ()
    rng = Random(f"calls {seed} {day.isoformat()}")
    exchange = Exchange(rng, directory, shifts_of_day(seed, directory, day))
    agenda = [_Due(at, number) for number, at in enumerate(_beginnings(rng, day, traffic))]
    heapq.heapify(agenda)
    calls: list[Call] = []
    while agenda:
        due = heapq.heappop(agenda)
        call = _play(exchange, calls, due)
        calls.append(call)
        again = _return_time(rng, call)
        if again is not None:
            heapq.heappush(agenda, _Due(again, due.sequence + 10_000_000, len(calls) - 1))
    return tuple(_finished(rng, call, number) for number, call in enumerate(calls, 1))


def _beginnings(rng: Random, day: date, traffic: float) -> list[datetime]:
    count = round(rng.randint(*(_WEEKEND_CALLS if day.weekday() >= 5 else _WEEKDAY_CALLS)) * traffic)
    hours = rng.choices(range(24), _HOUR_WEIGHTS, k=count)
    return sorted(datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60))) for hour in hours)


def _play(exchange: Exchange, calls: list[Call], due: _Due) -> Call:
    if due.returns is not None:
        return _returned(exchange, calls, due.at, due.returns)
    if not exchange.directory.trunks:
        return internal_call(exchange, due.at)
    make = exchange.rng.choices((inbound_call, outbound_call, internal_call), (62, 24, 14))[0]
    return make(exchange, due.at)


def _returned(exchange: Exchange, calls: list[Call], at: datetime, index: int) -> Call:
    """Ring a caller back and write the result into the callback he asked for, if he did."""
    missed = calls[index]
    call = outbound_call(exchange, at, missed.caller)
    if missed.queue is not None and missed.queue.callback is not None:
        tried = replace(missed.queue.callback, called_at=at, agent_id=call.extension_id, succeeded=call.is_answered)
        calls[index] = replace(missed, queue=replace(missed.queue, callback=tried))
    return call


def _return_time(rng: Random, call: Call) -> datetime | None:
    """Say when a lost caller is rung back: on the same day or not at all."""
    if call.communication != "Inbound" or call.is_answered or rng.random() >= _RETURNED_SHARE:
        return None
    at = call.started + timedelta(seconds=call.duration_seconds + rng.randint(120, 5400))
    return at if at.date() == call.started.date() else None


def _finished(rng: Random, call: Call, number: int) -> Call:
    quality = _quality(rng) if call.trunk_id is not None and call.is_answered else None
    return replace(call, id=f"{call.started:%Y%m%d%H%M%S}A{number:04d}", quality=quality)


def _quality(rng: Random) -> Quality:
    jitter = 2 + int(rng.expovariate(1 / 6))
    loss = round(rng.expovariate(1 / 0.4), 2)
    return Quality(jitter, rng.randint(12, 90), min(loss, 30.0), max(1.0, round(4.4 - loss * 0.2 - jitter * 0.01, 2)))
