from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from filelock import FileLock

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, Reaction, StateUnavailableError, YeastarError
from airflow_provider_yeastar.pbx.state import directory as module
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.interface import Entry
from airflow_provider_yeastar.pbx.state.ledger import LEDGER_LIFE_SECONDS


def written(directory: Path) -> Path:
    DirectoryState(directory).update("pbx/turn", lambda entry, now: {"value": 1}, keep_seconds=60)
    (file,) = directory.glob("*.json")
    return file


def entry_in(directory: Path) -> Entry | None:
    return DirectoryState(directory).read("pbx/turn")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_a_new_directory_and_its_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        written(tmp_path / "state")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()} == {0o600}
    assert entry_in(tmp_path / "state") == {"value": 1}


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o2775, 0o1777], ids=oct)
def test_an_existing_directory_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    written(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


def test_a_file_that_others_may_read_counts_as_none(tmp_path: Path) -> None:
    written(tmp_path).chmod(0o644)

    assert entry_in(tmp_path) is None


def test_a_symbolic_link_counts_as_none_and_is_replaced(tmp_path: Path) -> None:
    file = written(tmp_path)
    target = tmp_path / "elsewhere"
    file.rename(target)
    file.symlink_to(target)
    assert entry_in(tmp_path) is None

    written(tmp_path)

    assert entry_in(tmp_path) == {"value": 1}
    assert not file.is_symlink()


def test_a_named_pipe_in_place_of_a_file_blocks_nobody(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.unlink()
    os.mkfifo(file, 0o600)

    assert entry_in(tmp_path) is None


def test_a_file_of_another_user_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)

    assert entry_in(tmp_path) is None


def test_a_file_system_that_shows_all_files_to_everybody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchmod", lambda descriptor, mode: None)
    monkeypatch.setattr(module.tempfile, "mkstemp", mkstemp_for_everybody)

    with pytest.raises(InvalidSettingsError, match="keeps no file private"):
        written(tmp_path)

    assert not list(tmp_path.glob("*.tmp"))


def mkstemp_for_everybody(suffix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 - the function's own argument
    path = dir / f"x{suffix}"
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o666), str(path)


def test_what_killed_processes_leave_is_removed(tmp_path: Path) -> None:
    file = written(tmp_path)
    left, fresh, other = tmp_path / "tmp1.tmp", tmp_path / "tmp2.tmp", tmp_path / "notes.txt"
    for path in (left, fresh, other):
        path.write_text("a live token")
    an_hour_ago = file.stat().st_mtime - 3600
    for path in (left, other):
        os.utime(path, (an_hour_ago, an_hour_ago))

    module._swept_at.clear()
    DirectoryState(tmp_path).update("pbx/menu", lambda entry, now: {"value": 2}, keep_seconds=60)

    assert not left.exists()
    assert fresh.exists()
    assert other.exists()
    assert entry_in(tmp_path) == {"value": 1}


def test_expired_entries_are_removed_and_all_others_kept(tmp_path: Path) -> None:
    DirectoryState(tmp_path).update("pbx/menu", lambda entry, now: {"value": 2}, keep_seconds=0)
    corrupt = tmp_path / "v1.noise.json"
    corrupt.write_bytes(b"noise")
    corrupt.chmod(0o600)

    DirectoryState(tmp_path).sweep()

    assert [file.name for file in tmp_path.glob("*.json")] == [corrupt.name]


def raised_for(number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> YeastarError:
    def fail(self: FileLock, *arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", fail)
    with pytest.raises(YeastarError, match=r"/state cannot be used: \S") as raised:
        written(tmp_path / "state")
    return raised.value


MAY_PASS = [number for number in errno.errorcode if number not in module._FINAL]


@pytest.mark.parametrize("number", MAY_PASS, ids=errno.errorcode.get)
def test_what_may_pass_by_itself_is_retried(number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = raised_for(number, monkeypatch, tmp_path)

    assert isinstance(error, StateUnavailableError)
    assert error.reaction is Reaction.ASK_AGAIN
    assert error.remedy


def test_a_mount_s_error_is_not_taken_for_a_file_in_place_of_the_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`Path.is_dir` answers False to any error from Python 3.14 on."""
    state = DirectoryState(tmp_path / "state")
    state.update("pbx/x", lambda entry, now: {}, keep_seconds=60)
    monkeypatch.setattr(Path, "is_dir", lambda self: False)

    def fail(self: Path, **options: object) -> os.stat_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(Path, "stat", fail)

    with pytest.raises(StateUnavailableError):
        state.update("pbx/x", lambda entry, now: {}, keep_seconds=60)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR], ids=errno.errorcode.get)
def test_what_only_a_setting_corrects_is_given_up(number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = raised_for(number, monkeypatch, tmp_path)

    assert isinstance(error, InvalidSettingsError)
    assert "state_dir" in error.remedy


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free space on that disk"),
        (errno.EDQUOT, "Free space within that quota"),
        (errno.ENOLCK, "working locks"),
        (errno.ENOTSUP, "working locks"),
        (errno.EMFILE, "open files"),
        (errno.ESTALE, "Check the disk"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_the_sentence_says_what_to_do(
    number: int, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert remedy in raised_for(number, monkeypatch, tmp_path).remedy


def test_a_directory_below_a_file_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for directory in (tmp_path / "file", tmp_path / "file" / "state"):
        with pytest.raises(InvalidSettingsError, match="cannot be used"):
            written(directory)


def test_a_lock_that_is_never_released_is_given_up_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.05)
    written(tmp_path)
    (lock,) = tmp_path.glob("*.lock")

    with FileLock(lock), pytest.raises(StateUnavailableError, match="another process holds"):
        written(tmp_path)

    written(tmp_path)


@pytest.mark.parametrize("is_lasting", [True, False])
def test_an_entry_that_must_outlive_a_power_cut_is_on_the_disk_before_the_update_ends(
    is_lasting: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that only the memory of the host knew would be announced to another task after the cut."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    state = DirectoryState(tmp_path / "state")

    state.update("3692A1/x", lambda entry, now: {"value": 1}, keep_seconds=LEDGER_LIFE_SECONDS if is_lasting else 60)

    (entry,) = (tmp_path / "state").glob("*.json")
    assert synced == ([entry.stat().st_ino, (tmp_path / "state").stat().st_ino] if is_lasting else [])
