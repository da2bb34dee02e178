"""What the tests of the shared login share: processes that all want something of the PBX at once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from airflow_provider_yeastar.pbx.login.record import LoginRecord
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import ROOT, login_at, settings_for
from tests.patience import PATIENCE_SECONDS

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
print(json.dumps(collections.Counter(ends.get(timeout=float(sys.argv[6])) for _ in fleet)))
for process in fleet:
    process.join()
"""


def launch(
    pbx: PbxSimulator, state_dir: Path, processes: int, *, patience: float = 0, memory: float = 15, **changes: Any
) -> subprocess.Popen[str]:
    """Start processes that all want something of the PBX at once."""
    settings = json.dumps(asdict(settings_for(pbx, **changes)))
    arguments = [settings, str(state_dir), str(processes), str(patience), str(memory), str(PATIENCE_SECONDS)]
    return subprocess.Popen([sys.executable, "-c", FLEET, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def ends(launched: subprocess.Popen[str]) -> dict[str, int]:
    """Return how many of the processes ended how."""
    output, _ = launched.communicate(timeout=PATIENCE_SECONDS)
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
