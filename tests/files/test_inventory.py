"""What is stored already on a disk; object stores have their own tests."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files.inventory import facts_of, sizes_in
from airflow_provider_yeastar.pbx.files.body import FileFacts


def test_a_folder_s_files_are_told_by_size(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"12")
    (tmp_path / "b.wav").write_bytes(b"")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")

    assert sizes_in(str(tmp_path)) == {"a.wav": 2, "b.wav": 0}


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert sizes_in(str(tmp_path / "nothing")) == {}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_mount_that_does_not_tell_is_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(path: object, **how: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", refuse)
        with pytest.raises(DestinationError, match=f"cannot be listed: {os.strerror(number)}"):
            sizes_in(str(tmp_path))


def test_a_file_that_goes_meanwhile_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.wav").write_bytes(b"12")
    monkeypatch.setattr(os, "listdir", lambda folder: ["a.wav", ".yeastar-gone.part"])

    assert sizes_in(str(tmp_path)) == {"a.wav": 2}


def test_a_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "a.wav").write_bytes(content)
    looks: list[int] = []

    facts = facts_of(str(tmp_path / "a.wav"), lambda: looks.append(1))

    assert facts == FileFacts(len(content), hashlib.sha256(content).hexdigest())
    assert len(looks) == 3


def test_a_killed_task_hashes_no_further(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"12")

    def look() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        facts_of(str(tmp_path / "a.wav"), look)
