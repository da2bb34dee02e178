"""Every way in which a PBX may run report jobs, and lose them; no code of the provider's client is used."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
import requests

from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.simulator.jobs import PROCESSING, event, hears_nothing, request, subscribed
from tests.simulator.support import QUEUES, SECONDS, Caller, calling


class TestSeveralJobs:
    def test_as_many_run_at_once_as_the_settings_say(self) -> None:
        with calling(parallel_jobs=2) as caller:
            caller.pbx.hold_reports()

            answers = [request(caller)["errcode"] for _ in range(3)]

        assert answers == [2, 2, 70082]

    def test_they_end_in_any_order(self) -> None:
        with calling(parallel_jobs=2) as caller, subscribed(caller) as socket:
            caller.pbx.hold_reports()
            request(caller, "1")
            request(caller, "1,2")
            first, second = caller.pbx.jobs

            caller.pbx.release_reports(second)
            message = event(socket)
            assert (message["download_id"], caller.rows(message)) == (second, 2)
            assert caller.pbx.jobs == (first,)

            caller.pbx.release_reports(first)
            message = event(socket)
            assert (message["download_id"], caller.rows(message)) == (first, 1)

    def test_a_queue_of_jobs_is_made_one_after_the_other(self) -> None:
        with calling(queued_jobs=2) as caller, subscribed(caller) as socket:
            caller.pbx.hold_reports()
            answers = [request(caller, queues)["errcode"] for queues in ("1", "1,2", "1,2,3", "1")]
            assert answers == [2, 2, 2, 70082]

            # The last is released first, and is made last all the same.
            for job in reversed(caller.pbx.jobs):
                caller.pbx.release_reports(job)

            assert [caller.rows(event(socket)) for _ in range(3)] == [1, 2, 3]

    def test_the_answer_may_name_the_job_of_the_event(self) -> None:
        with calling(parallel_jobs=2, answer_has_id=True) as caller, subscribed(caller) as socket:
            ids = {request(caller)["download_id"] for _ in range(2)}

            assert {event(socket)["download_id"] for _ in range(2)} == ids

    def test_an_unknown_job_cannot_be_released(self, caller: Caller) -> None:
        caller.pbx.release_reports(99)
        caller.get("system/information")

        with pytest.raises(LookupError, match="no job 99"):
            caller.pbx.check()

    @pytest.mark.parametrize("settings", [{"parallel_jobs": 0}, {"queued_jobs": -1}])
    def test_a_number_of_jobs_out_of_range_is_an_error(self, settings: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="one report at a time or more"):
            SimulatorSettings(**settings)  # type: ignore[arg-type]


class TestSynchronousRequests:
    def test_the_limit_cuts_the_answer_and_not_the_job(self) -> None:
        with calling(sync_limit=0.1) as caller:
            caller.pbx.hold_reports()
            with pytest.raises(requests.ConnectionError):
                caller.report(**QUEUES)

            assert caller.report(**QUEUES)["errcode"] == 70082
            caller.pbx.release_reports()
            caller.pbx.wait_until(lambda pbx: not pbx.busy)
            assert len(caller.pbx.state.files) == 1

    def test_a_fault_cuts_one_answer(self, caller: Caller) -> None:
        caller.pbx.hold_reports()
        caller.pbx.faults.add(Fault("cut answer"))
        with pytest.raises(requests.ConnectionError):
            caller.report(**QUEUES)
        caller.pbx.release_reports()
        caller.pbx.wait_until(lambda pbx: not pbx.busy)

        assert caller.rows(caller.report(**QUEUES)) == 3

    @pytest.mark.parametrize(
        ("settings", "faults"), [({"sync_says_processing": True}, []), ({}, [Fault("processing")])], ids=["all", "one"]
    )
    def test_the_answer_may_be_processing(self, settings: dict[str, bool], faults: list[Fault]) -> None:
        with calling(**settings) as caller, subscribed(caller) as socket:
            caller.pbx.faults.add(*faults)

            assert caller.report(**QUEUES) == PROCESSING
            assert caller.rows(event(socket)) == 3

    def test_an_event_may_follow_the_answer(self) -> None:
        with calling(sync_announces=True) as caller, subscribed(caller) as socket:
            assert caller.report(**QUEUES)["file"] == event(socket)["file"]

    def test_files_may_be_named_after_their_report_alone(self) -> None:
        with calling(plain_names=True) as caller:
            files = [caller.report(**QUEUES | {"queue_id_list": queue}) for queue in ("1,2,3", "1")]

            assert [file["file"] for file in files] == ["Queue-Performance.csv"] * 2
            assert [caller.rows(file) for file in files] == [1, 1]

    def test_a_reboot_cuts_the_answer(self, caller: Caller) -> None:
        caller.pbx.hold_reports()

        def reboot() -> None:
            caller.pbx.wait_until(lambda pbx: pbx.busy)
            caller.pbx.restart()

        thread = threading.Thread(target=reboot)
        thread.start()
        with pytest.raises(requests.ConnectionError):
            caller.report(**QUEUES)
        thread.join()

    def test_a_job_goes_on_when_its_client_leaves(self, caller: Caller) -> None:
        pbx = caller.pbx
        pbx.hold_reports()
        target = f"/openapi/v2.0/call_report/download?{urlencode({'access_token': caller.token, **QUEUES})}"
        with closing(HTTPConnection(pbx.host, pbx.port)) as leaving:
            leaving.request("GET", target, headers={"User-Agent": "test"})
            pbx.wait_until(lambda pbx: pbx.busy)

        assert caller.get("system/information")["errcode"] == 0  # by then the PBX knows that the other one has left
        assert pbx.busy
        pbx.release_reports()
        pbx.wait_until(lambda pbx: bool(pbx.state.files))


class TestReboot:
    def test_jobs_events_and_tokens_are_gone_and_the_up_time_starts_again(self) -> None:
        with calling(parallel_jobs=2) as caller:
            before = caller.get("system/information")["data"]["up_time"]
            caller.pbx.hold_events()
            request(caller)
            caller.pbx.wait_until(lambda pbx: not pbx.busy)
            caller.pbx.hold_reports()
            request(caller)

            caller.pbx.restart()

            assert caller.get("system/information")["errcode"] == 10004
            caller.log_in()
            after = caller.get("system/information")["data"]["up_time"]
            assert (type(before), type(after)) == (int, int)
            assert after < before
            with subscribed(caller) as socket:
                caller.pbx.release_events()
                caller.pbx.release_reports()
                assert hears_nothing(socket)
                assert caller.pbx.jobs == ()

    def test_by_a_fault_the_other_jobs_are_gone_too(self) -> None:
        with calling(parallel_jobs=2) as caller:
            caller.pbx.faults.add(Fault("restart", after=1))
            caller.pbx.hold_reports()
            request(caller, "1")
            request(caller, "2")
            kept, rebooting = caller.pbx.jobs
            caller.pbx.release_reports(rebooting)
            caller.pbx.wait_until(lambda pbx: not pbx.busy)

            assert kept not in caller.pbx.jobs
            assert caller.pbx.state.files == {}


class TestLogins:
    def test_a_new_token_may_end_the_older_ones(self) -> None:
        with calling(one_token=True) as caller, subscribed(caller) as socket:
            old = caller.token
            caller.log_in()

            assert json.loads(socket.recv(SECONDS))["errcode"] == 10004
            assert caller.get("system/information")["errcode"] == 0
            caller.token = old
            assert caller.get("system/information")["errcode"] == 10004

    def test_an_answer_may_lack_keys(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("without", "get_token", value=("refresh_token_expire_time",)))

        assert "refresh_token_expire_time" not in caller.log_in()
        assert "refresh_token_expire_time" in caller.log_in()


def test_a_reset_ends_every_hold(yeastar_pbx: PbxSimulator) -> None:
    caller = Caller(yeastar_pbx)
    yeastar_pbx.hold_events()
    yeastar_pbx.hold_reports()
    yeastar_pbx.reset()
    caller.log_in()

    with subscribed(caller) as socket:
        request(caller)
        assert event(socket)["result"] == "success"
