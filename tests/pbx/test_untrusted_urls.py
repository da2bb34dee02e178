"""A URL that a PBX sends leads nowhere but to a file below /api."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.errors import UnsafeUrlError
from airflow_provider_yeastar.pbx.untrusted import file_url_path

BASE = "https://pbx.example.com:8088"


class TestFileUrlPath:
    @pytest.mark.parametrize(
        "url",
        [
            "/api/download/../../openapi/v1.0/del_token",
            "/api/download/%2e%2e/%2e%2e/openapi/v1.0/del_token",
            "/api/download/%252e%252e/x",
            "/api/download/%25252525252e%25252525252e/x",
            "/api/download/..%2f..%2fopenapi/x",
            "/api/download/..%5c..%5copenapi/x",
            "/api/download/..;/..;/openapi/x",
            "/api/./x.csv",
            "/api//x.csv",
            "/api/",
            "/api",
            "/apiary/x.csv",
            "/openapi/v1.0/del_token",
            "/%61pi/../openapi/x",
            "/%2fapi/x.csv",
            f"{BASE}/openapi/v1.0/del_token",
            f"{BASE}/api/../openapi/v1.0/del_token",
            "/api/download/x%00.csv",
            "/api/download/x%0d%0aHost:%20evil.csv",
            "/api/download/x\x7f.csv",
            "/api/download/\ud800.csv",
        ],
    )
    def test_what_does_not_lie_below_api_is_refused(self, url: str) -> None:
        with pytest.raises(UnsafeUrlError):
            file_url_path(url, BASE, pbx="pbx")

    @pytest.mark.parametrize(
        "url",
        ["/api/download/x.csv", "/api/download/100%25.csv", "/api/download/a%20b..c.csv", "/api/download/Zo%C3%AB.csv"],
    )
    def test_a_file_below_api_is_accepted(self, url: str) -> None:
        assert file_url_path(url, BASE, pbx="pbx") == url

    def test_a_number_sign_in_a_name_is_part_of_it(self) -> None:
        assert file_url_path("/api/download/Queue #1.csv", BASE, pbx="pbx") == "/api/download/Queue %231.csv"

    @given(st.text(st.sampled_from("/.%2e5cf\\;api:@?#x"), max_size=30))
    def test_whatever_is_accepted_stays_below_api_however_often_it_is_decoded(self, rest: str) -> None:
        try:
            path = urlsplit(file_url_path(f"/api/{rest}", BASE, pbx="pbx")).path
        except UnsafeUrlError:
            return
        for _ in range(6):
            assert path.startswith("/api/")
            assert ".." not in path.split("/")
            assert "\\" not in path
            path = unquote(path)
