from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS, REPORT_TYPES
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.request import (
    ReportRequest,
    build_request,
    check_arguments,
)

DISPLAY = DisplayFormat("YYYY/MM/DD", "hh:mm:ss")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
QUEUES = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1]}}
TIMES = {
    "extcallactivity",
    "trunkactivity",
    "trunkdiddodactivity",
    "queueavgwaittalktime",
    "queueperformanceactivity",
}
VALUES: dict[str, Any] = {"flag": True, "integer": 5, "seconds": 5}


def dated(request: ReportRequest, zone: tzinfo, now: datetime, *, zone_is_named: bool = True) -> ReportRequest:
    return replace(request, frame=request.frame.dated(zone, now, zone_is_named=zone_is_named))


def minimal(report_type: str, **changes: Any) -> dict[str, Any]:
    """The fewest arguments with which a report can be asked for."""
    required = dict.fromkeys(REPORT_TYPES[report_type].required, "1")
    return {"report_type": report_type, "period": "2026-11-20", "parameters": required} | changes


def query(**arguments: Any) -> dict[str, str]:
    return build_request(**arguments).query(DISPLAY, BERLIN)


class TestEveryReportType:
    @pytest.mark.parametrize("report_type", REPORT_TYPES)
    def test_its_query(self, report_type: str) -> None:
        times = {"start_time": "2026/11/20 00:00:00", "end_time": "2026/11/20 23:59:59"}
        if report_type in TIMES:
            times = {"time": "2026/11/20"}

        assert query(**minimal(report_type)) == {
            "type": report_type,
            **times,
            **dict.fromkeys(REPORT_TYPES[report_type].required, "1"),
            "format": "csv",
            "duration_format": "seconds",
            "is_async": "1",
        }

    @pytest.mark.parametrize("report_type", [name for name, report in REPORT_TYPES.items() if report.required])
    def test_what_it_requires_is_asked_for_by_name(self, report_type: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"needs {', '.join(REPORT_TYPES[report_type].required)}"):
            build_request(**minimal(report_type, parameters={}))

    @pytest.mark.parametrize("report_type", sorted(TIMES))
    def test_a_report_of_days_takes_no_range(self, report_type: str) -> None:
        with pytest.raises(InvalidRequestError, match="takes a day, month or year"):
            build_request(**minimal(report_type, period=None, start_time="2026-11-20T00:00:00"))
        with pytest.raises(InvalidRequestError, match="needs a period"):
            build_request(**minimal(report_type, period=None))


class TestEveryParameter:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_it_arrives(self, name: str) -> None:
        parameter = PARAMETERS[name]
        report_type = parameter.reports[0] if parameter.reports else "queueperformance"
        arguments = minimal(report_type)
        arguments["parameters"] = {**arguments["parameters"], name: VALUES.get(parameter.kind, "7")}

        expected = {"flag": "1", "integer": "5", "seconds": "5"}.get(parameter.kind, "7")
        assert query(**arguments)[name] == expected

    @pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if parameter.reports])
    def test_one_that_serves_other_reports_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"The parameter {name} is for"):
            build_request(**minimal("queueperformance", parameters={"queue_id_list": 1, name: 1}))

    @pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if parameter.reports])
    def test_a_user_created_report_takes_any(self, name: str) -> None:
        assert query(my_report_id=7, parameters={name: 1})[name] == "1"


class TestValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (7, "7"),
            ("7", "7"),
            ("1,2", "1,2"),
            (" 7 ", "7"),
            ([3, 1, "2"], "3,1,2"),
            ((1, 2), "1,2"),
            ({2, 1}, "1,2"),
        ],
        ids=repr,
    )
    def test_python_s_values_become_the_vendor_s(self, value: Any, text: str) -> None:
        assert query(my_report_id=7, parameters={"queue_id_list": value})["queue_id_list"] == text

    @pytest.mark.parametrize(("value", "text"), [(True, "1"), (False, "0"), ("True", "1"), ("0", "0"), (1, "1")])
    def test_flags(self, value: Any, text: str) -> None:
        assert query(my_report_id=7, parameters={"need_detail": value})["need_detail"] == text

    @pytest.mark.parametrize(
        ("value", "ids"),
        [
            (1, (1,)),
            ("1", ("1",)),
            ("1, Support,,6401", ("1", "Support", "6401")),
            ([1, "1", " Support "], (1, "1", "Support")),
        ],
        ids=repr,
    )
    def test_an_id_stays_an_int_and_a_text_a_text(self, value: Any, ids: tuple[int | str, ...]) -> None:
        request = build_request(my_report_id=7, parameters={"queue_id_list": value})

        assert dict(request.parameters)["queue_id_list"] == ids

    def test_a_parameter_that_is_newer_than_we_are_passes(self) -> None:
        assert query(my_report_id=7, parameters={"sentiment": "happy"})["sentiment"] == "happy"

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({"queue_id_list": []}, "empty list"),
            ({"queue_id_list": [""]}, "is empty"),
            ({"queue_id_list": " , "}, "names nothing"),
            ({"queue_id_list": ["1,2"]}, "take it for several"),
            ({"queue_id_list": -1}, "neither a text nor a whole number"),
            ({"queue_id_list": 1.5}, "neither a text nor a whole number"),
            ({"queue_id_list": {"a": 1}}, "neither a text nor a whole number"),
            ({"agent_id_list": None}, "agent_id_list is None"),
            ({"agent_id_list": [1, None]}, "neither a text nor a whole number"),
            ({"agent_id_list": "None"}, "the text 'None'"),
            ({"agent_id_list": "6401, None"}, "the text '6401, None'"),
            ({"call_from": None}, "call_from is None"),
            ({"call_from": "None"}, "the text 'None'"),
            ({"sentiment": " "}, "sentiment is empty"),
            ({"need_detail": 2}, "neither True nor False"),
            ({"talk_time": "long"}, "not a whole number"),
            ({"queue_ids": 1}, "queue_id"),
            ({"type": "ivr"}, "argument report_type"),
            ({"format": "csv"}, "argument file_format"),
            ({"start_time": "x"}, "argument start_time"),
            ({"access_token": "x"}, "argument yeastar_conn_id"),
            ({"a b": 1}, "no parameter's name"),
            ({1: 1}, "no parameter's name"),
            ([1], "not a dict"),
        ],
        ids=repr,
    )
    def test_what_cannot_be_meant_is_refused(self, parameters: Any, words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words):
            build_request(my_report_id=7, parameters=parameters)


class TestWhichReport:
    @pytest.mark.parametrize(
        "arguments",
        [{}, {"report_type": "ivr", "my_report_id": 1}, {"my_report_id": 1, "scheduled_report_id": 1}],
        ids=["none", "two", "two-others"],
    )
    def test_exactly_one_is_wanted(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError, match="Exactly one of"):
            build_request(**arguments)

    def test_an_unknown_one_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(InvalidRequestError, match=r"no report_type 'QueuePerformence'.*queueperformance"):
            build_request(report_type="QueuePerformence")

    def test_a_user_created_one(self) -> None:
        assert query(my_report_id="7", period="2026-11") == {
            "my_report_id": "7",
            "start_time": "2026/11/01 00:00:00",
            "end_time": "2026/11/30 23:59:59",
            "format": "csv",
            "duration_format": "seconds",
            "is_async": "1",
        }

    def test_a_scheduled_one_is_ruled_by_its_schedule(self) -> None:
        request = build_request(scheduled_report_id=3, parameters={"need_detail": True})

        assert request.endpoint == "call_schedule_report/download"
        assert request.query(DISPLAY, BERLIN) == {"id": "3", "need_detail": "1", "is_async": "1"}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [({"period": "2026"}, "period of its schedule"), ({"parameters": {"queue_id": 1}}, "leave queue_id out")],
        ids=["period", "parameter"],
    )
    def test_a_scheduled_one_takes_no_more(self, changes: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words):
            build_request(scheduled_report_id=3, **changes)

    @pytest.mark.parametrize("name", ["my_report_id", "scheduled_report_id"])
    @pytest.mark.parametrize("value", ["x", True, -1, 1.5])
    def test_an_id_is_a_whole_number(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="not an id"):
            build_request(**{name: value})

    def test_what_exists_in_v2_only_is_refused_on_v1(self) -> None:
        arguments = minimal("aireceptionistcallactivity")

        with pytest.raises(InvalidRequestError, match=r"v2\.0 only"):
            build_request(**arguments, api_version="v1.0")


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


class TestFileName:
    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            (QUEUES | {"period": "2026-11-22"}, "queueperformance_2026-11-22_"),
            (QUEUES | {"start_time": "2026-11-22T06:00:00"}, "queueperformance_2026-11-22T060000--_"),
            (QUEUES, "queueperformance_all_"),
            ({"my_report_id": 7, "file_format": "pdf"}, "my_report_7_all_"),
            ({"scheduled_report_id": 7}, "scheduled_report_7_all_"),
        ],
        ids=["day", "open-range", "none", "my-report", "scheduled"],
    )
    def test_it_tells_report_and_window(self, arguments: dict[str, Any], name: str) -> None:
        made = build_request(**arguments).file_name()

        assert made.startswith(name)
        assert not set(made) & set(':/\\*?"<>|')

    def test_it_is_a_promise(self) -> None:
        """A change here would let a re-run leave yesterday's file beside its own."""
        made = build_request(**QUEUES, period="2026-11-22").file_name()

        assert made == "queueperformance_2026-11-22_d54a9b1c.csv"

    def test_the_way_it_is_had_makes_no_difference_but_what_is_asked_for_does(self) -> None:
        arguments = QUEUES | {"period": "2026-11-22"}
        name = build_request(**arguments).file_name()

        assert build_request(**arguments, asynchronous=False).file_name() == name
        assert build_request(**arguments, check_ids=False).file_name() == name
        assert build_request(**arguments, duration_format="hhmmss").file_name() != name
        assert build_request(**arguments | {"parameters": {"queue_id_list": [2]}}).file_name() != name

    def test_two_pbxs_never_share_a_name(self) -> None:
        request = build_request(**QUEUES, period="2026-11-22")

        names = {request.file_name(source) for source in (None, "berlin", "shanghai")}

        assert len(names) == 3


class TestJson:
    @pytest.mark.parametrize(
        "arguments",
        [
            minimal("queueperformance"),
            minimal("trunkactivity", file_format="xls", duration_format="hhmmss", api_version="v1.0"),
            QUEUES | {"start_time": datetime(2026, 11, 22, 6, tzinfo=BERLIN), "asynchronous": False},
            {"my_report_id": 7, "parameters": {"queue_id_list": [1, 2], "sentiment": "happy"}},
            {"scheduled_report_id": 7},
            QUEUES | {"period": "last_7_days", "as_of": datetime(2026, 11, 22, 6, tzinfo=UTC)},
            QUEUES | {"period": "yesterday"},
            QUEUES | {"parameters": {"queue_id_list": [1, "6401", "Support"]}, "check_ids": False},
        ],
        ids=["range", "time", "aware", "my-report", "scheduled", "words", "words-from-now", "names"],
    )
    def test_a_request_comes_back_equal(self, arguments: dict[str, Any]) -> None:
        request = build_request(**arguments)

        assert ReportRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request


class TestWhenTheDagIsParsed:
    @pytest.mark.parametrize(
        "open_value",
        ["{{ ds }}", "{% if x %}1{% endif %}", object(), ["{{ ds }}"]],
        ids=["expression", "block", "output", "list"],
    )
    @pytest.mark.parametrize(
        "name",
        ["report_type", "period", "parameters", "file_format", "duration_format", "api_version", "asynchronous"],
    )
    def test_what_is_not_known_yet_is_left_for_later(self, name: str, open_value: Any) -> None:
        check_arguments(**QUEUES | {"period": "2026-11-20", name: open_value})

    def test_one_template_does_not_hide_the_other_mistakes(self) -> None:
        with pytest.raises(InvalidRequestError, match="xlsx"):
            check_arguments(**QUEUES, period="{{ ds }}", file_format="xlsx")
        with pytest.raises(InvalidRequestError, match="queue_id"):
            check_arguments(**QUEUES | {"parameters": {"queue_id_list": 1, "queue_ids": "{{ params.x }}"}})
        with pytest.raises(InvalidRequestError, match="queue_id_list"):
            check_arguments(report_type="queueperformance", parameters={"agent_id_list": "{{ params.x }}"})

    def test_an_unrendered_template_is_no_period_in_the_end(self) -> None:
        with pytest.raises(InvalidRequestError, match=r"\{\{ ds \}\}"):
            build_request(**QUEUES, period="{{ ds }}")
