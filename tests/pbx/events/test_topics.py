"""What a frame of the event socket says about an ended call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.events.topics import EndedCall, decode_frame

MESSAGE = {"uid": "20261120120000A1", "call_from": "1001", "call_duration": 102, "status": "ANSWERED"}


def decoded(envelope: Any, secrets: tuple[str, ...] = ()) -> Any:
    text = envelope if isinstance(envelope, str | bytes) else json.dumps(envelope)
    return decode_frame(text, pbx="pbx:8088", endpoint="subscribe", secrets=secrets)


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({"type": 30012, "sn": "1", "msg": json.dumps(MESSAGE)}, id="text"),
        pytest.param({"type": "30012", "msg": MESSAGE}, id="object"),
        pytest.param(json.dumps({"type": 30012, "msg": MESSAGE}).encode(), id="bytes"),
    ],
)
def test_an_ended_call_has_the_vendors_fields(envelope: Any) -> None:
    call = decoded(envelope)

    assert (call.uid, call.fields) == (MESSAGE["uid"], MESSAGE)


def test_equal_events_are_equal_whatever_their_order() -> None:
    turned = dict(reversed(MESSAGE.items()))

    assert decoded({"type": 30012, "msg": MESSAGE}) == decoded({"type": 30012, "msg": json.dumps(turned)})


def test_neither_pins_nor_tokens_come_through() -> None:
    call = decoded({"type": 30012, "msg": {**MESSAGE, "pin_code": "7301", "note": "see a-token"}}, ("a-token",))

    assert "pin_code" not in call.fields
    assert "7301" not in call.text
    assert "a-token" not in call.text


@pytest.mark.parametrize("msg", [None, "", "no JSON", "[1]", [], {}, {"pin_code": "1"}], ids=repr)
def test_an_event_without_fields_is_none(msg: object) -> None:
    assert decoded({"type": 30012, "msg": msg}) is None


@pytest.mark.parametrize("uid", [None, 7, ["x"]], ids=repr)
def test_a_uid_is_a_text(uid: object) -> None:
    call = decoded({"type": 30012, "msg": {**MESSAGE, "uid": uid}})

    assert isinstance(call, EndedCall)
    assert call.uid == ("7" if uid == 7 else "")


def test_all_else_is_what_it_was() -> None:
    assert decoded({"type": 30027, "msg": {"result": "success", "file": "A.csv"}}).file == "A.csv"
    assert isinstance(decoded({"errcode": 0}), wire.SubscribedFrame)
    assert decoded({"type": 30011, "msg": MESSAGE}) is None
