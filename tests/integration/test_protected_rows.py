"""``protect``: a phone number that a PBX tells is nowhere to be found, in whichever spelling it came."""

from __future__ import annotations

import io
import json
import logging
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from pyarrow import parquet

from airflow_provider_yeastar.compat import Asset
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.simulator.api.cdr.endpoints import CallEndpoints
from airflow_provider_yeastar.transfers.cdr_to_sql import YeastarCdrToSqlOperator
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from tests.integration.rows import answering
from tests.integration.support import Run, connection_to, outlet_events

SECRET = "sixteen letters!"
NUMBER = "15112345678"
SPELLINGS: tuple[object, ...] = (
    f"+49{NUMBER}",
    f"0049{NUMBER}",
    f"0{NUMBER}",
    f" 0{NUMBER} ",
    "0151 1234 5678",
    "+49-151-1234-5678",
    f"Jane Doe<0{NUMBER}>",
    f"\N{FULLWIDTH PLUS SIGN}49{NUMBER}",
    int(NUMBER),
    float(NUMBER),
)
TRACES = (NUMBER, "1234 5678", "1234-5678", "Jane Doe")
PROTECT = {"call_from": "hmac", "call_to": "mask", "did_number": "drop"}
REPORT = {"report_type": "unreturnmisscall", "period": "2026-11-20", "wait_timeout": 60, "protect": PROTECT}
COLUMNS = ("call_from", "call_from_name", "call_from_number", "call_to", "call_to_name", "call_to_number", "did_number")


def planted(answer: dict[str, Any]) -> dict[str, Any]:
    rows = [{"time": "2026/11/20 08:00:00", **dict.fromkeys(COLUMNS, spelling)} for spelling in SPELLINGS]
    return answer | {"total_number": len(rows), "unreturn_miss_call_list": rows}


class Recorded(io.BytesIO):
    """A temporary file of which nothing is lost."""

    written = b""

    def write(self, part: Any) -> int:
        Recorded.written += bytes(part)
        return super().write(part)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorded]]:
    """What rows are kept in between."""
    Recorded.written = b""
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda *_, **__: Recorded())
    yield Recorded
    assert len(Recorded.written) > 100 * len(SPELLINGS)


def run(task: Any, caplog: pytest.LogCaptureFixture) -> str:
    """Run a task and return all that it tells."""
    asset, events = task.outlets[0], outlet_events()
    running = Run(task, dag_run=SimpleNamespace(run_id="run"), outlet_events=events)
    with caplog.at_level(logging.DEBUG):
        value = running.to_the_end()
    lineage = task.get_openlineage_facets_on_complete(None) if find_spec("airflow.providers.openlineage") else None
    return json.dumps([value, running.xcoms, events[asset].extra, repr(lineage), caplog.text], ensure_ascii=False)


def traces_in(*places: str | bytes) -> set[str]:
    return {
        trace
        for trace in TRACES
        for place in places
        if trace in (place if isinstance(place, str) else place.decode(errors="replace"))
    }


@pytest.fixture
def secretive(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    extra = {"timezone": pbx.settings.timezone, "protect_secret": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, extra=extra))
    with answering(monkeypatch, planted):
        yield


@pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
@pytest.mark.usefixtures("secretive")
def test_a_number_is_nowhere_in_files(
    file_format: str, temporary: type[Recorded], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = YeastarCallReportRowsOperator(
        task_id="rows", destination=f"{tmp_path}/out/rows", file_format=file_format, outlets=[Asset("x")], **REPORT
    )
    told = run(task, caplog)

    (file,) = (tmp_path / "out").iterdir()
    content = str(parquet.read_table(file).to_pylist()) if file_format == "parquet" else file.read_text("utf-8")
    assert not traces_in(told, content, file.read_bytes(), temporary.written)
    assert content.count("call_to_name") == len(SPELLINGS)
    assert "did_number" not in content


@pytest.mark.usefixtures("secretive")
def test_a_number_is_nowhere_in_a_table_and_equal_ones_still_join(
    temporary: type[Recorded], engine: sa.engine.Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = YeastarReportToSqlOperator(
        task_id="load", sql_conn_id="warehouse", table="missed", outlets=[Asset("x")], **REPORT
    )
    told = run(task, caplog)

    with engine.connect() as connection:
        hashes = [row for (row,) in connection.execute(sa.text("SELECT call_from FROM missed"))]
    assert not traces_in(told, (tmp_path / "warehouse.db").read_bytes(), temporary.written)
    assert len(hashes) == len(SPELLINGS)
    # With and without blanks around it, and as a whole number of either kind, it is the same text.
    assert len(set(hashes)) == len(SPELLINGS) - 2


PARTIES = ("call_from", "call_to", "second_participant", "last_participant")
PROTECT_CALLS = {"call_from": "hmac", "call_to": "mask", "second_participant": "drop", "last_participant": "drop"}
PROTECT_PARTIES = {"call_from": "hmac", "call_to": "mask"}
DAY: dict[str, Any] = {"period": "2026-11-20", "wait_timeout": 60}


@pytest.fixture
def secretive_calls(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PBX of which each call, leg and recording is from and to the planted number."""
    extra = {"timezone": pbx.settings.timezone, "protect_secret": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(pbx, extra=extra))
    search, detail = CallEndpoints._search, CallEndpoints._detail

    def planted_page(self: CallEndpoints, endpoint: str, version: str, query: Any) -> dict[str, Any]:
        answer = search(self, endpoint, version, query)
        rows = zip(answer["data"] or (), cycle(SPELLINGS), strict=False)
        return answer | {"data": [planted_call(row, spelling) for row, spelling in rows]}

    def planted_detail(self: CallEndpoints, version: str, query: Any) -> dict[str, Any]:
        told = detail(self, version, query)["data"]
        legs = [
            leg | {"call_from": spelling, "call_to": spelling, "event_list": [{"callFrom": spelling}]}
            for leg in told["timeline"]
            for spelling in SPELLINGS
        ]
        return {"data": told | {"timeline": legs}}

    monkeypatch.setattr(CallEndpoints, "_search", planted_page)
    monkeypatch.setattr(CallEndpoints, "_detail", planted_detail)


def planted_call(row: dict[str, Any], spelling: object) -> dict[str, Any]:
    """Put a number wherever a call, a leg or a recording has one, its file's name among it."""
    parties = [key for key in row if key.startswith(PARTIES)]
    nested = {key: [{"Call From": spelling, "to": {"call_to": spelling}}] for key in ("queues", "ivrs") if key in row}
    names = {key: f"20261120-{spelling}-{NUMBER}.wav" for key in ("file", "record_file") if key in row}
    return row | dict.fromkeys(parties, spelling) | nested | names


@pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (YeastarCdrOperator, {"protect": PROTECT_CALLS, "legs": True}),
        (YeastarCdrOperator, {"protect": PROTECT_PARTIES, "api_version": "v1.0"}),
        (YeastarRecordingsOperator, {"protect": PROTECT_PARTIES}),
    ],
    ids=["calls", "legs", "recordings"],
)
@pytest.mark.usefixtures("secretive_calls")
def test_a_number_is_nowhere_in_files_of_calls_and_recordings(
    kind: type[Any],
    arguments: dict[str, Any],
    file_format: str,
    temporary: type[Recorded],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "out"
    task = kind(
        task_id="task", destination=f"{out}/", file_format=file_format, outlets=[Asset("x")], **DAY, **arguments
    )
    told = run(task, caplog)

    files = sorted(out.iterdir())
    rows = [row for file in files if file.suffix == f".{file_format}" for row in rows_in(file)]
    assert not traces_in(told, str(rows), *map(str, files), *map(Path.read_bytes, files), temporary.written)
    # With and without blanks around it, and as a whole number of either kind, it is the same text.
    assert len({row["call_from"] for row in rows}) == len(SPELLINGS) - 2


def rows_in(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        return list(parquet.read_table(file).to_pylist())
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.usefixtures("secretive_calls")
def test_a_number_is_nowhere_in_a_table_of_calls(
    temporary: type[Recorded], engine: sa.engine.Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = YeastarCdrToSqlOperator(
        task_id="load", sql_conn_id="warehouse", table="calls", outlets=[Asset("x")], protect=PROTECT_CALLS, **DAY
    )
    told = run(task, caplog)

    with engine.connect() as connection:
        hashes = {row for (row,) in connection.execute(sa.text("SELECT call_from FROM calls"))}
    assert not traces_in(told, (tmp_path / "warehouse.db").read_bytes(), temporary.written)
    assert len(hashes) == len(SPELLINGS) - 2
