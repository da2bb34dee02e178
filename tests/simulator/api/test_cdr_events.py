"""The events that tell the end of a call, over real sockets, held against the CDR and the reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from websockets.sync.client import ClientConnection, connect

from tests.simulator.api.support import BERLIN, calls, legs
from tests.simulator.support import QUEUES, SECONDS, Caller


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
