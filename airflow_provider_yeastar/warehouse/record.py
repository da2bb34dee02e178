"""LoadRecord: what is told of a load into a table, wherever it is told: XCom, asset events, lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.schemas.schema import names_to_tell

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from airflow_provider_yeastar.compat import OperatorLineage
    from airflow_provider_yeastar.warehouse.answers import Answer
    from airflow_provider_yeastar.warehouse.loading import Loaded

__all__ = ["LoadRecord"]


@dataclass
class LoadRecord:
    """A load: JSON types only, no secret.

    :param url: of the database; only its name, host and database are told.
    :param periods: one entry for each period, the task's own first.
    :param unknown_columns: keys that the report's schema does not have, of all periods.
    :param asked: what was asked for, of the task's own period.
    :param columns: types of the table's report columns by name, of all periods; for lineage.
    """

    sql_conn_id: str
    table: str
    schema: str | None
    url: URL
    periods: list[dict[str, Any]] = field(default_factory=list)
    unknown_columns: dict[str, None] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    def add(self, answer: Answer, loaded: Loaded) -> None:
        """Enter a period that was loaded."""
        self.asked = self.asked or answer.asked
        self.columns |= {column.key: column.type for column in answer.rows.columns}
        self.unknown_columns.update(dict.fromkeys(answer.rows.drift.unknown))
        self.periods.append(
            {
                "period_start": answer.period.start.isoformat(),
                "period_end": answer.period.end.isoformat(),
                "rows": loaded.rows,
                "rows_before": loaded.replaced,
                "changed": loaded.changed,
                "other_selections": loaded.others,
            }
        )

    @property
    def rows(self) -> int:
        """Rows of all periods."""
        return sum(period["rows"] for period in self.periods)

    def to_dict(self) -> dict[str, Any]:
        """Return what the XCom ``report`` holds."""
        place = {"sql_conn_id": self.sql_conn_id, "table": self.table, "schema": self.schema}
        return {
            **self.asked,
            **{name: value for name, value in place.items() if value is not None},
            "rows": self.rows,
            "periods": self.periods,
            "unknown_columns": names_to_tell(self.unknown_columns),
        }

    def to_lineage(self) -> OperatorLineage[Any, Any]:
        """Return the report of the PBX as what was read, and the table as what was written.

        Requires the OpenLineage provider, which is the only caller. Names follow OpenLineage's naming of data sets.
        """
        from airflow_provider_yeastar.compat import (
            InputDataset,
            OperatorLineage,
            OutputDataset,
            OutputStatisticsOutputDatasetFacet,
            SchemaDatasetFacet,
            SchemaDatasetFacetFields,
        )

        asked = self.asked
        report = next(
            f"{kind.removesuffix('_id')}/{asked[kind]}" for kind in ("report_type", "my_report_id") if kind in asked
        )
        fields = [SchemaDatasetFacetFields(name=column, type=kind) for column, kind in self.columns.items()]
        facets: dict[str, Any] = {"schema": SchemaDatasetFacet(fields=fields)}
        host = f"{self.url.host or ''}{f':{self.url.port}' if self.url.port else ''}"
        name = ".".join(filter(None, (self.url.database, self.schema, self.table)))
        written = OutputStatisticsOutputDatasetFacet(rowCount=self.rows)
        return OperatorLineage(
            inputs=[InputDataset(f"yeastar://{asked.get('serial_number') or 'unknown'}", report)],
            outputs=[
                OutputDataset(
                    f"{self.url.get_backend_name()}://{host}",
                    name,
                    facets=facets,
                    outputFacets={"outputStatistics": written},
                )
            ],
        )
