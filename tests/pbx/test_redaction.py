from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.redaction import redact_text, redact_url


def test_a_url_keeps_the_names_of_its_query_only() -> None:
    url = "https://user:pass@pbx.example.com:8088/openapi/v1.0/x?access_token=abc123&id=7"

    assert redact_url(url) == "https://pbx.example.com:8088/openapi/v1.0/x?access_token=***&id=***"


@pytest.mark.parametrize(
    "text",
    [
        "GET /x?access_token=5qcixSatPqNQfjsepgFdUsQBID1ZWnu8&type=ivr",
        '{"refresh_token": "5qcixSatPqNQfjsepgFdUsQBID1ZWnu8"}',
        "token: 5qcixSatPqNQfjsepgFdUsQBID1ZWnu8",
        "{'password': '5qcixSatPqNQfjsepgFdUsQBID1ZWnu8'}",
    ],
)
def test_what_follows_a_token_name_goes(text: str) -> None:
    redacted = redact_text(text)

    assert "5qcix" not in redacted
    assert "***" in redacted


@pytest.mark.parametrize("spelling", ["s/cr t+1", "s%2Fcr%20t%2B1", "s%2Fcr+t%2B1"], ids=["raw", "quote", "quote_plus"])
def test_a_known_secret_goes_in_every_spelling(spelling: str) -> None:
    assert redact_text(f"bad value {spelling}!", ["s/cr t+1"]) == "bad value ***!"


def test_an_empty_secret_tears_nothing_apart() -> None:
    assert redact_text("all is well", ["", "a"]) == "all is well"
