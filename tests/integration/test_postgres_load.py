"""The PostgreSQL variant of the nightly load, against a real server: it replaces a day, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.examples import import_example, report_file
from tests.integration.peers import PostgresServer, postgres_server

DAY = "2026-11-22"
REPORT = "Queue,Total Calls,Answered Rate,Waiting\nSales<6400>,4,50.00%,00:01:00\nSupport<6401>,3,33.33%,00:00:20\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def postgres(server: PostgresServer) -> PostgresServer:
    server.query("DROP TABLE IF EXISTS queueperformance")
    return server


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("YEASTAR_TIMEZONE", "UTC")
    return import_example("yeastar_nightly_postgres_load")


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    return report_file(tmp_path, REPORT)


def load(example: ModuleType, postgres: PostgresServer, report: dict[str, Any], day: str = DAY) -> int:
    """Load and check in one transaction, as the DAG's task does."""
    with contextlib.closing(postgres.connect()) as connection:
        cursor = connection.cursor()
        rows: int = example.load(cursor, day, report)
        example.check(cursor, day, report)
        connection.commit()
    return rows


def rewrite(report: dict[str, Any], old: str, new: str) -> None:
    path = Path(report["path"])
    path.write_text(path.read_text(encoding="utf-8-sig").replace(old, new), encoding="utf-8-sig")


def test_rows_are_loaded_with_typed_values_and_their_origin(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    assert load(example, postgres, report) == 2
    columns = "pbx, report, day, file, queue, queue_number, total_calls, answered_rate, waiting"
    assert postgres.query(f"SELECT {columns} FROM queueperformance ORDER BY queue") == [
        ("SN1", "queueperformance", date(2026, 11, 22), report["path"], "Sales", "6400", 4.0, 50.0, 60.0),
        ("SN1", "queueperformance", date(2026, 11, 22), report["path"], "Support", "6401", 3.0, 33.33, 20.0),
    ]


def test_to_load_again_replaces_that_day_of_that_pbx_alone(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    load(example, postgres, report, "2026-11-21")
    load(example, postgres, report | {"serial_number": "SN2"})
    load(example, postgres, report)
    rewrite(report, "Sales<6400>,4", "Sales<6400>,9")
    load(example, postgres, report)
    found = postgres.query("SELECT pbx, day::text, sum(total_calls) FROM queueperformance GROUP BY 1, 2 ORDER BY 1, 2")
    assert found == [("SN1", "2026-11-21", 7.0), ("SN1", "2026-11-22", 12.0), ("SN2", "2026-11-22", 7.0)]


def test_a_report_without_rows_takes_the_old_ones_away(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    load(example, postgres, report)
    Path(report["path"]).write_text(REPORT.splitlines()[0], encoding="utf-8")
    assert load(example, postgres, report) == 0
    assert postgres.query("SELECT day FROM queueperformance") == []


def test_a_column_that_is_new_or_blank_today_does_no_harm(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    load(example, postgres, report, "2026-11-21")
    Path(report["path"]).write_text("Queue,Total Calls,Waiting,SLA\nSales<6400>,4,-,80%\n", encoding="utf-8")
    load(example, postgres, report)
    found = postgres.query("SELECT waiting, sla FROM queueperformance ORDER BY day")
    assert found[-1] == (None, 80.0)


def test_a_column_that_was_text_and_holds_figures_today_is_loaded_and_checked(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    rewrite(report, "Sales<6400>,4", "Sales<6400>,many")
    load(example, postgres, report, "2026-11-21")
    rewrite(report, "many", "4")
    assert load(example, postgres, report) == 2


def test_what_cannot_be_loaded_leaves_the_old_rows(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    load(example, postgres, report)
    rewrite(report, "Support<6401>,3", "Support<6401>,many")
    with pytest.raises(psycopg2.Error):
        load(example, postgres, report)
    assert postgres.query("SELECT sum(total_calls) FROM queueperformance") == [(7.0,)]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM queueperformance WHERE queue = 'Sales'", "rows is 2 in the file and 1"),
        ("INSERT INTO queueperformance SELECT * FROM queueperformance", "rows is 2 in the file and 4"),
        ("UPDATE queueperformance SET total_calls = total_calls + 1", "Total Calls is 7 in the file and 9.0"),
        ("UPDATE queueperformance SET day = '2026-11-20'", "rows is 2 in the file and 0"),
    ],
    ids=["a row is missing", "rows are there twice", "a figure differs", "another day"],
)
def test_a_table_that_was_tampered_with_fails_the_check_and_names_the_file(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any], statement: str, what: str
) -> None:
    load(example, postgres, report)
    postgres.query(statement)
    with contextlib.closing(postgres.connect()) as connection, pytest.raises(ValueError, match=what) as caught:
        example.check(connection.cursor(), DAY, report)
    assert report["path"] in str(caught.value)


def test_a_file_of_another_zone_s_day_changes_nothing(
    example: ModuleType, postgres: PostgresServer, report: dict[str, Any]
) -> None:
    load(example, postgres, report)

    with pytest.raises(ValueError, match=r"22\.csv is of days in America/New_York, .* YEASTAR_TIMEZONE is UTC"):
        load(example, postgres, report | {"timezone": "America/New_York"})

    assert postgres.query("SELECT count(*) FROM queueperformance") == [(2,)]
