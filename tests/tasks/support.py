"""A task with templates, and what they are rendered with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_yeastar.compat import DAG
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator


class Array(list[int]):
    """A collection with a text of its own, as numpy has it."""

    def __str__(self) -> str:
        return f"[{' '.join(map(str, self))}]"


ARGUMENTS: dict[str, Any] = {
    "task_id": "queue_report",
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": [1, 2]},
    "destination": "/data/",
}
CONTEXT: dict[str, Any] = {
    "ds": "2026-11-20",
    "none": None,
    "empty": "",
    "blank": "  ",
    "no_items": [],
    "not_a_number": float("nan"),
    "texts": ["+4930123456", "1_000", "0x10", "007", "1e5", "None of them", "[6400]", "True"],
    "ids": [1, 2],
    "year": 2026,
    "site": "berlin",
    "mixed": [64, None],
    "entry": {"a": 1},
    "generated": (number for number in range(2)),
    "object": object(),
    "array": Array([1, 2]),
    "no_decimal": Decimal("NaN"),
    "folder": PurePosixPath("exports"),
}


def rendered(dag: DAG, operator: Any = YeastarCallReportOperator, **changes: Any) -> Any:
    task = operator(**{**ARGUMENTS, **changes}, dag=dag)
    task.render_template_fields(CONTEXT)
    return task
