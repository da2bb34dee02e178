"""Calls from a simulated PBX in real databases: each once, of one kind in a table, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException, Asset
from airflow_provider_yeastar.exceptions import FewerRowsError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.errors import IncompleteCallsError, InvalidRequestError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator
from tests.integration.peers import postgres_server
from tests.integration.support import Run, connect, connection_to, outlet_events

DAY = "2026-11-20"
DAG_RUN = SimpleNamespace(run_id="scheduled__2026-11-23")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.engine.Engine]:
    """A SQLite database that is the Airflow connection `warehouse`."""
    file = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.pool.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Starts a PBX of other settings that is `yeastar_default`."""

    @contextmanager
    def start(**settings: Any) -> Iterator[PbxSimulator]:
        with PbxSimulator(SimulatorSettings(**settings)) as pbx:
            connect(pbx, monkeypatch)
            monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / f"state-{pbx.port}"))
            yield pbx

    return start


def operator(**changes: Any) -> YeastarCdrToSqlOperator:
    arguments = {
        "task_id": "load",
        "period": DAY,
        "sql_conn_id": "warehouse",
        "table": "calls",
        "wait_timeout": 60,
    }
    return YeastarCdrToSqlOperator(**arguments | changes)


def run(task: YeastarCdrToSqlOperator, **context: Any) -> tuple[int, dict[str, Any]]:
    running = Run(task, dag_run=DAG_RUN, **context)
    return running.to_the_end(), running.xcoms.get("report", {})


def rows(engine: sa.engine.Engine, columns: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(sa.text(f"SELECT {columns} FROM calls"))), key=repr)


class TestOneDay:
    def test_each_call_is_in_the_table_once_and_told_of(self, pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
        listed = {call["uid"]: call["call_duration"] for call in YeastarHook().iter_calls(period=DAY)}
        asset, events = Asset("yeastar://calls"), outlet_events()
        task = operator(outlets=[asset])

        count, report = run(task, outlet_events=events)

        assert count == len(listed) > 10
        assert rows(engine, "uid, call_duration") == sorted(listed.items())
        assert rows(engine, "DISTINCT report, pbx_serial_number, dag_run_id, period_start") == [
            ("cdr v2.0", pbx.settings.serial_number, DAG_RUN.run_id, f"{DAY} 00:00:00.000000")
        ]
        told = ("report_type", "api_version", "complete", "rows", "table", "start_time", "end_time")
        assert [report[name] for name in told] == [
            *("cdr", "v2.0", True, count, "calls"),
            *(f"{DAY}T00:00:00", f"{DAY}T23:59:59"),
        ]
        assert events[asset].extra["rows"] == count
        lineage = task.get_openlineage_facets_on_complete(None)
        assert lineage is not None
        assert (lineage.inputs[0].name, lineage.outputs[0].name.rpartition(".")[2]) == ("report_type/cdr", "calls")

    def test_a_second_run_replaces_its_rows_and_those_of_other_filters_stay(
        self, pbx: PbxSimulator, engine: sa.engine.Engine
    ) -> None:
        some, _ = run(operator(filters={"queue_list": ["Sales"]}))
        everything, _ = run(operator())

        again, report = run(operator(filters={"queue_list": ["6400"]}))

        assert again == some < everything
        period = report["periods"][0]
        assert (period["rows_before"], period["other_selections"]) == (some, everything)
        assert len(rows(engine, "uid")) == some + everything

    def test_the_days_before_are_read_again_and_replaced_where_calls_came_late(
        self, pbx: PbxSimulator, engine: sa.engine.Engine
    ) -> None:
        before, _ = run(operator(period="2026-11-18"))
        run(operator(period="2026-11-19"))
        pbx.end_call(datetime(2026, 11, 19, 23, 30))

        _, report = run(operator(lookback=2))

        assert [(period["period_start"][:10], period["changed"]) for period in report["periods"]] == [
            *((DAY, True), ("2026-11-19", True), ("2026-11-18", False)),
        ]
        late = report["periods"][1]
        assert late["rows"] == late["rows_before"] + 1
        assert report["periods"][2]["rows"] == before

    def test_a_window_of_hours_is_a_period_of_its_own(self, pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
        frame = {"start_time": f"{DAY}T08:00:00", "end_time": f"{DAY}T10:00:00"}
        run(operator(period=None, **frame))

        assert rows(engine, "DISTINCT period_start, period_end") == [
            (f"{DAY} 08:00:00.000000", f"{DAY} 09:59:59.000000")
        ]

    def test_calls_that_are_not_complete_leave_the_table_as_it_was(
        self, pbx: PbxSimulator, engine: sa.engine.Engine
    ) -> None:
        count, _ = run(operator())
        pbx.faults.add(Fault("total number", "cdr/search", value=count - 1, times=10))

        with pytest.raises(IncompleteCallsError):
            run(operator())

        assert len(rows(engine, "uid")) == count

    def test_fewer_calls_of_a_pbx_that_forgot_are_an_error(
        self, simulated: Callable[..., Any], engine: sa.engine.Engine
    ) -> None:
        with simulated():
            count, _ = run(operator())
        with simulated(kept_calls=3), pytest.raises(FewerRowsError, match=f"holds {count} rows.*allow_shrink=True"):
            run(operator())
        assert len(rows(engine, "uid")) == count

    def test_no_calls_are_what_on_empty_says(self, pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
        nobody = {"call_from": "nobody"}
        assert run(operator(filters=nobody))[0] == 0
        with pytest.raises(AirflowSkipException):
            run(operator(filters=nobody, on_empty="skip"))
        with pytest.raises(AirflowFailException, match="no row"):
            run(operator(filters=nobody, on_empty="fail"))

    def test_numbers_are_hidden_before_they_reach_the_database(
        self, pbx: PbxSimulator, engine: sa.engine.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        callers = {call["call_from_number"] for call in YeastarHook().iter_calls(period=DAY)}
        extra = {"timezone": pbx.settings.timezone, "protect_secret": "sixteen letters!"}
        monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, extra=extra))

        run(operator(protect={"call_from": "hmac", "segments": "drop"}))

        assert len({number for (number,) in rows(engine, "call_from_number")}) == len(callers)
        assert not {number for (number,) in rows(engine, "call_from_number")} & callers
        with pytest.raises(sa.exc.OperationalError):
            rows(engine, "segments")


class TestATableHasRowsOfOneKind:
    def test_legs_are_not_loaded_beside_calls(self, pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
        count, _ = run(operator())

        with pytest.raises(AirflowFailException, match=r"holds rows of cdr v2\.0.*row of cdr v1\.0 is something else"):
            run(operator(period="2026-11-21", api_version="v1.0"))

        assert len(rows(engine, "uid")) == count

    def test_an_update_of_the_firmware_does_not_change_the_kind(
        self, simulated: Callable[..., Any], engine: sa.engine.Engine
    ) -> None:
        with simulated(firmware="23.0.83"):
            legs, _ = run(operator())
        assert len({new_id for (new_id,) in rows(engine, "new_id")}) == legs

        with simulated():
            with pytest.raises(AirflowFailException, match=r"set `api_version`"):
                run(operator())
            assert run(operator(api_version="v1.0"))[0] == legs
        assert len(rows(engine, "new_id")) == legs

    def test_a_table_that_was_emptied_takes_either(self, pbx: PbxSimulator, engine: sa.engine.Engine) -> None:
        run(operator())
        with engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM calls"))

        assert run(operator(api_version="v1.0"))[0] == len(rows(engine, "new_id")) > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"period": None}, "period"),
        ({"replace": "all"}, "selection, period"),
        ({"lookback": -1}, "lookback"),
        ({"filters": {"did": "1"}, "api_version": "v2.0"}, r"v1\.0"),
        ({"protect": {"no_such": "drop"}}, "no_such"),
        ({"on_empty": "never"}, "ok, skip, fail"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_when_the_dag_is_parsed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        operator(**changes)


def test_postgresql_has_typed_columns(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server() as server:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", server.uri)
        for _ in range(2):
            count, _ = run(operator())
        assert server.query(
            "SELECT count(*)::int, count(DISTINCT uid)::int, pg_typeof(min(call_duration))::text, "
            "pg_typeof(min(timestamp))::text, pg_typeof(min(queues))::text FROM calls"
        ) == [(count, count, "bigint", "bigint", "text")]
