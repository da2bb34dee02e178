"""The example DAGs as a whole: Airflow runs each in a process of its own, against simulated PBXs and real peers."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.examples import AIRFLOW_2, import_example, needs_mapped_outputs, needs_partitions
from tests.integration.peers import Bucket, Mailbox, PostgresServer, mail_server, object_store, postgres_server
from tests.integration.support import ROOT, airflow, connection_to

# Behind the hour at which each example runs: before it, Airflow 2 counts a manual run to the day before.
RUN_DATE = "2026-11-23T12:00:00+00:00"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Where the examples put their files."""
    return tmp_path / "reports"


@pytest.fixture
def run_example(airflow_home: Path, yeastar_pbx: PbxSimulator, reports: Path, tmp_path: Path) -> Any:
    """Run an example DAG at a moment; its output is shown when it fails."""

    def run(name: str, *options: str, moment: str = RUN_DATE, copy: bool = True, **environment: str) -> None:
        folder = tmp_path / "dags"
        folder.mkdir(exist_ok=True)
        if copy:
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


# --- tables ---


def duckdb_rows(warehouse: Path, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return db.execute(statement).fetchall()


def test_the_duckdb_load_loads_the_day_before_and_a_second_run_replaces_it(
    run_example: Any, yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    pytest.importorskip("duckdb_provider")
    warehouse = tmp_path / "warehouse.duckdb"
    connection = json.dumps({"conn_type": "duckdb", "host": str(warehouse)})
    for _ in range(2):
        run_example("yeastar_nightly_warehouse_load", AIRFLOW_CONN_WAREHOUSE=connection)
    columns = "pbx_serial_number, period_start::date, queue_num"
    queues = duckdb_rows(warehouse, f"SELECT {columns} FROM queueperformance ORDER BY ALL")
    agents = duckdb_rows(warehouse, f"SELECT {columns}, agent_number FROM queueagentperformance ORDER BY ALL")
    assert queues == [
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6400"),
        (yeastar_pbx.settings.serial_number, date(2026, 11, 22), "6401"),
    ]
    assert len(set(agents)) == len(agents) > 1


def test_the_postgres_load_loads_the_day_before_and_looks_back(
    run_example: Any, postgres: PostgresServer, yeastar_pbx: PbxSimulator
) -> None:
    run_example("yeastar_nightly_postgres_load", AIRFLOW_CONN_WAREHOUSE=postgres.uri)
    assert postgres.query(
        "SELECT DISTINCT pbx_serial_number, queue, queue_num FROM queue_performance ORDER BY queue"
    ) == [
        (yeastar_pbx.settings.serial_number, "Sales", "6400"),
        (yeastar_pbx.settings.serial_number, "Support", "6401"),
    ]
    days = postgres.query("SELECT DISTINCT period_start::date FROM queue_performance ORDER BY 1")
    assert days == [(date(2026, 11, day),) for day in (19, 20, 21, 22)]


def test_the_calls_of_the_day_before_are_in_postgres_each_once(run_example: Any, postgres: PostgresServer) -> None:
    for _ in range(2):
        run_example("yeastar_nightly_calls_postgres", AIRFLOW_CONN_WAREHOUSE=postgres.uri)
    days = postgres.query(
        "SELECT period_start::date, count(*) = count(DISTINCT uid), count(*) > 10, bool_and(call_from LIKE '*%') "
        "FROM calls GROUP BY 1 ORDER BY 1"
    )
    assert days == [(date(2026, 11, day), True, True, True) for day in (21, 22)]


def test_the_days_that_a_table_lacks_are_loaded(run_example: Any, postgres: PostgresServer, tmp_path: Path) -> None:
    run_example("yeastar_nightly_postgres_load", AIRFLOW_CONN_WAREHOUSE=postgres.uri)
    short = tmp_path / "dags" / "yeastar_missing_days.py"
    text = (ROOT / "example_dags" / "yeastar_missing_days.py").read_text(encoding="utf-8")
    short.write_text(text.replace("days=90", "days=6"), encoding="utf-8")
    run_example("yeastar_missing_days", copy=False, AIRFLOW_CONN_WAREHOUSE=postgres.uri)
    days = postgres.query("SELECT DISTINCT period_start::date FROM queue_performance ORDER BY 1")
    assert days == [(date(2026, 11, day),) for day in range(17, 23)]


def test_files_are_kept_and_their_rows_are_in_duckdb_once(run_example: Any, reports: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    for _ in range(2):
        run_example("yeastar_files_then_duckdb", YEASTAR_WAREHOUSE=str(warehouse))
    assert duckdb_rows(warehouse, "SELECT day, queue_number FROM queueperformance ORDER BY ALL") == [
        (date(2026, 11, 22), "6400"),
        (date(2026, 11, 22), "6401"),
    ]
    assert len(files(reports)) == 2


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
    assert [re.sub(r"_[^_]*$", "", name) for name in files(reports)] == [
        "yeastar_berlin/unreturnmisscall_2026-11-21",
        # Airflow 2 counts a manual run to the end of the last interval, six in the morning.
        f"yeastar_shanghai/unreturnmisscall_2026-11-2{1 if AIRFLOW_2 else 2}",
    ]


@needs_partitions
def test_a_site_tells_of_its_days_by_partition_keys_and_a_day_is_summed(
    run_example: Any, postgres: PostgresServer, yeastar_pbx: PbxSimulator, airflow_home: Path, tmp_path: Path
) -> None:
    name = "yeastar_sites_then_warehouse"
    (tmp_path / "dags").mkdir()
    shutil.copy(ROOT / "example_dags" / f"{name}.py", tmp_path / "dags")

    run_example(
        "yeastar_berlin",
        copy=False,
        AIRFLOW_CONN_WAREHOUSE=postgres.uri,
        AIRFLOW_CONN_YEASTAR_BERLIN=connection_to(yeastar_pbx),
    )

    with closing(sqlite3.connect(airflow_home / "airflow.db")) as database:
        keys = database.execute(
            "SELECT partition_key FROM asset_event WHERE source_dag_id = 'yeastar_berlin'"
        ).fetchall()
    assert {key for (key,) in keys} == {f"2026-11-{day}T00:00:00" for day in (19, 20, 21, 22)}
    example = import_example(name)
    for _ in range(2):
        for statement in example.SUM:
            postgres.query(statement.replace(example.DAY, "2026-11-22T00:00:00"))
    assert postgres.query("SELECT day::date, calls FROM calls_per_day") == postgres.query(
        "SELECT period_start::date, sum(total_calls)::bigint FROM queue_performance "
        "WHERE period_start = '2026-11-22' GROUP BY 1"
    )


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
    assert re.fullmatch(r"queueperformance_2026-10_[0-9a-f]{8}\.pdf", attachment.get_filename() or "")
    assert attachment.get_content().startswith(b"%PDF-")


# --- object storage ---


def test_the_report_is_in_the_object_store_and_read_from_there(run_example: Any, bucket: Bucket) -> None:
    run_example("yeastar_to_object_storage", AIRFLOW_CONN_AWS_DEFAULT=json.dumps(bucket.connection))
    (key,) = bucket.keys()
    assert key.startswith("raw/extensions/extcallstatistics_2026-11-22_")


def test_recordings_are_in_the_object_store_and_a_second_run_fetches_none(
    run_example: Any, bucket: Bucket, yeastar_pbx: PbxSimulator
) -> None:
    keys = []
    for _ in range(2):
        run_example("yeastar_recordings_to_object_storage", AIRFLOW_CONN_AWS_DEFAULT=json.dumps(bucket.connection))
        keys.append(bucket.keys())
    (manifest,) = (key for key in keys[0] if key.startswith("raw/recordings/recordings_2026-11-22_"))
    lines = [json.loads(line) for line in bucket.read(manifest).splitlines()]
    files = {line["path"].removeprefix("s3://aws_default@call-reports/"): line for line in lines if line["path"]}
    assert keys[0] == keys[1] == sorted([manifest, *files])
    assert all(hashlib.sha256(bucket.read(key)).hexdigest() == line["sha256"] for key, line in files.items())
    assert len(yeastar_pbx.calls("recording/download")) == len(files) > 1


# --- a sensor, then the download ---


def test_a_sensed_report_is_downloaded(run_example: Any, reports: Path) -> None:
    run_example("yeastar_sensor_then_download")
    (name,) = files(reports)
    assert name.startswith("queues/queueperformance_2026-11-22_")


# --- many queues, many months ---


@needs_mapped_outputs
def test_every_queue_of_the_pbx_has_its_file(run_example: Any, reports: Path, yeastar_pbx: PbxSimulator) -> None:
    run_example("yeastar_all_queues")
    written = list((reports / "all_queues").glob("queueagentperformance_2026-11-22_*"))
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


@pytest.mark.skipif(AIRFLOW_2, reason="assets are watched from Airflow 3 on")
def test_the_calls_of_today_are_written_without_an_event_too(
    run_example: Any, reports: Path, yeastar_pbx: PbxSimulator
) -> None:
    ended = yeastar_pbx.end_call(datetime(2026, 11, 23, 8))
    run_example("yeastar_calls_as_they_end")
    (name,) = files(reports)
    assert name.startswith("calls/calls_2026-11-23_")
    assert ended.id in (reports / name).read_text(encoding="utf-8")
