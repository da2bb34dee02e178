"""The page for newcomers, typed as it stands: from a simulated PBX to a table."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.docs.pages import DOCS, blocks, shell, simulator
from tests.integration.support import airflow

PAGE = [DOCS / "first-hour.md"]


def test_the_first_hour_leads_to_a_table(airflow_home: Path, tmp_path: Path) -> None:
    """Only ports and directories are others than the page's."""
    (start,) = blocks("shell", containing="airflow_provider_yeastar.simulator", pages=PAGE)
    (connection,) = blocks("shell", containing="simulated-client-id", pages=PAGE)
    (dag,) = blocks("python", pages=PAGE)
    (trial,) = blocks("shell", containing="airflow dags test", pages=PAGE)
    run, look = trial.text.splitlines()
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "first_report.py").write_text(dag.text.replace('os.environ["AIRFLOW_HOME"]', repr(str(tmp_path))))
    with simulator(start.text) as port:
        given = shlex.split(connection.text)[1].partition("=")[2].replace("8088", str(port))
        environment = {"AIRFLOW_CONN_YEASTAR_DEFAULT": given, "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
        done = airflow(airflow_home, environment, *shlex.split(run)[1:])
    assert done.returncode == 0, done.stdout
    done = shell(look, tmp_path, AIRFLOW_HOME=str(tmp_path))
    assert "Support" in done.stdout, done.stdout
