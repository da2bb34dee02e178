"""The demonstration broken off half-way: nothing keeps running, nothing is left, one line says so."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from example_dags import run_demo
from tests.integration.support import ROOT
from tests.patience import PATIENCE_SECONDS

DEMO = [sys.executable, "-m", "example_dags.run_demo"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_demo_that_is_broken_off_leaves_nothing(number: signal.Signals, code: int, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        DEMO,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell lets what it runs in the background ignore Ctrl-C, and these tests may run so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as demo:
        assert demo.stdout is not None
        match = re.fullmatch(r"Simulated PBX at http://127\.0\.0\.1:(\d+)\n", demo.stdout.readline())
        assert match
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=PATIENCE_SECONDS)

    assert demo.returncode == code
    assert re.fullmatch(r"\nBroken off; everything is stopped, \S+ is removed\.\n", errors)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(match[1])))


def test_a_directory_that_a_killed_process_still_writes_into_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (home := tmp_path / "home").mkdir()
    rmtree, writes = shutil.rmtree, iter(["airflow.db", "airflow.cfg"])

    def rmtree_too_early(path: Path, **options: bool) -> None:
        rmtree(path, **options)
        for name in writes:
            path.mkdir()
            (path / name).touch()
            return

    monkeypatch.setattr(shutil, "rmtree", rmtree_too_early)
    run_demo.remove(home)

    assert not home.exists()
    assert not list(writes)
