"""ReportRows: the rows of a report in memory, a list of dicts that knows its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.schemas.arrow import arrow_table
from airflow_provider_yeastar.schemas.columns import Column
from airflow_provider_yeastar.schemas.schema import SchemaRows

if TYPE_CHECKING:
    import pyarrow

__all__ = ["ReportRows"]


class ReportRows(list[dict[str, Any]]):
    """Rows with the keys that the PBX sent and values of their columns' types.

    :param rows: of one answer, in its schema.
    """

    def __init__(self, rows: SchemaRows) -> None:
        super().__init__(rows.sparse())
        self.columns: Sequence[Column] = rows.columns
        """All columns of the report, those included that no row has."""
        self.unknown_columns: Sequence[str] = rows.drift.unknown
        """Keys that the report's schema does not declare; they are typed by their names."""

    def to_arrow(self) -> pyarrow.Table:
        """Return an Arrow table with all columns of the report; DuckDB and Polars read it as it is.

        :raises InvalidRequestError: when ``pyarrow`` is not installed.
        """
        return arrow_table(self.columns, self)

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` with all columns of the report.

        :raises InvalidRequestError: when ``pyarrow`` is not installed.
        """
        return self.to_arrow().to_pandas()
