"""One login for all processes of a host, with real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import CredentialsError, NetworkError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.fleet import age, fleet
from tests.integration.support import ROOT, Wait, login_at, settings_for

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
