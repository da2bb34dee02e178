"""Figures that several reports share: shares and averages as a PBX writes them, and those of a queue's calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from airflow_provider_yeastar.simulator.calls.call import Call, QueueVisit

__all__ = ["Visits", "average", "percent", "queue_figures"]

Visits = Sequence[tuple[Call, QueueVisit]]

# Answered within this many seconds counts for the service level; a PBX lets its administrator set it per queue.
_SLA_SECONDS = 60


def percent(part: int, whole: int) -> float:
    """Return a share in percent points as a number with two digits: 77.14; a whole one is an int, 0 of 0 is 0."""
    share = round(100 * part / whole, 2) if whole else 0
    return int(share) if share == int(share) else share


def average(figures: Sequence[int]) -> int:
    """Return the mean, truncated to a whole number; that of nothing is 0."""
    return sum(figures) // len(figures) if figures else 0


def queue_figures(visits: Visits) -> dict[str, object]:
    """Return what a PBX counts about the calls of one queue.

    ``average_waiting_time`` is that of answered calls, ``all_call_average_waiting_time`` that of all; an abandoned call
    is one whose caller hung up, a missed one was given up by the queue.
    """
    total = len(visits)
    results = Counter(visit.result for _, visit in visits)
    answered = [(call, visit) for call, visit in visits if visit.result == "answered"]
    waits = [visit.wait_seconds for _, visit in visits]
    answered_waits = [visit.wait_seconds for _, visit in answered]
    return {
        "total_calls": total,
        "answered_calls": results["answered"],
        "missed_calls": results["missed"],
        "abandoned_calls": results["abandoned"],
        "average_waiting_time": average(answered_waits),
        "all_call_average_waiting_time": average(waits),
        "answered_waiting_time": sum(answered_waits),
        "total_waiting_time": sum(waits),
        "max_waiting_time": max(waits, default=0),
        "average_talking_time": average([call.talk_seconds for call, _ in answered]),
        "answered_hold_time": sum(call.hold_seconds for call, _ in answered),
        "answered_rate": percent(results["answered"], total),
        "missed_rate": percent(results["missed"], total),
        "abandoned_rate": percent(results["abandoned"], total),
        "sla": percent(sum(wait <= _SLA_SECONDS for wait in answered_waits), total),
    }
