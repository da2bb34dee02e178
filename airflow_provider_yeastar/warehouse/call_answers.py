"""The Answer of calls: rows of one version of the CDR interface, which never share a table with those of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_yeastar.pbx.report.masking import parameters_to_name
from airflow_provider_yeastar.runtime.outcome import iso_utc
from airflow_provider_yeastar.schemas.calls import CALL_SCHEMAS
from airflow_provider_yeastar.warehouse.answers import Answer
from airflow_provider_yeastar.warehouse.periods import TablePeriod, selection_of_parameters

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.waiting.call_reader import Calls
    from airflow_provider_yeastar.schemas.schema import SchemaRows

__all__ = ["call_answer"]


def call_answer(calls: Calls, rows: SchemaRows, on_schema_change: str, key: str = "") -> Answer:
    """Return the answer of a request for calls.

    :param calls: what is known of the request.
    :param rows: all of its calls, in their schema.
    :param on_schema_change: what becomes of columns that the table does not have.
    :param key: for :func:`.parameters_to_name`.
    """
    version, window = calls.query.api.version, calls.window
    return Answer(
        report=CALL_SCHEMAS[version].report,
        period=TablePeriod(window.start, window.end),
        selection=selection_of_parameters(parameters_to_name(dict(calls.query.filters), key).items()),
        serial_number=calls.serial_number,
        timezone=str(calls.zone),
        rows=rows,
        on_schema_change=on_schema_change,
        asked={
            "report_type": "cdr",
            "start_time": window.start.isoformat(),
            "end_time": window.end.isoformat(),
            "timezone": str(calls.zone),
            "api_version": version,
            "requested_at": iso_utc(calls.requested_at),
            "serial_number": calls.serial_number,
            "complete": calls.is_over,
        },
        apart_from=tuple(schema.report for other, schema in CALL_SCHEMAS.items() if other != version),
    )
