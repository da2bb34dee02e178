"""Every way in which a PBX may announce report jobs, its own and a person's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_yeastar.simulator import Fault
from airflow_provider_yeastar.simulator.state import Refusal
from tests.simulator.jobs import PROCESSING, event, hears_nothing, request, subscribed
from tests.simulator.support import QUEUES, SECONDS, Caller, calling


class TestEvents:
    def test_an_event_may_come_after_the_next_job_was_accepted(self, caller: Caller) -> None:
        with subscribed(caller) as socket:
            caller.pbx.hold_events()
            request(caller, "1")
            caller.pbx.wait_until(lambda pbx: not pbx.busy)

            assert request(caller, "1,2") == PROCESSING
            caller.pbx.wait_until(lambda pbx: not pbx.busy)
            assert hears_nothing(socket)
            caller.pbx.release_events()

            assert [caller.rows(event(socket)) for _ in range(2)] == [1, 2]

    @pytest.mark.parametrize(
        ("settings", "faults"),
        [({"announce_seconds": 0.3}, []), ({}, [Fault("late event", value=0.3)])],
        ids=["setting", "fault"],
    )
    def test_an_event_may_come_seconds_later(self, settings: dict[str, float], faults: list[Fault]) -> None:
        with calling(**settings) as caller, subscribed(caller) as socket:
            caller.pbx.faults.add(*faults)
            request(caller)
            caller.pbx.wait_until(lambda pbx: not pbx.busy)

            assert hears_nothing(socket)
            assert event(socket)["result"] == "success"

    @pytest.mark.parametrize(("kind", "count"), [("no event", 0), ("duplicate event", 2)])
    def test_an_event_may_be_lost_or_come_twice(self, caller: Caller, kind: Any, count: int) -> None:
        with subscribed(caller) as socket:
            caller.pbx.faults.add(Fault(kind))
            request(caller)
            caller.pbx.wait_until(lambda pbx: not pbx.busy)

            assert len({event(socket)["download_id"] for _ in range(count)}) == min(count, 1)
            assert hears_nothing(socket)

    def test_a_raw_frame_reaches_every_socket(self, caller: Caller) -> None:
        with subscribed(caller) as socket:
            caller.pbx.send_text("[" * 5000)

            assert socket.recv(SECONDS) == "[" * 5000

    def test_a_subscription_may_be_confirmed_and_refused_in_one_breath(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("refused subscription"))
        with subscribed(caller) as socket:
            assert json.loads(socket.recv(SECONDS)) == {"errcode": 10004, "errmsg": "TOKEN EXPIRED"}
            assert caller.pbx.subscribers == 0
        with subscribed(caller) as socket:
            assert hears_nothing(socket)


class TestThePortal:
    @pytest.mark.parametrize("file_format", ["csv", "pdf"])
    def test_a_person_s_report_is_announced_to_everybody(self, caller: Caller, file_format: str) -> None:
        with subscribed(caller) as socket:
            message = caller.pbx.download_in_portal(**QUEUES, format=file_format)

            assert event(socket) == message
            assert message["file"].endswith(f".{file_format}")
            assert caller.fetch(message).ok

    def test_it_comes_while_a_report_of_ours_is_made(self, caller: Caller) -> None:
        with subscribed(caller) as socket:
            caller.pbx.hold_reports()
            request(caller, "1")
            theirs = caller.pbx.download_in_portal(**QUEUES)
            caller.pbx.release_reports()

            assert [event(socket)["file"] == theirs["file"] for _ in range(2)] == [True, False]

    def test_it_may_be_one_of_the_jobs(self, caller: Caller) -> None:
        with subscribed(caller) as socket:
            caller.pbx.hold_reports()
            assert caller.pbx.download_in_portal(at_once=False, **QUEUES) == PROCESSING
            assert request(caller)["errcode"] == 70082
            with pytest.raises(Refusal):
                caller.pbx.download_in_portal(at_once=False, **QUEUES)
            caller.pbx.release_reports()

            assert caller.rows(event(socket)) == 3
