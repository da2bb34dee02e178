"""A request's window: what it may be given as, and what it is by the PBX's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request, check_arguments
from tests.pbx.report.support import BERLIN, DISPLAY, QUEUES, minimal, query

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def dated(request: ReportRequest, zone: tzinfo, now: datetime, *, zone_is_named: bool = True) -> ReportRequest:
    return replace(request, frame=request.frame.dated(zone, now, zone_is_named=zone_is_named))


class TestTimes:
    def test_aware_times_are_converted_and_naive_ones_are_the_pbx_s(self) -> None:
        asked = query(**QUEUES, start_time=datetime(2026, 11, 22, 6, tzinfo=UTC), end_time="2026-11-22T18:00:00")

        assert (asked["start_time"], asked["end_time"]) == ("2026/11/22 07:00:00", "2026/11/22 17:59:59")

    def test_one_end_may_be_left_open(self) -> None:
        asked = query(**QUEUES, start_time="2026-11-22T06:00:00")

        assert "end_time" not in asked

    def test_no_window_at_all_is_left_to_the_pbx(self) -> None:
        assert not {"start_time", "end_time", "time"} & set(query(**QUEUES))

    def test_period_and_range_exclude_one_another(self) -> None:
        with pytest.raises(InvalidRequestError, match="Both period and"):
            build_request(**QUEUES, period="2026", start_time="2026-11-22T06:00:00")

    @pytest.mark.parametrize("end", ["2026-11-22T06:00:00", "2026-11-21T06:00:00"], ids=["empty", "reversed"])
    def test_an_empty_window_is_refused(self, end: str) -> None:
        with pytest.raises(InvalidRequestError, match="is empty"):
            build_request(**QUEUES, start_time="2026-11-22T06:00:00", end_time=end)

    def test_a_window_that_is_empty_by_the_pbx_s_clock_is_refused_there(self) -> None:
        request = build_request(
            **QUEUES, start_time=datetime(2026, 11, 22, 6, tzinfo=UTC), end_time="2026-11-22T06:30:00"
        )

        with pytest.raises(InvalidRequestError, match="is empty"):
            request.query(DISPLAY, BERLIN)

    @pytest.mark.parametrize(
        ("arguments", "described"),
        [
            (minimal("queueavgwaittalktime", period="2026-11"), {"time": "2026-11"}),
            (QUEUES | {"period": "2026"}, {"start_time": "2026-01-01T00:00:00", "end_time": "2026-12-31T23:59:59"}),
            (QUEUES, {}),
        ],
        ids=["time", "range", "none"],
    )
    def test_it_is_described_in_iso_8601(self, arguments: dict[str, Any], described: dict[str, str]) -> None:
        assert build_request(**arguments).describe(BERLIN) == described

    @pytest.mark.parametrize(
        "argument",
        [
            "report_type",
            "my_report_id",
            "period",
            "start_time",
            "end_time",
            "api_version",
            "file_format",
            "duration_format",
            "parameters",
        ],
    )
    @pytest.mark.parametrize(
        ("blank", "words"), [("", "an empty text"), ("  ", "an empty text"), ("None", "the text 'None'")]
    )
    def test_a_text_without_content_is_refused(self, argument: str, blank: str, words: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"`{argument}` is {words}"):
            check_arguments(
                **{"report_type": "unreturnmisscall", argument: blank}
                | ({"report_type": None} if argument == "my_report_id" else {})
            )

    def test_a_year_may_come_as_a_number(self) -> None:
        assert build_request(**QUEUES, period=2026) == build_request(**QUEUES, period="2026")

    @pytest.mark.parametrize(
        ("start", "end", "argument"),
        [
            ("2026-10-25T00:30:00Z", "2026-10-25T01:45:00Z", "start_time"),
            ("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "start_time"),
            ("2026-10-24T00:00:00Z", "2026-10-25T01:30:00Z", "end_time"),
        ],
    )
    def test_an_aware_time_that_the_pbx_s_clock_shows_twice_is_refused(
        self, start: str, end: str, argument: str
    ) -> None:
        request = build_request(**QUEUES, start_time=start, end_time=end)

        with pytest.raises(InvalidRequestError, match=f"`{argument}` .* is 02:.* shows this time twice"):
            request.query(DISPLAY, BERLIN)

    @pytest.mark.parametrize("end", ["2026-10-25T02:30:00", "2026-10-25T02:00:01Z", "2026-03-29T01:00:00Z"])
    def test_other_times_around_the_change_are_taken(self, end: str) -> None:
        request = build_request(**QUEUES, start_time="2026-03-01T00:00:00", end_time=end)

        assert "end_time" in request.query(DISPLAY, BERLIN)

    @pytest.mark.parametrize("word", ["last_7_days", "last_30_days"])
    def test_a_report_of_days_takes_no_run_of_days_in_words(self, word: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"takes a day, month or year, not {word}"):
            check_arguments(**minimal("queueavgwaittalktime", period=word))

    @pytest.mark.parametrize(
        ("word", "time"), [("yesterday", "2026/11/21"), ("last_month", "2026/10"), ("this_year", "2026")]
    )
    def test_a_report_of_days_takes_calendar_words(self, word: str, time: str) -> None:
        request = build_request(**minimal("queueavgwaittalktime", period=word, as_of="2026-11-21T23:00:00+00:00"))

        assert dated(request, BERLIN, NOW).query(DISPLAY, BERLIN)["time"] == time

    def test_words_are_counted_from_the_given_moment_else_from_now(self) -> None:
        request = build_request(**QUEUES, period="yesterday")

        assert dated(request, BERLIN, NOW).describe(BERLIN)["start_time"] == "2026-11-25T00:00:00"
        then = build_request(**QUEUES, period="yesterday", as_of=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
        assert dated(then, BERLIN, NOW).describe(BERLIN)["start_time"] == "2026-11-22T00:00:00"

    @pytest.mark.parametrize(
        ("word", "same"),
        [
            ("yesterday", {"period": "2026-11-22"}),
            ("last_month", {"period": "2026-10"}),
            ("last_7_days", {"start_time": "2026-11-16T00:00:00", "end_time": "2026-11-22T23:59:59"}),
        ],
    )
    def test_a_resolved_request_is_the_one_with_dates(self, word: str, same: dict[str, str]) -> None:
        request = build_request(**QUEUES, period=word, as_of="2026-11-23T04:00:00+00:00")

        assert dated(request, BERLIN, NOW) == build_request(**QUEUES, **same)
        assert dated(request, BERLIN, NOW).file_name() == build_request(**QUEUES, **same).file_name()

    def test_words_neither_name_a_file_nor_are_sent(self) -> None:
        request = build_request(**QUEUES, period="yesterday")

        with pytest.raises(ValueError, match="has to be dated"):
            request.file_name()
        with pytest.raises(ValueError, match="has to be dated"):
            request.query(DISPLAY, BERLIN)

    @pytest.mark.parametrize("name", ["start_time", "end_time"])
    def test_a_time_with_offset_is_refused_without_the_pbx_s_zone(self, name: str) -> None:
        offset = timezone(timedelta(hours=1))
        request = build_request(**QUEUES, **{name: "2026-07-01T00:00:00+02:00"})

        with pytest.raises(InvalidRequestError, match=r"carries a UTC offset.*Set `timezone`"):
            dated(request, offset, NOW, zone_is_named=False)
        assert dated(request, BERLIN, NOW) == request

    def test_without_the_pbx_s_zone_times_of_its_clock_are_taken(self) -> None:
        request = build_request(**QUEUES, start_time="2026-07-01T00:00:00", end_time="2026-07-01T23:59:59")

        assert dated(request, timezone(timedelta(hours=1)), NOW, zone_is_named=False) == request

    @pytest.mark.parametrize(
        ("arguments", "over_at"),
        [
            (QUEUES | {"period": "2026-11-22"}, datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC)),
            (minimal("queueavgwaittalktime", period="2026-11"), datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)),
            (QUEUES | {"end_time": "2026-11-22T18:00:00"}, datetime(2026, 11, 22, 17, tzinfo=UTC)),
            (QUEUES | {"end_time": "2026-11-22T18:00:00Z"}, datetime(2026, 11, 22, 18, tzinfo=UTC)),
        ],
        ids=["day", "month", "local-end", "aware-end"],
    )
    def test_it_is_unfinished_until_its_end_by_the_pbx_s_clock(
        self, arguments: dict[str, Any], over_at: datetime
    ) -> None:
        request = build_request(**arguments)

        assert request.is_unfinished(over_at - timedelta(seconds=1), BERLIN)
        assert not request.is_unfinished(over_at, BERLIN)

    def test_a_window_without_an_end_is_not_unfinished(self) -> None:
        request = build_request(**QUEUES, start_time="2026-11-22T06:00:00")

        assert not request.is_unfinished(datetime(2026, 1, 1, tzinfo=UTC), BERLIN)
