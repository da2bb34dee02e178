"""Twelve pods that share nothing: processes with a state directory of their own, at a PBX that allows eight tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import ROOT, login_at, settings_for
from tests.patience import PATIENCE_SECONDS

PODS = 12

# One task: it waits for a token, asks who the PBX is, and keeps its token until it is told to end.
POD = """
import asyncio, json, sys, time
from pathlib import Path
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.login import record
from airflow_provider_yeastar.pbx.errors import TokenCapError
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.waiting import bounds

record._MEMORIES = record._MEMORIES | {TokenCapError: 0.5}
bounds.retry_delay = lambda attempt, chance: 0.5 + chance / 2
with PbxClient(PbxSettings(**json.loads(sys.argv[1])), state=open_state("", Path(sys.argv[2]))) as client:
    asyncio.run(client.log_in(time.time() + 100))
    print(client.get_information().model, flush=True)
    sys.stdin.readline()
"""


def pod(pbx: PbxSimulator, state_dir: Path, program: str = POD) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(asdict(settings_for(pbx))), str(state_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("exists", [True, False], ids=["an-empty-directory", "no-directory"])
def test_twelve_pods_get_their_turn_at_eight_tokens_and_leave_none(
    yeastar_pbx: PbxSimulator, tmp_path: Path, exists: bool
) -> None:
    """Fault 2: 4 of 12 failed, with 21 logins, and left 8 live tokens behind."""
    directories = [tmp_path / str(number) for number in range(PODS)]
    if exists:
        for directory in directories:
            directory.mkdir()
    pods = [pod(yeastar_pbx, directory) for directory in directories]
    yeastar_pbx.wait_until(lambda pbx: len(pbx.state.tokens) == pbx.settings.token_cap, PATIENCE_SECONDS)

    for process in pods:  # all of them, as those that wait for a token come in any order
        assert process.stdin
        process.stdin.write("end\n")
        process.stdin.flush()
    output = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in pods]

    assert output == ["Yeastar P570\n"] * PODS
    assert [process.returncode for process in pods] == [0] * PODS
    assert yeastar_pbx.state.logins == PODS
    assert yeastar_pbx.state.tokens == {}


def test_a_token_that_another_process_has_used_lives_on(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    first = pod(yeastar_pbx, tmp_path)
    assert first.stdout
    assert first.stdout.readline() == "Yeastar P570\n"
    second = pod(yeastar_pbx, tmp_path)

    assert second.communicate("end\n", timeout=PATIENCE_SECONDS)[0] == "Yeastar P570\n"
    first.communicate("end\n", timeout=PATIENCE_SECONDS)

    assert len(yeastar_pbx.state.tokens) == yeastar_pbx.state.logins == 1
    assert login_at(settings_for(yeastar_pbx), tmp_path).read().tokens


def test_the_next_process_after_the_first_keeps_its_token_for_those_that_follow(
    yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    for _ in range(4):
        pod(yeastar_pbx, tmp_path).communicate("end\n", timeout=PATIENCE_SECONDS)

    assert yeastar_pbx.state.logins == 2
    assert len(yeastar_pbx.state.tokens) == 1


def test_a_forked_child_does_not_give_the_token_of_its_parent_back(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    forking = POD.replace(
        "    sys.stdin.readline()\n",
        "    import os\n    child = os.fork()\n    if child == 0:\n        sys.exit()\n    os.waitpid(child, 0)\n"
        "    print(client.get_information().model, flush=True)\n    sys.stdin.readline()\n",
    )

    assert (
        pod(yeastar_pbx, tmp_path, forking).communicate("end\n", timeout=PATIENCE_SECONDS)[0]
        == "Yeastar P570\nYeastar P570\n"
    )

    assert len(yeastar_pbx.calls("get_token")) == len(yeastar_pbx.calls("del_token")) == 1
