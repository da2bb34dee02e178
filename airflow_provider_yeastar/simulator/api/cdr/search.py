"""``cdr/list``, ``cdr/search`` and ``cdr/detail``: which calls are meant, and the page of rows that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

from airflow_provider_yeastar.simulator.api.cdr.legs import legs_of
from airflow_provider_yeastar.simulator.api.cdr.teller import Teller
from airflow_provider_yeastar.simulator.api.cdr.windows import NO_CALLS, Window, read_window
from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.directory import Directory
from airflow_provider_yeastar.simulator.calls.history import calls_of_day
from airflow_provider_yeastar.simulator.calls.log import CallLog
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["find_call", "found_rows", "search_calls"]

Entry = dict[str, Any]

_MOST_ROWS = 10_000
"""The vendor's greatest ``page_size``, and its default."""
_FIRST_V2_FIRMWARE = (23, 0, 123)
_DAY = timedelta(days=1)


def search_calls(
    endpoint: str,
    version: str,
    query: Mapping[str, str],
    settings: SimulatorSettings,
    log: CallLog,
    today: datetime,
) -> Entry:
    """Answer ``cdr/list`` or ``cdr/search``.

    :param query: of the URL; ``cdr/list`` looks at no times [L].
    :param log: the calls.
    :param today: midnight by the PBX's clock.
    :raises Refusal: for v2.0 on firmware before x.23.0.123, and for times in another spelling.
    """
    rows = found_rows(endpoint, version, query, settings, log, today)
    total = min(rows.count(), settings.cdr_result_cap or rows.count())
    size = min(_number(query, "page_size", _MOST_ROWS), _MOST_ROWS, settings.cdr_page_cap or _MOST_ROWS)
    first = (_number(query, "page", 1) - 1) * size
    listed = rows.part(first, max(0, min(size, total - first)))
    return {"total_number": total, "data": listed or None}


def found_rows(
    endpoint: str, version: str, query: Mapping[str, str], settings: SimulatorSettings, log: CallLog, today: datetime
) -> _Rows:
    """Return the rows that a query finds, not yet written out."""
    teller = Teller(settings)
    everything = log.everything(today)
    window = Window(*everything)
    if version == "v2.0":
        _check_firmware(settings)
    if endpoint != "cdr/list":
        names = ("time_begin", "time_end") if version == "v2.0" else ("start_time", "end_time")
        times = "display" if version == "v2.0" else settings.cdr_times
        window = read_window(query, names, times, teller.display, teller.zone, everything)
    is_wanted = _filters(version, query, log.directory, is_list=endpoint == "cdr/list")
    if not _has_data(version, query, settings):
        window = NO_CALLS
    if version == "v2.0" and settings.updated_at:
        window = replace(window, start=max(window.start, settings.updated_at))
    return _Rows(log, window, teller, version, is_wanted, _order(version, query))


def find_call(uid: str, version: str, settings: SimulatorSettings, log: CallLog) -> Call:
    """Return the call with that uid, which begins with its day.

    :raises Refusal: 40002 without uid, 60001 for an unknown one [U].
    """
    _check_firmware(settings)
    if not uid:
        raise Refusal(40002, [{"field": "uid", "valid_msg": "uid is required"}])
    try:
        day = datetime.strptime(uid[:8], "%Y%m%d")
    except ValueError:
        raise Refusal(60001) from None
    for call in log.between(day, day + _DAY - timedelta(seconds=1)):
        if call.id == uid and _has_data(version, {}, settings):
            return call
    raise Refusal(60001)


def _check_firmware(settings: SimulatorSettings) -> None:
    if tuple(int(part) for part in settings.firmware.split(".") if part.isdecimal()) < _FIRST_V2_FIRMWARE:
        raise Refusal(-2)


def _has_data(version: str, query: Mapping[str, str], settings: SimulatorSettings) -> bool:
    """Tell whether this version finds rows: of older firmware's calls v2.0 knows nothing, v1.0 knows both."""
    if version == "v2.0":
        return settings.data_version == "v2.0"
    older = {"new": False, "legacy": True}.get(query.get("from", ""), settings.data_version == "v1.0")
    return older == (settings.data_version == "v1.0")


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, "")
    return max(1, int(text)) if text.isdecimal() else otherwise


@dataclass(frozen=True)
class _Order:
    """``sort_by`` and ``order_by``; without, v1.0 begins with the oldest [L] and v2.0 with the newest [U]."""

    key: str
    descending: bool


def _order(version: str, query: Mapping[str, str]) -> _Order:
    descending = query.get("order_by", "desc" if version == "v2.0" else "asc") == "desc"
    return _Order(query.get("sort_by") or "time", descending)


_Wanted = Callable[[Entry], bool]


def _filters(version: str, query: Mapping[str, str], directory: Directory, *, is_list: bool) -> _Wanted | None:
    """Return whether a row is wanted, None where all are; filters of unknown meaning choose nothing [U]."""
    queues = {queue.number for queue in directory.queues if str(queue.id) in query.get("queue_list", "").split(",")}
    tests: dict[str, _Wanted] = {
        "call_from": lambda row: row["call_from_number"] == query["call_from"],
        "call_to": lambda row: row["call_to_number"] == query["call_to"],
        "status": lambda row: row.get("disposition") == query["status"],
        "did": lambda row: row.get("did") == query["did"],
        "pin_code": lambda row: row.get("pin_code") == query["pin_code"],
        "uid": lambda row: row["uid"] == query["uid"],
        "call_type": lambda row: row["call_type"] == query["call_type"],
        "last_status": lambda row: row["last_status"] == query["last_status"],
        "queue_list": lambda row: bool(row["queues"]) and row["queues"]["number"] in queues,
    }
    known = {"v1.0": _V1_FILTERS, "v2.0": _V2_FILTERS}[version]
    chosen = [test for name, test in tests.items() if query.get(name) and name in known and not is_list]
    return (lambda row: all(test(row) for test in chosen)) if chosen else None


_V1_FILTERS = frozenset({"call_from", "call_to", "status", "did", "pin_code"})
_V2_FILTERS = frozenset({"call_from", "call_to", "uid", "call_type", "last_status", "queue_list"})


class _Rows:
    """The rows of a window, written out only where they are looked at: a page may be one of a hundred."""

    def __init__(
        self, log: CallLog, window: Window, teller: Teller, version: str, is_wanted: _Wanted | None, order: _Order
    ) -> None:
        self._log = log
        self._window = window
        self._teller = teller
        self._has_legs = version == "v1.0"
        self._is_wanted = is_wanted
        self._order = order
        start, end = max(window.start, log.first), min(window.end, log.last)
        self._days = (
            [start.date() + n * _DAY for n in range((end.date() - start.date()).days + 1)] if start <= end else []
        )

    def __iter__(self) -> Iterator[Entry]:
        """Yield every row, in the order that was asked for."""
        if self._order.key == "time":
            for day in reversed(self._days) if self._order.descending else self._days:
                yield from self._of_day(day)
            return
        rows = [row for day in self._days for row in self._of_day(day)]
        yield from sorted(rows, key=lambda row: str(row.get(self._order.key, "")), reverse=self._order.descending)

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(self._count_of(day) for day in self._days)

    def part(self, first: int, count: int) -> list[Entry]:
        """Return some of the rows, from a position on; days before it are skipped."""
        if self._order.key != "time":
            return list(islice(self, first, first + count))
        part: list[Entry] = []
        for day in reversed(self._days) if self._order.descending else self._days:
            if len(part) == count:
                break
            if (here := self._count_of(day)) <= first:
                first -= here
                continue
            part += self._of_day(day)[first : first + count - len(part)]
            first = 0
        return part

    def _of_day(self, day: date) -> list[Entry]:
        rows = [row for call in self._calls(day) for row in self._told(call)]
        wanted = [row for row in rows if self._is_wanted is None or self._is_wanted(row)]
        return wanted[::-1] if self._order.descending else wanted

    def legs(self) -> Iterator[Entry]:
        """Yield the legs of the calls that were found, oldest first."""
        for day in self._days:
            for call in self._calls(day):
                if self._is_wanted is None or any(self._is_wanted(row) for row in self._told(call)):
                    yield from self._teller.legs(call)

    def _told(self, call: Call) -> Iterable[Entry]:
        return self._teller.legs(call) if self._has_legs else [self._teller.row(call)]

    def _calls(self, day: date) -> list[Call]:
        start, end = _ends(day)
        calls = self._log.between(max(start, self._window.start), min(end, self._window.end))
        return [call for call in calls if self._window.holds(call, self._teller.zone)]

    def _count_of(self, day: date) -> int:
        if self._is_wanted is not None:
            return len(self._of_day(day))
        start, end = _ends(day)
        log = self._log
        is_whole = self._window.holds_all(start, end) and log.first <= start and end <= log.last
        if not is_whole or log.added:
            calls = self._calls(day)
            return sum(len(legs_of(call, log.directory)) for call in calls) if self._has_legs else len(calls)
        return _rows_of_day(log.seed, log.directory, day, log.traffic, self._has_legs)


@lru_cache(maxsize=20_000)
def _rows_of_day(seed: int, directory: Directory, day: date, traffic: float, has_legs: bool) -> int:
    calls = calls_of_day(seed, directory, day, traffic)
    return sum(len(legs_of(call, directory)) for call in calls) if has_legs else len(calls)


def _ends(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day)
    return start, start + _DAY - timedelta(seconds=1)
