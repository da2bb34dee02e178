"""The delivery as a whole: Airflow runs the task in a process of its own, kills it, and hears what was delivered."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.examples import AIRFLOW_2
from tests.integration.support import airflow, connection_to, start_airflow
from tests.patience import PATIENCE_SECONDS

DAG_FILE = """
from datetime import UTC, datetime
from airflow_provider_yeastar.compat import DAG, Asset
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

with DAG("delivery", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    YeastarCallReportOperator(
        task_id="fetch",
        report_type="queueperformance",
        period="2026-11-20",
        parameters={{"queue_id_list": [1]}},
        outlets=[Asset("yeastar-report://queues")],
        **{arguments!r},
    )
"""


class Run:
    """A DAG of one task, and where it leaves its file."""

    def __init__(self, home: Path, pbx: PbxSimulator, folder: Path) -> None:
        self.home = home
        self.pbx = pbx
        self.folder = folder
        self.out = folder / "out"
        self.events = folder / "lineage.jsonl"

    def prepare(self, **arguments: Any) -> dict[str, str]:
        """Write the DAG file; return the environment to run it in."""
        dags = self.folder / "dags"
        dags.mkdir()
        (dags / "delivery.py").write_text(DAG_FILE.format(arguments={"destination": f"{self.out}/"} | arguments))
        transport = {"type": "file", "log_file_path": str(self.events), "append": True}
        return {
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            # A time-out that no test would survive: only the kill can end a wait.
            "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(
                self.pbx, extra={"timezone": "Europe/Berlin", "timeout": 900}
            ),
            "AIRFLOW__YEASTAR__STATE_DIR": str(self.folder / "state"),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        }

    def asset_extras(self) -> list[dict[str, Any]]:
        """The extras of all asset events in Airflow's database; `dags test` of Airflow 2 writes none."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'asset_event'").fetchall():
                return []
            return [json.loads(extra) for (extra,) in db.execute("SELECT extra FROM asset_event ORDER BY id")]


@pytest.fixture
def run(airflow_home: Path, yeastar_pbx: PbxSimulator, tmp_path: Path) -> Run:
    return Run(airflow_home, yeastar_pbx, tmp_path)


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "worker"])
def test_a_task_that_is_killed_while_the_server_stalls_ends_and_leaves_nothing(run: Run, deferrable: bool) -> None:
    environment = run.prepare(deferrable=deferrable)
    run.pbx.faults.add(Fault("stall half-way"))

    with start_airflow(run.home, environment, "dags", "test", "delivery", "2026-11-21") as process:
        try:
            run.pbx.wait_until(lambda pbx: pbx.stalled > 0, PATIENCE_SECONDS)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()

    assert "TaskKilledError" in output or "AirflowTaskTerminated" in output or "Task received SIGTERM" in output
    assert "state=success" not in output
    assert not re.search(r"Stored \d+ bytes", output)
    assert list(run.out.glob("*")) == []


def test_an_asset_event_and_the_lineage_tell_of_the_file(run: Run) -> None:
    done = airflow(run.home, run.prepare(write_metadata=True), "dags", "test", "delivery", "2026-11-22")

    assert done.returncode == 0, done.stdout
    (path,) = run.out.glob("*.csv")
    record = json.loads(Path(f"{path}.report.json").read_text())
    fields = ("report_type", "start_time", "end_time", "timezone", "serial_number", "path", "bytes", "sha256", "format")
    assert run.asset_extras()[-1:] == ([] if AIRFLOW_2 else [{name: record[name] for name in fields}])
    if find_spec("airflow.providers.openlineage"):
        events = [json.loads(line) for line in run.events.read_text().splitlines()]
        (complete,) = [event for event in events if event["eventType"] == "COMPLETE" and event["outputs"]]
        ((report,), (file,)) = complete["inputs"], complete["outputs"]
        assert (report["namespace"], report["name"]) == (
            f"yeastar://{record['serial_number']}",
            "report_type/queueperformance",
        )
        assert (file["namespace"], file["name"]) == ("file", str(path))
        assert file["outputFacets"]["outputStatistics"]["size"] == record["bytes"]
