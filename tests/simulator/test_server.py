"""The simulated PBX over real sockets, held against the reference; no code of the provider's client is used."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import requests

from airflow_provider_yeastar.simulator import Fault
from tests.simulator.support import QUEUES, SECONDS, Caller, calling


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
