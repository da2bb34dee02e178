from __future__ import annotations

import sys
import unicodedata

import pytest

from airflow_provider_yeastar.pbx.redaction import clean_text, redact_text, redact_url


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


@pytest.mark.parametrize(
    "begin", ["\x1bP", "\x1bX", "\x1b]", "\x1b^", "\x1b_", "\x90", "\x98", "\x9d", "\x9e", "\x9f"], ids=ascii
)
@pytest.mark.parametrize("end", ["\x1b\\", "\x9c", "\x07"], ids=ascii)
def test_a_string_for_the_terminal_goes_with_its_body(begin: str, end: str) -> None:
    assert clean_text(f"Sales {begin}0;forged{end}team") == "Sales team"
    assert clean_text(f"Sales {begin}0;forged") == "Sales"


def test_other_sequences_go_and_what_follows_stays() -> None:
    assert clean_text("a\x1b[31;1mb\x9b0mc\x1b(Bd\x1bce\x1b") == "abcde"


def test_what_is_invisible_goes_and_what_joins_letters_stays() -> None:
    signs = [chr(number) for number in range(sys.maxunicode + 1) if unicodedata.category(chr(number)) == "Cf"]

    assert len(signs) > 100
    assert [sign for sign in signs if clean_text(f"a{sign}b") != "ab"] == ["\u200c", "\u200d"]
    assert clean_text("".join(signs)) == "\u200c\u200d"


def test_what_is_visible_stays() -> None:
    signs = [chr(number) for number in range(sys.maxunicode + 1) if chr(number).isprintable() and number != ord(" ")]

    assert [sign for sign in signs if clean_text(sign) != sign] == []
