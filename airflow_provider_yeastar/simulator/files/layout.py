"""A report as lines of cells, before it becomes a file: labels, durations and totals written out.

What a PBX's own files look like is unknown [U]; the variants are those of two public parsers of portal exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from airflow_provider_yeastar.simulator.reports import Column, ReportTable
from airflow_provider_yeastar.simulator.reports.table import DATETIME_FORMAT, Row

__all__ = ["Cell", "DurationFormat", "LabelStyle", "Line", "Sheet", "lay_out", "total_line"]

DurationFormat = Literal["seconds", "hhmmss"]
LabelStyle = Literal["name<number>", "number-name"]
Cell = str | int


@dataclass(frozen=True)
class Line:
    """One row of a sheet and the calls nested under it."""

    cells: tuple[Cell, ...]
    calls: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A report ready to be written.

    :param window: the range as text, empty when nothing was looked for.
    :param call_header: header of the nested call tables.
    """

    title: str
    window: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    call_header: tuple[str, ...]


def lay_out(table: ReportTable, duration_format: DurationFormat, label_style: LabelStyle = "name<number>") -> Sheet:
    """Write a report's values as cells: whole numbers stay numbers, everything else becomes text.

    :param duration_format: durations as whole seconds, or as text like ``01:02:03``.
    :param label_style: ``Support<6401>`` or ``6401-Support``.
    """
    details = table.details or ((),) * len(table.rows)
    return Sheet(
        title=table.kind.title,
        window=" - ".join(at.strftime(DATETIME_FORMAT) for at in table.window or ()),
        header=tuple(column.label for column in table.columns),
        lines=tuple(
            Line(
                _cells(row, table.columns, duration_format, label_style),
                tuple(_cells(call, table.detail_columns, duration_format, label_style) for call in calls),
            )
            for row, calls in zip(table.rows, details, strict=True)
        ),
        call_header=tuple(column.label for column in table.detail_columns),
    )


def total_line(table: ReportTable, duration_format: DurationFormat) -> tuple[Cell, ...]:
    """Add up what can be added: whole numbers and total times, but no averages and no rates."""
    cells: list[Cell] = ["Total"]
    for column in table.columns[1:]:
        if column.kind == "integer" or (column.kind == "seconds" and column.key.startswith("total_")):
            total = sum(value for row in table.rows if isinstance(value := row[column.key], int))
            cells.append(_duration(total, duration_format) if column.kind == "seconds" else total)
        else:
            cells.append("")
    return tuple(cells)


def _cells(
    row: Row, columns: tuple[Column, ...], duration_format: DurationFormat, label_style: LabelStyle
) -> tuple[Cell, ...]:
    return tuple(_cell(row, column, duration_format, label_style) for column in columns)


def _cell(row: Row, column: Column, duration_format: DurationFormat, label_style: LabelStyle) -> Cell:
    value = row[column.key]
    if isinstance(value, datetime):
        return value.strftime(DATETIME_FORMAT)
    if column.kind == "percent" and isinstance(value, int | float):
        return f"{value:.2f}%"
    if isinstance(value, int):
        return _duration(value, duration_format) if column.kind == "seconds" else value
    if number := row.get(column.number_key):
        return f"{value}<{number}>" if label_style == "name<number>" else f"{number}-{value}"
    return str(value)


def _duration(seconds: int, duration_format: DurationFormat) -> Cell:
    if duration_format == "seconds":
        return seconds
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"
