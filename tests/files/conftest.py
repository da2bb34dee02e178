"""What the tests of object stores need: one in memory, one that speaks S3, and a place for temporary files."""

from __future__ import annotations

import errno
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.files.stores import BreakingFileSystem, Bucket, RefusingGate, register, s3_server


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to be looked at afterwards."""
    directory = tmp_path / "staging"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    return directory


@pytest.fixture
def no_temporary_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No directory for temporary files can be written, which Python finds out at the first use."""

    def search() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/var/tmp']")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", search)


@pytest.fixture
def memory(staging: Path) -> Iterator[MemoryFileSystem]:
    fs = MemoryFileSystem()
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    register("memory", "lake", fs)
    register("memory", "breaking", BreakingFileSystem())
    BreakingFileSystem.store.clear()
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    BreakingFileSystem.store.clear()


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[tuple[str, RefusingGate]]:
    pytest.importorskip("s3fs")
    pytest.importorskip("airflow.providers.amazon")
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: tuple[str, RefusingGate], staging: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    url, gate = s3_endpoint
    connection = f"lake{uuid.uuid4().hex}"  # Airflow remembers file systems by connection
    monkeypatch.setenv(
        f"AIRFLOW_CONN_{connection.upper()}",
        '{"conn_type": "aws", "login": "test", "password": "test",'
        f' "extra": {{"endpoint_url": "{url}", "region_name": "us-east-1"}}}}',
    )
    yield Bucket(url, gate, connection)
    gate.closed = gate.read_only = False
