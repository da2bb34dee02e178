from __future__ import annotations

import json

import pytest

from airflow_provider_yeastar.compat import AirflowException
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, MissingConnectionError
from airflow_provider_yeastar.tasks.sql import sql_engine


def test_a_connection_that_airflow_does_not_give_may_be_back_for_the_next_try() -> None:
    with (
        pytest.raises(MissingConnectionError, match=r"'no_such_warehouse'.*`sql_conn_id`"),
        sql_engine("no_such_warehouse"),
    ):
        pass


def test_an_outage_of_airflow_is_no_missing_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(conn_id: str) -> None:
        raise AirflowException("the secrets backend is away")

    monkeypatch.setattr(YeastarHook, "get_connection", fail)

    with (
        pytest.raises(
            MissingConnectionError, match=r"\(AirflowException: the secrets backend is away\).*`sql_conn_id`"
        ),
        sql_engine("warehouse"),
    ):
        pass


@pytest.mark.parametrize("kind", ["no_such_database", "yeastar"])
def test_a_connection_of_another_type_is_one_sentence(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", json.dumps({"conn_type": kind, "password": "s3cret"}))

    with pytest.raises(InvalidRequestError, match="'elsewhere'") as raised, sql_engine("elsewhere"):
        pass

    assert "s3cret" not in str(raised.value)
