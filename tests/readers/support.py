"""What the tests of the layout share: a plain report, and what a table holds."""

from __future__ import annotations

from airflow_provider_yeastar.readers import ReportTable

PLAIN = "Queue,Total,Answered\nSales<6400>,5,3\nSupport<6401>,6,6\n"


def cells(table: ReportTable) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows]


def values(table: ReportTable) -> dict[str, tuple[object, ...]]:
    return {column.name: column.values for column in table.columns}
