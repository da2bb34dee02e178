from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import ClockMismatchError, InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.pbx.report.clock import (
    DisplayFormat,
    check_zone,
    never_occurs,
    occurs_twice,
    parse_moment,
    to_pbx_local,
    utc_offset,
    zone_named,
)

ORDERS = (("YYYY", "MM", "DD"), ("MM", "DD", "YYYY"), ("DD", "MM", "YYYY"))
FORMATS = [
    DisplayFormat(separator.join(order), time_format)
    for order, separator, time_format in product(ORDERS, "/-.", ("hh:mm:ss", "hh:mm:ss AM"))
]
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca")
every_format = pytest.mark.parametrize(
    "display", FORMATS, ids=lambda display: f"{display.date_format} {display.time_format}"
)
GO = {"YYYY": "2006", "MM": "01", "DD": "02"}


def go_layout(display: DisplayFormat) -> str:
    date_format = display.date_format
    for part, number in GO.items():
        date_format = date_format.replace(part, number)
    return f"{date_format} {'03:04:05 PM' if display.is_12_hour else '15:04:05'}"


class TestDisplayFormat:
    @every_format
    @given(moment=moments)
    def test_what_is_written_is_read_as_the_same_instant(self, display: DisplayFormat, moment: datetime) -> None:
        read = display.parse_datetime(display.format_datetime(moment))

        assert read == moment
        assert type(read) is datetime

    @every_format
    @given(moment=moments)
    def test_it_is_written_as_the_standard_library_writes_it(self, display: DisplayFormat, moment: datetime) -> None:
        codes = {"YYYY": "%Y", "MM": "%m", "DD": "%d"}
        date_format = "".join(codes.get(part, part) for part in re.split(r"(\W)", display.date_format))
        clock = "%I:%M:%S %p" if display.is_12_hour else "%H:%M:%S"

        assert display.format_datetime(moment) == moment.strftime(f"{date_format} {clock}")

    @every_format
    def test_the_go_layout_of_a_format_is_the_format(self, display: DisplayFormat) -> None:
        complaint = f"start_time format invalid, valid format: {go_layout(display)}"

        assert DisplayFormat.from_go_layout(complaint) == display

    def test_a_layout_without_a_clock_tells_the_order_of_the_date(self) -> None:
        complaint = "time format invalid, valid format: 02.01.2006"

        assert DisplayFormat.from_go_layout(complaint) == DisplayFormat("DD.MM.YYYY", "hh:mm:ss")

    @pytest.mark.parametrize(
        "text", ["", "start_time is required", "2006/02/01 15:04:05 ", "06/01/02 15:04", "02/01/2006 3:04 PM"]
    )
    def test_other_words_hold_no_layout(self, text: str) -> None:
        assert DisplayFormat.from_go_layout(text) is None

    @pytest.mark.parametrize(
        ("display", "hour", "text"),
        [
            (DisplayFormat("MM/DD/YYYY", "HH:mm:ss"), 0, "11/22/2026 00:05:09"),
            (DisplayFormat("MM/DD/YYYY", "HH:mm:ss"), 23, "11/22/2026 23:05:09"),
            (DisplayFormat("YYYY/MM/DD", "hh:mm:ss AM"), 0, "2026/11/22 12:05:09 AM"),
            (DisplayFormat("YYYY/MM/DD", "hh:mm:ss AM"), 11, "2026/11/22 11:05:09 AM"),
            (DisplayFormat("YYYY/MM/DD", "hh:mm:ss AM"), 12, "2026/11/22 12:05:09 PM"),
            (DisplayFormat("DD.MM.YYYY", "hh:mm:ss PM"), 13, "22.11.2026 01:05:09 PM"),
        ],
    )
    def test_midnight_noon_and_the_hours_around(self, display: DisplayFormat, hour: int, text: str) -> None:
        moment = datetime(2026, 11, 22, hour, 5, 9)

        assert display.format_datetime(moment) == text
        assert display.parse_datetime(text) == moment

    def test_the_suffix_is_that_of_the_moment_and_means_nothing(self) -> None:
        assert DisplayFormat("DD/MM/YYYY", "hh:mm:ss AM") == DisplayFormat("DD/MM/YYYY", "hh:mm:ss PM")

    @pytest.mark.parametrize(
        ("date_format", "time_format"),
        [
            ("YYYY/DD/MM", "hh:mm:ss"),
            ("YYYY/MM-DD", "hh:mm:ss"),
            ("YY/MM/DD", "hh:mm:ss"),
            ("DD MM YYYY", "hh:mm:ss"),
            ("DD/DD/YYYY", "hh:mm:ss"),
            ("", "hh:mm:ss"),
            ("YYYY/MM/DD", "hh:mm"),
            ("YYYY/MM/DD", "15:04:05"),
        ],
    )
    def test_an_unknown_format_is_refused(self, date_format: str, time_format: str) -> None:
        with pytest.raises(InvalidSettingsError, match="format"):
            DisplayFormat(date_format, time_format)

    @pytest.mark.parametrize(
        "text", ["", "2026-11-22 10:00:00", "22/11/2026 10:00:00", "2026/11/22", "2026/13/01 10:00:00", "x/y/z 1:2:3"]
    )
    def test_a_time_in_another_format_is_not_guessed_at(self, text: str) -> None:
        with pytest.raises(InvalidSettingsError, match="is not written as"):
            DisplayFormat("YYYY/MM/DD", "hh:mm:ss").parse_datetime(text)

    @pytest.mark.parametrize(
        ("date_format", "period", "text"),
        [
            ("YYYY/MM/DD", "2025-12-01", "2025/12/01"),
            ("YYYY/MM/DD", "2025-12", "2025/12"),
            ("YYYY/MM/DD", "2025", "2025"),
            ("DD-MM-YYYY", "2025-12-01", "01-12-2025"),
            ("DD-MM-YYYY", "2025-12", "12-2025"),
            ("MM.DD.YYYY", "2025-12-01", "12.01.2025"),
            ("MM.DD.YYYY", "2025-12", "12.2025"),
            ("MM.DD.YYYY", "2025", "2025"),
        ],
    )
    def test_a_period_has_its_parts_in_the_order_of_the_date(self, date_format: str, period: str, text: str) -> None:
        kind = {10: "day", 7: "month", 4: "year"}[len(period)]
        first = date.fromisoformat(f"{period}-01-01"[:10])

        assert DisplayFormat(date_format, "hh:mm:ss").format_period(kind, first) == text  # type: ignore[arg-type]


@st.composite
def around_a_change_of_clock(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone, and a moment within nine hours of a change of its clock."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    hour = draw(st.sampled_from(_changes(zone)))
    return zone, hour + timedelta(seconds=draw(st.integers(-3 * 3600, 9 * 3600)))


@cache
def _changes(zone: ZoneInfo) -> list[datetime]:
    """The times, six hours apart, after which the offset of a zone changes from 2020 to 2030."""
    times = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=6 * number) for number in range(11 * 1461)]
    offsets = [each.astimezone(zone).utcoffset() for each in times]
    return [each for each, (now, later) in zip(times, pairwise(offsets), strict=False) if now != later]


class TestDaylightSavingTime:
    """pendulum's answers against those of the standard library."""

    @given(around_a_change_of_clock())
    def test_the_pbx_s_clock_shows_what_the_standard_library_says(self, change: tuple[ZoneInfo, datetime]) -> None:
        zone, moment = change

        assert to_pbx_local(moment, zone) == moment.astimezone(zone).replace(tzinfo=None)

    @given(around_a_change_of_clock())
    def test_a_time_occurs_once_twice_or_never(self, change: tuple[ZoneInfo, datetime]) -> None:
        zone, moment = change
        local = (moment.astimezone(UTC) + timedelta(hours=1)).replace(tzinfo=None)
        local = local + (zone.utcoffset(local) or timedelta())
        first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        exists = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local

        assert never_occurs(local, zone) == (not exists)
        assert occurs_twice(local, zone) == (exists and first.utcoffset() != second.utcoffset())

    def test_a_fixed_offset_never_changes(self) -> None:
        local, offset = datetime(2026, 3, 29, 2, 30), timezone(timedelta(hours=1))

        assert not never_occurs(local, offset)
        assert not occurs_twice(local, offset)


class TestMoments:
    @pytest.mark.parametrize(
        ("value", "moment"),
        [
            ("2026-11-22T06:00:00", datetime(2026, 11, 22, 6)),
            ("2026-11-22 06:00", datetime(2026, 11, 22, 6)),
            ("2026-11-22T06:00:00Z", datetime(2026, 11, 22, 6, tzinfo=UTC)),
            ("2026-11-22T06:00:00.5+01:00", datetime(2026, 11, 22, 6, tzinfo=timezone(timedelta(hours=1)))),
            (datetime(2026, 11, 22, 6, 0, 0, 7), datetime(2026, 11, 22, 6)),
        ],
    )
    def test_iso_8601_and_datetimes_are_taken(self, value: datetime | str, moment: datetime) -> None:
        assert parse_moment(value, "start_time") == moment

    def test_pendulum_s_datetimes_become_those_of_the_standard_library(self) -> None:
        moment = parse_moment(pendulum.datetime(2026, 11, 22, 6, 0, 0, 7, tz="Europe/Berlin"), "start_time")

        assert type(moment) is datetime
        assert moment == datetime(2026, 11, 22, 5, tzinfo=UTC)

    @pytest.mark.parametrize("value", ["", "noon", "2026-11-22", "20261122", 5, None, date(2026, 11, 22)])
    def test_anything_else_is_refused_by_name(self, value: object) -> None:
        with pytest.raises(InvalidRequestError, match="`start_time` is"):
            parse_moment(value, "start_time")  # type: ignore[arg-type]

    def test_an_aware_time_becomes_the_pbx_s_and_a_naive_one_is_it(self) -> None:
        berlin = ZoneInfo("Europe/Berlin")

        assert to_pbx_local(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), berlin) == datetime(2026, 11, 23, 0, 30)
        assert to_pbx_local(datetime(2026, 11, 22, 23, 30), berlin) == datetime(2026, 11, 22, 23, 30)


class TestZones:
    @pytest.mark.parametrize(
        ("display", "shown", "timestamp", "hours"),
        [
            (DisplayFormat("YYYY/MM/DD", "hh:mm:ss"), "2025/08/22 16:44:40", 1755852280, 8),
            (DisplayFormat("DD/MM/YYYY", "hh:mm:ss PM"), "30/07/2026 09:31:37 PM", 1785436297, 3),
        ],
        ids=["the-vendor-s-sample", "a-live-12-hour-PBX"],
    )
    def test_the_recorded_clocks(self, display: DisplayFormat, shown: str, timestamp: int, hours: int) -> None:
        assert utc_offset(display.parse_datetime(shown), timestamp) == timedelta(hours=hours)

    @pytest.mark.parametrize("drift", [-400, 0, 400])
    def test_an_offset_is_in_quarters_of_an_hour(self, drift: int) -> None:
        nepal = timedelta(hours=5, minutes=45)
        shown = datetime(2026, 11, 22, 12) + nepal + timedelta(seconds=drift)

        assert utc_offset(shown, int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())) == nepal

    def test_a_clock_with_day_and_month_swapped_is_refused(self) -> None:
        shown, timestamp = datetime(2026, 12, 1, 12), int(datetime(2026, 1, 12, 12, tzinfo=UTC).timestamp())

        with pytest.raises(ClockMismatchError, match=r"2026-12-01 12:00:00, and in UTC .* 2026-01-12.*swapped"):
            utc_offset(shown, timestamp, "pbx:443")
        with pytest.raises(ClockMismatchError, match="swapped"):
            check_zone(ZoneInfo("Europe/Berlin"), shown, timestamp, "pbx:443")

    @pytest.mark.parametrize("hours", [-12, 14])
    def test_the_widest_offsets_of_the_earth_are_taken(self, hours: int) -> None:
        timestamp = int(datetime(2026, 1, 12, 12, tzinfo=UTC).timestamp())

        assert utc_offset(datetime(2026, 1, 12, 12) + timedelta(hours=hours), timestamp) == timedelta(hours=hours)

    @pytest.mark.parametrize("drift", [-290, 0, 290])
    def test_a_clock_that_is_a_little_off_agrees(self, drift: int) -> None:
        shown = datetime(2026, 11, 22, 13) + timedelta(seconds=drift)

        check_zone(ZoneInfo("Europe/Berlin"), shown, int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()), "pbx:443")

    def test_a_clock_in_another_zone_is_refused_and_both_are_named(self) -> None:
        shown, timestamp = datetime(2026, 11, 22, 12), int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())

        with pytest.raises(ClockMismatchError, match=r"shows 2026-11-22 12:00:00, but in Europe/Berlin it is .* 13:00"):
            check_zone(ZoneInfo("Europe/Berlin"), shown, timestamp, "pbx:443")

    @pytest.mark.parametrize("name", ["Berlin", "", "../etc/passwd", "Europe/Nowhere", "Europe", "a\0b"])
    def test_an_unknown_zone_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidSettingsError, match="There is no time zone"):
            zone_named(name)
