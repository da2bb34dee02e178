"""What a download costs in memory does not depend on the file: processes of their own, measured by the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import ROOT

MIB = 1024 * 1024
LINE = b"Support<6401>,00:01:02,12,9,75.00%\r\n"
PROGRAM = """
import sys
from pathlib import Path
from airflow_provider_yeastar.files.fetching import FileFetch
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.opening import open_state

port, name, client_id, client_secret, out = sys.argv[1:]
settings = PbxSettings("127.0.0.1", client_id, client_secret, port=int(port), scheme="http")
with PbxClient(settings, state=open_state("", Path(out) / "state")) as client:
    with FileFetch(client, f"/api/download/{name}", killed=lambda: False) as fetch:
        with fetch.receive(f"{out}/{name}", "csv", None) as received:
            received.put_in_place()
# Not ru_maxrss, which begins with what the process that forked this one held.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def peak_mib(pbx: PbxSimulator, size_mib: int, folder: Path) -> float:
    """Return the peak memory of a process that fetches a file of so many MiB."""
    name = f"{size_mib}.csv"
    table = LINE * (size_mib * MIB // len(LINE))
    pbx.state.keep(name, table, pbx.now())
    arguments = [str(pbx.port), name, pbx.client_id, pbx.client_secret, str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert (folder / name).stat().st_size == len(table)
    return int(done.stdout) / 1024


def test_a_large_file_takes_no_more_memory_than_a_small_one(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    small, large = (peak_mib(yeastar_pbx, size_mib, tmp_path) for size_mib in (1, 128))

    assert large - small < 16
