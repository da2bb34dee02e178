"""The times of rows against the window that was asked for: what certainly lies outside, and what must be kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.frame import Asked, Fit
from airflow_provider_yeastar.pbx.report.periods import Period

BERLIN = ZoneInfo("Europe/Berlin")
JULY, DAY, YEAR = Period("month", date(2026, 7, 1)), Period("day", date(2026, 7, 5)), Period("year", date(2026, 1, 1))
DAY_FIRST, MONTH_FIRST = DisplayFormat("DD/MM/YYYY", "hh:mm:ss"), DisplayFormat("MM/DD/YYYY", "hh:mm:ss AM")
YEAR_FIRST = DisplayFormat("YYYY/MM/DD", "hh:mm:ss")


def of_period(period: Period) -> Asked:
    window = period.window()
    return Asked(window.start, window.end, BERLIN)


def of_range(display: DisplayFormat | None = YEAR_FIRST) -> Asked:
    """From Friday noon to Sunday noon, of a report of calls."""
    return Asked(datetime(2026, 11, 20, 12), datetime(2026, 11, 22, 11, 59, 59), BERLIN, display, around=1)


class TestAPeriod:
    @pytest.mark.parametrize(
        ("period", "time"),
        [
            (JULY, "2026/08/01"),
            (JULY, "2026-06-30"),
            (JULY, "2025/07/05"),
            (JULY, "2026/08"),
            (JULY, "01/08/2025"),
            (JULY, 1785535200),
            (DAY, "2026/07/06 00:00"),
            (DAY, "2026-07-04 23:00:00"),
            (YEAR, "2027/01"),
            (JULY, "08/2026"),
            (JULY, "1785535200"),
            (JULY, 1785535200.0),
            (JULY, 1785535200_000),
            (JULY, "2026/08/03 - 2026/08/09"),
            (DAY, "2026-07-06T22:30:00Z"),
            (DAY, "2026-07-04 00:30:00+05:30"),
            (DAY, "2026-07-06 22:00-23:00"),
        ],
    )
    def test_what_certainly_lies_outside_is_seen(self, period: Period, time: object) -> None:
        assert of_period(period).fit({"time": time}, ("time",)) is Fit.OUTSIDE

    @pytest.mark.parametrize(
        ("period", "time"),
        [
            (JULY, "2026/07/31"),
            (JULY, "07/08/2026"),
            (JULY, "7.2026"),
            (JULY, "99/2026"),
            (JULY, "1785535199"),
            (JULY, 1785535199_999),
            (JULY, "08.07.2026"),
            (JULY, 1785535199),
            (JULY, 31),
            (JULY, "31"),
            (JULY, "2026/06/29 - 2026/07/05"),
            (DAY, "2026/07"),
            (DAY, "2026/07/05 23:00"),
            (DAY, "23:00"),
            (DAY, "24:00"),
            (DAY, "2026-07-04T22:30:00Z"),
            (DAY, "2026-07-04T22:30:00.5Z"),
            (DAY, "2026-07-06 03:00:00+0530"),
            (DAY, "07-05-2026"),
            (DAY, 23),
            (YEAR, "2026/01"),
            (YEAR, 12),
            (YEAR, "December"),
            (YEAR, None),
            (YEAR, True),
            (YEAR, 10**30),
            (YEAR, {"a": "2025/01/01"}),
        ],
    )
    def test_what_may_be_inside_is_kept(self, period: Period, time: object) -> None:
        assert of_period(period).fit({"time": time}, ("time",)) is not Fit.OUTSIDE

    def test_a_row_without_a_time_is_kept(self) -> None:
        assert of_period(JULY).fit({"queue": "Sales"}, ("time",)) is Fit.INSIDE


class TestARange:
    @pytest.mark.parametrize(
        ("time", "fit"),
        [
            ("2026/11/20 12:00:00", Fit.INSIDE),
            ("2026/11/22 11:59:59", Fit.INSIDE),
            # A call that began before, or that the PBX counts by its end.
            ("2026/11/20 11:59:59", Fit.DOUBTFUL),
            ("2026/11/22 12:00:00", Fit.DOUBTFUL),
            ("2026/11/19 10:00:00", Fit.DOUBTFUL),
            ("2026/11/23 10:00:00", Fit.DOUBTFUL),
            ("2026/11/18 23:59:59", Fit.OUTSIDE),
            ("2026/11/24 00:00:00", Fit.OUTSIDE),
            ("2025/11/21 10:00:00", Fit.OUTSIDE),
            # Without a clock the day is all that is known.
            ("2026/11/20", Fit.INSIDE),
            ("2026/11", Fit.INSIDE),
            ("2026/09", Fit.OUTSIDE),
            # Weeks, of which a part lies in the window.
            ("2026-11-16 - 2026-11-22", Fit.INSIDE),
            ("2026/11/16~2026/11/22", Fit.INSIDE),
            ("2026-11-02 - 2026-11-08", Fit.OUTSIDE),
            # What is not understood is kept.
            ("2026-W47", Fit.DOUBTFUL),
            ("Nov 30, 2026", Fit.DOUBTFUL),
            ("23:59:59", Fit.INSIDE),
            ("Monday", Fit.INSIDE),
            (14, Fit.INSIDE),
            ("", Fit.INSIDE),
            (None, Fit.INSIDE),
            (1795258800, Fit.INSIDE),  # 2026-11-21 12:00:00 in Berlin
            ("1795258800000", Fit.INSIDE),
            (1795158000, Fit.DOUBTFUL),  # 2026-11-20 08:20:00 in Berlin
            (1794900000, Fit.OUTSIDE),  # 2026-11-17
        ],
    )
    def test_is_held_by_day_and_second(self, time: object, fit: Fit) -> None:
        assert of_range().fit({"time": time}, ("time",)) is fit

    @pytest.mark.parametrize(
        ("display", "time", "fit"),
        [
            (MONTH_FIRST, "11/21/2026 10:00:00 AM", Fit.INSIDE),
            (DAY_FIRST, "21/11/2026 10:00:00", Fit.INSIDE),
            # The format may have been changed a moment ago: what it makes of a date is no certainty.
            (DAY_FIRST, "11/21/2026 10:00:00 AM", Fit.INSIDE),
            (YEAR_FIRST, "21/11/2026 10:00:00", Fit.INSIDE),
            (None, "21/11/2026 10:00:00", Fit.INSIDE),
            (DAY_FIRST, "21/10/2026 10:00:00", Fit.OUTSIDE),
            (None, "10/21/2026 10:00:00 AM", Fit.OUTSIDE),
        ],
    )
    def test_is_held_in_any_display_format(self, display: DisplayFormat | None, time: str, fit: Fit) -> None:
        assert of_range(display).fit({"time": time}, ("time",)) is fit

    @pytest.mark.parametrize(
        ("display", "fit"), [(DAY_FIRST, Fit.DOUBTFUL), (MONTH_FIRST, Fit.INSIDE), (None, Fit.INSIDE)]
    )
    def test_a_date_that_reads_both_ways_is_never_certainly_outside(
        self, display: DisplayFormat | None, fit: Fit
    ) -> None:
        asked = Asked(datetime(2026, 5, 12), datetime(2026, 5, 12, 23, 59, 59), UTC, display, around=1)

        assert asked.fit({"time": "05/12/2026"}, ("time",)) is fit

    @pytest.mark.parametrize(
        ("login", "logout", "fit"),
        [
            ("2026/11/21 08:00:00", "2026/11/21 17:00:00", Fit.INSIDE),
            ("2026/11/02 08:00:00", "2026/11/28 17:00:00", Fit.INSIDE),
            ("2026/11/02 08:00:00", None, Fit.INSIDE),
            ("2026/11/02 08:00:00", "", Fit.INSIDE),
            (None, "2026/11/28 17:00:00", Fit.INSIDE),
            ("08:00:00", "17:00:00", Fit.INSIDE),
            (None, None, Fit.INSIDE),
            ("2026/11/23 08:00:00", "2026/11/23 17:00:00", Fit.DOUBTFUL),
            ("2026/11/02 08:00:00", "2026/11/02 17:00:00", Fit.OUTSIDE),
            ("2026/11/28 08:00:00", None, Fit.OUTSIDE),
            (1794900000, 1794910000, Fit.OUTSIDE),
            # An empty time, as some write it, is none.
            ("2026/11/21 08:00:00", "1970/01/01 01:00:00", Fit.INSIDE),
            ("2026/11/02 08:00:00", "0001-01-01T00:00:00Z", Fit.INSIDE),
            ("2026/11/02 08:00:00", "0000-00-00 00:00:00", Fit.INSIDE),
            ("0001-01-01 00:00:00", "0001-01-01 00:00:00", Fit.INSIDE),
            ("2026/11/21 08:00:00", "2026/11/20 17:00:00", Fit.INSIDE),
            ("2026/11/28 08:00:00", "0001-01-01T00:00:00Z", Fit.OUTSIDE),
            # Both are read alike.
            ("12/11/2026 08:00:00", "12/11/2026 17:00:00", Fit.OUTSIDE),
            ("11/10/2026 08:00:00", "11/11/2026 17:00:00", Fit.OUTSIDE),
        ],
    )
    def test_of_what_lasts_a_part_is_enough(self, login: object, logout: object, fit: Fit) -> None:
        row = {"login_time": login, "logout_time": logout}

        assert of_range().fit(row, ("login_time", "logout_time")) is fit

    @pytest.mark.parametrize("time", ["2026/11/21", "2026/11/21 10:00:00", 1795258800])
    def test_the_ends_of_the_calendar_are_ends_too(self, time: object) -> None:
        asked = Asked(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), BERLIN, YEAR_FIRST, around=1)

        assert asked.fit({"time": time}, ("time",)) is Fit.INSIDE
        assert asked.fit({"a": time, "b": None}, ("a", "b")) is Fit.INSIDE

    def test_with_an_open_end_is_held_at_the_other_one(self) -> None:
        since, until = (Asked(*ends, UTC) for ends in ((datetime(2026, 11, 20), None), (None, datetime(2026, 11, 20))))

        assert since.fit({"time": "2030/01/01"}, ("time",)) is Fit.INSIDE
        assert since.fit({"time": "2026/11/19"}, ("time",)) is Fit.OUTSIDE
        assert until.fit({"time": "2020/01/01"}, ("time",)) is Fit.INSIDE
        assert until.fit({"time": "2026/11/21"}, ("time",)) is Fit.OUTSIDE
        assert Asked(None, None, UTC).fit({"time": "2020/01/01"}, ("time",)) is Fit.INSIDE


MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
ZONES = st.sampled_from([UTC, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Santiago")])
DISPLAYS = st.sampled_from([DAY_FIRST, MONTH_FIRST, YEAR_FIRST, DisplayFormat("YYYY-MM-DD", "hh:mm:ss AM")])


@given(
    start=MOMENTS,
    seconds=st.integers(0, 40 * 86400),
    share=st.floats(0, 1),
    zone=ZONES,
    shown_in=DISPLAYS,
    known=st.none() | DISPLAYS,
    around=st.integers(0, 1),
)
def test_what_lies_in_the_window_is_never_outside_however_it_is_written(
    start: datetime,
    seconds: int,
    share: float,
    zone: ZoneInfo,
    shown_in: DisplayFormat,
    known: DisplayFormat | None,
    around: int,
) -> None:
    end = start + timedelta(seconds=seconds)
    moment = start + timedelta(seconds=round(seconds * share))
    asked = Asked(start, end, zone, known, around)
    shown = shown_in.format_datetime(moment)
    second = moment.replace(tzinfo=zone).timestamp()

    for value in (shown, shown.split(" ")[0], f"{moment:%Y-%m}", f"{moment:%m/%Y}", second, f"{second:.0f}"):
        assert asked.fit({"time": value}, ("time",)) is not Fit.OUTSIDE
        assert asked.fit({"a": value, "b": value}, ("a", "b")) is not Fit.OUTSIDE


@given(start=MOMENTS, days=st.integers(0, 40), away=st.integers(2, 4000), is_before=st.booleans(), zone=ZONES)
def test_days_away_are_outside_and_the_days_around_are_in_doubt(
    start: datetime, days: int, away: int, is_before: bool, zone: ZoneInfo
) -> None:
    end = start + timedelta(days=days)
    asked = Asked(start, end, zone, YEAR_FIRST, around=1)

    def fit(distance: int) -> Fit:
        moment = start - timedelta(days=distance) if is_before else end + timedelta(days=distance)
        return asked.fit({"time": YEAR_FIRST.format_datetime(moment)}, ("time",))

    assert fit(away) is Fit.OUTSIDE
    assert fit(1) is Fit.DOUBTFUL
