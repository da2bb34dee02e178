"""Answer: the rows of one period, with what is told of them in a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.runtime.outcome import iso_utc
from airflow_provider_yeastar.schemas.schema import SchemaRows
from airflow_provider_yeastar.warehouse.periods import TablePeriod, period_of, selection_of

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.report.request import ReportRequest
    from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
    from airflow_provider_yeastar.warehouse.tables import Origin

__all__ = ["Answer", "report_answer"]


@dataclass(frozen=True)
class Answer:
    """What a PBX answered for one period.

    :param report: the report's name in tables.
    :param selection: what tells it from the rows of other parameters.
    :param asked: what the record tells of the request, in JSON types.
    :param apart_from: other reports, whose rows must not be in the same table: a row of theirs is another thing.
    """

    report: str
    period: TablePeriod
    selection: str
    serial_number: str
    timezone: str
    rows: SchemaRows
    on_schema_change: str
    asked: Mapping[str, Any]
    apart_from: tuple[str, ...] = ()

    def origin(self, dag_run_id: str) -> Origin:
        """Return the columns of origin of the rows, loaded now.

        :param dag_run_id: of the run that loads them.
        :raises NotAPbxError: when the PBX does not tell its serial number, which tells its rows from another's.
        """
        from airflow_provider_yeastar.warehouse.tables import Origin  # loads SQLAlchemy

        if not self.serial_number:
            raise NotAPbxError(
                "The PBX does not tell its serial number, and rows of several PBXs could not be told apart"
            )
        return Origin(
            pbx_serial_number=self.serial_number,
            report=self.report,
            period_start=self.period.start,
            period_end=self.period.end,
            pbx_timezone=self.timezone,
            selection=self.selection,
            source_sha256=_digest(self.rows),
            loaded_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
            dag_run_id=dag_run_id,
        )


def report_answer(
    request: ReportRequest, report: FinishedReport, rows: SchemaRows, on_schema_change: str, key: str = ""
) -> Answer:
    """Return the answer of a call report.

    :param request: what was asked for.
    :param report: what is known of the request.
    :param rows: in the report's schema.
    :param on_schema_change: what becomes of columns that the table does not have.
    :param key: for :func:`.selection_of`.
    :raises InvalidRequestError: when the request has no beginning or no end.
    """
    identity = {"report_type": request.report_type, "my_report_id": request.my_report_id}
    return Answer(
        report=request.label,
        period=period_of(report.window),
        selection=selection_of(request, key),
        serial_number=report.serial_number,
        timezone=report.timezone,
        rows=rows,
        on_schema_change=on_schema_change,
        asked={
            **{name: value for name, value in identity.items() if value is not None},
            **report.window,
            "timezone": report.timezone,
            "api_version": report.api_version,
            "requested_at": iso_utc(report.requested_at),
            "ready_at": iso_utc(report.ready_at),
            "serial_number": report.serial_number,
        },
    )


def _digest(rows: SchemaRows) -> str:
    """Hash the rows as they come to the table: what is hidden there cannot be guessed from it."""
    digest = hashlib.sha256()
    encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False).encode
    for row in rows:
        digest.update(encode(row).encode() + b"\n")
    return digest.hexdigest()
