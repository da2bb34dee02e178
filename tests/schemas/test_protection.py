"""What ``protect`` hides, and what it refuses."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError
from airflow_provider_yeastar.schemas.protection import Protection, check_protect, protection

SECRET = "sixteen letters!"


def test_hmac_is_that_of_the_text_keyed_by_the_secret() -> None:
    hide = protection({"caller": "hmac"}, SECRET).of("caller")
    assert hide is not None
    assert hide("030") == hmac.new(SECRET.encode(), b"030", hashlib.sha256).hexdigest()


@pytest.mark.parametrize(("text", "masked"), [("3055501001", "*******001"), ("1001", "*001"), ("100", "***"), ("", "")])
def test_a_mask_leaves_three_characters_of_more(text: str, masked: str) -> None:
    hide = Protection({"caller": "mask"}).of("caller")
    assert hide is not None
    assert hide(text) == masked


@pytest.mark.parametrize(
    ("key", "dropped"),
    [("call_from", True), ("call_from_number", True), ("call_from_name", False), ("call_fromage", False), ("x", False)],
)
def test_a_column_covers_those_made_of_it_unless_they_are_named(key: str, dropped: bool) -> None:
    assert Protection({"call_from": "drop", "call_from_name": "mask"}).drops(key) is dropped


@pytest.mark.parametrize(
    ("key", "dropped"),
    [
        ("detail_call_from", True),
        ("detail_call_from_number", True),
        ("detail_detail_call_from", True),
        ("call_from_number", True),
        ("first_call_from_name", True),
        ("recall_from", False),
        ("agent_call_from", False),
        ("call_to", False),
    ],
)
def test_a_column_covers_undeclared_ones_that_have_its_name_in_theirs(key: str, dropped: bool) -> None:
    hidden = Protection({"call_from": "drop"}, declared=["call_from", "call_to", "agent_call_from"])

    assert hidden.drops(key) is dropped


def test_keys_within_a_value_are_covered_at_any_depth() -> None:
    hidden = Protection({"call_from": "drop", "call_to": "mask"})
    value = {"legs": [{"call_from": "030", "call_to": 3055501001, "n": 1}, None, [{"call_to": None}]], "x_call_from": 1}

    assert hidden.within(value) == {"legs": [{"call_to": "*******001", "n": 1}, None, [{"call_to": None}]]}


@pytest.mark.parametrize("secret", [None, "", "fifteen letters"], ids=["missing", "blank", "short"])
def test_hmac_needs_a_secret_of_sixteen_characters(secret: str | None) -> None:
    with pytest.raises(InvalidSettingsError, match=r"protect_secret.*16 characters"):
        protection({"caller": "hmac"}, secret)
    assert protection({"caller": "mask"}, secret)


@pytest.mark.parametrize(
    ("protect", "words"),
    [({"caller": "hash"}, "'hash'"), ({"callr": "mask"}, "callr.*caller, callee"), (["caller"], "no mapping")],
    ids=["way", "column", "list"],
)
def test_what_protects_nothing_is_refused(protect: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        check_protect(protect, ["caller", "callee"])


def test_a_number_is_not_hidden_in_one_column_and_shown_in_another() -> None:
    known = ["call_from", "call_from_number", "agent_number"]
    with pytest.raises(InvalidRequestError, match="Name call_from: it covers call_from_number"):
        check_protect({"call_from_number": "hmac"}, known)
    check_protect({"call_from_number": "drop", "call_from": "hmac", "agent_number": "mask"}, known)


def test_a_secret_is_never_shown() -> None:
    assert SECRET not in repr(protection({"caller": "hmac"}, SECRET))
