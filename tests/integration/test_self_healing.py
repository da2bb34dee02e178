"""A PBX that forgets, an Airflow that was off, a day that changed: nothing is lost, only what changed is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_yeastar.exceptions import FewerRowsError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.operators.missing_periods import YeastarMissingPeriodsOperator
from airflow_provider_yeastar.operators.report_rows import YeastarCallReportRowsOperator
from airflow_provider_yeastar.readers import read_report
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.transfers.to_sql import YeastarReportToSqlOperator
from tests.integration.support import Run, connect

QUEUES = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1, 2]}}
TABLE = {"sql_conn_id": "warehouse", "table": "rows"}


def run(operator: type[Any], run_id: str, *, moment: datetime | None = None, **arguments: Any) -> Any:
    """Run a task; return its value."""
    task = operator(task_id="task", wait_timeout=60, **arguments)
    return Run(task, dag_run=SimpleNamespace(run_id=run_id, run_after=moment), data_interval_end=moment).to_the_end()


def table(engine: sa.engine.Engine, columns: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(sa.text(f"SELECT {columns} FROM rows"))), key=repr)


def test_four_nights_off_and_a_day_that_changed_are_mended_by_one_run(
    pbx: PbxSimulator, engine: sa.engine.Engine
) -> None:
    for day in (13, 14, 15):
        run(YeastarReportToSqlOperator, "before", period=f"2026-11-{day}", **QUEUES, **TABLE)
    before = table(engine, "period_start, queue_num, total_calls")
    pbx.end_call(datetime(2026, 11, 14, 11, 30))  # of the 14th, which is in the table already

    morning = datetime(2026, 11, 20, 5, tzinfo=UTC)
    missing = run(YeastarMissingPeriodsOperator, "after", moment=morning, days=7, **QUEUES, **TABLE)
    for day in missing:
        run(YeastarReportToSqlOperator, "after", period=day, **QUEUES, **TABLE)
    run(YeastarReportToSqlOperator, "after", moment=morning, period="yesterday", lookback=6, **QUEUES, **TABLE)

    assert missing == ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"]
    written = Counter((start[:10], run_id) for start, run_id in table(engine, "period_start, dag_run_id"))
    assert written == {
        **{(f"2026-11-{day}", "before"): 2 for day in (13, 15)},
        **{(f"2026-11-{day}", "after"): 2 for day in (14, 16, 17, 18, 19)},
    }
    after = table(engine, "period_start, queue_num, total_calls")
    changed = set(after[: len(before)]) - set(before)
    assert [(start[:10], queue) for start, queue, _ in changed] == [("2026-11-14", "6400")]


@pytest.fixture
def forgetting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[PbxSimulator, datetime]]:
    """A PBX that has forgotten a day up to its first missed call, and that day; `yeastar_default` has all of it."""
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    settings = SimulatorSettings()
    now = datetime.now(ZoneInfo(settings.timezone)).replace(tzinfo=None)
    day = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    while day.weekday() > 4:  # there are few calls on a weekend
        day -= timedelta(days=1)
    with PbxSimulator(settings) as remembering:
        connect(remembering, monkeypatch)
        missed = YeastarHook().get_report_rows(report_type="unreturnmisscall", period=day.date().isoformat())
        first = min(datetime.fromisoformat(str(row["time"])) for row in missed)
        kept = YeastarHook().iter_calls(start_time=first + timedelta(seconds=1), end_time=now)
        with PbxSimulator(SimulatorSettings(kept_calls=sum(1 for _ in kept))) as pbx:
            yield pbx, day


@pytest.mark.parametrize("kind", ["table", "rows", "csv"])
def test_a_cleared_task_of_a_day_that_the_pbx_forgot_takes_nothing_away(
    kind: str,
    forgetting: tuple[PbxSimulator, datetime],
    engine: sa.engine.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pbx, day = forgetting
    file = tmp_path / "file"
    missed = {"report_type": "unreturnmisscall", "period": day.date().isoformat()}

    def load(**options: Any) -> None:
        if kind == "table":
            run(YeastarReportToSqlOperator, "run", **missed, **TABLE, **options)
        else:
            operator = YeastarCallReportRowsOperator if kind == "rows" else YeastarCallReportOperator
            run(operator, "run", **missed, destination=str(file), **options)

    def rows() -> list[Any]:
        if kind == "table":
            return table(engine, "time, call_from")
        return file.read_text("utf-8").splitlines() if kind == "rows" else read_report(str(file)).rows

    load()
    before = rows()
    connect(pbx, monkeypatch)
    with pytest.raises(FewerRowsError) as refused:
        load()

    assert rows() == before
    load(allow_shrink=True)
    assert 0 < len(rows()) < len(before)
    words = f"holds {len(before)} rows, and the PBX's answer {len(rows())}"
    assert (words if kind == "table" else f"{len(before)} rows by {len(rows())}") in str(refused.value)
