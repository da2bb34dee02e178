"""The documentation says what is true: its code runs, its connections are read so, its tables are complete."""

from __future__ import annotations

import configparser
import itertools
import json
import re
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args

import pytest
import yaml
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_yeastar.compat import DAG, XComArg
from airflow_provider_yeastar.get_provider_info import get_provider_info
from airflow_provider_yeastar.hooks.connection import settings_from_connection
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.simulator.faults import FAULT_KINDS, FaultKind
from tests.certificates import make_certificate
from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks, commands, shell, simulator
from tests.examples import EXAMPLES, FOLDER as EXAMPLE_DAGS, import_file, needs_retry_policies
from tests.integration.support import Run, connection_to, know_the_past, outlet_events

_DESTINATION = re.compile(r"/data/|s3://conn@lake/")
_INCLUDE = re.compile(r'^--8<-- "(?P<path>[^":]+\.py)(?::(?P<section>\w+))?"$', re.MULTILINE)


@pytest.fixture
def pbx(yeastar_pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PbxSimulator:
    """A simulated PBX that is ``yeastar_default``."""
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(yeastar_pbx))
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    know_the_past(yeastar_pbx, tmp_path / "state")
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(warehouse))
    return yeastar_pbx


# --- Python ---


def without(*parts: str) -> list[Any]:
    found = [block for block in blocks("python") if not any(part in block.text for part in parts)]
    return [pytest.param(block, id=str(block), marks=needs_retry_policies if _new(block) else ()) for block in found]


def _new(block: Block) -> bool:
    """Whether it needs Airflow 3.3 and does not say what to do on another."""
    return "YeastarRetryPolicy" in block.text and "ImportError" not in block.text


@pytest.mark.parametrize("block", without("def test_", "@dag"))
def test_python_runs_and_its_tasks_fetch_what_they_say(block: Block, pbx: PbxSimulator, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "pbx").mkdir(parents=True)
    with DAG("docs", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        exec(compile(_DESTINATION.sub(f"{folder}/", block.text), str(block), "exec"), {})
    xcoms: dict[tuple[str, str], Any] = {}
    for task in dag.topological_sort():
        run(task, xcoms)
    wanted = [task for task in dag.tasks if hasattr(task, "destination")]
    assert len([path for path in folder.rglob("*") if path.is_file()]) >= len(wanted)
    assert tables_in(tmp_path / "warehouse.db") >= {task.table for task in dag.tasks if hasattr(task, "table")}


def tables_in(file: Path) -> set[str]:
    """Return the tables of a SQLite database that hold rows."""
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name for name in names if db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]}


def test_the_record_that_is_shown_has_the_keys_of_the_one_that_a_task_leaves(pbx: PbxSimulator, tmp_path: Path) -> None:
    (shown,) = blocks("json", containing='"sha256"')
    xcoms: dict[tuple[str, str], Any] = {}
    run(
        YeastarCallReportOperator(
            task_id="fetch",
            report_type="queueperformance",
            period="2026-11-22",
            parameters={"queue_id_list": [1]},
            destination=f"{tmp_path}/",
        ),
        xcoms,
    )
    assert set(json.loads(shown.text)) == set(xcoms["fetch", "report"])


def run(task: Any, xcoms: dict[tuple[str, str], Any]) -> None:
    """Run a task as Airflow does: rendered, by way of its trigger if it says so, its return value among the XComs."""
    moment = datetime(2026, 11, 21, 3, tzinfo=UTC)
    given: dict[str, Any] = {
        "ds": "2026-11-20",
        "data_interval_end": moment,
        "dag_run": SimpleNamespace(run_id="manual", run_after=moment),
        "params": {},
        "outlet_events": outlet_events(),
    }
    attempt = Run(task, **given)
    for name in task.template_fields:
        value = getattr(task, name)
        if isinstance(value, XComArg):
            setattr(task, name, xcoms[value.operator.task_id, value.key])
    task.render_template_fields({"ti": attempt, "task_instance": attempt, **given})
    attempt.xcom_push("return_value", attempt.to_the_end())
    assert bool(attempt.triggers) == getattr(task, "deferrable", False)
    xcoms |= {(task.task_id, key): value for key, value in attempt.xcoms.items()}


def test_only_the_first_hour_has_a_dag_which_is_run_with_the_rest_of_that_page() -> None:
    assert [block.page.name for block in blocks("python", containing="@dag")] == ["first-hour.md"]


@pytest.mark.parametrize("block", blocks("python", containing="def test_"), ids=str)
def test_a_test_in_the_docs_passes(block: Block, tmp_path: Path) -> None:
    (tmp_path / "test_block.py").write_text(block.text, encoding="utf-8")
    done = shell("python -m pytest -q -p no:cacheprovider --rootdir . test_block.py", tmp_path)
    assert "1 passed" in done.stdout, done.stdout


def test_what_is_included_is_there_and_every_example_is_shown_whole() -> None:
    whole = set()
    for page in PAGES:
        for include in _INCLUDE.finditer(page.read_text(encoding="utf-8")):
            path = ROOT / include["path"]
            assert path.parent == EXAMPLE_DAGS
            if include["section"]:
                assert f"[start:{include['section']}]" in path.read_text(encoding="utf-8")
            else:
                whole.add(path.stem)
    assert whole == {parameter.values[0] for parameter in EXAMPLES}


# --- connections ---

SHOWN = {"scheme": "https", "port": 8088, "client_id": "the Client ID", "client_secret": "the Client Secret"}


def shown_connections() -> list[Any]:
    """Every connection that a page gives to Airflow as JSON or as a URI, but for the simulator's own."""
    found = []
    # A block may show output as well, which need not be shell.
    for block in blocks("shell", containing='"conn_type"') + blocks("shell", containing="yeastar://"):
        words = shlex.split(block.text)
        texts = [word.partition("=")[2] for word in words if word.startswith("AIRFLOW_CONN_YEASTAR_DEFAULT=")]
        texts += [after for word, after in itertools.pairwise(words) if word == "--conn-json"]
        found += [pytest.param(text, id=str(block)) for text in texts if "simulated" not in text]
    return found


@pytest.mark.parametrize("text", shown_connections())
def test_a_connection_is_read_as_the_page_says(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", text)
    assert_as_shown(settings_from_connection(YeastarHook.get_connection("yeastar_default")))


@pytest.mark.parametrize("block", blocks("json", containing='"conn_type"'), ids=str)
def test_a_connection_in_a_secrets_backend_is_read_as_the_page_says(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "connections.json"
    path.write_text(block.text, encoding="utf-8")
    connection = LocalFilesystemBackend(connections_file_path=str(path)).get_connection("yeastar_default")
    assert connection is not None
    assert_as_shown(settings_from_connection(connection))


def assert_as_shown(settings: PbxSettings) -> None:
    assert {name: getattr(settings, name) for name in SHOWN} == SHOWN
    assert settings.host in ("pbx.example.com", "10.0.0.1")
    assert settings.timezone == "Europe/Berlin"


# --- the command line ---


@pytest.mark.parametrize("line", commands("python -m airflow_provider_yeastar doctor"))
def test_the_doctor_is_called_as_the_page_says(line: str, pbx: PbxSimulator, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout


@pytest.mark.parametrize("line", commands("python -m airflow_provider_yeastar fingerprint"))
def test_the_fingerprint_is_asked_for_as_the_page_says_of_a_pbx_elsewhere(line: str, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with PbxSimulator(ssl_context=certificate.context) as pbx:
        done = shell(line.replace(" 10.0.0.1:8088", f" {pbx.host}:{pbx.port}"), tmp_path)
        assert pbx.requests == []
    assert done.stdout == f"{certificate.fingerprint}\n"


def test_no_other_command_of_ours_is_in_the_pages_and_no_other_stands_behind_a_prompt() -> None:
    assert {line.split()[3] for line in commands("python -m airflow_provider_yeastar ")} == {"doctor", "fingerprint"}
    other = re.compile(r"^\$ (?!python -m airflow_provider_yeastar )", re.MULTILINE)
    assert [str(block) for block in blocks("shell") if other.search(block.text)] == []


@pytest.mark.parametrize("line", commands("python -m airflow_provider_yeastar.simulator"))
def test_the_simulator_is_called_as_the_page_says(line: str) -> None:
    with simulator(line) as port:
        assert port > 0


PARSE = """
import json, sys
from airflow.cli.cli_parser import get_parser
for words in json.loads(sys.argv[1]):
    get_parser().parse_args(words)
"""


def test_airflow_knows_its_commands_as_they_are_given(tmp_path: Path) -> None:
    given = [shlex.split(line)[1:] for line in commands("airflow ")]
    assert ["db", "migrate"] in given
    done = shell(f"python -c {shlex.quote(PARSE)} {shlex.quote(json.dumps(given))}", tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_a_setting_is_one_that_there_is(block: Block) -> None:
    settings = configparser.ConfigParser()
    settings.read_string(block.text)
    for option in settings.options("yeastar") if settings.has_section("yeastar") else ():
        assert option in get_provider_info()["config"]["yeastar"]["options"]
    if settings.has_section("secrets"):
        backend = settings.get("secrets", "backend")
        assert backend == f"{LocalFilesystemBackend.__module__}.{LocalFilesystemBackend.__qualname__}"
        LocalFilesystemBackend(**json.loads(settings.get("secrets", "backend_kwargs")))


@pytest.mark.parametrize("line", commands("make "))
def test_a_make_target_is_there(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(line.split()[1])}:.*## ", makefile, re.MULTILINE)


# --- tables ---


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    return import_file(DOCS / "_tools" / "tables.py")


def test_the_registry_of_providers_is_told_of_the_classes_that_the_api_reference_shows(tables: ModuleType) -> None:
    told = yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text(encoding="utf-8"))
    listed = [entry["module"] for entry in told["operators"] + told["other"]]
    assert sorted(listed) == sorted(tables.classes().replace("::: ", "").split())


def test_a_table_stands_where_a_page_asks_for_it(tables: ModuleType) -> None:
    page = tables.on_page_markdown((DOCS / "connection.md").read_text(encoding="utf-8"))
    for name in get_provider_info()["connection-types"][0]["conn-fields"]:
        assert f"| `{name}` |" in page
    assert "<!-- table" not in page


def test_every_kind_of_fault_is_in_its_table(tables: ModuleType) -> None:
    page = tables.on_page_markdown((DOCS / "simulator.md").read_text(encoding="utf-8"))
    assert FAULT_KINDS.keys() == set(get_args(FaultKind))
    for kind in FAULT_KINDS:
        assert f"| `{kind}` |" in page
