"""Calls that are made in a test, beside those of the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from airflow_provider_yeastar.simulator.calls.call import Call, Offer, QueueVisit
from airflow_provider_yeastar.simulator.calls.directory import Directory

__all__ = ["FIRST_NUMBER", "answered_call"]

FIRST_NUMBER = 900_000
"""Calls that are made have numbers from here on; those of a day's history have smaller ones."""


def answered_call(directory: Directory, started: datetime, number: int, **changes: Any) -> Call:
    """Return a call from outside that an agent of the first queue answered.

    :param started: its beginning, PBX-local.
    :param number: of the call, no two of one second have the same.
    :param changes: fields of ``Call`` that differ.
    """
    started = started.replace(microsecond=0)
    queue, trunk = directory.queues[0], directory.trunks[0]
    agent = queue.agents[0]
    call = Call(
        started=started,
        communication="Inbound",
        caller="02079460000",
        callee=queue.number,
        disposition="answered",
        id=f"{started:%Y%m%d%H%M%S}A{FIRST_NUMBER + number}",
        trunk_id=trunk.id,
        did=trunk.did_numbers[0],
        ring_seconds=12,
        talk_seconds=90,
        offers=(Offer(agent.id, started, 8, "answered"),),
        queue=QueueVisit(queue.id, 12, "answered", agent.id),
    )
    return replace(call, **changes)
