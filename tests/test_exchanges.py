"""The documented exchanges, read by the client and played to the simulator."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.report import listings, rows
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.exchanges import EXCHANGES, Exchange

OPEN = {"press_count", "basic", "call_notes"}
"""Objects of which only some keys are documented here, or whose keys depend on the PBX's configuration."""

BY_NAME = pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name.replace(" ", "-"))


@BY_NAME
def test_the_client_reads_the_answer(exchange: Exchange) -> None:
    where = {"pbx": "pbx:443", "endpoint": exchange.path}
    answer = wire.decode_answer(json.dumps(exchange.answer).encode(), 200, **where)

    error = wire.answer_error(answer, **where)

    assert (type(error) if error else None) is exchange.error
    if error is None:
        assert read(answer, where) is not None


def read(answer: dict[str, Any], where: dict[str, str]) -> object:
    """Decode a success as what it is."""
    if "access_token" in answer:
        return wire.decode_tokens(answer, 0.0, **where).access_token
    if "sn" in (answer.get("data") or {}):
        return wire.decode_information(answer).timestamp
    lists = {
        "get_menuoptions": listings.menu_options,
        "myreport/list": listings.my_reports,
        "call_schedule_report/list": listings.scheduled_reports,
    }
    for endpoint, read_list in lists.items():
        if where["endpoint"].endswith(endpoint):
            return read_list(answer)[0]
    if "total_number" in answer:
        return rows.flattened_rows(rows.listed_rows(answer, **where))
    if isinstance(answer.get("data"), dict):
        return answer["data"]
    return wire.decode_report_answer(answer, **where)


@BY_NAME
def test_the_simulator_gives_the_answer(exchange: Exchange) -> None:
    with PbxSimulator(exchange.simulator_settings) as pbx:
        answer = play(exchange, pbx)

    assert_alike(answer, exchange.answer, exchange.exact)


def play(exchange: Exchange, pbx: PbxSimulator) -> dict[str, Any]:
    credentials = {"id": pbx.client_id, "secret": pbx.client_secret}
    headers = {"User-Agent": "test" if exchange.user_agent else ""}
    query = dict(exchange.query)
    if exchange.token:
        login = {"username": pbx.client_id, "password": pbx.client_secret}
        tokens = requests.post(f"{pbx.base_url}/openapi/v1.0/get_token", json=login, timeout=10).json()
        query["access_token"] = tokens["access_token"]
    body = {key: value.format(**credentials) for key, value in exchange.body.items()} if exchange.body else None
    response = requests.request(
        exchange.method, f"{pbx.base_url}/{exchange.path}", params=query, json=body, headers=headers, timeout=10
    )
    assert response.status_code == 200
    assert response.headers["Connection"] == "close"
    return response.json()  # type: ignore[no-any-return]


def assert_alike(found: Any, documented: Any, exact: tuple[str, ...]) -> None:
    """The same keys with values of the same types; codes and words, and what is named exact, to the letter."""
    assert set(found) == set(documented)
    assert_holds(found, documented, exact)


def assert_holds(found: Any, documented: Any, exact: tuple[str, ...]) -> None:
    """At least these keys: a row may have more, of which no page and no recorded answer tells."""
    for key, value in documented.items():
        if key in ("errcode", "errmsg", *exact):
            assert found[key] == value
        elif isinstance(value, dict):
            (assert_holds if key in OPEN else assert_alike)(found[key], value, exact)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            assert found[key], key
            for entry in found[key]:
                assert_holds(entry, value[0], exact)
        elif isinstance(value, float):
            assert type(found[key]) in (int, float), key
        else:
            assert type(found[key]) is type(value), key
