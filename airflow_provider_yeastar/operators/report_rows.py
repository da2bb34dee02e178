"""YeastarCallReportRowsOperator: a call report of a Yeastar PBX as typed rows in a file, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.runtime.outcome import Outcome, errors_for_airflow
from airflow_provider_yeastar.tasks.schema_rows import RowsTask
from airflow_provider_yeastar.tasks.storing import RowsFileTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.files.storage import StoredFile

__all__ = ["YeastarCallReportRowsOperator"]


class YeastarCallReportRowsOperator(RowsTask, RowsFileTask):
    """Download a call report as typed rows; the XCom return value is the path of their file, a ``str``.

    Every row has all columns of the report's schema (docs/reports.md), with the PBX's own keys: whole numbers are
    numbers, durations whole seconds, rates percent points; phone numbers, extensions and ids are text, times ISO 8601
    by the PBX's clock (in Parquet timestamps without zone). Agents within a queue and members within a ring group
    become one row each with the keys around them repeated. The PBX answers with the rows themselves, so the task stays
    on the worker. The file is written in batches. A second XCom, ``report``, holds path, bytes, sha256, format, rows,
    unknown_columns, what was asked for, api_version, requested_at, ready_at, downloaded_at and serial_number. Asset
    events of the task's ``outlets`` and OpenLineage tell the same.
    Vendor's endpoint: ``call_report/list``.

    Templated: ``report_type``, ``my_report_id``, ``period``, ``start_time``, ``end_time``, ``parameters``,
    ``api_version``, ``yeastar_conn_id``, ``destination``, ``file_format``.

    :param report_type: str, the vendor's name of a built-in report, such as ``queueperformance``; docs/reports.md lists
        them. Give exactly one of this and ``my_report_id``.
    :param my_report_id: int or text of digits, id of a user-created report; :meth:`.YeastarHook.list_my_reports` lists
        them.
    :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in words,
        counted from the DAG run: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
        ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
    :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
        offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
    :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
        ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
        ``data_interval_end``, the request ends one second earlier: the next window begins there.
    :param parameters: mapping of the vendor's parameter names to values, lists and bools as in Python. Of ids, an int
        is an internal id; a text is a dialled number or a name, or an id if it is neither. docs/reports.md lists all.
    :param check_ids: bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.
    :param api_version: str, ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's if left out.
    :param file_format: str, default ``ndjson``, one JSON object a line; or ``parquet``, with the extra ``parquet``.
    :param destination: str, pathlib path or ObjectStoragePath of a file; or a text that ends in ``/`` for a directory.
        The file name in a directory is made from connection and request, so that a rerun replaces its own file only.
    :param overwrite: bool, default ``True``; False keeps an existing file and returns its path. The task then does not
        ask the PBX, pushes no XCom ``report`` and adds nothing to asset events. A file that appears while the task runs
        is kept too.
    :param on_empty: str, what to do if the report has no rows, default ``ok``: write a file without rows. ``skip``
        skips and ``fail`` fails the task; both leave nothing at the destination.
    :param on_empty_remove: bool, default ``False``; True removes an earlier run's file from the destination if
        ``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.
    :param allow_shrink: bool, default ``False``: fail rather than replace a file by one with fewer rows if the new one
        is empty or the PBX no longer has all calls of the period. True replaces it in any case.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param columns: mapping of column keys to ``text``, ``integer``, ``decimal``, ``duration``, ``percent`` or
        ``timestamp``: the columns of a user-created report, or other types than the schema's.
    :param on_schema_change: str, default ``evolve``: keep columns that the schema does not have, typed by their names;
        ``drop`` leaves them out; ``freeze`` fails the task for a new or vanished column. The log and
        ``unknown_columns`` in XCom ``report`` name them.
    :param protect: mapping of columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's ``protect_secret``),
        ``mask`` (all but the last three characters) or ``drop``, default none. Covers columns derived from them, such
        as ``caller_number`` from ``caller``.
    :param wait_timeout: seconds or timedelta from taking the lock on the PBX to the rows, default ``1800``.
    :param queue_timeout: seconds or timedelta to wait for the lock on the PBX while other reports run, default
        ``21600``.
    :param yeastar_conn_id: str, id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid; raised at DAG-parse time. Templated arguments are validated
        at run time, and raise ``AirflowFailException``.
    :raises AirflowFailException: if a retry cannot help; the message names the cause: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError``, ``EmptyReportError``
        (``on_empty`` fail), ``SchemaError`` and others.
    :raises AirflowSkipException: if the report has no rows and ``on_empty`` is ``skip``.
    :raises YeastarError: for a transient error that outlasted the retries within the timeouts: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``DestinationError`` and others. docs/errors.md lists all
        causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``, deferred or not.
    """

    template_fields: Sequence[str] = (*RowsTask.template_fields, *RowsFileTask.template_fields)
    ui_color = "#e3f2fb"

    def __init__(self, *, file_format: str = "ndjson", **kwargs: Any) -> None:
        super().__init__(file_format=file_format, **kwargs)

    def execute(self, context: Context) -> str:
        """Request the rows and write them to the destination."""
        with errors_for_airflow():
            return self._deliver(context, self.request_of(context))

    def _deliver(self, context: Context, request: ReportRequest) -> str:
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files import storage
        from airflow_provider_yeastar.tasks.record import ReportRecord

        self.check_writer()
        path = self.rows_path(self.file_stem(request))
        if self.keeps_file(path):
            return path
        storage.prepare(path)
        publish_portal_link(context, self.yeastar_conn_id)
        with (
            YeastarHook(self.yeastar_conn_id).get_conn() as client,
            self.fetched_rows(client, request) as (rows, report),
        ):

            def record_of(stored: StoredFile) -> ReportRecord:
                return replace(
                    ReportRecord.of(Outcome(request, report), stored, time.time()),
                    file=None,
                    format=self.file_format,
                    rows=rows.count,
                    unknown_columns=rows.drift.told,
                    columns=[(column.key, column.type) for column in rows.columns],
                )

            return self.store_rows(context, client, rows, path, record_of)
