"""Bad input as its user meets it: Airflow runs the DAG, the task fails, one sentence says why, nothing is written."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import airflow, connection_to

DAG_FILE = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

START = datetime(2026, 1, 1, tzinfo=UTC)
with DAG("bad_input", schedule=None, start_date=START, params={{"type": "queueperformence"}}):
    YeastarCallReportOperator(
        task_id="fetch",
        period="2026-11-20",
        parameters={{"queue_id_list": [1]}},
        wait_timeout=2,
        deferrable=True,
        **{arguments!r},
    )
"""


def beside_masking(output: str) -> str:
    """Return the output without what `dags test` of Airflow 3.0 itself prints at DEBUG: the password that it masks."""
    if not version("apache-airflow").startswith("3.0."):
        return output
    return output.replace(" msg=MaskSecret(value='wrong', name=None, type='MaskSecret')\n", "\n")


@pytest.mark.parametrize(
    ("arguments", "connection", "sentence"),
    [
        pytest.param(
            {"yeastar_conn_id": "no_such_pbx"}, {}, "There is no Airflow connection 'no_such_pbx'", id="no-connection"
        ),
        pytest.param({}, {"password": "wrong"}, "The PBX refused Client ID and Client Secret", id="wrong-credentials"),
        pytest.param({}, {"port": 1}, "Connection refused", id="unreachable"),
        pytest.param(
            {"report_type": "{{ params.type }}"}, {}, "There is no report_type 'queueperformence'", id="unknown-report"
        ),
        pytest.param({"destination": "/proc/nowhere/"}, {}, "/proc/nowhere/", id="unwritable-destination"),
    ],
)
def test_the_task_fails_with_one_sentence(
    arguments: dict[str, Any],
    connection: dict[str, Any],
    sentence: str,
    airflow_home: Path,
    yeastar_pbx: PbxSimulator,
    tmp_path: Path,
) -> None:
    given = {"report_type": "queueperformance", "destination": f"{tmp_path}/out/"} | arguments
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "bad_input.py").write_text(DAG_FILE.format(arguments=given))
    environment = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(yeastar_pbx, **connection),
        "AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path / "state"),
    }

    done = airflow(airflow_home, environment, "dags", "test", "bad_input", "2026-11-21")

    assert sentence in done.stdout
    assert "state=failed" in done.stdout or "state:failed" in done.stdout or "FAILED" in done.stdout
    assert not (tmp_path / "out").exists()
    assert "wrong" not in beside_masking(done.stdout)
