"""Where tokens and secrets must not be: in files and logs, and in the tables of databases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.integration.peers import PostgresServer


def files_with(secrets: Iterable[str], folder: Path) -> list[str]:
    """The files below a directory that hold one of these."""
    found = _pattern(secrets)
    return [str(path) for path in folder.rglob("*") if path.is_file() and found.search(path.read_bytes())]


def tables_with(secrets: Iterable[str], server: PostgresServer) -> list[str]:
    """The tables of a database that hold one of these."""
    found = _pattern(secrets)
    names = [name for (name,) in server.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return [
        name
        for name in names
        if any(found.search(row.encode()) for (row,) in server.query(f'SELECT t::text FROM "{name}" t'))
    ]


def _pattern(secrets: Iterable[str]) -> re.Pattern[bytes]:
    texts = sorted(secrets)
    assert texts, "without a secret nothing would be found"
    return re.compile("|".join(map(re.escape, texts)).encode())
