"""When queue agents were logged in and why they paused, from a seed and a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from airflow_provider_yeastar.simulator.calls.directory import Directory

__all__ = ["Pause", "Shift", "days_between", "shifts_between", "shifts_of_day"]

_WEEKEND_ATTENDANCE = 0.4
_ATTENDANCE = 0.92


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which an agent took no queue calls."""

    agent_id: int
    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A time in which an agent was logged in, with its pauses in order."""

    agent_id: int
    start: datetime
    end: datetime
    pauses: tuple[Pause, ...]

    def takes_calls_at(self, at: datetime) -> bool:
        """Tell whether the agent is logged in and not paused.

        :param at: PBX-local.
        """
        return self.start <= at < self.end and not any(pause.start <= at < pause.end for pause in self.pauses)


def days_between(start: datetime, end: datetime) -> list[date]:
    """Give every day that the window touches, in order.

    :param start: first second, PBX-local.
    :param end: last second, PBX-local; a window that ends before it begins touches no day.
    """
    return [start.date() + timedelta(days=number) for number in range((end.date() - start.date()).days + 1)]


def shifts_between(seed: int, directory: Directory, start: datetime, end: datetime) -> list[Shift]:
    """Give the shifts of all agents on the days that the window touches, by day and agent.

    :param start: first second, PBX-local.
    :param end: last second, PBX-local.
    """
    return [shift for day in days_between(start, end) for shift in shifts_of_day(seed, directory, day)]


def shifts_of_day(seed: int, directory: Directory, day: date) -> tuple[Shift, ...]:
    """Give the shifts of one day, morning before afternoon for each agent; the same for the same arguments.

    An agent of several queues has one shift for all of them. Whether a PBX keeps them apart is unknown [U].
    """
    rng = Random(f"shifts {seed} {day.isoformat()}")
    attendance = _WEEKEND_ATTENDANCE if day.weekday() >= 5 else _ATTENDANCE
    agent_ids = sorted({agent.id for queue in directory.queues for agent in queue.agents})
    shifts: list[Shift] = []
    for agent_id in agent_ids:
        if rng.random() < attendance:
            shifts.append(_shift(rng, directory, agent_id, _at(day, 8, rng.randint(10, 59)), rng.randint(215, 260)))
            shifts.append(_shift(rng, directory, agent_id, _at(day, 13, rng.randint(20, 50)), rng.randint(215, 260)))
    return tuple(shifts)


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute))


def _shift(rng: Random, directory: Directory, agent_id: int, start: datetime, minutes: int) -> Shift:
    end = start + timedelta(minutes=minutes, seconds=rng.randint(0, 59))
    pauses: list[Pause] = []
    if directory.pause_reasons:
        free_from = start
        for _ in range(rng.randint(0, 3)):
            began = free_from + timedelta(minutes=rng.randint(15, 60), seconds=rng.randint(0, 59))
            free_from = began + timedelta(seconds=rng.randint(90, 1500))
            if free_from < end:
                pauses.append(Pause(agent_id, began, free_from, rng.choice(directory.pause_reasons)))
    return Shift(agent_id, start, end, tuple(pauses))
