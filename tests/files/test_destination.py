"""What stands where a file is to go, and whether one can be written there: on a disk."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files.paths import temporary_name
from airflow_provider_yeastar.files.storage import exists, open_stored, prepare, remove
from tests.files.support import CHUNKS, OLD, names, new_check, store

UNSUPPORTED = [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP]


def refuse(number: int) -> Any:
    def refusing(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return refusing


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EACCES, errno.EHOSTDOWN])
def test_a_mount_that_does_not_tell_is_no_proof_that_there_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "x.csv").write_bytes(OLD)
    monkeypatch.setattr(os, "stat", refuse(number))

    with pytest.raises(DestinationError, match=r"x\.csv cannot be looked at"):
        exists(str(tmp_path / "x.csv"))


@pytest.mark.parametrize("is_there", [Path.exists, Path.is_file, Path.is_dir])
def test_nothing_is_written_elsewhere_or_over_it_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: Callable[[Path], bool]
) -> None:
    """Path's own questions take any error for a no from Python 3.14 on."""
    for step in (prepare, lambda path: store(CHUNKS, path, new_check())):
        with monkeypatch.context() as patched:
            patched.setattr(Path, is_there.__name__, lambda path: False)
            patched.setattr(os, "stat", refuse(errno.EIO))
            with pytest.raises(DestinationError, match=r"x\.csv cannot be written: Input/output error"):
                step(str(tmp_path / "deeper" / "x.csv"))

    assert names(tmp_path) == []


@pytest.mark.parametrize("step", [prepare, lambda path: store(CHUNKS, path, new_check())], ids=["prepare", "store"])
def test_a_link_that_leads_to_itself_is_replaced(tmp_path: Path, step: Callable[[str], object]) -> None:
    (tmp_path / "x.csv").symlink_to("x.csv")

    assert not exists(str(tmp_path / "x.csv"))
    step(str(tmp_path / "x.csv"))


@pytest.mark.parametrize("name", ["y.csv", "x.csv/y.csv", ""])
def test_what_is_no_file_or_not_there_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").write_bytes(OLD)

    assert not exists(f"{tmp_path}/{name}")
    assert exists(f"{tmp_path}/x.csv")


@pytest.mark.parametrize("number", UNSUPPORTED)
@pytest.mark.parametrize(("call", "words"), [("fsync", "synced to the disk"), ("replace", "renamed into place")])
def test_a_mount_without_sync_or_rename_is_found_before_the_pbx_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, words: str, number: int
) -> None:
    monkeypatch.setattr(os, call, refuse(number))

    with pytest.raises(DestinationError, match=rf"x.csv cannot be {words}: .*\. This mount lacks what an atomic write"):
        prepare(str(tmp_path / "x.csv"))

    assert names(tmp_path) == []


@pytest.mark.parametrize("number", UNSUPPORTED)
@pytest.mark.parametrize(("call", "words"), [("fsync", "synced to the disk"), ("replace", "renamed into place")])
def test_one_that_turns_so_later_is_named_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, words: str, number: int
) -> None:
    (tmp_path / "x.csv").write_bytes(OLD)
    monkeypatch.setattr(os, call, refuse(number))

    with pytest.raises(DestinationError, match=f"cannot be {words}"):
        store(CHUNKS, str(tmp_path / "x.csv"), new_check())

    assert names(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_bytes() == OLD


def aged(path: Path, hours: float) -> Path:
    moment = time.time() - hours * 3600
    os.utime(path, (moment, moment))
    return path


def test_what_a_killed_task_left_is_removed_after_a_day(tmp_path: Path) -> None:
    for name, hours in ((temporary_name(), 25), (fresh := temporary_name(), 23)):
        (tmp_path / name).write_bytes(OLD)
        aged(tmp_path / name, hours)
    for foreign in (".yeastar-notes.part", "y.csv", ".yeastar-0123456789abcdef.part.bak"):
        (tmp_path / foreign).write_bytes(OLD)
        aged(tmp_path / foreign, 999)

    prepare(str(tmp_path / "x.csv"))

    assert names(tmp_path) == sorted([fresh, ".yeastar-notes.part", "y.csv", ".yeastar-0123456789abcdef.part.bak"])


def test_a_file_can_be_read_and_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "x.csv")
    store([OLD], path, new_check())
    with open_stored(path) as file:
        assert file.read() == OLD
    for _ in range(2):
        remove(path)
    assert names(tmp_path) == []
