"""Loads of one period at the same time, and a load that is killed: rows are there once, or as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.warehouse.loading import load_period
from tests.warehouse.loads import ROWS, a_load, table


class TestTwoAtOnce:
    def test_one_waits_and_rows_are_there_once(self, engine: sa.engine.Engine) -> None:
        rows = [{"queue": f"Q{number}", "calls": 1} for number in range(200)]

        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: load_period(engine, a_load(rows)), range(4)))

        assert [loaded.rows for loaded in done] == [200] * 4
        assert sorted(loaded.replaced for loaded in done) == [0, 200, 200, 200]
        assert table(engine, "count(*)") == [(200,)]

    def test_the_wait_has_an_end(self, engine: sa.engine.Engine) -> None:
        refusals: list[str] = []

        class Meanwhile(list[dict[str, Any]]):
            """Rows during whose load another load begins."""

            def __iter__(self) -> Iterator[dict[str, Any]]:
                if loading:
                    with pytest.raises(DestinationError) as caught:
                        load_period(engine, a_load(ROWS, until=0))
                    refusals.append(str(caught.value))
                return super().__iter__()

        loading = False
        slow = a_load(Meanwhile(ROWS))
        loading = True
        assert load_period(engine, slow).rows == 2
        assert "did not end within `wait_timeout`" in refusals[0]


_LOADING = """
import sys
import sqlalchemy as sa
from tests.warehouse.loads import a_load
from airflow_provider_yeastar.warehouse.loading import load_period

print("ready", flush=True)
sys.stdin.readline()
loaded = load_period(sa.create_engine(sys.argv[1]), a_load([{"queue": "New", "calls": 9}] * 200))
print(loaded.rows)
"""


class TestTwoProcessesAtOnce:
    def test_one_waits_and_rows_are_there_once(self, url: str, engine: sa.engine.Engine) -> None:
        """DuckDB refuses to open a file that another process has open."""
        loads = [
            subprocess.Popen(
                [sys.executable, "-c", _LOADING, url],
                cwd=Path(__file__).parent.parent.parent,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        for load in loads:
            assert load.stdout
            load.stdout.readline()
        for load in loads:  # all are ready; now they begin
            assert load.stdin
            load.stdin.write("go\n")
            load.stdin.flush()

        assert [(load.communicate()[0].strip(), load.returncode) for load in loads] == [("200", 0)] * 3
        assert table(engine, "count(*)") == [(200,)]


_KILLED = """
import os, signal, sys
import sqlalchemy as sa
from tests.warehouse.loads import ROWS, a_load
from airflow_provider_yeastar.warehouse.loading import load_period

engine, at = sa.create_engine(sys.argv[1]), int(sys.argv[2])
statements = 0

@sa.event.listens_for(engine, "before_cursor_execute")
def die(*_):
    global statements
    statements += 1
    if statements == at:
        os.kill(os.getpid(), signal.SIGKILL)

@sa.event.listens_for(engine, "commit")
def die_too(*_):
    if at == 0:
        os.kill(os.getpid(), signal.SIGKILL)

load_period(engine, a_load([{"queue": "New", "calls": 9}] * 2))
"""


class TestKilled:
    def test_at_each_statement_the_rows_are_as_before_or_there_once(self, url: str, engine: sa.engine.Engine) -> None:
        load_period(engine, a_load(ROWS))
        before = table(engine)
        after = [("New", 9), ("New", 9)]
        killed = 0
        for at in range(60):
            done = subprocess.run(
                [sys.executable, "-c", _KILLED, url, str(at)],
                cwd=Path(__file__).parent.parent.parent,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                check=False,
                capture_output=True,
            )
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stderr.decode()
            killed += 1
            assert table(engine) == before, f"killed at statement {at}"
        assert killed > 5
        assert table(engine) == after
