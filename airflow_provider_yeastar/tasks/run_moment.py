"""The moment of a DAG run, from which days and periods in words are counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError

__all__ = ["run_moment"]

# In Airflow 2 and 3 the same for a scheduled run. A run of Airflow 3 for a partition or an asset has the last one only.
_MOMENTS = ("data_interval_end", "logical_date", "run_after")


def run_moment(context: Mapping[str, Any]) -> datetime:
    """Return ``data_interval_end``, else ``logical_date``, else ``run_after`` of a task's DAG run.

    They are the run's own, and so the same again in retries, after a clear, and in a backfill.

    :param context: of the task.
    :raises InvalidRequestError: when the context has none of them.
    """
    dag_run = context.get("dag_run")
    for name in _MOMENTS:
        moment = context.get(name) or getattr(dag_run, name, None)
        if isinstance(moment, datetime):
            return datetime.fromtimestamp(moment.timestamp(), UTC)
    raise InvalidRequestError(
        f"Days are counted from the DAG run, and the task's context has none of {', '.join(_MOMENTS)}",
        remedy="Give dates in place of a period in words, or run the task by a DAG.",
    )
