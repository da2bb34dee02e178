"""The example DAGs as a whole: Airflow runs each in a process of its own, against simulated PBXs and real peers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.examples import AIRFLOW_2, needs_mapped_outputs
from tests.integration.peers import Bucket, Mailbox, PostgresServer, mail_server, object_store, postgres_server
from tests.integration.support import ROOT, airflow, connection_to

RUN_DATE = "2026-11-23"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Where the examples put their files."""
    return tmp_path / "reports"


@pytest.fixture
def run_example(airflow_home: Path, yeastar_pbx: PbxSimulator, reports: Path, tmp_path: Path) -> Any:
    """Run an example DAG at a moment; its output is shown when it fails."""

    def run(name: str, *options: str, moment: str = RUN_DATE, **environment: str) -> None:
        folder = tmp_path / "dags"
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / "example_dags" / f"{name}.py", folder)
        done = airflow(
            airflow_home,
            {
                "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
                "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(yeastar_pbx),
                "YEASTAR_REPORTS": str(reports),
                "YEASTAR_TIMEZONE": yeastar_pbx.settings.timezone,
                **environment,
            },
            *("dags", "test", name, moment, *options),
        )
        assert done.returncode == 0, done.stdout

    return run


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as server:
        yield server


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with object_store() as server:
        yield server


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- DuckDB ---


def duckdb_table(warehouse: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return db.execute(f"SELECT pbx, day, queue_number, total_calls FROM {name} ORDER BY ALL").fetchall()


def test_the_duckdb_load_loads_the_day_before_and_a_second_run_replaces_it(
    run_example: Any, reports: Path, yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    run_example("yeastar_nightly_warehouse_load", YEASTAR_WAREHOUSE=str(warehouse))
    queues, agents = duckdb_table(warehouse, "queueperformance"), duckdb_table(warehouse, "queueagentperformance")
    assert [row[:3] for row in queues] == [
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6400"),
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6401"),
    ]
    assert {row[1] for row in agents} == {date(2026, 11, 22)}
    assert len(files(reports / "2026-11-22")) == 2

    run_example("yeastar_nightly_warehouse_load", YEASTAR_WAREHOUSE=str(warehouse))
    assert duckdb_table(warehouse, "queueperformance") == queues
    assert duckdb_table(warehouse, "queueagentperformance") == agents
    assert len(files(reports / "2026-11-22")) == 2


# --- PostgreSQL ---


def test_the_postgres_load_loads_the_day_before(
    run_example: Any, postgres: PostgresServer, yeastar_pbx: PbxSimulator
) -> None:
    run_example("yeastar_nightly_postgres_load", AIRFLOW_CONN_WAREHOUSE=postgres.uri)
    assert postgres.query("SELECT pbx, day, queue, queue_number FROM queueperformance ORDER BY queue") == [
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "Sales", "6400"),
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "Support", "6401"),
    ]


# --- a fleet ---


@needs_mapped_outputs
def test_each_pbx_of_a_fleet_is_asked_for_its_own_yesterday(
    run_example: Any, reports: Path, yeastar_pbx: PbxSimulator
) -> None:
    """When it is nine in the evening in Berlin, the next day has begun in Shanghai."""
    with PbxSimulator(SimulatorSettings(timezone="Asia/Shanghai", seed=2)) as shanghai:
        run_example(
            "yeastar_fleet",
            moment="2026-11-22T20:00:00+00:00",
            AIRFLOW_CONN_YEASTAR_BERLIN=connection_to(yeastar_pbx),
            AIRFLOW_CONN_YEASTAR_SHANGHAI=connection_to(shanghai),
        )
    assert [Path(name).parent.as_posix() for name in files(reports)] == [
        "yeastar_berlin/2026-11-21",
        "yeastar_shanghai/2026-11-22",
    ]


# --- a PDF by mail ---


def test_the_pdf_of_the_month_before_is_mailed(run_example: Any, mailbox: Mailbox) -> None:
    connection = {
        "conn_type": "smtp",
        "host": mailbox.host,
        "port": mailbox.port,
        "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"},
    }
    run_example("yeastar_pdf_by_mail", AIRFLOW_CONN_SMTP_DEFAULT=json.dumps(connection))
    (message,) = mailbox.messages
    (attachment,) = message.iter_attachments()
    assert (message["To"], message["Subject"]) == ("support-team@example.com", "Queue performance 2026-10")
    assert attachment.get_filename() == "queues-2026-10.pdf"
    assert attachment.get_content().startswith(b"%PDF-")


# --- object storage ---


def test_the_report_is_in_the_object_store_and_read_from_there(run_example: Any, bucket: Bucket) -> None:
    run_example("yeastar_to_object_storage", AIRFLOW_CONN_AWS_DEFAULT=json.dumps(bucket.connection))
    (key,) = bucket.keys()
    assert key.startswith("raw/extensions/day=2026-11-22/extcallstatistics_2026-11-22_")


# --- a sensor, then the download ---


def test_a_sensed_report_is_downloaded(run_example: Any, reports: Path) -> None:
    run_example("yeastar_sensor_then_download")
    (name,) = files(reports)
    assert name.startswith("2026-11-22/queueperformance_2026-11-22_")


# --- many queues, many months ---


@needs_mapped_outputs
def test_every_queue_of_the_pbx_has_its_file(run_example: Any, reports: Path, yeastar_pbx: PbxSimulator) -> None:
    run_example("yeastar_all_queues")
    written = list((reports / "all_queues" / "2026-11-22").iterdir())
    assert {number for file in written for number in re.findall(r"<(64\d\d)>", file.read_text("utf-8-sig"))} == {
        queue.number for queue in yeastar_pbx.settings.directory.queues
    }
    assert len(written) == 3


@needs_mapped_outputs
def test_a_year_is_backfilled_by_month(run_example: Any, reports: Path) -> None:
    run_example("yeastar_backfill_by_month", "--conf", '{"year": 2025, "queues": "Sales,6401"}')
    written = {path.name[:-13]: path for path in (reports / "backfill" / "2025").iterdir()}
    assert sorted(written) == [f"queueperformanceactivity_2025-{month:02d}" for month in range(1, 13)]
    # A header, and each day for each of the two queues.
    assert len(written["queueperformanceactivity_2025-02"].read_text().splitlines()) == 1 + 28 * 2


# --- by event ---


@pytest.mark.skipif(AIRFLOW_2, reason="assets are watched from Airflow 3 on")
def test_the_event_driven_dag_runs_without_an_event_too(run_example: Any, tmp_path: Path) -> None:
    """By hand there is none; with events it is run by the demo, and by the tests of its trigger."""
    run_example("yeastar_event_driven", YEASTAR_EVENT_REPORTS=str(tmp_path / "events"))
    assert not (tmp_path / "events").exists()
