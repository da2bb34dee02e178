"""The calls that a PBX still has: its endless history, cut at both ends, and what was added to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Directory
from airflow_provider_yeastar.simulator.calls.history import calls_of_day
from airflow_provider_yeastar.simulator.calls.shifts import Shift, days_between, shifts_between

__all__ = ["CallLog", "keeping"]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_EVERYTHING = timedelta(days=30)
"""How far back an endless history goes when no window is asked for."""
_LONGEST = timedelta(days=7_305)
"""How far back calls are counted at most; a directory without extensions has none to count."""


@lru_cache(maxsize=10_000)
def _count_of_day(seed: int, directory: Directory, day: date, traffic: float) -> int:
    return len(calls_of_day(seed, directory, day, traffic))


@dataclass(frozen=True)
class CallLog:
    """What a PBX can tell of its calls.

    :param seed: makes one PBX differ from another.
    :param traffic: how many times as many calls as usual.
    :param first: no call began before, PBX-local.
    :param last: no call began after, PBX-local.
    :param added: further calls.
    """

    seed: int
    directory: Directory
    traffic: float = 1.0
    first: datetime = datetime.min
    last: datetime = datetime.max
    added: tuple[Call, ...] = field(default=(), repr=False)

    def between(self, start: datetime, end: datetime) -> list[Call]:
        """Return the calls that began in a window, in order of their beginning.

        :param start: first second, PBX-local.
        :param end: last second, PBX-local.
        """
        return [call for calls in self.by_day(start, end) for call in calls]

    def by_day(self, start: datetime, end: datetime) -> Iterator[list[Call]]:
        """Yield the calls that began in a window, day by day.

        :param start: first second, PBX-local.
        :param end: last second, PBX-local.
        """
        start, end = max(start, self.first), min(end, self.last)
        for day in days_between(start, end):
            calls = [call for call in self._calls_of_day(day) if start <= call.started <= end]
            more = [call for call in self.added if call.started.date() == day and start <= call.started <= end]
            yield sorted([*calls, *more], key=lambda call: call.started) if more else calls

    def count_of_day(self, start: datetime) -> int:
        """Return how many calls began on a whole day.

        :param start: its midnight, PBX-local.
        """
        added = sum(call.started.date() == start.date() for call in self.added)
        return _count_of_day(self.seed, self.directory, start.date(), self.traffic) + added

    def shifts(self, start: datetime, end: datetime) -> list[Shift]:
        """Return the shifts of all agents on the days that a window touches."""
        start, end = max(start, self.first), min(end, self.last)
        return shifts_between(self.seed, self.directory, start, end)

    def everything(self, today: datetime) -> tuple[datetime, datetime]:
        """Return the window of a question without one: all that there is; of an endless history the last 30 days.

        :param today: midnight, PBX-local.
        """
        end = min(self.last, today + _DAY - _SECOND)
        return max(self.first, today - _EVERYTHING), end

    def _calls_of_day(self, day: date) -> tuple[Call, ...]:
        return calls_of_day(self.seed, self.directory, day, self.traffic)


def keeping(log: CallLog, count: int, now: datetime) -> CallLog:
    """Return a log that ends now and holds no more calls than so many: the oldest are gone.

    :param count: how many are kept.
    :param now: PBX-local.
    """
    log = replace(log, last=now)
    midnight = datetime.combine(now.date(), time.min)
    left, start = count - len(log.between(midnight, now)), midnight
    while left > 0 and midnight - start < _LONGEST:
        start -= _DAY
        left -= log.count_of_day(start)
    # The first day may have more than there is room for.
    surplus = log.between(start, start + _DAY - _SECOND)[: max(0, -left)]
    return replace(log, first=surplus[-1].started + _SECOND if surplus else start)
