"""The time window that the arguments of a request name, dated and by the PBX's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.frame import TimeFrame, time_frame
from airflow_provider_yeastar.pbx.report.periods import PERIOD_WORDS, Period, RelativePeriod, Window

BERLIN = ZoneInfo("Europe/Berlin")
SANTIAGO = ZoneInfo("America/Santiago")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def window_of(start: str, end: str) -> Window:
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))


class TestArguments:
    @pytest.mark.parametrize(
        ("period", "start", "end"),
        [
            ("2026-11-22", "2026-11-22T00:00:00", "2026-11-22T23:59:59"),
            (" 2026-11-22 ", "2026-11-22T00:00:00", "2026-11-22T23:59:59"),
            ("2026-11-22T00:00:00", "2026-11-22T00:00:00", "2026-11-22T23:59:59"),
            ("2024-02-29", "2024-02-29T00:00:00", "2024-02-29T23:59:59"),
            ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
            ("2026-02", "2026-02-01T00:00:00", "2026-02-28T23:59:59"),
            ("2026", "2026-01-01T00:00:00", "2026-12-31T23:59:59"),
            (2026, "2026-01-01T00:00:00", "2026-12-31T23:59:59"),
        ],
    )
    def test_a_period_is_whole(self, period: Any, start: str, end: str) -> None:
        assert time_frame(period, None, None).window(BERLIN) == window_of(start, end)

    @pytest.mark.parametrize(
        ("start", "end", "first", "last"),
        [
            ("2026-11-22T08:00:05", "2026-11-22T17:30:30", "2026-11-22T08:00:05", "2026-11-22T17:30:30"),
            ("2026-11-22 08:00:00", "2026-11-22 08:15:00", "2026-11-22T08:00:00", "2026-11-22T08:14:59"),
            ("2024-02-28T00:00:00", "2024-03-01T00:00:00", "2024-02-28T00:00:00", "2024-02-29T23:59:59"),
            ("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z", "2026-11-22T00:00:00", "2026-11-22T23:59:59"),
            ("2026-07-21T22:00:00+00:00", "2026-07-22T22:00:00Z", "2026-07-22T00:00:00", "2026-07-22T23:59:59"),
            ("2026-11-22T00:00:00-05:00", "2026-11-22T02:00:01-05:00", "2026-11-22T06:00:00", "2026-11-22T08:00:01"),
            ("2026-11-22T08:00:00", "2026-11-22T08:00:10Z", "2026-11-22T08:00:00", "2026-11-22T09:00:10"),
        ],
        ids=["as-it-is", "whole-minutes", "leap-day", "utc-in-winter", "utc-in-summer", "offset", "one-aware"],
    )
    def test_a_window_is_by_the_pbx_s_clock(self, start: str, end: str, first: str, last: str) -> None:
        assert time_frame(None, start, end).window(BERLIN) == window_of(first, last)

    def test_datetimes_do_as_well_as_texts_and_lose_their_microseconds(self) -> None:
        start, end = datetime(2026, 11, 22, 8, 0, 0, 999_999), datetime(2026, 11, 22, 9, 0, 1, tzinfo=UTC)

        assert time_frame(None, start, end) == time_frame(None, "2026-11-22T08:00:00", "2026-11-22T09:00:01Z")

    @pytest.mark.parametrize(
        ("period", "start", "end", "sentence"),
        [
            (None, None, None, "Give either `period`, or"),
            ("2026", "2026-11-22T00:00:00", None, "Give either `period`, or"),
            ("2026", None, "2026-11-22T00:00:00", "Give either `period`, or"),
            ("2026", "2026-11-22T00:00:00", "2026-11-23T00:00:00", "Give either `period`, or"),
            (None, "2026-11-22T00:00:00", None, "one of them is missing"),
            (None, None, "2026-11-22T00:00:00", "one of them is missing"),
            ("", None, None, "no day"),
            ("None", None, None, "no day"),
            ("{{ ds }}", None, None, "no day"),
            ("2026-02-29", None, None, "no day"),
            (True, None, None, "not a text"),
            (date(2026, 11, 22), None, None, "not a text"),
            (None, "", "2026-11-22T00:00:00", "`start_time` is ''"),
            (None, "None", "2026-11-22T00:00:00", "`start_time` is 'None'"),
            (None, "2026-11-22", "2026-11-23T00:00:00", "`start_time` is '2026-11-22'"),
            (None, "2026-11-22T00:00:00", "2026-02-29T00:00:00", "`end_time` is '2026-02-29T00:00:00'"),
            (None, "2026-11-22T00:00:00", date(2026, 11, 23), "`end_time` is datetime.date"),
        ],
    )
    def test_what_names_no_frame_is_refused(self, period: Any, start: Any, end: Any, sentence: str) -> None:
        with pytest.raises(InvalidRequestError, match=sentence):
            time_frame(period, start, end)

    @pytest.mark.parametrize("end", ["2026-11-22T00:00:00", "2026-11-21T00:00:00", "2026-11-22T00:30:00+01:30"])
    def test_an_empty_window_is_refused(self, end: str) -> None:
        with pytest.raises(InvalidRequestError, match="is empty"):
            time_frame(None, "2026-11-22T00:00:00", end).window(BERLIN)

    @pytest.mark.parametrize("start", ["2026-03-29T02:30:00", "2026-10-25T00:30:00Z"], ids=["never", "twice"])
    def test_an_end_that_the_clock_shows_never_or_twice_is_refused(self, start: str) -> None:
        with pytest.raises(InvalidRequestError, match="`start_time`"):
            time_frame(None, start, "2026-11-22T00:00:01").window(BERLIN)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.sampled_from([None, UTC])),
    minutes=st.integers(1, 100_000),
)
def test_windows_of_whole_minutes_in_a_row_share_no_second_and_miss_none(start: datetime, minutes: int) -> None:
    ends = [start + number * timedelta(minutes=minutes) for number in range(3)]

    first, second = (time_frame(None, *pair).window(ZoneInfo("Asia/Kathmandu")) for pair in pairwise(ends))

    assert first.end + timedelta(seconds=1) == second.start


class TestText:
    @pytest.mark.parametrize("period", ["2026-11-22", "2024-02-29", "2026-11", "2026", *PERIOD_WORDS])
    def test_a_period_is_its_own_text(self, period: str) -> None:
        assert time_frame(period, None, None).text == period

    @pytest.mark.parametrize(
        ("start", "end", "text"),
        [
            ("2026-11-22T08:05:09", "2026-11-22T17:00:00", "2026-11-22T080509--2026-11-22T170000"),
            ("2026-11-22T00:00:00+05:30", "2026-11-23T00:00:00Z", "2026-11-22T000000--2026-11-23T000000"),
        ],
    )
    def test_a_window_is_written_as_it_was_asked_for(self, start: str, end: str, text: str) -> None:
        assert time_frame(None, start, end).text == text


class TestDated:
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
    def test_words_become_whole_days_counted_from_their_own_moment(self, word: str, first: str, last: str) -> None:
        as_of = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)  # past midnight in Berlin
        frame = time_frame(word, None, None, as_of)

        dated = frame.dated(BERLIN, NOW)

        assert (frame.is_relative, dated.is_relative) == (True, False)
        assert dated.window(BERLIN) == window_of(f"{first}T00:00:00", f"{last}T23:59:59")

    def test_words_without_a_moment_are_counted_from_now(self) -> None:
        assert time_frame("yesterday", None, None).dated(BERLIN, NOW) == time_frame("2026-11-25", None, None)

    @pytest.mark.parametrize("word", ["yesterday", "last_7_days"])
    def test_the_text_of_dated_words_tells_one_night_from_the_next(self, word: str) -> None:
        nights = [time_frame(word, None, None, NOW + timedelta(days=number)).dated(BERLIN, NOW) for number in range(2)]

        assert nights[0].text != nights[1].text
        assert word not in nights[0].text

    @pytest.mark.parametrize(
        "arguments",
        [("2026-11", None, None), (None, "2026-11-22T00:00:00+01:00", "2026-11-23T00:00:00+01:00")],
        ids=["period", "window"],
    )
    def test_what_has_dates_stays(self, arguments: tuple[Any, Any, Any]) -> None:
        frame = time_frame(*arguments)

        assert frame.dated(BERLIN, NOW) == frame
        assert not frame.is_relative

    def test_words_have_no_window_before(self) -> None:
        with pytest.raises(ValueError, match="yesterday has to be dated first"):
            time_frame("yesterday", None, None).window(BERLIN)

    def test_days_that_begin_at_a_midnight_which_the_clock_skips_are_whole(self) -> None:
        after = datetime(2026, 9, 13, 15, tzinfo=UTC)  # Santiago went from 00:00 to 01:00 on the 6th

        window = time_frame("last_7_days", None, None, after).dated(SANTIAGO, NOW).window(SANTIAGO)

        assert window == window_of("2026-09-06T00:00:00", "2026-09-12T23:59:59")

    @given(
        moment=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
        word=st.sampled_from(PERIOD_WORDS),
        zone=st.sampled_from([BERLIN, SANTIAGO, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Africa/Cairo")]),
    )
    def test_words_name_the_window_that_they_name_elsewhere(self, moment: datetime, word: str, zone: tzinfo) -> None:
        found = RelativePeriod(word).resolve(moment, zone)
        whole = found.window() if isinstance(found, Period) else found

        assert time_frame(word, None, None, moment).dated(zone, NOW).window(zone) == whole


class TestOpenFrames:
    """A report may have one end alone, or none."""

    START, END = datetime(2026, 11, 22, 8), datetime(2026, 11, 22, 9, 0, 1)

    @pytest.mark.parametrize(
        ("frame", "text", "ends"),
        [
            (TimeFrame(None), "all", {}),
            (TimeFrame(None, START), "2026-11-22T080000--", {"start_time": START}),
            (TimeFrame(None, None, END), "--2026-11-22T090001", {"end_time": END}),
            (
                TimeFrame(None, START, END),
                "2026-11-22T080000--2026-11-22T090001",
                {"start_time": START, "end_time": END},
            ),
        ],
    )
    def test_only_the_given_ends_are_named(self, frame: TimeFrame, text: str, ends: dict[str, datetime]) -> None:
        assert (frame.text, frame.ends(BERLIN)) == (text, ends)
        assert frame.is_everything is (not ends)

    def test_a_period_is_not_everything(self) -> None:
        assert not time_frame("2026-11-22", None, None).is_everything


class TestWithThePresentOffsetAlone:
    WINTER = timezone(timedelta(hours=1))

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00"),
            ("2026-11-22T00:00:00", "2026-11-23T00:00:00+01:00"),
        ],
    )
    def test_times_with_an_offset_are_refused(self, start: str, end: str) -> None:
        with pytest.raises(InvalidRequestError, match="carries a UTC offset"):
            time_frame(None, start, end).dated(self.WINTER, NOW, zone_is_named=False)

    def test_times_by_the_pbx_s_clock_stay(self) -> None:
        frame = time_frame(None, "2026-07-22T00:00:00", "2026-07-23T00:00:00")

        assert frame.dated(self.WINTER, NOW, zone_is_named=False) == frame

    def test_words_are_counted_where_the_offset_makes_no_difference(self) -> None:
        frame = time_frame("yesterday", None, None, datetime(2026, 7, 1, 12, tzinfo=UTC))

        assert frame.dated(self.WINTER, NOW, zone_is_named=False) == TimeFrame(Period("day", date(2026, 6, 30)))

    def test_words_in_doubt_are_refused_and_taken_in_a_named_zone(self) -> None:
        frame = time_frame("yesterday", None, None, datetime(2026, 7, 1, 22, 30, tzinfo=UTC))

        assert frame.dated(BERLIN, NOW).text == "2026-07-01"
        with pytest.raises(InvalidRequestError, match="daylight saving time"):
            frame.dated(self.WINTER, NOW, zone_is_named=False)
