"""ReportTable: a report that was read, as text and as typed columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.readers.columns import ReportColumn, typed_columns
from airflow_provider_yeastar.schemas.arrow import arrow_table
from airflow_provider_yeastar.schemas.columns import Column

if TYPE_CHECKING:
    import pyarrow

__all__ = ["ReportRow", "ReportTable"]


@dataclass(frozen=True)
class ReportRow:
    """One row of the report.

    :param line: line of the file at which the row ends, from 1.
    :param cells: the cells' text, exactly as it stands in the file.
    :param calls: the rows of the table of calls under it, as text, default ``()``; cells that only indent are left out.
    """

    line: int
    cells: tuple[str, ...]
    calls: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ReportTable:
    """A report.

    :param header: the columns' titles, without surrounding blanks.
    :param rows: the rows of data, without the total row.
    :param totals: the total row, where the file has one.
    :param preamble: the rows before the header, as text, default ``()``.
    :param call_header: header of the tables of calls, default ``()``: there are none.
    :param report_type: the built-in report that it is, where the caller said so.
    :param kinds: what the caller said about columns, by name or title.
    """

    header: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    totals: ReportRow | None = None
    preamble: tuple[tuple[str, ...], ...] = ()
    call_header: tuple[str, ...] = ()
    report_type: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[ReportColumn, ...]:
        """The rows' values by column, typed; see :func:`.typed_columns`."""
        cells = [row.cells for row in self.rows]
        return typed_columns(self.header, cells, report_type=self.report_type, kinds=self.kinds)

    def to_arrow(self) -> pyarrow.Table:
        """Return the typed columns as an Arrow table; DuckDB and Polars read it as it is.

        :raises InvalidRequestError: when ``pyarrow`` is not installed.
        :raises ReportLayoutError: when a cell does not fit its column.
        """
        columns = self.columns
        rows = zip(*(column.values for column in columns), strict=True)
        names = [column.name for column in columns]
        types = [Column(column.name, column.header, column.type) for column in columns]
        return arrow_table(types, (dict(zip(names, row, strict=True)) for row in rows))

    def to_pandas(self) -> Any:
        """Return the typed columns as a ``pandas.DataFrame``; see :meth:`to_arrow`."""
        return self.to_arrow().to_pandas()
