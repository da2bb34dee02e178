"""One login for all processes of a host, with real processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import TokenCapError
from airflow_provider_yeastar.pbx.token_store import SharedTokenStore
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import ROOT, Wait, settings_for

# Forks so many processes, lets all begin at the same moment, and counts by what they end with.
FLEET = """
import collections, json, multiprocessing, sys
from pathlib import Path
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.pbx.settings import PbxSettings

settings, state_dir, processes = PbxSettings(**json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
context = multiprocessing.get_context("fork")
start, ends = context.Barrier(processes), context.Queue()

def task():
    start.wait()
    try:
        with PbxClient(settings, state_dir=state_dir) as client:
            ends.put(client.get_information().model)
    except YeastarError as error:
        ends.put(type(error).__name__)

fleet = [context.Process(target=task) for _ in range(processes)]
for process in fleet:
    process.start()
print(json.dumps(collections.Counter(ends.get(timeout=60) for _ in fleet)))
for process in fleet:
    process.join()
"""

HOLDER = """
import json, sys
from pathlib import Path
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.token_store import SharedTokenStore

with SharedTokenStore(PbxSettings(**json.loads(sys.argv[1])), Path(sys.argv[2])).locked():
    print("held", flush=True)
    sys.stdin.readline()
"""


def fleet(pbx: PbxSimulator, state_dir: Path, processes: int, **changes: Any) -> dict[str, int]:
    """Start processes that all want something of the PBX at once; return how many ended how."""
    settings = json.dumps(asdict(settings_for(pbx, **changes)))
    done = subprocess.run(
        [sys.executable, "-c", FLEET, settings, str(state_dir), str(processes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_fifty_processes_make_one_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    assert fleet(yeastar_pbx, tmp_path, 50) == {"P570": 50}

    assert len(yeastar_pbx.calls("get_token")) == 1
    assert len(yeastar_pbx.state.tokens) == 1


def test_fifty_processes_whose_token_expired_make_one_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    fleet(yeastar_pbx, tmp_path, 1)
    yeastar_pbx.state.tokens.clear()
    store = SharedTokenStore(settings_for(yeastar_pbx), tmp_path)
    store.save(replace(store.load(), informed_at=0.0))  # else nobody would have a question to the PBX

    assert fleet(yeastar_pbx, tmp_path, 50) == {"P570": 50}

    assert len(yeastar_pbx.calls("get_token")) == 2


def test_twenty_tasks_with_a_wrong_secret_make_one_attempt(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    assert fleet(yeastar_pbx, tmp_path, 20, client_secret="wrong") == {"CredentialsError": 20}

    assert len(yeastar_pbx.calls("get_token")) == 1
    assert fleet(yeastar_pbx, tmp_path, 1) == {"P570": 1}


def test_a_killed_holder_of_the_lock_stops_nobody(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    settings = json.dumps(asdict(settings_for(yeastar_pbx)))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, settings, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    async def log_in_over_a_dead_body() -> float:
        with Wait(yeastar_pbx, tmp_path).client() as client:
            login = asyncio.create_task(client.log_in(time.time() + 60))
            done, _ = await asyncio.wait({login}, timeout=0.5)
            assert not done
            holder.kill()
            killed_at = time.monotonic()
            await login
            return time.monotonic() - killed_at

    assert asyncio.run(log_in_over_a_dead_body()) < 2
    holder.communicate()


class TestTheTokenCap:
    def test_a_token_that_comes_free_is_waited_for_and_said_once(
        self,
        yeastar_pbx: PbxSimulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.retry_delay", lambda attempt, chance: 0.01)
        yeastar_pbx.faults.add(Fault("errcode", "get_token", 60002, times=5))

        with Wait(yeastar_pbx, tmp_path).client() as client:
            asyncio.run(client.log_in(time.time() + 60))

        assert len(yeastar_pbx.calls("get_token")) == 6
        assert sum("8 live tokens" in record.message for record in caplog.records) == 1

    def test_it_is_not_waited_for_beyond_the_deadline(self, yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
        yeastar_pbx.faults.add(Fault("errcode", "get_token", 60002, times=99))

        with Wait(yeastar_pbx, tmp_path).client() as client, pytest.raises(TokenCapError, match="8 live tokens"):
            asyncio.run(client.log_in(time.time() + 0.1))

        assert len(yeastar_pbx.calls("get_token")) == 1


def test_a_refusal_is_forgotten_with_other_credentials(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    fleet(yeastar_pbx, tmp_path, 1, client_secret="wrong")

    assert SharedTokenStore(settings_for(yeastar_pbx), tmp_path).load().refused_at is None
    assert SharedTokenStore(settings_for(yeastar_pbx, client_secret="wrong"), tmp_path).load().refused_at


def test_ten_reports_cost_one_login_and_two_calls_each(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    waiting = Wait(yeastar_pbx, tmp_path)

    for _ in range(10):
        waiting.fetch(waiting.run())

    calls = [call for call in yeastar_pbx.requests if call.endpoint not in ("subscribe", "get_token")]
    assert yeastar_pbx.state.logins == 1
    assert len(calls) == 2 * 10 + 2  # and once each system/information and the menu of the queues
