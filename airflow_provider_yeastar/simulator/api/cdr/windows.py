"""The time window of a question about calls: Unix seconds or the PBX's display format, as its firmware has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.simulator.api.cdr.teller import timestamp_of
from airflow_provider_yeastar.simulator.api.display import Display
from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.settings import CdrTimes
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["NO_CALLS", "Window", "read_window"]

_LONGEST_SHIFT = timedelta(hours=3)
_NONE = timedelta()


@dataclass(frozen=True)
class Window:
    """Which calls are meant, by their beginning.

    :param start: first second, PBX-local.
    :param end: last second, PBX-local.
    :param stamps: first and last Unix second where these were given.
    :param slack: by how much it is wider than these, since the clock shows an hour twice or leaves one out nearby; the
        stamps then decide.
    """

    start: datetime
    end: datetime
    stamps: tuple[int, int] | None = None
    slack: timedelta = _NONE

    def holds_all(self, start: datetime, end: datetime) -> bool:
        """Tell whether every call that began between two moments is meant."""
        return self.start + 2 * self.slack <= start and end <= self.end - 2 * self.slack

    def holds(self, call: Call, zone: ZoneInfo) -> bool:
        """Tell whether a call that began between start and end is meant."""
        return (
            self.stamps is None
            or not self.slack
            or self.stamps[0] <= timestamp_of(call.started, zone) <= self.stamps[1]
        )


NO_CALLS = Window(datetime.max, datetime.min)
"""A window in which no call can begin."""


def read_window(
    query: Mapping[str, str],
    names: tuple[str, str],
    times: CdrTimes,
    display: Display,
    zone: ZoneInfo,
    everything: tuple[datetime, datetime],
) -> Window:
    """Return the window that a query asks for; an end that is left out is that of all there is.

    :param names: of the parameters for both ends.
    :param times: which spelling is taken.
    :param everything: first and last second of all there is, PBX-local.
    :raises Refusal: for a time in another spelling; of display formats it names the Go layout [L].
    """
    given = [query.get(name, "") for name in names]
    if any(given) and all(text.isdecimal() or not text for text in given) and times != "display":
        return _unix_window(given[0], given[1], zone, everything)
    ends = list(everything)
    for index, (name, text) in enumerate(zip(names, given, strict=True)):
        moment = display.read_time(text) if text and times != "unix" else None
        if text and moment is None:
            layout = "Unix timestamp" if times == "unix" else display.go_layout
            raise Refusal(40002, [{"field": name, "valid_msg": f"{name} format invalid, valid format: {layout}"}])
        ends[index] = moment or ends[index]
    return Window(ends[0], ends[1])


def _unix_window(start: str, end: str, zone: ZoneInfo, everything: tuple[datetime, datetime]) -> Window:
    otherwise = [timestamp_of(moment, zone) for moment in everything]
    first, last = (int(text) if text else stamp for text, stamp in zip((start, end), otherwise, strict=True))
    try:
        local = [datetime.fromtimestamp(stamp, zone).replace(tzinfo=None) for stamp in (first, last)]
        slack = _LONGEST_SHIFT if any(_shifts_near(stamp, zone) for stamp in (first, last)) else _NONE
    except (ValueError, OverflowError, OSError):
        return NO_CALLS
    return Window(local[0] - slack, local[1] + slack, (first, last), slack)


def _shifts_near(stamp: int, zone: ZoneInfo) -> bool:
    moments = [datetime.fromtimestamp(stamp, zone) + sign * _LONGEST_SHIFT for sign in (-1, 1)]
    return moments[0].utcoffset() != moments[1].utcoffset()
