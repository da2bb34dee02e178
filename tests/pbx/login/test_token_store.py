from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError
from airflow_provider_yeastar.pbx.login.token_store import LoginRecord, MemoryTokenStore, Menu, SharedTokenStore
from airflow_provider_yeastar.pbx.report.listings import MenuOption
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.tokens import Tokens

SETTINGS = PbxSettings("pbx.example.com", "the-client", "the-secret")
RECORD = LoginRecord(Tokens("the-access-token", "the-refresh-token", 1800.0, 86400.0))


def stored(directory: Path) -> Path:
    (file,) = directory.glob("*.token")
    return file


def save(directory: Path, cipher: Fernet | None = None) -> None:
    store = SharedTokenStore(SETTINGS, directory, cipher)
    with store.locked():
        store.save(RECORD)


def test_one_store_reads_what_another_wrote(tmp_path: Path) -> None:
    save(tmp_path)

    assert SharedTokenStore(SETTINGS, tmp_path).load() == RECORD


def test_menus_come_back_with_what_is_unknown_of_them(tmp_path: Path) -> None:
    queues = Menu((MenuOption(1, "6400-Sales", "6400", "Sales"), MenuOption("q-2", "Night", "", "Night")), 60.0)
    record = replace(RECORD, menus={"queue": queues, "queue_agent:1": Menu(None, 61.0), "ivr": Menu((), 62.0)})
    SharedTokenStore(SETTINGS, tmp_path).save(record)

    assert SharedTokenStore(SETTINGS, tmp_path).load() == record


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    assert SharedTokenStore(SETTINGS, tmp_path).load() == LoginRecord()
    assert MemoryTokenStore().load() == LoginRecord()


def test_the_file_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    save(directory)

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(stored(directory).stat().st_mode) == 0o600


def test_a_cipher_hides_the_tokens(tmp_path: Path) -> None:
    cipher = Fernet(Fernet.generate_key())
    save(tmp_path, cipher)

    assert b"the-access-token" not in stored(tmp_path).read_bytes()
    assert SharedTokenStore(SETTINGS, tmp_path, cipher).load() == RECORD
    assert SharedTokenStore(SETTINGS, tmp_path, Fernet(Fernet.generate_key())).load() == LoginRecord()


def test_the_secret_itself_is_not_written(tmp_path: Path) -> None:
    save(tmp_path)

    assert "the-secret" not in stored(tmp_path).read_text()


@pytest.mark.parametrize(
    "changes",
    [{"client_secret": "another"}, {"client_id": "another"}, {"port": 8088}],
    ids=["secret", "application", "pbx"],
)
def test_other_credentials_find_nothing(tmp_path: Path, changes: dict[str, object]) -> None:
    save(tmp_path)

    assert SharedTokenStore(replace(SETTINGS, **changes), tmp_path).load() == LoginRecord()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [b"", b"noise", b"[]", b"{}", b"\xff\xfe", json.dumps({"layout": 99}).encode()],
    ids=["empty", "noise", "list", "object", "binary", "another-version"],
)
def test_a_corrupt_file_is_not_believed_and_replaced(tmp_path: Path, content: bytes) -> None:
    save(tmp_path)
    stored(tmp_path).write_bytes(content)

    assert SharedTokenStore(SETTINGS, tmp_path).load() == LoginRecord()

    save(tmp_path)
    assert SharedTokenStore(SETTINGS, tmp_path).load() == RECORD


def test_a_file_that_others_may_read_or_a_link_is_not_believed(tmp_path: Path) -> None:
    save(tmp_path)
    file = stored(tmp_path)
    file.chmod(0o644)
    assert SharedTokenStore(SETTINGS, tmp_path).load() == LoginRecord()

    file.chmod(0o600)
    target = tmp_path / "elsewhere"
    os.replace(file, target)
    file.symlink_to(target)
    assert SharedTokenStore(SETTINGS, tmp_path).load() == LoginRecord()


def test_a_file_of_somebody_else_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)

    assert SharedTokenStore(SETTINGS, tmp_path).load() == LoginRecord()


def test_a_file_of_another_application_is_not_believed(tmp_path: Path) -> None:
    save(tmp_path / "ours")
    other = SharedTokenStore(replace(SETTINGS, client_id="another"), tmp_path / "theirs")
    with other.locked():
        other.save(RECORD)
    stored(tmp_path / "theirs").replace(stored(tmp_path / "ours"))

    assert SharedTokenStore(SETTINGS, tmp_path / "ours").load() == LoginRecord()


def test_a_rotated_key_reads_what_the_old_one_wrote(tmp_path: Path) -> None:
    old, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    save(tmp_path, old)

    assert SharedTokenStore(SETTINGS, tmp_path, MultiFernet([new, old])).load() == RECORD

    store = SharedTokenStore(SETTINGS, tmp_path, new)
    assert store.load() == LoginRecord()
    store.save(RECORD)
    assert store.load() == RECORD


def test_each_secret_has_its_own_record_and_few_are_kept(tmp_path: Path) -> None:
    save(tmp_path)
    for number in range(3):
        SharedTokenStore(replace(SETTINGS, client_secret=f"old-{number}"), tmp_path).save(LoginRecord(refused_at=1.0))
    assert SharedTokenStore(SETTINGS, tmp_path).load() == RECORD

    SharedTokenStore(replace(SETTINGS, client_secret="old-4"), tmp_path).save(LoginRecord(refused_at=1.0))
    assert SharedTokenStore(SETTINGS, tmp_path).load() == LoginRecord()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_all_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    directory = tmp_path / "state"
    before = os.umask(umask)
    try:
        save(directory)
    finally:
        os.umask(before)

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    assert SharedTokenStore(SETTINGS, directory).load() == RECORD


def test_a_directory_of_our_own_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    save(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_directory_of_somebody_else_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)

    save(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o777


def test_an_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidSettingsError, match=r"cannot be used: .*state_dir"):
        save(tmp_path / "file" / "state")
