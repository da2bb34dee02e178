"""The wheel beside old pinned libraries, as managed services install it; ``make pinned`` runs this, once."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONSTRAINTS = ROOT / "constraints"
EXTRAS = "parquet,redis,simulator,sql"
SECONDS = 600
PERIOD = "2026-11-20"

DAG_FILE = f"""
import os
from datetime import datetime

from airflow_provider_yeastar.compat import dag
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator

OUT = os.environ["OUT"]
REPORT = {{"report_type": "queueperformance", "period": "{PERIOD}", "parameters": {{"queue_id_list": [1, 2]}}}}


@dag(schedule=None, start_date=datetime(2026, 1, 1))
def pinned():
    fetch = YeastarCallReportOperator(task_id="fetch", deferrable=True, destination=OUT + "/deferred.csv", **REPORT)
    again = YeastarCallReportOperator(task_id="again", deferrable=False, destination=OUT + "/worker.csv", **REPORT)
    rows = YeastarCallReportRowsOperator(
        task_id="rows", file_format="parquet", destination=OUT + "/rows.parquet", **REPORT
    )
    fetch >> again >> rows


pinned()
"""
READ_ROWS = "import pyarrow.parquet, sys; print(pyarrow.parquet.read_table(sys.argv[1]).num_rows)"

pytestmark = pytest.mark.skipif("YEASTAR_PACKAGING_TESTS" not in os.environ, reason="run by `make pinned`, once")


def environment_of(**changes: str) -> dict[str, str]:
    """Return this process's environment without what would lead to this checkout or to another Airflow."""
    strays = ("AIRFLOW", "COVERAGE", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(strays)} | changes


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a program to its end, and fail the test if the program fails.

    :return: what it printed.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment_of(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


class Installed:
    """The wheel in a fresh virtual environment, with all libraries in the versions of one list.

    :param folder: directory of the environment, which is made.
    :param wheel: path of the wheel.
    :param pins: name of a file in ``constraints/``.
    """

    def __init__(self, folder: Path, wheel: Path, pins: str) -> None:
        self.pins = CONSTRAINTS / pins
        # Both Airflows run on these; one that PYTHON of the Makefile names may be newer.
        base = run(".ci/find-python", "3.11", "3.12").strip()
        run(base, "-m", "venv", folder)
        self.python = folder / "bin" / "python"
        self._install("-c", str(self.pins), f"airflow-provider-yeastar[{EXTRAS}] @ {wheel.as_uri()}")

    def _install(self, *arguments: str) -> None:
        if find_spec("uv"):
            try:
                run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", self.python, *arguments)
            except AssertionError as failed:  # uv does not read pip's configuration of where packages are
                sys.stderr.write(f"{failed}\n")
            else:
                return
        run(self.python, "-m", "pip", "install", "--quiet", *arguments)

    def versions(self) -> dict[str, str]:
        """Return what is installed, by normalised name."""
        listed = json.loads(run(self.python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
        return {re.sub(r"[-_.]+", "-", package["name"]).lower(): package["version"] for package in listed}

    def pinned(self) -> dict[str, str]:
        """Return the versions that the list names."""
        return dict(re.findall(r"^([a-z0-9-]+)==([^ \n]+)", self.pins.read_text(encoding="utf-8"), re.MULTILINE))

    @contextmanager
    def simulator(self) -> Iterator[str]:
        """Run the simulator of the wheel, and return the connection to it, as JSON."""
        command = [self.python, "-u", "-m", "airflow_provider_yeastar.simulator", "--report-seconds", "0.2"]
        with subprocess.Popen(
            command, cwd=self.python.parent, env=environment_of(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                process.stdout.readline()
                yield shlex.split(process.stdout.readline())[1].partition("=")[2]
            finally:
                process.terminate()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session", params=["managed-3.0.1.txt", "lowest-2.11.0.txt"])
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Airflow 3.0.1 as its project pins it, and 2.11.0 with the lowest versions that pyproject.toml allows."""
    return Installed(tmp_path_factory.mktemp("venv"), wheel, request.param)


def test_what_is_installed_is_what_is_pinned(installed: Installed) -> None:
    versions, pinned = installed.versions(), installed.pinned()

    assert {name: version for name, version in versions.items() if pinned.get(name, version) != version} == {}
    assert {"apache-airflow", "filelock", "pendulum", "pyarrow", "redis", "requests", "urllib3", "websockets"} <= (
        versions.keys() & pinned.keys()
    )


def test_no_requirement_of_a_package_is_broken(installed: Installed) -> None:
    assert "No broken requirements" in run(installed.python, "-m", "pip", "check", "--disable-pip-version-check")


def test_a_dag_fetches_a_report_into_files_and_rows(installed: Installed, tmp_path: Path) -> None:
    dags, out = tmp_path / "dags", tmp_path / "out"
    dags.mkdir()
    (dags / "pinned.py").write_text(DAG_FILE, encoding="utf-8")

    def airflow(*arguments: str) -> str:
        return run(
            *(installed.python, "-m", "airflow", *arguments),
            cwd=tmp_path,
            AIRFLOW_HOME=str(tmp_path / "home"),
            AIRFLOW__CORE__DAGS_FOLDER=str(dags),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW_CONN_YEASTAR_DEFAULT=connection,
            OUT=str(out),
        )

    with installed.simulator() as connection:
        airflow("db", "migrate")
        airflow("dags", "reserialize")  # Airflow 3.0.1 finds a DAG in its database alone
        log = airflow("dags", "test", "pinned", PERIOD)

    files = [(out / name).read_text(encoding="utf-8-sig") for name in ("deferred.csv", "worker.csv")]
    assert all(len(file.splitlines()) > 2 for file in files), log
    assert files[0] == files[1]
    assert int(run(installed.python, "-c", READ_ROWS, out / "rows.parquet")) == 2
