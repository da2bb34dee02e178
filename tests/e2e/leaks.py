"""Where tokens and secrets must not be: in files and logs, and in the tables of databases."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.integration.peers import PostgresServer


def files_with(secrets: Iterable[str], folder: Path) -> list[str]:
    """The files below a directory that hold one of these."""
    sought = _as_bytes(secrets)
    return [str(path) for path in folder.rglob("*") if path.is_file() and _holds(path.read_bytes(), sought)]


def tables_with(secrets: Iterable[str], server: PostgresServer) -> list[str]:
    """The tables of a database that hold one of these."""
    sought = _as_bytes(secrets)
    names = [name for (name,) in server.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    texts = {name: "\n".join(row for (row,) in server.query(f'SELECT t::text FROM "{name}" t')) for name in names}
    return [name for name, text in texts.items() if _holds(text.encode(), sought)]


def _as_bytes(secrets: Iterable[str]) -> set[bytes]:
    sought = {secret.encode() for secret in secrets}
    assert sought, "without a secret nothing would be found"
    return sought


def _holds(content: bytes, sought: set[bytes]) -> bool:
    return any(secret in content for secret in sought)
