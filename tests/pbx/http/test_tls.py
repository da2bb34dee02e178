"""The TLS context; that certificates are checked is tested with a server in `tests/integration/test_tls`."""

from __future__ import annotations

from pathlib import Path

import pytest

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
