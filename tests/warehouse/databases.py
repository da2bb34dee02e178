"""Databases to load into: SQLite and DuckDB as files, PostgreSQL and MariaDB as real servers on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.peers import postgres_server
from tests.patience import PATIENCE_SECONDS
from tests.ports import reserved_port

NAMES = ("sqlite", "duckdb", "postgresql", "mariadb")

_UNPRIVILEGED = "nobody"


@contextlib.contextmanager
def database(name: str) -> Iterator[str]:
    """Give the URL of an empty database; the test is skipped where its server or driver is not installed."""
    if name == "postgresql":
        pytest.importorskip("psycopg2")
        with postgres_server() as server:
            yield f"postgresql+psycopg2://airflow@127.0.0.1:{server.port}/postgres"
    elif name == "mariadb":
        pytest.importorskip("pymysql")
        with mariadb_server() as url:
            yield url
    else:
        if name == "duckdb":
            pytest.importorskip("duckdb_engine")
        with tempfile.TemporaryDirectory(prefix="yeastar-sql-") as home:
            yield f"{name}:///{home}/warehouse.db"


@contextlib.contextmanager
def mariadb_server() -> Iterator[str]:
    """Run MariaDB from the system's packages; the test is skipped where there is none."""
    install, program = shutil.which("mariadb-install-db"), shutil.which("mariadbd") or shutil.which("mysqld")
    if not (install and program):
        pytest.skip("MariaDB's server is not installed (Debian and Ubuntu: mariadb-server)")
    home = Path(tempfile.mkdtemp(prefix="yeastar-mariadb-"))
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    if user:
        shutil.chown(home, user)
    options = ["--no-defaults", f"--datadir={home}/data"]
    try:
        with (home / "log").open("ab") as log, reserved_port() as port:
            # Not strict, as many servers are: what is too long must not be cut.
            serving = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={home}/socket", "--sql-mode="]
            auth = "--auth-root-authentication-method=normal"
            subprocess.run(
                [install, *options, auth], stdout=log, stderr=log, user=user, check=True, timeout=PATIENCE_SECONDS
            )
            with subprocess.Popen([program, *options, *serving], stdout=log, stderr=log, user=user, cwd=home) as server:
                try:
                    _wait_until_it_answers(home / "socket", server, home / "log")
                    url = f"mysql+pymysql://root@127.0.0.1:{port}/test?unix_socket={home}/socket"
                    root = sa.create_engine(sa.engine.make_url(url).set(database=""), poolclass=sa.pool.NullPool)
                    with root.begin() as connection:
                        connection.execute(sa.text("CREATE DATABASE IF NOT EXISTS test"))
                    yield url
                finally:
                    server.kill()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_it_answers(socket: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    # A driver's refused connection leaves its socket open, which is a warning here.
    ping = [shutil.which("mariadb-admin") or "mysqladmin", "--no-defaults", f"--socket={socket}", "--user=root", "ping"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while subprocess.run(ping, check=False, capture_output=True).returncode:
        assert server.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        threading.Event().wait(0.1)
