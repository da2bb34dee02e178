"""The simulated PBX's reports over real sockets, held against the reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS
from tests.simulator.support import QUEUES, RANGE, SECONDS, Caller, calling


class TestReports:
    @pytest.mark.parametrize("report_type", REPORTS)
    def test_each_is_made_when_all_it_requires_is_there(self, caller: Caller, report_type: str) -> None:
        kind = REPORTS[report_type]
        ids = {"queue_id": "1", "queue_id_list": "1,2,3", "ivr_id_list": "1", "trunk_id": "1", "time": "2026/11/20"}
        query = {name: ids.get(name, "1") for name in kind.required} | ({} if kind.time == "time" else RANGE)

        answer = caller.report(type=report_type, **query)

        assert answer["errcode"] == 0
        assert answer["download_resource_url"].startswith("/api/download/")
        assert answer["file"].endswith(".csv")

    @pytest.mark.parametrize("report_type", [name for name, kind in REPORTS.items() if kind.required])
    def test_what_is_missing_is_named(self, caller: Caller, report_type: str) -> None:
        answer = caller.report(type=report_type, **RANGE)

        assert answer["errcode"] == 40002
        assert [entry["field"] for entry in answer["invalid_param_list"]] == list(REPORTS[report_type].required)

    def test_an_unknown_id_is_success_without_rows(self, caller: Caller) -> None:
        assert caller.rows(caller.report(**QUEUES)) == 3
        assert caller.rows(caller.report(**QUEUES | {"queue_id_list": "99"})) == 0

    def test_the_wrong_api_version_is_success_without_rows(self) -> None:
        with calling(data_version="v1.0") as caller:
            assert caller.rows(caller.report("v1.0", **QUEUES)) == 3
            assert caller.rows(caller.report("v2.0", **QUEUES)) == 0

    @pytest.mark.parametrize("time", ["2026-11-20 00:00:00", "20/11/2026 00:00:00", "2026/11/20", "soon"])
    def test_a_time_in_another_format_is_complained_of_on_v2_and_finds_nothing_on_v1(
        self, caller: Caller, time: str
    ) -> None:
        query = QUEUES | {"start_time": time}

        assert caller.report("v2.0", **query)["errcode"] == 40002
        assert caller.rows(caller.report("v1.0", **query)) == 0

    @pytest.mark.parametrize(("time", "rows"), [("2026/11/20", 24), ("2026/11", 30), ("2026", 12)])
    def test_a_day_is_told_by_hours_a_month_by_days_a_year_by_months(
        self, caller: Caller, time: str, rows: int
    ) -> None:
        answer = caller.report(type="queueperformanceactivity", queue_id_list="1", time=time)

        assert caller.rows(answer) == rows

    @pytest.mark.parametrize("query", [{}, {"type": "ivr", "my_report_id": "1"}], ids=["neither", "both"])
    def test_exactly_one_of_type_and_my_report_id_is_wanted(self, caller: Caller, query: dict[str, str]) -> None:
        assert caller.report(**query)["errcode"] == 40002

    def test_user_created_and_scheduled_reports(self, caller: Caller) -> None:
        assert caller.rows(caller.report(my_report_id="1", **RANGE)) > 0
        assert caller.report(my_report_id="4", **RANGE)["errcode"] == -2
        scheduled = caller.get("call_schedule_report/download", "v2.0", id="1")
        assert caller.rows(scheduled) > 0
        assert caller.get("call_schedule_report/download", "v2.0", id="99")["errcode"] == -2

    def test_the_list_has_the_file_s_rows(self, caller: Caller) -> None:
        answer = caller.get("call_report/list", "v2.0", **QUEUES)

        assert answer["total_number"] == len(answer["queue_performance_list"]) == 3

    def test_the_list_may_come_in_pages(self) -> None:
        with calling(rows_per_page=2) as caller:
            pages = [caller.get("call_report/list", "v2.0", **QUEUES, page=page) for page in ("1", "2", "3")]

        assert [len(page["queue_performance_list"]) for page in pages] == [2, 1, 0]
        assert {page["total_number"] for page in pages} == {3}

    def test_call_accounting_needs_a_rate(self) -> None:
        with calling(call_rate_set=False) as caller:
            assert caller.report(type="extcallbilling", trunk_id_list="1", **RANGE)["errcode"] == 70106

    @pytest.mark.parametrize("file_format", ["csv", "xls", "pdf", "html"])
    def test_each_format_begins_as_it_should(self, caller: Caller, file_format: str) -> None:
        content = caller.fetch(caller.report(**QUEUES, format=file_format)).content

        beginnings = {"csv": b"\xef\xbb\xbfQueue,", "xls": b"PK", "pdf": b"%PDF-", "html": b"<!DOCTYPE html>"}
        assert content.startswith(beginnings[file_format])

    def test_a_file_is_served_for_half_an_hour_and_with_a_token_only(self, caller: Caller) -> None:
        answer = caller.report(**QUEUES)
        assert caller.fetch(answer).content.startswith(b"\xef\xbb\xbf")

        nobody = requests.get(f"{caller.pbx.base_url}{answer['download_resource_url']}", timeout=SECONDS)
        assert nobody.json()["errcode"] == 10004
        caller.pbx.advance(1801)
        caller.log_in()
        assert caller.fetch(answer).json()["errcode"] != 0


class TestAsynchronousReports:
    @contextmanager
    def subscribed(self, caller: Caller, *topics: int) -> Iterator[ClientConnection]:
        url = f"ws{caller.pbx.base_url.removeprefix('http')}/openapi/v1.0/subscribe?access_token={caller.token}"
        with connect(url) as socket:
            socket.send(json.dumps({"topic_list": list(topics)}))
            assert json.loads(socket.recv(SECONDS)) == {"errcode": 0, "errmsg": "SUCCESS"}
            yield socket

    def test_the_event_comes_once_to_every_subscriber(self, caller: Caller) -> None:
        with self.subscribed(caller, 30027) as first, self.subscribed(caller, 30027) as second:
            assert caller.report(**QUEUES, is_async="1") == {"errcode": 2, "errmsg": "PROCESSING"}
            events = [json.loads(socket.recv(SECONDS)) for socket in (first, second)]

            assert events[0] == events[1]
            assert set(events[0]) == {"type", "sn", "msg"}
            assert set(events[0]["msg"]) == {
                "key",
                "result",
                "file",
                "download_resource_url",
                "error",
                "download_id",
            }
            assert caller.rows(events[0]["msg"]) == 3
            with self.subscribed(caller, 30027) as late, pytest.raises(TimeoutError):
                late.recv(0.3)

    def test_another_topic_hears_nothing_and_a_new_list_replaces_the_old_one(self, caller: Caller) -> None:
        with self.subscribed(caller, 30011) as other, self.subscribed(caller, 30027) as silenced:
            silenced.send('{"topic_list":[]}')
            silenced.recv(SECONDS)
            caller.report(**QUEUES, is_async="1")
            caller.pbx.wait_until(lambda pbx: not pbx.busy)
            for socket in (other, silenced):
                with pytest.raises(TimeoutError):
                    socket.recv(0.3)

    def test_a_second_heavy_job_is_refused_while_one_runs(self, caller: Caller) -> None:
        caller.pbx.hold_reports()
        assert caller.report(**QUEUES, is_async="1")["errcode"] == 2

        assert caller.report(**QUEUES, is_async="1")["errcode"] == 70082
        assert caller.report(**QUEUES)["errcode"] == 70082
        caller.pbx.release_reports()
        caller.pbx.wait_until(lambda pbx: not pbx.busy)
        assert caller.report(**QUEUES)["errcode"] == 0

    def test_a_heartbeat_is_answered_with_bare_text(self, caller: Caller) -> None:
        with self.subscribed(caller, 30027) as socket:
            socket.send("heartbeat")

            assert socket.recv(SECONDS) == "heartbeat response"

    def test_a_silent_link_is_dropped(self) -> None:
        with calling(idle_limit=0.2) as caller, self.subscribed(caller, 30027):
            caller.pbx.wait_until(lambda pbx: pbx.sockets == 0)

    def test_the_end_of_the_token_is_told_on_the_socket(self, caller: Caller) -> None:
        with self.subscribed(caller, 30027) as socket:
            caller.pbx.advance(1801)

            assert json.loads(socket.recv(SECONDS)) == {"errcode": 10004, "errmsg": "TOKEN EXPIRED"}

    def test_the_end_of_the_token_is_told_when_its_time_has_come(self, caller: Caller) -> None:
        with self.subscribed(caller, 30027) as socket:
            caller.pbx.advance(1799.5)  # the rest passes by itself

            assert json.loads(socket.recv(SECONDS)) == {"errcode": 10004, "errmsg": "TOKEN EXPIRED"}

    def test_the_end_of_the_token_is_told_once_and_ends_the_subscription(self, caller: Caller) -> None:
        with self.subscribed(caller, 30027) as socket:
            caller.pbx.advance(1801)
            caller.pbx.advance(1)
            socket.recv(SECONDS)

            socket.send('{"topic_list":[30027]}')
            assert json.loads(socket.recv(SECONDS))["errcode"] == 10004
            assert caller.pbx.subscribers == 0
            socket.send("heartbeat")
            assert socket.recv(SECONDS) == "heartbeat response"

    @pytest.mark.parametrize(
        ("text", "errcode"), [("{", -2), ("hello", -2), ("{}", 40002), ("[]", 40002), ('{"topic_list":["x"]}', 40002)]
    )
    def test_a_subscription_that_cannot_be_read_is_an_error_and_changes_nothing(
        self, caller: Caller, text: str, errcode: int
    ) -> None:
        with self.subscribed(caller, 30027) as socket:
            socket.send(text)

            assert json.loads(socket.recv(SECONDS))["errcode"] == errcode
            assert caller.pbx.subscribers == 1

    def test_a_subscription_is_confirmed_without_words_where_successes_have_none(self) -> None:
        with calling(null_errmsg=True) as caller:
            url = f"ws{caller.pbx.base_url.removeprefix('http')}/openapi/v1.0/subscribe?access_token={caller.token}"
            with connect(url) as socket:
                socket.send('{"topic_list":[30027]}')

                assert json.loads(socket.recv(SECONDS)) == {"errcode": 0, "errmsg": None}

    def test_a_socket_without_a_good_token_is_not_opened(self, caller: Caller) -> None:
        caller.token = "nonsense"

        with pytest.raises(InvalidStatus) as refused, self.subscribed(caller, 30027):
            pass

        assert json.loads(refused.value.response.body or b"")["errcode"] == 10004

    @pytest.mark.parametrize(
        ("settings", "has_serial", "kind"),
        [({"event_text": True}, True, str), ({"event_serial": False}, False, dict)],
        ids=["text", "no-serial"],
    )
    def test_events_are_spelled_as_firmware_does(
        self, settings: dict[str, Any], has_serial: bool, kind: type[Any]
    ) -> None:
        with calling(**settings) as caller, self.subscribed(caller, 30027) as socket:
            caller.report(**QUEUES, is_async="1")
            event = json.loads(socket.recv(SECONDS))

        assert ("sn" in event, type(event["msg"])) == (has_serial, kind)
