"""The reference's facts about menus, lists and reports: the documented fields, every id, every display format."""

from __future__ import annotations

import re

import pytest

from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS
from tests.simulator.support import QUEUES, RANGE, Caller, calling

IDS = ("ext_id_list", "trunk_id", "trunk_id_list", "ivr_id_list", "ring_group_id_list", "queue_id", "queue_id_list")


class TestMenusAndLists:
    def test_a_queue_s_agents_are_not_told_without_the_queue_s_id(self, caller: Caller) -> None:
        answer = caller.get("system/get_menuoptions", menu="queue_agent")

        assert (answer["errcode"], answer["invalid_param_list"][0]["field"]) == (40002, "id")

    @pytest.mark.parametrize("endpoint", ["queue/list", "extension/list", "ivr/list", "ringgroup/list"])
    def test_the_menu_s_ids_are_those_of_the_directory(self, caller: Caller, endpoint: str) -> None:
        menu = {"queue/list": "queue", "extension/list": "extension", "ivr/list": "ivr", "ringgroup/list": "ring_group"}
        entries = caller.get(endpoint, page_size="100")
        listed = entries["queue_list" if endpoint == "queue/list" else "data"]

        options = caller.get("system/get_menuoptions", menu=menu[endpoint])["data"]

        assert [option["value"] for option in options] == [str(entry["id"]) for entry in listed]
        assert all(entry["number"] in option["text"] for option, entry in zip(options, listed, strict=True))

    @pytest.mark.parametrize(
        ("endpoint", "version", "key", "fields"),
        [
            (
                "queue/list",
                "v1.0",
                "queue_list",
                "id number name ring_strategy static_agent_list dynamic_agent_list",
            ),
            ("extension/list", "v1.0", "data", "id number first_name last_name caller_id_name"),
            ("ivr/list", "v1.0", "data", "id number name"),
            ("ringgroup/list", "v1.0", "data", "id number name"),
            ("myreport/list", "v1.0", "data", "id name dataset type creator"),
            ("call_schedule_report/list", "v2.0", "data", "id name format date"),
        ],
    )
    def test_an_entry_has_the_documented_fields(
        self, caller: Caller, endpoint: str, version: str, key: str, fields: str
    ) -> None:
        answer = caller.get(endpoint, version)

        assert isinstance(answer["total_number"], int)
        assert all(list(entry) == fields.split() and isinstance(entry["id"], int) for entry in answer[key])

    def test_agents_and_menus_have_the_documented_fields(self, caller: Caller) -> None:
        queues = caller.get("queue/list")["queue_list"]
        agents = [agent for queue in queues for agent in queue["static_agent_list"] + queue["dynamic_agent_list"]]
        options = caller.get("system/get_menuoptions", menu="queue_agent", id=str(queues[0]["id"]))["data"]

        assert {tuple(agent) for agent in agents} == {("value", "text", "text2", "type")}
        assert {tuple(option) for option in options} == {("text", "text2", "value", "type", "item")}
        assert all(isinstance(option["value"], str) for option in options)

    def test_a_user_created_report_is_custom_or_default(self, caller: Caller) -> None:
        listed = caller.get("myreport/list", sort_by="id", order_by="desc")["data"]

        assert {entry["type"] for entry in listed} == {"custom_report", "default_report"}
        assert [entry["id"] for entry in listed] == sorted((entry["id"] for entry in listed), reverse=True)

    def test_ids_are_sorted_as_numbers(self, caller: Caller) -> None:
        listed = caller.get("queue_pause_reason/list", sort_by="id", order_by="desc", page_size="100")["data"]
        everything = caller.get("extension/list", sort_by="id", page_size="100")["data"]

        assert [entry["id"] for entry in listed] == sorted((entry["id"] for entry in listed), reverse=True)
        assert [entry["id"] for entry in everything] == sorted(entry["id"] for entry in everything)


class TestReports:
    @pytest.mark.parametrize(
        ("report_type", "name"),
        [(kind.type, name) for kind in REPORTS.values() for name in kind.required if name in IDS],
    )
    @pytest.mark.parametrize("unknown", ["99999", "6400"], ids=["no id", "a dialled number"])
    def test_an_unknown_id_finds_nothing_in_any_report(
        self, caller: Caller, report_type: str, name: str, unknown: str
    ) -> None:
        window = {"time": "2026/11/20"} if REPORTS[report_type].time == "time" else RANGE
        answer = caller.report(type=report_type, **{name: unknown}, **window)

        assert answer["errcode"] == 0
        assert caller.rows(answer) == 0

    @pytest.mark.parametrize("name", ["queue_id_list", "type"])
    def test_a_blank_parameter_is_none(self, caller: Caller, name: str) -> None:
        answer = caller.report(**QUEUES | {name: ""})

        assert answer["errcode"] == 40002
        assert answer["invalid_param_list"][0]["field"] == name

    def test_both_ends_of_a_range_belong_to_it(self, caller: Caller) -> None:
        query = {"type": "queuesatisfactiondetail", "queue_id": "2"}
        rated = caller.get("call_report/list", "v2.0", **query, **RANGE)["queue_satisfaction_detail_list"]
        moment = rated[0]["time"]

        found = caller.get("call_report/list", "v2.0", **query, start_time=moment, end_time=moment)

        assert [row["time"] for row in found["queue_satisfaction_detail_list"]] == [moment]

    @pytest.mark.parametrize(
        ("date_format", "twelve_hour", "day", "month", "moments", "layout"),
        [
            ("YYYY/MM/DD", False, "2026/11/20", "2026/11", "00:00:00 23:59:59", "2006/01/02 15:04:05"),
            ("MM/DD/YYYY", False, "11/20/2026", "11/2026", "00:00:00 23:59:59", "01/02/2006 15:04:05"),
            ("DD/MM/YYYY", False, "20/11/2026", "11/2026", "00:00:00 23:59:59", "02/01/2006 15:04:05"),
            ("YYYY/MM/DD", True, "2026/11/20", "2026/11", "12:00:00 AM-11:59:59 PM", "2006/01/02 03:04:05 PM"),
            ("MM/DD/YYYY", True, "11/20/2026", "11/2026", "12:00:00 AM-11:59:59 PM", "01/02/2006 03:04:05 PM"),
            ("DD/MM/YYYY", True, "20/11/2026", "11/2026", "12:00:00 AM-11:59:59 PM", "02/01/2006 03:04:05 PM"),
        ],
    )
    def test_a_display_format_is_the_only_one_taken(
        self, date_format: str, twelve_hour: bool, day: str, month: str, moments: str, layout: str
    ) -> None:
        first, last = re.split(r"-| (?=\d)", moments)
        hourly = {"type": "queueperformanceactivity", "queue_id_list": "1"}
        with calling(date_format=date_format, twelve_hour=twelve_hour) as caller:
            right = QUEUES | {"start_time": f"{day} {first}", "end_time": f"{day} {last}"}
            whole = caller.get("call_report/list", "v2.0", **right)["queue_performance_list"]
            wrong = caller.report(**right | {"end_time": "2026-11-20 23:59:59"})
            rows = [caller.rows(caller.report(**hourly, time=time)) for time in (day, month)]
            complaint = caller.report(**hourly, time="20.11.2026")

        with calling() as usual:
            assert whole == usual.get("call_report/list", "v2.0", **QUEUES)["queue_performance_list"]
        assert wrong["invalid_param_list"] == [
            {"field": "end_time", "valid_msg": f"end_time format invalid, valid format: {layout}"}
        ]
        assert rows == [24, 30]
        assert complaint["errcode"] == 40002

    @pytest.mark.parametrize("report_type", REPORTS)
    def test_each_report_s_file_is_served_under_the_url_that_was_told(self, caller: Caller, report_type: str) -> None:
        kind = REPORTS[report_type]
        ids = dict.fromkeys(kind.required, "1") | {"time": "2026/11/20"}
        answer = caller.report(type=report_type, **ids if kind.time == "time" else ids | RANGE)

        assert caller.fetch(answer).content.startswith(b"\xef\xbb\xbf")
