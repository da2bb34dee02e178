"""Tokens that are refreshed, with clients of their own as many tasks have them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import (
    CertificateError,
    InvalidSettingsError,
    NetworkError,
    NotAPbxError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.http.transport import Transport
from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import settings_for


def ask(pbx: PbxSimulator, directory: Path) -> str:
    """Ask who the PBX is, as a task does."""
    with PbxClient(settings_for(pbx), state=DirectoryState(directory)) as client:
        return client.get_information().model


@pytest.mark.parametrize("error", [InvalidSettingsError, CertificateError, NetworkError, NotAPbxError])
def test_a_refresh_that_does_not_reach_the_pbx_keeps_nobody_waiting(
    yeastar_pbx: PbxSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[YeastarError]
) -> None:
    ask(yeastar_pbx, tmp_path)
    now = time.time() + 1770  # the token of half an hour is about to expire
    monkeypatch.setattr(DirectoryState, "now", lambda _: now)
    exchange, failures = Transport.exchange, [error("The proxy refused the connection")]

    def refused(self: Transport, method: str, endpoint: str, **options: Any) -> dict[str, Any]:
        if failures and endpoint.endswith("refresh_token"):
            raise failures.pop()
        return exchange(self, method, endpoint, **options)

    monkeypatch.setattr(Transport, "exchange", refused)
    with pytest.raises(error):
        ask(yeastar_pbx, tmp_path)

    assert ask(yeastar_pbx, tmp_path)
