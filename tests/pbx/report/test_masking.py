"""PIN codes in what is stored and shown of a request, and that a mask is never asked for."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.masking import (
    hidden_parameters,
    holds_secrets,
    masked_parameters,
    masked_request,
    refuse_masked,
    unmasked_request,
)
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request

PINS = ["4711", "0815"]


def request(pins: Any = PINS) -> ReportRequest:
    parameters = {"pin_list": pins, "communication_type": "Outbound"}
    return build_request(report_type="extcallbillingdetails", period="2026-11-20", parameters=parameters)


def test_no_pin_is_in_a_masked_request_and_all_else_is() -> None:
    masked = masked_request(request().to_dict())

    assert not any(pin in json.dumps(masked) for pin in PINS)
    assert masked["parameters"]["communication_type"] == "Outbound"
    assert masked["period"] == "2026-11-20"


def test_a_request_without_secrets_is_as_it_was() -> None:
    plain = build_request(report_type="queueperformance", period="2026-11", parameters={"queue_id_list": [1]}).to_dict()

    assert masked_request(plain) == plain == unmasked_request(plain, {"queue_id_list": [2], "pin_list": PINS})


@pytest.mark.parametrize("given", [PINS, "4711,0815", "4711, 0815", tuple(PINS)])
def test_the_task_s_own_parameters_bring_them_back(given: Any) -> None:
    event = json.loads(json.dumps(masked_request(request(given).to_dict())))

    assert ReportRequest.from_dict(unmasked_request(event, {"pin_list": given})) == request(given)


@pytest.mark.parametrize("parameters", [None, "{}", {}, ["pin_list"], 7])
def test_without_them_a_mask_is_never_sent(parameters: object) -> None:
    event = unmasked_request(masked_request(request().to_dict()), parameters)

    with pytest.raises(InvalidRequestError, match="`pin_list` was masked"):
        refuse_masked(dict(ReportRequest.from_dict(event).parameters))


def test_what_was_given_is_sent() -> None:
    refuse_masked(dict(request().parameters))
    refuse_masked({"pin_list": ("***", "1234")})
    refuse_masked({})


def test_a_mask_without_a_key_says_nothing_of_the_pins() -> None:
    assert masked_parameters({"pin_list": PINS}) == masked_parameters({"pin_list": ["4712"]}) == {"pin_list": "***"}


def test_a_mask_with_a_key_stays_as_it_is_and_differs_for_other_pins_and_keys() -> None:
    once = masked_parameters({"pin_list": PINS}, "key")

    assert masked_parameters(once, "key") == masked_parameters(once, "another") == masked_parameters(once) == once
    assert masked_parameters({"pin_list": PINS[::-1]}, "key") == once
    assert masked_parameters({"pin_list": ["4712"]}, "key") != once
    assert masked_parameters({"pin_list": PINS}, "another") != once


def test_a_file_s_name_is_the_same_with_and_without_the_pins() -> None:
    masked = ReportRequest.from_dict(masked_request(request().to_dict(), "key"))

    assert masked.file_name("pbx") == request().file_name("pbx", "key")
    assert request().file_name("pbx", "key") != request(["4712"]).file_name("pbx", "key")


def test_no_name_is_made_of_pins_without_a_key() -> None:
    with pytest.raises(ValueError, match="without a key"):
        request().file_name("pbx")


@pytest.mark.parametrize("given", [PINS, "4711,0815", ("4711", "0815")])
def test_a_hidden_value_shows_a_mask_and_is_sent_as_it_was_given(given: Any) -> None:
    hidden = hidden_parameters({"pin_list": given, "communication_type": "Outbound"})

    for copied in (hidden, copy.deepcopy(hidden), pickle.loads(pickle.dumps(hidden))):
        shown = (str(copied), repr(copied), json.dumps(copied), f"{copied['pin_list']}", copied["pin_list"].upper())
        assert not any(pin in text for pin in PINS for text in shown)
        assert request(copied["pin_list"]) == request(given)


def test_what_holds_no_secret_is_hidden_nowhere() -> None:
    plain = {"queue_id_list": [1]}

    assert hidden_parameters(plain) is plain
    assert not holds_secrets(plain)
