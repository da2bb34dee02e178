"""The calls and legs of a day in November 2026, as a caller is told them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulator.support import RANGE, Caller

BERLIN = ZoneInfo("Europe/Berlin")
DAY = {"time_begin": RANGE["start_time"], "time_end": RANGE["end_time"]}
Rows = list[dict[str, Any]]


def unix(day: str, hours: int = 24) -> dict[str, str]:
    """Return a day of Berlin, or the first hours of it, as Unix seconds."""
    start = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    end = (start.replace(tzinfo=None) + timedelta(hours=hours, seconds=-1)).replace(tzinfo=BERLIN)
    return {"start_time": str(int(start.timestamp())), "end_time": str(int(end.timestamp()))}


NOVEMBER_20 = unix("2026-11-20")


def calls(caller: Caller, **query: str) -> Rows:
    return caller.get("cdr/search", "v2.0", **DAY | query)["data"] or []


def legs(caller: Caller, **query: str) -> Rows:
    return caller.get("cdr/search", **NOVEMBER_20 | query)["data"] or []
