"""The trigger is good to its triggerer: it ends without a trace, bears to be started twice, and blocks no loop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger
from tests.integration.asking import time_over_when_accepted
from tests.integration.support import QUEUE_REPORT, ROOT, fire
from tests.patience import PATIENCE_SECONDS


def trigger(**changes: Any) -> YeastarCallReportTrigger:
    arguments: dict[str, Any] = {
        "yeastar_conn_id": "yeastar_default",
        "request": build_request(**QUEUE_REPORT).to_dict(),
        "queue_until": time.time() + 60,
        "wait_timeout": 60,
    }
    return YeastarCallReportTrigger(**arguments | changes)


def test_a_cancelled_trigger_leaves_nothing_and_the_next_one_gets_the_report(pbx: PbxSimulator) -> None:
    pbx.hold_reports()

    async def cancel_the_first() -> dict[str, Any]:
        first = trigger()
        firing = asyncio.create_task(fire(first))
        await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.busy and pbx.subscribers == 1)
        firing.cancel()
        await asyncio.wait({firing})
        # As Airflow 3.3 does when a user ends the task.
        await first.on_kill()
        await first.cleanup()
        await asyncio.to_thread(pbx.wait_until, lambda pbx: pbx.sockets == 0)
        await asyncio.to_thread(pbx.restart)
        pbx.release_reports()
        return await fire(trigger())

    assert asyncio.run(cancel_the_first())["status"] == "success"


def test_a_trigger_that_is_started_twice_finds_its_report_twice(pbx: PbxSimulator) -> None:
    started = trigger()

    async def twice() -> list[dict[str, Any]]:
        return await asyncio.gather(fire(started), fire(started))

    events = asyncio.run(twice())

    assert [event["status"] for event in events] == ["success", "success"]
    assert events[0]["request"] == events[1]["request"]
    assert pbx.sockets == 0


def test_who_takes_the_event_and_never_comes_back_leaves_no_socket(pbx: PbxSimulator) -> None:
    async def as_dag_test_does() -> Any:
        return await anext(trigger().run())

    assert asyncio.run(as_dag_test_does()).payload["status"] == "success"
    pbx.wait_until(lambda pbx: pbx.sockets == 0)


def test_time_that_runs_out_is_one_event_that_tells_what_was_seen(pbx: PbxSimulator) -> None:
    pbx.hold_reports()

    with time_over_when_accepted():
        event = asyncio.run(fire(trigger()))

    assert event["status"] == "timeout"
    assert "the PBX accepted the request once" in event["what"]


def test_neither_its_log_nor_its_event_holds_a_secret(pbx: PbxSimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = trigger()

    event = asyncio.run(fire(made))

    out = caplog.text + json.dumps(event) + repr(made)
    assert "is ready" in out
    (token,) = pbx.state.tokens.values()
    for secret in (token.access, token.refresh, pbx.client_secret):
        assert secret not in out


NOTE_WHO_LOADS_WHAT = """
import asyncio, builtins, json, sys, threading, time
from airflow_provider_yeastar.pbx.waiting import bounds
from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger

bounds.retry_delay = lambda attempt, chance: 3600.0  # the wait ends with its first failure

LIBRARIES = ("requests", "websockets.asyncio.client")
loaded_by, load = {}, builtins.__import__

def note(name, *arguments, **options):
    if name in LIBRARIES:
        loaded_by.setdefault(name, threading.current_thread().name)
    return load(name, *arguments, **options)

async def main():
    trigger = YeastarCallReportTrigger(
        yeastar_conn_id="yeastar_default", request=json.loads(sys.argv[1]), queue_until=time.time(), wait_timeout=60
    )
    return [event async for event in trigger.run()]

assert "airflow_provider_yeastar.pbx.client" not in sys.modules
builtins.__import__ = note
asyncio.run(main())
print("loaded by", json.dumps([loaded_by.get(name) for name in LIBRARIES]))
"""


def test_the_libraries_that_speak_with_a_pbx_are_not_loaded_by_the_event_loop() -> None:
    nobody = {"conn_type": "yeastar", "schema": "http", "host": "127.0.0.1", "port": 1, "login": "id", "password": "?"}

    done = subprocess.run(
        [sys.executable, "-c", NOTE_WHO_LOADS_WHAT, json.dumps(build_request(**QUEUE_REPORT).to_dict())],
        env={**os.environ, "PYTHONPATH": str(ROOT), "AIRFLOW_CONN_YEASTAR_DEFAULT": json.dumps(nobody)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    threads = json.loads(done.stdout.partition("loaded by")[2] or "[null]")
    assert not {None, "MainThread"} & set(threads), done.stdout + done.stderr
