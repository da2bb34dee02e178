"""Times of rows that read in more than one way, against the window that was asked for."""

from __future__ import annotations

from datetime import date, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.frame import Asked, Fit
from airflow_provider_yeastar.pbx.report.periods import Period

BERLIN = ZoneInfo("Europe/Berlin")
JULY, DAY = Period("month", date(2026, 7, 1)).window(), Period("day", date(2026, 7, 5)).window()
DAY_FIRST, MONTH_FIRST = DisplayFormat("DD/MM/YYYY", "hh:mm:ss"), DisplayFormat("MM/DD/YYYY", "hh:mm:ss AM")


@pytest.mark.parametrize(
    "time",
    [
        # By its offset the next day, or the one before; by the clock that it shows it is this one.
        "2026-07-05T22:30:00Z",
        "2026-07-05 00:30:00+05:30",
        # An hour rather than an offset.
        "2026-07-05 22:00-23:00",
        "2026-07-05T2200-2300",
        # A time that is empty, or not understood.
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "1970/01/01 01:00:00",
        "W27 2026/06/29",
        "2026/06/29 (7 days)",
        "2026070522",
        2026070522,
        "06/07/26",
    ],
)
def test_what_may_mean_another_day_is_in_doubt(time: object) -> None:
    assert Asked(DAY.start, DAY.end, BERLIN).fit({"time": time}, ("time",)) is Fit.DOUBTFUL


@pytest.mark.parametrize("time", [1782856800, "1782856800", "2026-06-30T22:00:00Z", 1785535200])
def test_with_a_present_offset_alone_an_hour_more_or_less_is_in_doubt(time: object) -> None:
    """Summer in Berlin, asked in winter."""
    asked = Asked(JULY.start, JULY.end, timezone(timedelta(hours=1)))

    assert asked.fit({"time": time}, ("time",)) is not Fit.OUTSIDE
    assert asked.fit({"time": 1785535200 + 2 * 86400}, ("time",)) is Fit.OUTSIDE


@pytest.mark.parametrize(
    ("display", "time", "fit"),
    [
        (DAY_FIRST, "05/06/2026 09:00:00 - 05/06/2026 10:00:00", Fit.OUTSIDE),
        (None, "07/06/2026 - 08/06/2026", Fit.OUTSIDE),
        (None, "04/07/2026 - 06/07/2026", Fit.INSIDE),
        (MONTH_FIRST, "04/07/2026 - 06/07/2026", Fit.DOUBTFUL),
        (None, "06/07/2026 - 07/06/2026", Fit.INSIDE),
    ],
)
def test_both_dates_of_a_text_are_read_alike(display: DisplayFormat | None, time: str, fit: Fit) -> None:
    assert Asked(DAY.start, DAY.end, BERLIN, display).fit({"time": time}, ("time",)) is fit
