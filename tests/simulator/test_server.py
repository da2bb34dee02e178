"""The simulated PBX over real sockets, held against the reference; no code of the provider's client is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from airflow_provider_yeastar.simulator import Fault
from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS
from tests.simulator.support import QUEUES, RANGE, SECONDS, Caller, calling


class TestTokens:
    def test_a_token_lives_half_an_hour(self, caller: Caller) -> None:
        caller.pbx.advance(1799)
        assert caller.get("system/information")["errcode"] == 0
        caller.pbx.advance(2)
        assert caller.get("system/information")["errcode"] == 10004

    def test_a_refresh_gives_two_new_tokens_and_ends_the_old_one(self, caller: Caller) -> None:
        first = caller.log_in()
        second = caller.post("refresh_token", {"refresh_token": first["refresh_token"]})

        assert (
            len({first["access_token"], first["refresh_token"], second["access_token"], second["refresh_token"]}) == 4
        )
        assert caller.get("system/information")["errcode"] == 10004
        caller.token = second["access_token"]
        assert caller.get("system/information")["errcode"] == 0

    def test_a_refresh_token_lives_a_day(self, caller: Caller) -> None:
        refresh_token = caller.log_in()["refresh_token"]
        caller.pbx.advance(86401)

        assert caller.post("refresh_token", {"refresh_token": refresh_token})["errcode"] == 10004

    def test_the_ninth_is_refused_until_one_expires_or_is_deleted(self, caller: Caller) -> None:
        for _ in range(7):
            assert caller.log_in()["errcode"] == 0
        assert caller.log_in()["errcode"] == 60002

        assert caller.get("del_token")["errcode"] == 0
        assert caller.log_in()["errcode"] == 0
        assert caller.log_in()["errcode"] == 60002
        caller.pbx.advance(1801)
        assert caller.log_in()["errcode"] == 0

    def test_five_failed_logins_in_a_row_block_the_address(self, caller: Caller) -> None:
        for _ in range(4):
            assert caller.log_in(password="wrong")["errcode"] == -1
        assert caller.log_in()["errcode"] == 0  # the row is broken
        for _ in range(5):
            assert caller.log_in(password="wrong")["errcode"] == -1

        assert caller.log_in()["errcode"] == 70004
        caller.pbx.state.unblock()
        assert caller.log_in()["errcode"] == 0

    def test_the_token_counts_in_the_query_alone(self, caller: Caller) -> None:
        headers = {"Authorization": f"Bearer {caller.token}"}
        answer = requests.get(caller.url("system/information"), headers=headers, timeout=SECONDS).json()

        assert answer["errcode"] == 10004

    @pytest.mark.parametrize("body", [b"", b"{", b"[]"], ids=["empty", "broken", "list"])
    def test_a_malformed_login_is_an_error(self, caller: Caller, body: bytes) -> None:
        answer = requests.post(caller.url("get_token"), data=body, timeout=SECONDS).json()

        assert answer["errcode"] in (-2, -1)


def test_tokens_may_need_encoding() -> None:
    with calling(awkward_tokens=True) as caller:
        assert quote(caller.token, safe="") != caller.token
        assert caller.get("system/information")["errcode"] == 0


class TestInterfaces:
    @pytest.mark.parametrize(
        ("endpoint", "version"),
        [("nonsense", "v1.0"), ("queue/list", "v2.0"), ("queue/list", "v3.0"), ("get_token", "v1.0")],
    )
    def test_a_wrong_path_verb_or_version_does_not_exist(self, caller: Caller, endpoint: str, version: str) -> None:
        assert caller.get(endpoint, version)["errcode"] == 10001

    @pytest.mark.parametrize("menu", ["extension", "ext_group", "trunk", "ivr", "ring_group", "queue"])
    def test_menus_name_internal_ids(self, caller: Caller, menu: str) -> None:
        options = caller.get("system/get_menuoptions", menu=menu)["data"]

        assert options
        assert all(option["value"].isdigit() and option["text"] for option in options)

    def test_a_queue_s_agents_are_a_menu_of_that_queue(self, caller: Caller) -> None:
        assert caller.get("system/get_menuoptions", menu="queue_agent", id="1")["data"]
        assert caller.get("system/get_menuoptions", menu="queue_agent", id="99")["data"] == []

    @pytest.mark.parametrize(
        ("endpoint", "key"),
        [
            ("queue/list", "queue_list"),
            ("extension/list", "data"),
            ("ivr/list", "data"),
            ("ringgroup/list", "data"),
            ("myreport/list", "data"),
            ("call_schedule_report/list", "data"),
            ("queue_pause_reason/list", "data"),
        ],
    )
    def test_lists_come_in_pages(self, caller: Caller, endpoint: str, key: str) -> None:
        whole = caller.get(endpoint, page_size="100")
        pages = [caller.get(endpoint, page=str(page), page_size="1")[key] for page in range(1, len(whole[key]) + 1)]

        assert whole["total_number"] == len(whole[key]) > 0
        assert [entry for page in pages for entry in page] == whole[key]

    def test_lists_are_sorted_as_asked(self, caller: Caller) -> None:
        down = caller.get("myreport/list", sort_by="name", order_by="desc")["data"]

        assert [entry["name"] for entry in down] == sorted((entry["name"] for entry in down), reverse=True)

    def test_older_firmware_tells_less_of_its_clock(self) -> None:
        with calling(tells_display=False) as caller:
            data = caller.get("system/information")["data"]

        assert not {"system_date_format", "system_time_format", "timestamp"} & set(data)

    @pytest.mark.parametrize(("edition", "number"), [("appliance", "37"), ("software", "83"), ("cloud", "84")])
    def test_the_edition_shows_in_the_firmware(self, edition: str, number: str) -> None:
        with calling(edition=edition) as caller:
            assert caller.get("system/information")["data"]["firmware_version"].startswith(f"{number}.")

    def test_a_12_hour_clock_has_the_suffix_of_the_moment(self) -> None:
        with calling(twelve_hour=True, date_format="DD/MM/YYYY") as caller:
            suffixes = set()
            for _ in range(2):
                data = caller.get("system/information")["data"]
                assert data["system_time_format"] == f"hh:mm:ss {data['system_time'][-2:]}"
                suffixes.add(data["system_time"][-2:])
                caller.pbx.advance(12 * 3600)
                caller.log_in()

        assert suffixes == {"AM", "PM"}


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


class TestTheSimulatorItself:
    def test_a_failure_of_its_own_is_raised_in_the_test(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise LookupError("a mistake in the simulator")

        monkeypatch.setattr("airflow_provider_yeastar.simulator.api.routes.information", fail)
        with pytest.raises(LookupError, match="a mistake in the simulator"), calling() as caller:
            requests.get(caller.url("system/information"), params={"access_token": caller.token}, timeout=SECONDS)

    def test_a_reset_leaves_nothing_of_the_last_test(self, caller: Caller) -> None:
        pbx = caller.pbx
        pbx.hold_reports()
        caller.report(**QUEUES, is_async="1")
        caller.log_in(password="wrong")
        pbx.faults.add(Fault("status", value=502))
        pbx.advance(100)

        pbx.reset()

        assert (pbx.busy, pbx.sockets, pbx.state.tokens, pbx.state.failed_logins) == (False, 0, {}, {})
        assert pbx.faults.take("status") is None
        assert pbx.requests == []
        assert Caller(pbx).log_in()["errcode"] == 0

    def test_the_same_seed_is_the_same_history(self) -> None:
        contents = []
        for seed in (1, 1, 2):
            with calling(seed=seed) as caller:
                contents.append(caller.fetch(caller.report(**QUEUES)).content)

        assert contents[0] == contents[1] != contents[2]


class TestFaults:
    def test_a_refusal_may_quote_all_it_was_sent(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("quote", "queue/list", 40002), Fault("quote", "get_token", -1))

        listing, login = caller.get("queue/list", page="7"), caller.log_in()

        assert (listing["errcode"], login["errcode"]) == (40002, -1)
        assert [entry["value"] for entry in listing["invalid_param_list"]] == [caller.token, "7"]
        assert {"value": caller.pbx.client_secret} in login["invalid_param_list"]

    def test_a_fault_strikes_where_and_as_often_as_it_says(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("errcode", "queue/list", 10005, times=2, after=1))

        assert [caller.get("queue/list")["errcode"] for _ in range(4)] == [0, 10005, 10005, 0]
        assert caller.get("ivr/list")["errcode"] == 0

    def test_a_reset_comes_before_or_after_the_call_was_carried_out(self, caller: Caller) -> None:
        for kind, logins in (("reset before", 1), ("reset after", 2)):
            caller.pbx.faults.add(Fault(kind, "get_token"))  # type: ignore[arg-type]
            with pytest.raises(requests.ConnectionError):
                caller.log_in()
            assert caller.pbx.state.logins == logins
