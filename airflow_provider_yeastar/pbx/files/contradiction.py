"""Does the content of a file contradict its request? Read from CSV, the one format whose text is plain. Pure.

The layout of the PBX's files is unknown [U], so only what cannot be read in another way counts: *all* dates in the file
lie outside of the time window, by every reading of day and month; or *all* names in the first column are of queues,
extensions, trunks and so on that were not asked for. A file without dates and names contradicts nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, islice, tee

from airflow_provider_yeastar.pbx.files.delimited import delimiter_of
from airflow_provider_yeastar.pbx.report.periods import Days, Period, dates_in, parse_period, spans_in

__all__ = ["Expected", "contradiction", "stray_row"]

_MOST_ROWS = 20_000
"""Rows that are read at most; the first date and the first name that fit end the search anyway."""
_PREAMBLE_ROWS = 6
"""Rows that may say when the file was made: the day of its making is no evidence there."""
_SAMPLED_LINES = 40
_DAY = timedelta(days=1)
_LABEL = re.compile(r"[^<>]*<(?P<last>[\w+*#]+)>|(?P<first>[\d+*#]+)-\D.*")


@dataclass(frozen=True)
class Expected:
    """What a file is to be about.

    :param first: the first day of its window, by the PBX's clock; None if it is open.
    :param last: the last day, None if it is open.
    :param made_on: the day on which it was made.
    :param asked: numbers of the queues, extensions and so on that were asked for.
    :param others: numbers of the others that the PBX has.
    """

    first: date | None
    last: date | None
    made_on: date
    asked: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, window: Mapping[str, str], made_on: date, asked: Iterable[str] = (), others: Iterable[str] = ()
    ) -> Expected:
        """Return what a request leads to expect.

        :param window: as :meth:`.ReportRequest.describe` tells it.
        :param made_on: the day on which the file was made, by the PBX's clock.
        :param asked: numbers that were asked for.
        :param others: the others that the PBX has.
        """
        period = parse_period(window["time"]) if "time" in window else None
        first = period.first if isinstance(period, Period) else _day(window.get("start_time"))
        last = period.last if isinstance(period, Period) else _day(window.get("end_time"))
        return cls(first, last, made_on, frozenset(asked), frozenset(others) - frozenset(asked))

    def has(self, day: date) -> bool:
        """Tell whether a day is in the window; a day around it counts, as a call may begin or end there."""
        begins = self.first is None or self.first - _DAY <= day
        return begins and (self.last is None or day <= self.last + _DAY)

    def is_made_about(self, day: date) -> bool:
        """Tell whether a day may be that on which the file was made."""
        return abs(day - self.made_on) <= _DAY


def contradiction(lines: Iterable[str], expected: Expected) -> str:
    """Return how the text of a CSV file contradicts its request, as a clause; empty if it does not.

    :param lines: the decoded lines.
    :param expected: what it is to be about.
    """
    for_dates, for_names = tee(_rows(lines))  # most files need no more than their first rows
    return _date_contradiction(for_dates, expected) or _name_contradiction(for_names, expected)


def stray_row(lines: Iterable[str], window: Mapping[str, str]) -> str:
    """Return how a row begins whose date certainly lies outside of the day, month or year that was asked for.

    A PBX has answered July with a row of another month [L]. The file is its own, so this is no contradiction.

    :param lines: the decoded lines.
    :param window: as :meth:`.ReportRequest.describe` tells it.
    :return: the row's first cell, empty without such a row.
    """
    period = parse_period(window["time"]) if "time" in window else None
    if not isinstance(period, Period):
        return ""
    asked = Days(period.first, period.last)
    for row in islice(_rows(lines), _PREAMBLE_ROWS, None):
        spans = spans_in(row[0] if row else "")
        if spans and not any(asked.overlaps(days) for days in spans):
            return row[0].strip()
    return ""


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(lines)
    sample = list(islice(remaining, _SAMPLED_LINES))
    reader = csv.reader(chain(sample, remaining), delimiter=delimiter_of(sample))
    try:
        yield from islice(reader, _MOST_ROWS)
    except csv.Error:  # a line that is no CSV: whether the file is whole is judged elsewhere
        return


def _date_contradiction(rows: Iterable[Sequence[str]], expected: Expected) -> str:
    if expected.first is None and expected.last is None:
        return ""
    found = ""
    for number, row in enumerate(rows):
        for readings in dates_in(" ".join(row)):
            if any(map(expected.has, readings)):
                return ""
            is_evidence = number >= _PREAMBLE_ROWS or not any(map(expected.is_made_about, readings))
            if readings and is_evidence:
                found = found or f"its dates, such as {readings[0].isoformat()}, are outside of the time window"
    return found


def _name_contradiction(rows: Iterable[Sequence[str]], expected: Expected) -> str:
    if not expected.others:
        return ""
    found = ""
    for row in rows:
        label = _LABEL.fullmatch(row[0].strip()) if row else None
        number = (label["last"] or label["first"]) if label else ""
        if number in expected.asked:
            return ""
        if number in expected.others:
            found = found or f"its rows are about others, such as {number}, than were asked for"
    return found


def _day(moment: str | None) -> date | None:
    return date.fromisoformat(moment[:10]) if moment else None
