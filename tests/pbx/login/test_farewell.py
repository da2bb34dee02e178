"""The end of a process: what is done there, and what does not keep it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HUNG_SECONDS = 600
"""For how long a file system hangs: far longer than the test waits for the end of the process."""

# A process whose state hangs when it ends; what came last is done first.
ENDING = f"""
from airflow_provider_yeastar.pbx.login import farewell
from tests.pbx.state.asking import Flaky

state = Flaky(hangs_for={HUNG_SECONDS})
farewell.at_the_end_of_this_process("not any more", lambda: print("not any more", flush=True))
farewell.at_the_end_of_this_process("hanging", lambda: state.read("login"))
farewell.at_the_end_of_this_process("before", lambda: print("before", flush=True))
state.is_answering.clear()
"""


def test_a_state_that_hangs_keeps_no_process_from_its_end() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDING], cwd=ROOT, capture_output=True, text=True, timeout=HUNG_SECONDS / 10, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "before\n", "")
