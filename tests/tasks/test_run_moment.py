from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.tasks.run_moment import run_moment

END, LOGICAL, AFTER = (datetime(2026, 11, day, 2, tzinfo=UTC) for day in (23, 22, 24))


@pytest.mark.parametrize(
    ("context", "moment"),
    [
        pytest.param(
            {"data_interval_end": END, "logical_date": LOGICAL, "dag_run": SimpleNamespace(run_after=AFTER)},
            END,
            id="scheduled",
        ),
        pytest.param({"data_interval_end": None, "logical_date": LOGICAL}, LOGICAL, id="without-an-interval"),
        pytest.param(
            {"dag_run": SimpleNamespace(data_interval_end=None, logical_date=None, run_after=AFTER)},
            AFTER,
            id="for-an-asset-or-a-partition",
        ),
        pytest.param(
            {"dag_run": SimpleNamespace(data_interval_end=END, logical_date=LOGICAL, run_after=AFTER)},
            END,
            id="of-the-run-alone",
        ),
    ],
)
def test_the_first_moment_that_a_run_has_counts(context: dict[str, Any], moment: datetime) -> None:
    assert run_moment(context) == moment


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    there = END.astimezone(timezone(timedelta(hours=8)))

    assert run_moment({"data_interval_end": there}).isoformat() == END.isoformat()


@pytest.mark.parametrize("context", [{}, {"dag_run": None}, {"data_interval_end": "2026-11-22"}])
def test_a_context_without_one_is_refused(context: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="data_interval_end, logical_date, run_after"):
        run_moment(context)
