"""One login for all processes of a host, with real processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import CredentialsError, NetworkError, TokenCapError
from airflow_provider_yeastar.pbx.login.record import LoginRecord
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.support import ROOT, Wait, login_at, settings_for

# Forks so many processes, lets all begin at the same moment, and counts by what they end with. With a fourth argument
# they wait for a free token for so many seconds, coming back at once, and a full cap is remembered for the fifth.
FLEET = """
import asyncio, collections, json, multiprocessing, sys, time
from pathlib import Path
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.login import record
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.errors import TokenCapError, YeastarError
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.opening import open_state

settings, state_dir, processes = PbxSettings(**json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
patience, memory = float(sys.argv[4]), float(sys.argv[5])
waiting.retry_delay = lambda attempt, chance: 0.05 * (1 + chance)
record._MEMORIES = record._MEMORIES | {TokenCapError: memory}
context = multiprocessing.get_context("fork")
start, ends = context.Barrier(processes), context.Queue()

def task():
    start.wait()
    try:
        with PbxClient(settings, state=open_state("", state_dir)) as client:
            if patience:
                asyncio.run(client.log_in(time.time() + patience))
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

# Says that it is about to log in, and never does.
HOLDER = """
import json, sys
from pathlib import Path
from airflow_provider_yeastar.pbx.concurrency.silence import SilenceGuard
from airflow_provider_yeastar.pbx.login.authentication import Login
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.opening import open_state

Login(PbxSettings(**json.loads(sys.argv[1])), open_state("", Path(sys.argv[2])), SilenceGuard(None))._begin(None)
print("begun", flush=True)
sys.stdin.readline()
"""


def launch(
    pbx: PbxSimulator, state_dir: Path, processes: int, *, patience: float = 0, memory: float = 15, **changes: Any
) -> subprocess.Popen[str]:
    """Start processes that all want something of the PBX at once."""
    settings = json.dumps(asdict(settings_for(pbx, **changes)))
    arguments = [settings, str(state_dir), str(processes), str(patience), str(memory)]
    return subprocess.Popen([sys.executable, "-c", FLEET, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def ends(launched: subprocess.Popen[str]) -> dict[str, int]:
    """Return how many of the processes ended how."""
    output, _ = launched.communicate(timeout=120)
    assert launched.returncode == 0
    return json.loads(output)  # type: ignore[no-any-return]


def fleet(pbx: PbxSimulator, state_dir: Path, processes: int, **options: Any) -> dict[str, int]:
    return ends(launch(pbx, state_dir, processes, **options))


def age(pbx: PbxSimulator, state_dir: Path, **tokens: float) -> None:
    """Change the tokens that are shared."""

    def change(record: LoginRecord, now: float) -> LoginRecord:
        assert record.tokens
        return replace(record, tokens=replace(record.tokens, **tokens))

    login_at(settings_for(pbx), state_dir).change(change)


def take_all_tokens(pbx: PbxSimulator) -> list[str]:
    """Log in as another program does that knows no measure."""
    for _ in range(pbx.settings.token_cap):
        pbx.state.log_in("10.0.0.9", pbx.client_id, pbx.client_secret, pbx.now())
    return list(pbx.state.tokens)


def test_fifty_processes_make_one_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    assert fleet(yeastar_pbx, tmp_path, 50) == {"Yeastar P570": 50}

    assert len(yeastar_pbx.calls("get_token")) == 1
    assert len(yeastar_pbx.state.tokens) == 1


def test_fifty_processes_whose_token_expired_make_one_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    fleet(yeastar_pbx, tmp_path, 2)
    yeastar_pbx.state.tokens.clear()

    assert fleet(yeastar_pbx, tmp_path, 50) == {"Yeastar P570": 50}

    assert len(yeastar_pbx.calls("get_token")) == 2


def test_fifty_processes_whose_token_is_due_make_one_refresh(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    fleet(yeastar_pbx, tmp_path, 2)
    age(yeastar_pbx, tmp_path, access_expires_at=0.0)

    assert fleet(yeastar_pbx, tmp_path, 50) == {"Yeastar P570": 50}

    assert len(yeastar_pbx.calls("refresh_token")) == 1
    assert len(yeastar_pbx.calls("get_token")) == 1
    (token,) = yeastar_pbx.state.tokens.values()
    stored = login_at(settings_for(yeastar_pbx), tmp_path).read().tokens
    assert stored is not None
    assert (stored.access_token, stored.refresh_token) == (token.access, token.refresh)


def test_fifty_processes_whose_refresh_is_refused_make_one_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    fleet(yeastar_pbx, tmp_path, 2)
    yeastar_pbx.state.tokens.clear()
    age(yeastar_pbx, tmp_path, access_expires_at=0.0)

    assert fleet(yeastar_pbx, tmp_path, 50) == {"Yeastar P570": 50}

    assert len(yeastar_pbx.calls("refresh_token")) == 1
    assert len(yeastar_pbx.calls("get_token")) == 2


def test_twenty_tasks_with_a_wrong_secret_make_one_attempt(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    assert fleet(yeastar_pbx, tmp_path, 20, client_secret="wrong") == {"CredentialsError": 20}

    assert len(yeastar_pbx.calls("get_token")) == 1
    assert yeastar_pbx.state.failed_logins == {"127.0.0.1": 1}


def test_an_old_secret_costs_the_others_no_token(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    for _ in range(3):
        assert fleet(yeastar_pbx, tmp_path, 2) == {"Yeastar P570": 2}
        assert fleet(yeastar_pbx, tmp_path, 2, client_secret="old") == {"CredentialsError": 2}

    assert len(yeastar_pbx.calls("get_token")) == 2
    assert yeastar_pbx.state.logins == 1


@pytest.mark.parametrize("errcode", [-2, 10009, 70004, 99999])
def test_any_refused_login_is_one_attempt_of_the_host(yeastar_pbx: PbxSimulator, tmp_path: Path, errcode: int) -> None:
    yeastar_pbx.faults.add(Fault("errcode", "get_token", errcode, times=99))

    (error,) = fleet(yeastar_pbx, tmp_path, 20)

    assert error in ("PbxInternalError", "BlockedError")
    assert len(yeastar_pbx.calls("get_token")) == 1


@contextmanager
def somebody_logs_in(pbx: PbxSimulator, state_dir: Path, **changes: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a process that has said that it will log in."""
    command = [sys.executable, "-c", HOLDER, json.dumps(asdict(settings_for(pbx, **changes))), str(state_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_a_login_that_hangs_is_waited_for_no_longer_than_a_call_may_take(
    yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    with (
        somebody_logs_in(yeastar_pbx, tmp_path),
        Wait(yeastar_pbx, tmp_path, {"timeout": 0.3}).client() as client,
        pytest.raises(NetworkError, match=r"Another task has been logging in for 0\.3 seconds"),
    ):
        client.get_information()

    assert yeastar_pbx.requests == []


def test_a_process_that_died_while_it_logged_in_is_waited_for_no_longer_than_its_lease(
    yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    with somebody_logs_in(yeastar_pbx, tmp_path, timeout=0.5) as process:
        process.kill()
        with Wait(yeastar_pbx, tmp_path).client() as client:
            assert client.get_information().model == "Yeastar P570"

    assert yeastar_pbx.state.logins == 1


class TestTheTokenCap:
    def test_twenty_that_wait_ask_as_often_as_one(self, yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
        take_all_tokens(yeastar_pbx)

        assert fleet(yeastar_pbx, tmp_path, 20, patience=1.0, memory=600) == {"TokenCapError": 20}

        assert len(yeastar_pbx.calls("get_token")) == 1

    def test_twenty_that_wait_share_the_one_that_comes_free(self, yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
        first, *_ = take_all_tokens(yeastar_pbx)
        launched = launch(yeastar_pbx, tmp_path, 20, patience=60, memory=0.5)
        yeastar_pbx.wait_until(lambda pbx: len(pbx.calls("get_token")) >= 2)
        yeastar_pbx.state.revoke(first)

        assert ends(launched) == {"Yeastar P570": 20}

        assert yeastar_pbx.state.logins == yeastar_pbx.settings.token_cap + 1

    def test_a_refresh_that_meets_it_ends_in_one_more_attempt_and_is_waited_out(
        self, yeastar_pbx: PbxSimulator, tmp_path: Path
    ) -> None:
        fleet(yeastar_pbx, tmp_path, 2)
        age(yeastar_pbx, tmp_path, access_expires_at=0.0)
        yeastar_pbx.faults.add(Fault("errcode", "refresh_token", 60002), Fault("errcode", "get_token", 60002))

        assert fleet(yeastar_pbx, tmp_path, 20, patience=60, memory=0.5) == {"Yeastar P570": 20}

        assert len(yeastar_pbx.calls("refresh_token")) == 1
        assert len(yeastar_pbx.calls("get_token")) == 3

    def test_a_report_s_wait_waits_it_out_and_says_so_once(
        self,
        yeastar_pbx: PbxSimulator,
        tmp_path: Path,
        no_pauses: None,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.login.record._MEMORIES", {TokenCapError: 0.0})
        yeastar_pbx.faults.add(Fault("errcode", "get_token", 60002, times=5))

        assert Wait(yeastar_pbx, tmp_path).run().file.startswith("Queue-Performance")

        assert len(yeastar_pbx.calls("get_token")) == 6
        assert sum("8 live tokens" in record.message for record in caplog.records) == 1

    def test_a_token_that_comes_free_is_waited_for_and_said_once(
        self,
        yeastar_pbx: PbxSimulator,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.waiting.bounds.retry_delay", lambda attempt, chance: 0.01)
        monkeypatch.setattr("airflow_provider_yeastar.pbx.login.record._MEMORIES", {TokenCapError: 0.0})
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

    assert fleet(yeastar_pbx, tmp_path, 1) == {"Yeastar P570": 1}
    assert fleet(yeastar_pbx, tmp_path, 1, client_secret="wrong") == {"CredentialsError": 1}
    assert len(yeastar_pbx.calls("get_token")) == 2


def test_a_refusal_is_remembered_for_an_hour_and_the_second_one_until_somebody_asks(
    yeastar_pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 7: an asset watcher that keeps an old secret tried it until the address was blocked."""
    waiting = Wait(yeastar_pbx, tmp_path, {"client_secret": "wrong"})
    now = time.time()

    for hours in range(200):
        monkeypatch.setattr("airflow_provider_yeastar.pbx.state.directory.time.time", lambda: now + 3600 * hours)  # noqa: B023 - called at once
        with waiting.client() as client, pytest.raises(CredentialsError, match="PBX refused"):
            client.get_information()
    assert len(yeastar_pbx.calls("get_token")) == 2

    with waiting.client() as client:
        client.forget_failures()
        with pytest.raises(CredentialsError, match="PBX refused"):
            client.get_information()
    assert len(yeastar_pbx.calls("get_token")) == 3


def test_ten_reports_cost_one_login_and_two_calls_each(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    waiting = Wait(yeastar_pbx, tmp_path)

    for _ in range(10):
        waiting.fetch(waiting.run())

    calls = [call for call in yeastar_pbx.requests if call.endpoint not in ("subscribe", "get_token")]
    assert yeastar_pbx.state.logins == 1
    assert len(calls) == 2 * 10 + 2  # and once each system/information and the menu of the queues
