"""ReportRecord: what is told of a delivered report, wherever it is told: XCom, asset events, lineage, sidecar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.files.storage import StoredFile
from airflow_provider_yeastar.pbx.files.body import safe_file_name
from airflow_provider_yeastar.runtime.outcome import Outcome, iso_utc

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import OperatorLineage
    from airflow_provider_yeastar.pbx.waiting.call_reader import Calls
    from airflow_provider_yeastar.schemas.schema import SchemaRows

__all__ = ["ReportRecord"]

_ASSET_FIELDS = ("path", "bytes", "sha256", "format")


@dataclass(frozen=True)
class ReportRecord:
    """A delivered report: JSON types only, no token, times in ISO 8601 and UTC.

    :param path: of the file.
    :param file: the PBX's own name of it, made harmless; None where the PBX made none.
    :param identity: one of report_type, my_report_id and scheduled_report_id.
    :param rows: how many the file holds, where they were counted.
    :param unknown_columns: keys of its rows that the report's schema does not have, where rows were asked for.
    :param columns: names and types of its columns, where they are known; for lineage.
    :param complete: for calls, whether their window had ended.
    :param legs_path: of the file with the legs of the calls, where they were asked for.
    :param identified_by: how the file was told from other reports' files, ``answer`` or ``turn``: see
        :class:`.FinishedReport`.
    :param window: start_time and end_time, or time; as the PBX understood them.
    """

    path: str
    file: str | None
    bytes: int
    sha256: str
    format: str
    identity: Mapping[str, str | int]
    window: Mapping[str, Any]
    timezone: str
    api_version: str
    requested_at: str
    ready_at: str
    downloaded_at: str
    serial_number: str
    identified_by: str
    rows: int | None = None
    unknown_columns: Sequence[str] | None = None
    columns: Sequence[tuple[str, str]] = ()
    complete: bool | None = None
    legs_path: str | None = None

    @classmethod
    def of(cls, outcome: Outcome, stored: StoredFile, downloaded_at: float) -> ReportRecord:
        """Make the record of a file that was fetched; ``downloaded_at`` in epoch seconds."""
        request, report = outcome.request, outcome.report
        identity = {
            "report_type": request.report_type,
            "my_report_id": request.my_report_id,
            "scheduled_report_id": request.scheduled_report_id,
        }
        return cls(
            **asdict(stored),
            file=safe_file_name(report.file),
            format=request.file_format,
            identity={name: value for name, value in identity.items() if value is not None},
            window=report.window,
            timezone=report.timezone,
            api_version=report.api_version,
            requested_at=iso_utc(report.requested_at),
            ready_at=iso_utc(report.ready_at),
            downloaded_at=iso_utc(downloaded_at),
            serial_number=report.serial_number,
            identified_by=report.identified_by,
        )

    @classmethod
    def of_calls(
        cls, calls: Calls, stored: StoredFile, rows: SchemaRows, file_format: str, downloaded_at: float
    ) -> ReportRecord:
        """Make the record of a file of calls, or of a manifest of recordings; ``downloaded_at`` in epoch seconds."""
        return cls(
            **asdict(stored),
            file=None,
            format=file_format,
            identity={"report_type": calls.query.api.kind},
            window={"start_time": calls.window.start.isoformat(), "end_time": calls.window.end.isoformat()},
            timezone=str(calls.zone),
            api_version=calls.query.api.version,
            requested_at=iso_utc(calls.requested_at),
            ready_at=iso_utc(downloaded_at),
            downloaded_at=iso_utc(downloaded_at),
            serial_number=calls.serial_number,
            identified_by="answer",
            rows=rows.count,
            unknown_columns=rows.drift.told,
            columns=[(column.key, column.type) for column in rows.columns],
            complete=calls.is_over,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what the XCom ``report`` holds, and the sidecar: all that is known, in one level."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        del fields["columns"]
        return {**fields.pop("identity"), **fields.pop("window"), **fields}

    def to_json(self) -> str:
        """Return the sidecar's content."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @property
    def asset_extra(self) -> dict[str, Any]:
        """What an asset event tells of the file: which report of which period and PBX, and which bytes."""
        file = {name: getattr(self, name) for name in _ASSET_FIELDS}
        if self.unknown_columns is not None:
            file["unknown_columns"] = list(self.unknown_columns)
        return {**self.identity, **self.window, "timezone": self.timezone, "serial_number": self.serial_number, **file}

    def to_lineage(self) -> OperatorLineage[Any, Any]:
        """Return the report of the PBX as what was read, and the file as what was written.

        Names follow OpenLineage's naming of data sets; a PBX is known by its serial number, its address may change.
        Only to be called where the OpenLineage provider is installed, which is who calls it.
        """
        from airflow_provider_yeastar.compat import (
            InputDataset,
            OperatorLineage,
            OutputDataset,
            OutputStatisticsOutputDatasetFacet,
            SchemaDatasetFacet,
            SchemaDatasetFacetFields,
        )

        namespace, name = _dataset(self.path)
        ((kind, value),) = self.identity.items()
        fields = [SchemaDatasetFacetFields(name=column, type=kind) for column, kind in self.columns]
        facets: dict[str, Any] = {"schema": SchemaDatasetFacet(fields=fields)} if fields else {}
        size = OutputStatisticsOutputDatasetFacet(size=self.bytes, fileCount=1)
        return OperatorLineage(
            inputs=[
                InputDataset(f"yeastar://{self.serial_number or 'unknown'}", f"{kind.removesuffix('_id')}/{value}")
            ],
            outputs=[OutputDataset(namespace, name, facets=facets, outputFacets={"outputStatistics": size})],
        )


def _dataset(path: str) -> tuple[str, str]:
    """Return namespace and name of a file's data set: the connection's id is no part of either."""
    scheme, separator, rest = path.partition("://")
    if not separator:
        return "file", path
    bucket, _, key = rest.partition("/")  # first of all, as a key may hold an @ too
    return f"{scheme}://{bucket.rpartition('@')[2]}", key
