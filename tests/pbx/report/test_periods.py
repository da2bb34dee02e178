from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.clock import to_pbx_local
from airflow_provider_yeastar.pbx.report.periods import (
    PERIOD_WORDS,
    Period,
    RelativePeriod,
    Window,
    parse_period,
    window_by_pbx_clock,
)


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

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "yesterdy",
            "2026-13",
            "2026-22-11",
            "2026-02-30",
            "26-11-22",
            "22-11-2026",
            "2026/11/22",
            "2026-1-2",
            "2026-11T00:00:00",
            "2026-11-22T00:00:01",
            "2026-11-22T00:00:00+00:00",
            "2026-11-22T06:00:00",
            "\u0662\u0660\u0662\u0666",
            "2026-11-22/2026-11-23",
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequestError, match="no day"):
            parse_period(text)

    def test_a_partition_key_at_midnight_is_its_day(self) -> None:
        assert parse_period("2026-11-22T00:00:00") == Period("day", date(2026, 11, 22))

    def test_a_partition_key_of_an_hour_is_refused_with_the_reason(self) -> None:
        with pytest.raises(InvalidRequestError, match="only a partition key at midnight"):
            parse_period("2026-11-22T06:00:00")

    @pytest.mark.parametrize(
        ("text", "word"), [("yesterdy", "yesterday"), ("last month", "last_month"), ("Last_7_Days", "last_7_days")]
    )
    def test_a_slip_in_a_word_is_told(self, text: str, word: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"Is '{word}' meant"):
            parse_period(text)


def resolved(word: str, moment: datetime, zone: str) -> tuple[date, date]:
    """The first and the last day of a period in words."""
    found = RelativePeriod(word).resolve(moment, ZoneInfo(zone))
    window = found.window() if isinstance(found, Period) else found
    assert (window.start.time(), window.end.time()) == (time(), time(23, 59, 59))
    return window.start.date(), window.end.date()


moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC"])


class TestPeriodsInWords:
    @pytest.mark.parametrize(
        ("word", "first", "last"),
        [
            ("today", "2024-03-01", "2024-03-01"),
            ("yesterday", "2024-02-29", "2024-02-29"),
            ("last_7_days", "2024-02-23", "2024-02-29"),
            ("last_30_days", "2024-01-31", "2024-02-29"),
            ("this_month", "2024-03-01", "2024-03-31"),
            ("last_month", "2024-02-01", "2024-02-29"),
            ("this_year", "2024-01-01", "2024-12-31"),
            ("last_year", "2023-01-01", "2023-12-31"),
        ],
    )
    def test_they_are_whole_days_by_the_pbx_s_clock(self, word: str, first: str, last: str) -> None:
        moment = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)  # past midnight in Berlin

        assert resolved(word, moment, "Europe/Berlin") == (date.fromisoformat(first), date.fromisoformat(last))

    @pytest.mark.parametrize(("zone", "day"), [("Asia/Shanghai", 22), ("UTC", 21), ("America/New_York", 21)])
    def test_the_day_is_that_of_the_pbx(self, zone: str, day: int) -> None:
        assert resolved("today", datetime(2026, 11, 21, 23, tzinfo=UTC), zone)[0] == date(2026, 11, day)

    @given(moments, zones)
    def test_they_agree_with_the_standard_library(self, moment: datetime, zone: str) -> None:
        today = moment.astimezone(ZoneInfo(zone)).date()
        day, month, year = timedelta(days=1), today.replace(day=1), today.replace(month=1, day=1)
        before = month - day

        assert resolved("today", moment, zone) == (today, today)
        assert resolved("yesterday", moment, zone) == (today - day, today - day)
        assert resolved("last_7_days", moment, zone) == (today - 7 * day, today - day)
        assert resolved("last_30_days", moment, zone) == (today - 30 * day, today - day)
        assert resolved("last_month", moment, zone) == (before.replace(day=1), before)
        assert resolved("this_month", moment, zone)[0] == month
        assert (resolved("this_month", moment, zone)[1] + day).day == 1
        assert resolved("this_year", moment, zone) == (year, year.replace(month=12, day=31))
        assert resolved("last_year", moment, zone) == (year.replace(year=year.year - 1), year - day)

    def test_every_word_is_a_period(self) -> None:
        assert [parse_period(word) for word in PERIOD_WORDS] == [RelativePeriod(word) for word in PERIOD_WORDS]
        assert len(PERIOD_WORDS) == 8


class TestWithThePresentOffsetAlone:
    WINTER = timezone(timedelta(hours=1))
    NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def test_a_night_of_summer_in_doubt_is_refused(self) -> None:
        near_midnight = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # 23:30 in winter time, 00:30 in summer time

        with pytest.raises(InvalidRequestError, match=r"daylight saving time.*Set `timezone`"):
            RelativePeriod("yesterday").resolve_with_present_offset(near_midnight, self.WINTER, self.NOW)

    @pytest.mark.parametrize(
        ("word", "moment"),
        [
            ("yesterday", datetime(2026, 7, 1, 12, tzinfo=UTC)),
            ("last_month", datetime(2026, 7, 10, 22, 30, tzinfo=UTC)),
            ("yesterday", datetime(2026, 11, 25, 23, tzinfo=UTC)),
        ],
        ids=["noon", "within-a-month", "last-night"],
    )
    def test_what_is_certain_is_taken(self, word: str, moment: datetime) -> None:
        period = RelativePeriod(word)

        found = period.resolve_with_present_offset(moment, self.WINTER, self.NOW)

        assert found == period.resolve(moment, self.WINTER)


BERLIN = ZoneInfo("Europe/Berlin")


class TestAWindowOfSchedule:
    """Windows of `data_interval_start` and `data_interval_end`: the end of one is the start of the next."""

    @given(
        start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
        length=st.sampled_from([5, 15, 60, 240, 24 * 60, 7 * 24 * 60, 30 * 24 * 60]),
        zone=st.sampled_from([ZoneInfo("Asia/Kathmandu"), UTC, timezone(timedelta(hours=8))]),
        aware=st.booleans(),
    )
    def test_two_in_a_row_share_no_second_and_miss_none(
        self, start: datetime, length: int, zone: tzinfo, aware: bool
    ) -> None:
        ends = [start.replace(microsecond=0) + number * timedelta(minutes=length) for number in range(3)]
        ends = ends if aware else [end.replace(tzinfo=None) for end in ends]

        first, second = (window_by_pbx_clock(*pair, zone) for pair in pairwise(ends))

        assert first["end_time"] + timedelta(seconds=1) == second["start_time"]

    @pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-11-22"])
    def test_a_day_with_a_change_of_clock_is_that_day(self, day: str) -> None:
        first = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
        last = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=BERLIN)

        window = window_by_pbx_clock(first.astimezone(UTC), last.astimezone(UTC), BERLIN)

        assert Window(window["start_time"], window["end_time"]) == parse_period(day).window()

    @pytest.mark.parametrize("end", ["2026-11-22T17:59:59", "2026-11-22T18:00:01", "2026-11-22T08:00:30"])
    def test_an_end_that_no_next_window_shares_stays(self, end: str) -> None:
        start, last = datetime(2026, 11, 22, 8), datetime.fromisoformat(end)

        assert window_by_pbx_clock(start, last, BERLIN)["end_time"] == last

    @pytest.mark.parametrize("end", ["2026-10-25T02:00:00+00:00", "2026-10-25T03:00:00"])
    def test_a_second_taken_off_may_not_lead_into_the_hour_that_occurs_twice(self, end: str) -> None:
        with pytest.raises(InvalidRequestError, match="shows this time twice"):
            window_by_pbx_clock(datetime(2026, 10, 24), datetime.fromisoformat(end), BERLIN)

    @pytest.mark.parametrize("zone", [None, BERLIN, pendulum.timezone("Europe/Berlin")])
    def test_a_second_taken_off_leads_over_the_hour_that_is_skipped(self, zone: tzinfo | None) -> None:
        window = window_by_pbx_clock(datetime(2026, 3, 29, tzinfo=zone), datetime(2026, 3, 29, 3, tzinfo=zone), BERLIN)

        assert window["end_time"] == datetime(2026, 3, 29, 1, 59, 59)

    @pytest.mark.parametrize("name", ["start", "end"])
    def test_a_time_that_the_clock_skips_is_refused(self, name: str) -> None:
        ends = {"start": datetime(2026, 3, 28), "end": datetime(2026, 3, 30, 0, 0, 1)}

        with pytest.raises(InvalidRequestError, match=f"`{name}_time` 2026-03-29T02:30:10 does not exist"):
            window_by_pbx_clock(**ends | {name: datetime(2026, 3, 29, 2, 30, 10)}, zone=BERLIN)

    def test_a_day_begins_at_midnight_also_where_its_clock_skips_it(self) -> None:
        # Santiago went from 00:00 to 01:00 on that day.
        ends = datetime(2026, 9, 6), datetime(2026, 9, 6, 23, 59, 59)

        assert tuple(window_by_pbx_clock(*ends, ZoneInfo("America/Santiago")).values()) == ends


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


def test_a_period_is_a_value() -> None:
    assert Period("day", date(2026, 11, 22)) == parse_period("2026-11-22")
