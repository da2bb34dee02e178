"""Calls and recordings over real sockets, held against the reference; no code of the provider's client is used."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from websockets.sync.client import ClientConnection, connect

from airflow_provider_yeastar.simulator import Fault
from tests.simulator.support import QUEUES, RANGE, SECONDS, Caller, calling

BERLIN = ZoneInfo("Europe/Berlin")
DAY = {"time_begin": RANGE["start_time"], "time_end": RANGE["end_time"]}
Rows = list[dict[str, Any]]


def unix(day: str, hours: int = 24) -> dict[str, str]:
    """Return a day of Berlin, or the first hours of it, as Unix seconds."""
    start = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    end = (start.replace(tzinfo=None) + timedelta(hours=hours, seconds=-1)).replace(tzinfo=BERLIN)
    return {"start_time": str(int(start.timestamp())), "end_time": str(int(end.timestamp()))}


NOVEMBER_20 = unix("2026-11-20")


def calls(caller: Caller, **query: str) -> Rows:
    return caller.get("cdr/search", "v2.0", **DAY | query)["data"] or []


def legs(caller: Caller, **query: str) -> Rows:
    return caller.get("cdr/search", **NOVEMBER_20 | query)["data"] or []


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


class TestPages:
    @pytest.mark.parametrize("version", ["v1.0", "v2.0"])
    @pytest.mark.parametrize("order", ["asc", "desc"])
    @pytest.mark.parametrize("filters", [{}, {"call_from": "1003"}], ids=["all", "some"])
    def test_pages_hold_every_row_once(self, caller: Caller, version: str, order: str, filters: dict[str, str]) -> None:
        window = {"start_time": "1794870000", "end_time": "1795301999"} if version == "v1.0" else DAY
        query = {**window, **filters, "order_by": order}
        whole = caller.get("cdr/search", version, **query)
        size = 2 if filters else 50

        pages: Rows = []
        for page in range(1, whole["total_number"] // size + 2):
            answer = caller.get("cdr/search", version, **query, page=str(page), page_size=str(size))
            assert answer["total_number"] == whole["total_number"]
            pages += answer["data"] or []

        assert pages == whole["data"]
        assert len(pages) == whole["total_number"] > size

    def test_a_day_may_have_tens_of_thousands(self) -> None:
        with calling(traffic=150.0) as caller:
            answers = [caller.get("cdr/search", "v2.0", **DAY, order_by="asc", page=page) for page in "123"]

        (total,) = {answer["total_number"] for answer in answers}
        assert total > 20_000
        assert [len(answer["data"]) for answer in answers] == [10_000, 10_000, total - 20_000]
        assert len({row["uid"] for answer in answers for row in answer["data"]}) == total

    def test_a_page_may_be_capped_whatever_is_asked_for(self) -> None:
        with calling(cdr_page_cap=30) as caller:
            first, second = (calls(caller, page=page, page_size="100") for page in "12")

        assert (len(first), len(second)) == (30, 30)
        assert not {row["uid"] for row in first} & {row["uid"] for row in second}

    def test_a_search_may_end_at_a_number_of_rows(self) -> None:
        with calling(cdr_result_cap=50) as caller:
            answer = caller.get("cdr/search", "v2.0", **DAY)
            beyond = caller.get("cdr/search", "v2.0", **DAY, page="2", page_size="50")

        assert (answer["total_number"], len(answer["data"]), beyond["data"]) == (50, 50, None)

    def test_a_page_may_be_ignored_or_come_the_other_way_round(self, caller: Caller) -> None:
        first = calls(caller, page="1", page_size="9")
        caller.pbx.faults.add(Fault("page ignored", "cdr/search"), Fault("other order", "cdr/search", after=1))

        assert calls(caller, page="2", page_size="9") == first
        assert calls(caller, page="1", page_size="9") == first[::-1]

    def test_a_page_of_recordings_too(self, caller: Caller) -> None:
        query = NOVEMBER_20 | {"page_size": "5"}
        first = caller.get("recording/search", **query)["data"]
        caller.pbx.faults.add(Fault("page ignored", "recording/search"), Fault("other order", "recording/search"))

        assert caller.get("recording/search", **query, page="2")["data"] == first[::-1] != []

    @pytest.mark.parametrize("value", [0, "120", None, -1])
    def test_the_count_may_be_anything(self, caller: Caller, value: object) -> None:
        caller.pbx.faults.add(Fault("total number", "cdr/search", value=value))

        assert caller.get("cdr/search", "v2.0", **DAY)["total_number"] == value

    def test_the_count_may_be_missing(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("without", "cdr/search", value=("total_number",)))

        assert "total_number" not in caller.get("cdr/search", "v2.0", **DAY)

    @pytest.mark.parametrize("version", ["v1.0", "v2.0"])
    def test_calls_may_arrive_between_two_pages(self, caller: Caller, version: str) -> None:
        query = {**(DAY if version == "v2.0" else NOVEMBER_20), "order_by": "asc", "page_size": "50"}
        before = caller.get("cdr/search", version, **query)
        caller.pbx.faults.add(Fault("new calls", "cdr/search", value=(datetime(2026, 11, 20, 0, 0, 1),)))
        caller.get("cdr/search", version, **query)

        second = caller.get("cdr/search", version, **query, page="2")

        grown = second["total_number"] - before["total_number"]
        assert grown == (1 if version == "v2.0" else 2)
        # What stood last on the first page is told again on the second.
        assert second["data"][:grown] == before["data"][-grown:]


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


class TestDownload:
    @pytest.mark.parametrize(
        ("settings", "version", "tables"),
        [
            ({}, "v1.0", ["new_id"]),
            ({}, "v2.0", ["uid"]),
            ({"cdr_download_range": "transaction"}, "v2.0", ["new_id"]),
            ({"cdr_download_range": "list_transaction"}, "v2.0", ["uid", "new_id"]),
        ],
        ids=["v1.0", "calls", "legs", "both"],
    )
    def test_the_file_has_the_rows_of_the_search(
        self, settings: dict[str, str], version: str, tables: list[str]
    ) -> None:
        with calling(**settings) as caller:
            answer = caller.get("cdr/download", version, **DAY | RANGE)
            option = caller.get("cdr/getdownloadoption", "v2.0")["data"]
            text = caller.fetch(answer).content.decode().replace("\ufeff", "")
            expected = {"uid": len(calls(caller)), "new_id": len(legs(caller))}

        lines = list(csv.reader(io.StringIO(text)))
        headers = [index for index, line in enumerate(lines) if "uid" in line]
        ends = [*headers[1:], len(lines)]
        found = {key: end - start - 1 for key, start, end in zip(tables, headers, ends, strict=True)}
        assert found == {key: expected[key] for key in tables}
        assert option == {
            "range": settings.get("cdr_download_range", "list"),
            "format": "csv",
            "duration_format": "seconds",
            "export_column": "all",
        }

    def test_each_file_has_a_name_of_its_own(self, caller: Caller) -> None:
        assert len({caller.get("cdr/download", "v2.0", **DAY)["file"] for _ in range(2)}) == 2

    def test_legs_in_the_file_are_those_of_the_calls_that_were_asked_for(self) -> None:
        with calling(cdr_download_range="transaction", cdr_times="unix") as caller:
            answer = caller.get("cdr/download", "v2.0", **DAY, last_status="ABANDONED")
            rows = list(csv.DictReader(io.StringIO(caller.fetch(answer).content.decode("utf-8-sig"))))
            expected = {row["uid"] for row in calls(caller, last_status="ABANDONED")}

        assert {row["uid"] for row in rows} == expected != set()


class TestRecordings:
    def test_each_belongs_to_a_call_and_goes_by_its_record_file(self, caller: Caller) -> None:
        rows = caller.get("recording/search", **NOVEMBER_20)["data"]
        by_uid = {leg["uid"]: leg for leg in legs(caller) if "record_file" in leg}

        assert {row["uid"]: row["file"] for row in rows} == {uid: leg["record_file"] for uid, leg in by_uid.items()}
        assert all(type(row["id"]) is int and type(row["size"]) is int for row in rows)
        assert len({row["id"] for row in rows}) == len(rows) > 0

    @pytest.mark.parametrize("by", ["id", "file"])
    def test_a_file_has_the_size_that_was_listed(self, caller: Caller, by: str) -> None:
        row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])

        answer = caller.get("recording/download", **{by: str(row[by])})
        content = caller.fetch(answer).content

        assert (answer["file"], len(content)) == (row["file"], row["size"])
        assert content.startswith(b"RIFF")
        assert int.from_bytes(content[4:8], "little") == len(content) - 8

    def test_some_have_no_file(self, caller: Caller) -> None:
        rows = caller.get("recording/search", start_time="1793487600", end_time="1796079599")["data"]
        empty = next(row for row in rows if row["size"] == 0)

        assert caller.get("recording/download", id=str(empty["id"]))["errcode"] == 60001
        assert sum(row["size"] == 0 for row in rows) < len(rows) / 10

    def test_its_url_lives_for_half_an_hour(self, caller: Caller) -> None:
        row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])
        answer = caller.get("recording/download", id=str(row["id"]))
        caller.pbx.advance(1801)
        caller.log_in()

        assert caller.fetch(answer).json()["errcode"] == 60001

    @pytest.mark.parametrize("encodes", [True, False], ids=["encoded", "raw"])
    @pytest.mark.parametrize("attachments", [True, False], ids=["attachment", "download"])
    def test_its_url_comes_in_each_way(self, encodes: bool, attachments: bool) -> None:
        settings = {"encodes_recording_urls": encodes, "recordings_as_attachments": attachments}
        with calling(awkward_recording_names=True, **settings) as caller:
            row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])
            answer = caller.get("recording/download", id=str(row["id"]))
            content = caller.fetch(answer).content

        assert len(content) == row["size"]
        assert " " in answer["file"]
        assert "+" in answer["file"]
        assert (" " in answer["download_resource_url"]) is not encodes
        assert answer["download_resource_url"].startswith(
            "/api/downloadattachment/" if attachments else "/api/download/"
        )

    def test_mp3_is_made_one_at_a_time(self) -> None:
        with calling(recordings_as_mp3=True, report_seconds=1.0) as caller, ThreadPoolExecutor(4) as pool:
            row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])
            answers = list(pool.map(lambda _: caller.get("recording/download", id=str(row["id"]))["errcode"], range(4)))

        assert sorted(answers) == [0, 70651, 70651, 70651]

    @pytest.mark.parametrize("errcode", [70651, 70131, 70656, 80010])
    def test_it_may_be_refused(self, caller: Caller, errcode: int) -> None:
        caller.pbx.faults.add(Fault("errcode", "recording/download", errcode))

        assert caller.get("recording/download", id="1")["errcode"] == errcode

    @pytest.mark.parametrize("endpoint", ["recording/list", "recording/search", "recording/download"])
    def test_v2_knows_nothing_of_them(self, caller: Caller, endpoint: str) -> None:
        assert caller.get(endpoint, "v2.0")["errcode"] == 10001

    def test_they_are_chosen_by_number_and_id(self, caller: Caller) -> None:
        rows = caller.get("recording/search", **NOVEMBER_20)["data"]
        ids = f"{rows[0]['id']},{rows[-1]['id']}"

        assert caller.get("recording/search", **NOVEMBER_20, ids=ids)["data"] == [rows[0], rows[-1]]
        by_caller = caller.get("recording/search", **NOVEMBER_20, caller=rows[0]["call_from_number"])["data"]
        assert by_caller == [row for row in rows if row["call_from_number"] == rows[0]["call_from_number"]]

    @pytest.mark.parametrize("query", [{}, {"id": "9" * 40}, {"id": "x"}, {"file": "x"}, {"id": "-1"}])
    def test_what_is_not_there_is_refused(self, caller: Caller, query: dict[str, str]) -> None:
        assert caller.get("recording/download", **query)["errcode"] == (60001 if query else 40002)


class TestEvents:
    @contextmanager
    def subscribed(self, caller: Caller, *topics: int) -> Iterator[ClientConnection]:
        url = f"ws{caller.pbx.base_url.removeprefix('http')}/openapi/v1.0/subscribe?access_token={caller.token}"
        with connect(url) as socket:
            socket.send(json.dumps({"topic_list": list(topics)}))
            assert json.loads(socket.recv(SECONDS))["errcode"] == 0
            yield socket

    def test_the_end_of_a_call_is_told_in_text_and_the_call_is_in_the_cdr_and_in_reports(self, caller: Caller) -> None:
        before = caller.get("call_report/list", "v2.0", **QUEUES)["queue_performance_list"][0]["total_calls"]
        with self.subscribed(caller, 30012, 30027) as socket:
            call = caller.pbx.end_call(datetime(2026, 11, 20, 12))
            envelope = json.loads(socket.recv(SECONDS))

        assert envelope["type"] == 30012
        assert isinstance(envelope["msg"], str)
        message = json.loads(envelope["msg"])
        assert (message["uid"], message["time_start"]) == (call.id, "2026/11/20 12:00:00")
        assert call.id in {row["uid"] for row in calls(caller)}
        assert {row["call_id"] for row in legs(caller) if row["uid"] == call.id} == {message["call_id"]}
        after = caller.get("call_report/list", "v2.0", **QUEUES)["queue_performance_list"][0]["total_calls"]
        assert after == before + 1

    def test_a_call_ends_now_if_nothing_else_is_said(self, caller: Caller) -> None:
        now = datetime.fromtimestamp(caller.pbx.now(), BERLIN).replace(tzinfo=None)

        call = caller.pbx.end_call(talk_seconds=600)

        assert abs(call.started + timedelta(seconds=call.duration_seconds) - now) < timedelta(minutes=1)

    def test_who_did_not_subscribe_hears_nothing(self, caller: Caller) -> None:
        with self.subscribed(caller, 30027) as socket:
            caller.pbx.end_call()
            socket.send("heartbeat")

            assert socket.recv(SECONDS) == "heartbeat response"
