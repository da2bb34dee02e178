"""An environment without the proxies and the certificates of this machine."""

from __future__ import annotations

import pytest


@pytest.fixture
def nothing_of_this_machine_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
