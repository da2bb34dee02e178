"""Airflow's own commands as the pages give them, typed at an Airflow that nothing else uses."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.pages import commands
from tests.integration.support import airflow


@pytest.fixture
def home(airflow_home: Path, tmp_path: Path) -> Path:
    """A copy, as the commands leave something behind."""
    return shutil.copytree(airflow_home, tmp_path / "home")


def typed(start: str, home: Path) -> None:
    (line,) = commands(start)
    done = airflow(home, {}, *shlex.split(line)[1:])
    assert done.returncode == 0, done.stdout


def in_database(home: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "airflow.db")) as db:
        return db.execute(query).fetchall()


def test_the_pool_of_a_pbx_counts_deferred_tasks(home: Path) -> None:
    typed("airflow pools set", home)
    query = "SELECT slots, include_deferred FROM slot_pool WHERE pool = 'yeastar_berlin'"
    assert in_database(home, query) == [(1, 1)]


def test_the_connection_is_there(home: Path) -> None:
    typed("airflow connections add", home)
    query = "SELECT conn_type, host, port, login FROM connection WHERE conn_id = 'yeastar_default'"
    assert in_database(home, query) == [("yeastar", "pbx.example.com", 8088, "the Client ID")]


def test_no_other_command_of_airflow_s_is_in_the_pages() -> None:
    """The first hour's `dags test` is typed with its page; `db migrate` makes the home of all these tests."""
    given = {" ".join(shlex.split(line)[1:3]) for line in commands("airflow ")}
    assert given == {"connections add", "dags test", "db migrate", "pools set"}
