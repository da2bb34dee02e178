"""Bad input as its user meets it: Airflow runs the DAG, the task fails, one sentence says why, nothing is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import airflow, connection_to

TASKS: dict[str, dict[str, Any]] = {
    "no_connection": {"yeastar_conn_id": "no_such_pbx"},
    "refused_credentials": {"yeastar_conn_id": "refusing"},
    "unreachable": {"yeastar_conn_id": "unreachable"},
    "unknown_report": {"report_type": "{{ params.type }}"},
    "unwritable_destination": {"destination": "/proc/nowhere/"},
}
SENTENCES = {
    "no_connection": "There is no Airflow connection 'no_such_pbx'",
    "refused_credentials": "The PBX refused Client ID and Client Secret",
    "unreachable": "Connection refused",
    "unknown_report": "There is no report_type 'queueperformence'",
    "unwritable_destination": "/proc/nowhere/queueperformance_2026-11-20",
}
DAG_FILE = """
from datetime import UTC, datetime
from airflow_provider_yeastar.compat import DAG
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.waiting import bounds

bounds.retry_delay = lambda attempt, chance: 3600.0  # a wait ends with its first failure
GIVEN = {{
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {{"queue_id_list": [1]}},
    "destination": {destination!r},
    "wait_timeout": 60,
    "deferrable": True,
}}
START = datetime(2026, 1, 1, tzinfo=UTC)
with DAG("bad_input", schedule=None, start_date=START, params={{"type": "queueperformence"}}):
    for task_id, arguments in {tasks!r}.items():
        YeastarCallReportOperator(task_id=task_id, **GIVEN | arguments)
"""


def beside_masking(output: str) -> str:
    """Return the output without what `dags test` of Airflow 3.0 itself prints at DEBUG: the password that it masks."""
    if not version("apache-airflow").startswith("3.0."):
        return output
    return output.replace(" msg=MaskSecret(value='wrong', name=None, type='MaskSecret')\n", "\n")


def states(home: Path) -> dict[str, str]:
    """The state of each task, as Airflow's database has it."""
    with closing(sqlite3.connect(home / "airflow.db")) as db:
        return dict(db.execute("SELECT task_id, state FROM task_instance WHERE dag_id = 'bad_input'"))


def test_each_task_fails_with_its_sentence_and_nothing_is_written(
    airflow_home: Path, yeastar_pbx: PbxSimulator, tmp_path: Path
) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    out = tmp_path / "out"
    (dags / "bad_input.py").write_text(DAG_FILE.format(destination=f"{out}/", tasks=TASKS))
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(yeastar_pbx),
        "AIRFLOW_CONN_REFUSING": connection_to(yeastar_pbx, password="wrong"),
        "AIRFLOW_CONN_UNREACHABLE": connection_to(yeastar_pbx, port=1),
        "AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path / "state"),
    }

    done = airflow(airflow_home, environment, "dags", "test", "bad_input", "2026-11-21")

    assert states(airflow_home) == dict.fromkeys(TASKS, "failed"), done.stdout
    assert [sentence for sentence in SENTENCES.values() if sentence not in done.stdout] == []
    assert not out.exists()
    assert "wrong" not in beside_masking(done.stdout).replace("refused_credentials", "")
