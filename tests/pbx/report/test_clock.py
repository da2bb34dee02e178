from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import ClockMismatchError, InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.pbx.report.clock import (
    DisplayFormat,
    Period,
    Window,
    check_zone,
    parse_moment,
    parse_period,
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
        assert display.parse_datetime(display.format_datetime(moment)) == moment

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
        assert DisplayFormat(date_format, "hh:mm:ss").format_period(parse_period(period)) == text


class TestPeriod:
    @pytest.mark.parametrize(
        ("text", "start", "end"),
        [
            ("2026-11-22", "2026-11-22T00:00:00", "2026-11-22T23:59:59"),
            ("2026-11", "2026-11-01T00:00:00", "2026-11-30T23:59:59"),
            ("2026-12", "2026-12-01T00:00:00", "2026-12-31T23:59:59"),
            ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
            ("2100-02", "2100-02-01T00:00:00", "2100-02-28T23:59:59"),
            ("2024-02-29", "2024-02-29T00:00:00", "2024-02-29T23:59:59"),
            ("2026", "2026-01-01T00:00:00", "2026-12-31T23:59:59"),
        ],
    )
    def test_its_window_is_whole(self, text: str, start: str, end: str) -> None:
        assert parse_period(text).window() == Window(datetime.fromisoformat(start), datetime.fromisoformat(end))

    @given(st.dates(date(1, 1, 1)), st.sampled_from([("day", 10), ("month", 7), ("year", 4)]))
    def test_its_text_names_it(self, day: date, kind: tuple[str, int]) -> None:
        text = day.isoformat()[: kind[1]]
        period = parse_period(text)

        assert str(period) == text
        assert period.kind == kind[0]
        assert period.first <= day <= period.last

    @pytest.mark.parametrize("text", ["", "yesterday", "2026-13", "2026-02-30", "26-11-22", "2026/11/22", "2026-1-2"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequestError, match="no day"):
            parse_period(text)


class TestWindow:
    @pytest.mark.parametrize("hours", [0, -1], ids=["empty", "reversed"])
    def test_an_empty_one_is_refused_with_the_usual_cause(self, hours: int) -> None:
        start = datetime(2026, 11, 22)

        with pytest.raises(InvalidRequestError, match=r"2026-11-22T00:00:00 to .* is empty.*data_interval_start"):
            Window(start, start + timedelta(hours=hours))

    def test_it_may_cross_the_year(self) -> None:
        assert Window(datetime(2026, 12, 31, 22), datetime(2027, 1, 1, 5)).end.year == 2027

    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            ("Europe/Berlin", "2026-03-29", 23),
            ("Europe/Berlin", "2026-10-25", 25),
            ("Europe/Berlin", "2026-11-22", 24),
            ("America/New_York", "2026-03-08", 23),
            ("America/New_York", "2026-11-01", 25),
        ],
    )
    def test_a_day_of_daylight_saving_change_has_its_hours(self, zone: str, day: str, hours: int) -> None:
        first = parse_period(day).window().start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        last = first + timedelta(hours=hours) - timedelta(seconds=1)

        by_the_pbx = Window(to_pbx_local(first, ZoneInfo(zone)), to_pbx_local(last, ZoneInfo(zone)))

        assert by_the_pbx == parse_period(day).window()


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

    @pytest.mark.parametrize("drift", [-290, 0, 290])
    def test_a_clock_that_is_a_little_off_agrees(self, drift: int) -> None:
        shown = datetime(2026, 11, 22, 13) + timedelta(seconds=drift)

        check_zone(ZoneInfo("Europe/Berlin"), shown, int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()), "pbx:443")

    def test_a_clock_in_another_zone_is_refused_and_both_are_named(self) -> None:
        shown, timestamp = datetime(2026, 11, 22, 12), int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())

        with pytest.raises(ClockMismatchError, match=r"shows 2026-11-22 12:00:00, but in Europe/Berlin it is .* 13:00"):
            check_zone(ZoneInfo("Europe/Berlin"), shown, timestamp, "pbx:443")

    @pytest.mark.parametrize("name", ["Berlin", "", "../etc/passwd", "Europe/Nowhere"])
    def test_an_unknown_zone_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidSettingsError, match="There is no time zone"):
            zone_named(name)


def test_a_period_is_a_value() -> None:
    assert Period("day", date(2026, 11, 22)) == parse_period("2026-11-22")
