"""The operator that loads tables, from a simulated PBX into real databases by Airflow's own hooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException, Asset
from airflow_provider_yeastar.exceptions import DestinationError, FewerRowsError, TaskKilledError
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from tests.integration.peers import postgres_server
from tests.integration.rows import answering
from tests.integration.support import Run, connection_to, outlet_events

LIST = "call_report/list"
DAG_RUN = SimpleNamespace(run_id="scheduled__2026-11-23")


def operator(**changes: Any) -> YeastarReportToSqlOperator:
    arguments = {
        "task_id": "load",
        "report_type": "queueperformance",
        "period": "2026-11-20",
        "parameters": {"queue_id_list": ["Sales", "6401"]},
        "sql_conn_id": "warehouse",
        "table": "queue_performance",
        "wait_timeout": 60,
    }
    return YeastarReportToSqlOperator(**arguments | changes)


def run(task: YeastarReportToSqlOperator, **context: Any) -> tuple[int, dict[str, Any]]:
    running = Run(task, dag_run=DAG_RUN, **context)
    return running.to_the_end(), running.xcoms.get("report", {})


def rows(engine: sa.engine.Engine, columns: str, table: str = "queue_performance") -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(sa.text(f"SELECT {columns} FROM {table}"))), key=repr)


def test_a_day_is_in_the_table_and_told_of(pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
    asset, events = Asset("yeastar://queues"), outlet_events()
    task = operator(outlets=[asset])

    count, report = run(task, outlet_events=events)

    assert count == 2
    assert rows(engine, "queue, queue_num, pbx_serial_number, report, dag_run_id") == [
        ("Sales", "6400", pbx.settings.serial_number, "queueperformance", DAG_RUN.run_id),
        ("Support", "6401", pbx.settings.serial_number, "queueperformance", DAG_RUN.run_id),
    ]
    assert {name: report[name] for name in ("rows", "table", "sql_conn_id", "report_type", "unknown_columns")} == {
        "rows": 2,
        "table": "queue_performance",
        "sql_conn_id": "warehouse",
        "report_type": "queueperformance",
        "unknown_columns": [],
    }
    assert report["periods"] == [
        {
            "period_start": "2026-11-20T00:00:00",
            "period_end": "2026-11-20T23:59:59",
            "rows": 2,
            "rows_before": 0,
            "changed": True,
            "other_selections": 0,
        }
    ]
    assert events[asset].extra["rows"] == 2
    lineage = task.get_openlineage_facets_on_complete(None)
    assert lineage is not None
    assert lineage.outputs[0].name.endswith("warehouse.db.queue_performance")


def test_a_column_of_newer_firmware_is_added_and_told_everywhere(
    pbx: PbxSimulator, engine: sa.engine.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    moods = iter([{}, {"mood": 5}])  # of the period itself, and of the one before

    def with_mood(answer: dict[str, Any]) -> dict[str, Any]:
        mood = next(moods)
        return {**answer, "queue_performance_list": [row | mood for row in answer["queue_performance_list"]]}

    asset, events = Asset("yeastar://queues"), outlet_events()
    task = operator(lookback=1, outlets=[asset])
    with answering(monkeypatch, with_mood):
        _, report = run(task, outlet_events=events)

    assert rows(engine, "substr(period_start, 1, 10), mood") == [("2026-11-19", "5")] * 2 + [("2026-11-20", None)] * 2
    assert report["unknown_columns"] == events[asset].extra["unknown_columns"] == ["mood"]
    lineage = task.get_openlineage_facets_on_complete(None)
    assert lineage is not None
    fields = [(field.name, field.type) for field in lineage.outputs[0].facets["schema"].fields]
    assert fields[-1] == ("mood", "text")
    assert len({name for name, _ in fields}) == len(fields)


def test_figures_are_those_of_the_pbx(pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
    from airflow_provider_yeastar.hooks.yeastar import YeastarHook

    run(operator())
    answer = YeastarHook().get_report_rows(
        report_type="queueperformance", period="2026-11-20", parameters={"queue_id_list": [1, 2]}
    )
    keys = ("queue_num", "total_calls", "answered_rate", "average_waiting_time", "sla")
    assert rows(engine, ", ".join(keys)) == sorted(tuple(row[key] for key in keys) for row in answer)


def test_a_second_run_replaces_its_rows_and_those_of_other_parameters_stay_and_are_told(
    pbx: PbxSimulator, engine: sa.engine.Engine
) -> None:
    run(operator(parameters={"queue_id_list": [3]}))
    run(operator(parameters={"queue_id_list": [1, 2]}))
    count, report = run(operator(parameters={"queue_id_list": "2,1"}, check_ids=False))

    assert count == 2
    assert (report["periods"][0]["rows_before"], report["periods"][0]["other_selections"]) == (2, 1)
    assert len(rows(engine, "queue")) == 3


def test_earlier_periods_are_read_again_and_replaced_where_they_changed(
    pbx: PbxSimulator, engine: sa.engine.Engine
) -> None:
    run(operator(period="2026-11-18"))
    run(operator(period="2026-11-19"))
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE queue_performance SET source_sha256 = 'old' WHERE period_start LIKE '2026-11-19%'")
        )

    count, report = run(operator(period="2026-11-20", lookback=3))

    assert count == 8
    assert [(period["period_start"][:10], period["changed"]) for period in report["periods"]] == [
        ("2026-11-20", True),
        ("2026-11-19", True),
        ("2026-11-18", False),
        ("2026-11-17", True),
    ]
    assert len(rows(engine, "queue")) == 8


def test_a_month_of_a_time_report_looks_back_by_months(pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
    task = operator(report_type="queueperformanceactivity", period="2026-10", lookback=1)
    _, report = run(task)
    assert [period["period_start"][:7] for period in report["periods"]] == ["2026-10", "2026-09"]


@pytest.fixture
def oldest_call(monkeypatch: pytest.MonkeyPatch) -> Any:
    asked = create_autospec(PbxSession.oldest_call, return_value=datetime(2026, 11, 20, 12, tzinfo=UTC))
    monkeypatch.setattr(PbxSession, "oldest_call", asked)
    return asked


def test_fewer_rows_of_a_pbx_that_forgot_are_red_and_the_old_ones_stay(
    pbx: PbxSimulator, engine: sa.engine.Engine, oldest_call: Any
) -> None:
    run(operator())
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO queue_performance SELECT * FROM queue_performance"))

    with pytest.raises(FewerRowsError, match=r"holds 4 rows, and the PBX's answer 2.*allow_shrink=True"):
        run(operator())
    assert len(rows(engine, "queue")) == 4
    assert oldest_call.call_count == 1

    assert run(operator(allow_shrink=True))[0] == 2


def test_an_empty_answer_never_replaces_rows(pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
    first = operator(report_type="unreturnmisscall", period="2026-11-20", parameters={})
    assert run(first)[0] > 0
    nobody = {"call_from": "nobody"}
    run(operator(report_type="unreturnmisscall", parameters=nobody, table="other"))

    with pytest.raises(FewerRowsError, match="the PBX's answer 0"):
        run(operator(report_type="unreturnmisscall", parameters=nobody, replace="period"))
    with pytest.raises(AirflowSkipException):
        run(operator(report_type="unreturnmisscall", parameters=nobody, on_empty="skip"))
    with pytest.raises(AirflowFailException, match="no row"):
        run(operator(report_type="unreturnmisscall", parameters=nobody, on_empty="fail"))


def test_personal_data_is_hidden_before_it_reaches_the_database(
    pbx: PbxSimulator, engine: sa.engine.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    report = {"report_type": "queueagentmisscalls", "period": "2026-11", "parameters": {"queue_id": 2}}
    run(operator(**report, table="clear"))
    callers = {caller for (caller,) in rows(engine, "caller", "clear")}
    assert callers
    extra = {"timezone": pbx.settings.timezone, "protect_secret": "sixteen letters!"}
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, extra=extra))

    _, told = run(operator(**report, protect={"caller": "hmac", "agent_number": "mask", "agent_name": "drop"}))

    hidden = rows(engine, "*")
    assert len({caller for (caller,) in rows(engine, "caller")}) == len(callers)
    assert all(number.startswith("*0") for (number,) in rows(engine, "agent_number"))
    for seen in (repr(hidden), json.dumps(told), caplog.text):
        assert not any(caller in seen for caller in callers)
        assert "sixteen letters!" not in seen
    with pytest.raises(sa.exc.OperationalError):
        rows(engine, "agent_name")


def test_hmac_without_a_secret_is_refused_before_the_pbx_is_asked(pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
    with pytest.raises(AirflowFailException, match="protect_secret"):
        run(operator(report_type="unreturnmisscall", parameters={}, protect={"call_from": "hmac"}))
    assert not pbx.calls(LIST)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replace": "all"}, "selection, period"),
        ({"lookback": -1}, "lookback"),
        ({"lookback": True}, "lookback"),
        ({"shrink_tolerance": 2}, "share from 0 to 1"),
        ({"period": None}, "belong to a period"),
        ({"on_schema_change": "keep"}, "evolve, freeze, drop"),
        ({"columns": {"queue": "varchar"}}, "'varchar'"),
        ({"protect": {"quueue": "mask"}}, "quueue"),
        ({"on_empty": "drop"}, "ok, skip, fail"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_mistake_is_refused_when_the_dag_is_parsed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        operator(**changes)


def test_a_database_that_is_not_there_is_told_before_the_pbx_is_asked(
    pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "airflow", "password": "secret-word"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(gone))
    with pytest.raises(DestinationError, match="refused") as caught:
        run(operator())
    assert "secret-word" not in str(caught.value)
    assert not pbx.calls(LIST)


def test_a_connection_that_is_no_database_is_refused(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "http", "host": "127.0.0.1"}))
    with pytest.raises(AirflowFailException, match="no SQL database's"):
        run(operator())


def test_a_killed_task_ends_as_no_success(pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
    task = operator()
    task.on_kill()
    with pytest.raises(TaskKilledError):
        run(task)
    assert not sa.inspect(engine).has_table("queue_performance")


def test_postgresql_has_typed_columns_in_a_schema_of_its_own(
    pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server() as server:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server.uri)
        server.query("CREATE SCHEMA calls")
        assert run(operator(schema="calls"))[0] == 2
        assert server.query(
            "SELECT queue_num, period_start::text, pg_typeof(total_calls)::text, pg_typeof(answered_rate)::text "
            "FROM calls.queue_performance ORDER BY 1"
        ) == [
            ("6400", "2026-11-20 00:00:00", "bigint", "double precision"),
            ("6401", "2026-11-20 00:00:00", "bigint", "double precision"),
        ]
