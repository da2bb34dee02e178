"""The button of a task: the portal's URL goes through XCom, so that no web server looks up a connection."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from airflow_provider_yeastar.compat import DAG, BaseOperator, XCom
from airflow_provider_yeastar.links.portal import YeastarPortalLink, publish_portal_link
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

SECRET = "the-secret"


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What tasks write to XCom, and what is read there."""
    values: dict[str, Any] = {}
    monkeypatch.setattr(XCom, "get_value", lambda *, ti_key, key: values.get(key))
    return values


def context(pushed: dict[str, Any]) -> dict[str, Any]:
    def push(key: str, value: Any) -> None:
        pushed[key] = value

    return {"ti": Mock(spec_set=["xcom_push"], xcom_push=push)}


def link() -> str:
    return YeastarPortalLink().get_link(create_autospec(BaseOperator), ti_key=Mock(spec_set=()))


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "10.0.0.1", "port": 8088}, "https://10.0.0.1:8088/"),
        ({"host": "pbx.example.com"}, "https://pbx.example.com:443/"),
        ({"host": "http://pbx.example.com:8088/"}, "http://pbx.example.com:8088/"),
        ({"host": "fd00::1", "schema": "http"}, "http://[fd00::1]:80/"),
    ],
    ids=["address", "blank-port", "pasted-url", "ipv6"],
)
def test_the_link_is_the_portal_of_the_connection_and_nothing_else(
    fields: dict[str, Any], url: str, pushed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "yeastar", "login": "the-client", "password": SECRET, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_PBX", json.dumps(connection))

    publish_portal_link(context(pushed), "pbx")

    assert pushed == {YeastarPortalLink().xcom_key: url}
    assert link() == url


@pytest.mark.parametrize("connection", [None, '{"conn_type": "yeastar", "host": "pbx"}'], ids=["missing", "unusable"])
def test_a_connection_that_is_of_no_use_gives_no_link_and_fails_no_task(
    connection: str | None, pushed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_PBX", connection)

    publish_portal_link(context(pushed), "pbx")

    assert pushed == {}
    assert link() == ""


def serialized(operator: type[BaseOperator], **arguments: Any) -> Any:
    """Return the task as a web server knows it."""
    with DAG("links", start_date=datetime(2026, 1, 1), schedule=None):
        task = operator(task_id="task", **arguments)
    try:
        from airflow.serialization.serialized_objects import OperatorSerialization as Serialization
    except ImportError:  # before Airflow 3.2
        from airflow.serialization.serialized_objects import SerializedBaseOperator as Serialization
    return Serialization.deserialize_operator(Serialization.serialize_operator(task))


def test_a_web_server_finds_the_button_of_a_task() -> None:
    task = serialized(
        YeastarCallReportOperator,
        report_type="queueperformance",
        period="2026-11-20",
        parameters={"queue_id_list": "1"},
        destination="/data/",
    )

    assert [found.name for found in task.operator_extra_links] == ["PBX web portal"]
