from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import REPORT_TYPES
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request, check_arguments
from tests.pbx.report.support import BERLIN, DISPLAY, QUEUES, minimal, query

TIMES = {
    "extcallactivity",
    "trunkactivity",
    "trunkdiddodactivity",
    "queueavgwaittalktime",
    "queueperformanceactivity",
}


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
