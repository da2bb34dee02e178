"""The TLS context; that certificates are checked is tested with a server in `tests/integration/test_tls`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, ResourceError, YeastarError
from airflow_provider_yeastar.pbx.http.policy import Trust
from airflow_provider_yeastar.pbx.http.tls import make_ssl_context


@pytest.mark.parametrize(
    "trust", [Trust(), Trust(verify=False), Trust(fingerprint="ab" * 32), Trust(with_certifi=True)], ids=repr
)
def test_no_session_s_keys_are_written_although_the_environment_asks_for_it(
    trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert make_ssl_context(trust).keylog_filename is None
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.EACCES, InvalidSettingsError), (errno.EIO, ResourceError), (errno.EMFILE, ResourceError)],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_bundle_that_cannot_be_read_is_not_one_that_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[YeastarError], is_there: bool
) -> None:
    def refuse(path: object, **how: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        if not is_there:  # as Python 3.14 says of what it cannot look at
            patched.setattr(Path, "exists", lambda path: False)
        patched.setattr(os, "stat", refuse)
        with pytest.raises(expected, match=f"named by `verify`, cannot be read: {os.strerror(number)}"):
            make_ssl_context(Trust(bundle=str(tmp_path / "ca.pem"), source="`verify`"))
