"""Calls over real sockets, held against the reference; no code of the provider's client is used."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.simulator.api.support import BERLIN, DAY, NOVEMBER_20, calls, legs, unix
from tests.simulator.support import QUEUES, RANGE, Caller, calling


class TestTheyAgreeWithTheReports:
    def test_the_performance_of_each_queue_is_what_the_calls_say(self, caller: Caller) -> None:
        report = caller.get("call_report/list", "v2.0", **QUEUES)["queue_performance_list"]
        entered: dict[str, list[str]] = defaultdict(list)
        for call in calls(caller):
            if call["queues"]:
                entered[call["queues"]["number"]].append(call["last_status"])

        assert len(report) == 3
        for row in report:
            results = Counter(entered[row["queue_num"]])
            assert row["total_calls"] == results.total() > 0
            assert row["answered_calls"] == results["ANSWERED"]
            assert row["abandoned_calls"] == results["ABANDONED"]
            assert row["missed_calls"] == results["NO ANSWER"] + results["VOICEMAIL"]

    def test_the_queue_s_legs_add_up_to_its_waiting_times(self, caller: Caller) -> None:
        report = caller.get("call_report/list", "v2.0", **QUEUES)["queue_performance_list"]
        for row in report:
            of_queue = [leg for leg in legs(caller) if leg["call_to_number"] == row["queue_num"]]
            answered = [leg for leg in of_queue if leg["disposition"] == "ANSWERED"]

            assert (len(of_queue), len(answered)) == (row["total_calls"], row["answered_calls"])
            assert sum(leg.get("ring_duration", 0) for leg in of_queue) == row["total_waiting_time"]
            assert sum(leg.get("ring_duration", 0) for leg in answered) == row["answered_waiting_time"]

    def test_agents_have_a_leg_for_each_answered_call_and_none_else(self, caller: Caller) -> None:
        report = caller.get("call_report/list", "v2.0", type="queueagentperformance", queue_id="2", **RANGE)
        in_queue = {leg["call_id"] for leg in legs(caller) if leg["call_to_number"] == "6401"}
        to_agents = Counter(
            leg["call_to_number"]
            for leg in legs(caller)
            if leg["call_id"] in in_queue and not leg["call_to_number"].startswith("6")
        )

        agents = report["queue_agent_performance_list"][0]["detail"]
        assert {
            agent["agent_number"]: agent["answered_calls"] for agent in agents if agent["answered_calls"]
        } == to_agents

    def test_a_call_s_duration_is_routing_and_handling(self, caller: Caller) -> None:
        for call in calls(caller):
            assert call["call_duration"] == call["routing_duration"] + call["handling_duration"]

    def test_v1_has_the_legs_of_the_calls_of_v2(self, caller: Caller) -> None:
        by_call = Counter(leg["uid"] for leg in legs(caller))

        assert by_call == {call["uid"]: call["segments"] for call in calls(caller)}
        assert max(by_call.values()) > 1

    def test_the_calls_of_a_report_are_those_of_the_cdr(self, caller: Caller) -> None:
        times = {"detail_time_begin": RANGE["start_time"], "detail_time_end": RANGE["end_time"]}
        detail = caller.get("call_report/detail", "v2.0", type="ivr", ivr_num="6200", **RANGE, **times)
        through_menu = {
            call["uid"] for call in calls(caller) if "6200" in [ivr["number"] for ivr in call["ivrs"] or []]
        }

        assert {row["id"] for row in detail["ivr_report_detail"]} == through_menu != set()


class TestV1:
    def test_a_row_is_a_leg_with_a_key_of_its_own_and_no_id(self, caller: Caller) -> None:
        rows = legs(caller)

        assert len({row["new_id"] for row in rows}) == len(rows) > len({row["uid"] for row in rows})
        assert len({row["uid"] for row in rows}) == len({row["call_id"] for row in rows})
        assert not any("id" in row for row in rows)

    def test_what_is_empty_has_no_key(self, caller: Caller) -> None:
        rows = legs(caller)

        for name in ("duration", "talk_duration", "ring_duration", "src_trunk", "did_number", "record_file"):
            assert 0 < sum(name in row for row in rows) < len(rows), name
            assert all(row[name] for row in rows if name in row)
        assert all(isinstance(row["did"], str) and isinstance(row["pin_code"], str) for row in rows)

    def test_the_timestamp_is_the_time(self, caller: Caller) -> None:
        for row in legs(caller):
            shown = datetime.fromtimestamp(row["timestamp"], BERLIN)
            assert f"{shown:%Y/%m/%d %H:%M:%S}" == row["time"]

    def test_the_oldest_comes_first(self, caller: Caller) -> None:
        stamps = [row["timestamp"] for row in legs(caller)]

        assert stamps == sorted(stamps)

    @pytest.mark.parametrize(
        ("times", "unix_errcode", "display_errcode"), [("both", 0, 0), ("unix", 0, 40002), ("display", 40002, 0)]
    )
    def test_times_are_taken_as_the_firmware_does(self, times: str, unix_errcode: int, display_errcode: int) -> None:
        with calling(cdr_times=times) as caller:
            answers = [caller.get("cdr/search", **window) for window in (NOVEMBER_20, RANGE)]

        assert [answer["errcode"] for answer in answers] == [unix_errcode, display_errcode]
        assert len({answer["total_number"] for answer in answers if not answer["errcode"]}) == 1

    def test_both_seconds_belong_to_the_window(self, caller: Caller) -> None:
        (first, *_) = legs(caller)
        stamp = str(first["timestamp"])

        assert first in (caller.get("cdr/search", start_time=stamp, end_time=stamp)["data"])

    @pytest.mark.parametrize("day", ["2026-10-25", "2026-03-29"], ids=["25 hours", "23 hours"])
    def test_hours_add_up_to_a_day_on_which_the_clock_changes(self, day: str) -> None:
        with calling(traffic=20.0) as caller:
            whole = unix(day)
            keys = {row["new_id"] for row in caller.get("cdr/search", **whole)["data"]}
            parts: list[str] = []
            for start in range(int(whole["start_time"]), int(whole["end_time"]), 3600):
                answer = caller.get("cdr/search", start_time=str(start), end_time=str(start + 3599))
                parts += [row["new_id"] for row in answer["data"] or []]

        assert len(parts) == len(keys)
        assert set(parts) == keys

    @pytest.mark.parametrize(
        ("name", "key"), [("status", "disposition"), ("did", "did"), ("call_to", "call_to_number")]
    )
    def test_filters_choose_rows(self, caller: Caller, name: str, key: str) -> None:
        rows = [row for row in legs(caller) if row[key]]
        wanted = Counter(row[key] for row in rows).most_common()[-1][0]

        assert legs(caller, **{name: wanted}) == [row for row in rows if row[key] == wanted]

    def test_the_list_looks_at_no_window(self, caller: Caller) -> None:
        listed = caller.get("cdr/list", page_size="5", **NOVEMBER_20)

        assert listed["total_number"] > 1000
        assert len(listed["data"]) == 5

    def test_older_data_is_found_by_v1_alone(self) -> None:
        with calling(data_version="v1.0") as caller:
            assert legs(caller)
            assert caller.get("cdr/search", "v2.0", **DAY) == {
                "errcode": 0,
                "errmsg": "SUCCESS",
                "total_number": 0,
                "data": None,
            }
            found = {choice: caller.get("cdr/list", **{"from": choice})["total_number"] for choice in ("new", "legacy")}
        assert found["new"] == 0 < found["legacy"]

    def test_calls_from_before_the_update_are_found_by_v1_alone(self, caller: Caller) -> None:
        everything = calls(caller)

        with calling(updated_at=datetime(2026, 11, 20, 12)) as updated:
            assert calls(updated) == [row for row in everything if row["time"] >= "2026/11/20 12:00:00"]
            assert legs(updated) == legs(caller)


class TestV2:
    def test_a_row_is_a_call(self, caller: Caller) -> None:
        rows = calls(caller)

        assert len({row["uid"] for row in rows}) == len(rows)
        assert {"ANSWERED", "ABANDONED", "NO ANSWER"} <= {row["last_status"] for row in rows}

    def test_times_are_taken_in_the_display_format_alone(self, caller: Caller) -> None:
        begin, end = NOVEMBER_20.values()
        answer = caller.get("cdr/search", "v2.0", time_begin=begin, time_end=end)

        assert answer["errcode"] == 40002
        assert answer["invalid_param_list"] == [
            {"field": "time_begin", "valid_msg": "time_begin format invalid, valid format: 2006/01/02 15:04:05"}
        ]

    @pytest.mark.parametrize("endpoint", ["cdr/list", "cdr/search", "cdr/detail"])
    def test_older_firmware_has_it_not(self, endpoint: str) -> None:
        with calling(firmware="23.0.83") as caller:
            assert caller.get(endpoint, "v2.0", **DAY)["errcode"] == -2

    @pytest.mark.parametrize("order", ["asc", "desc"])
    @pytest.mark.parametrize("key", ["time", "uid", "call_type"])
    def test_rows_are_sorted_as_asked(self, caller: Caller, key: str, order: str) -> None:
        values = [row[key] for row in calls(caller, sort_by=key, order_by=order)]

        assert values == sorted(values, reverse=order == "desc")

    @pytest.mark.parametrize(
        ("query", "holds"),
        [
            ({"last_status": "ABANDONED"}, lambda row: row["last_status"] == "ABANDONED"),
            ({"call_type": "Internal"}, lambda row: row["call_type"] == "Internal"),
            ({"queue_list": "2"}, lambda row: bool(row["queues"]) and row["queues"]["number"] == "6401"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_filters_choose_calls(self, caller: Caller, query: dict[str, str], holds: Any) -> None:
        found = calls(caller, **query)

        assert found == [row for row in calls(caller) if holds(row)] != []

    def test_a_detail_has_the_legs_and_what_happened_in_them(self, caller: Caller) -> None:
        call = next(row for row in calls(caller) if row["segments"] > 2)

        data = caller.get("cdr/detail", "v2.0", uid=call["uid"])["data"]

        assert data["basic"] == call
        assert [leg["leg"] for leg in data["timeline"]] == list(range(1, call["segments"] + 1))
        assert all(leg["event_list"][0]["event_name"] == "Ring" for leg in data["timeline"])

    @pytest.mark.parametrize(
        ("query", "errcode"), [({}, 40002), ({"uid": "x"}, 60001), ({"uid": "20261120000000A9999"}, 60001)]
    )
    def test_a_detail_needs_the_uid_of_a_call(self, caller: Caller, query: dict[str, str], errcode: int) -> None:
        assert caller.get("cdr/detail", "v2.0", **query)["errcode"] == errcode


class TestRetention:
    def test_the_oldest_calls_go_from_the_cdr_and_from_the_reports(self) -> None:
        now = datetime.now(BERLIN)
        window = {
            "start_time": f"{now - timedelta(days=3):%Y/%m/%d %H:%M:%S}",
            "end_time": f"{now + timedelta(days=1):%Y/%m/%d %H:%M:%S}",
        }
        times = {"time_begin": window["start_time"], "time_end": window["end_time"]}
        with calling(kept_calls=40, traffic=3.0) as caller:
            found = caller.get("cdr/search", "v2.0", **times)
            report = caller.get("call_report/list", "v2.0", **QUEUES | window)["queue_performance_list"]
            listed = caller.get("cdr/list", "v2.0")

        assert 37 <= found["total_number"] <= 40
        assert listed["data"] == found["data"]
        entered = Counter(row["queues"]["number"] for row in found["data"] if row["queues"])
        assert {row["queue_num"]: row["total_calls"] for row in report if row["total_calls"]} == entered
