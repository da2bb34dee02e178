from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, Reaction, YeastarError
from airflow_provider_yeastar.pbx.state.directory import state_errors
from airflow_provider_yeastar.pbx.waiting.bounds import Setbacks


def raised_for(number: int) -> YeastarError:
    with pytest.raises(YeastarError, match=r"/state cannot be used: \w") as raised, state_errors(Path("/state")):
        raise OSError(number, os.strerror(number))
    return raised.value


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free space on that disk"),
        (errno.EDQUOT, "Free space within that quota"),
        (errno.EIO, "the disk or file system"),
        (errno.ESTALE, "the disk or file system"),
        (errno.ENOLCK, "locks"),
        (errno.EMFILE, "open files"),
        (errno.ENFILE, "open files"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_what_may_pass_is_for_airflow_to_retry(number: int, remedy: str) -> None:
    error = raised_for(number)

    assert error.reaction is Reaction.ASK_AGAIN
    assert remedy in error.remedy


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR], ids=errno.errorcode.get)
def test_what_only_a_setting_mends_is_given_up(number: int) -> None:
    error = raised_for(number)

    assert isinstance(error, InvalidSettingsError)
    assert "state_dir" in error.remedy


def test_one_wait_asks_no_more_as_each_login_that_cannot_be_kept_costs_a_token() -> None:
    error = raised_for(errno.ENOSPC)

    with pytest.raises(type(error)):
        Setbacks().add(error)
