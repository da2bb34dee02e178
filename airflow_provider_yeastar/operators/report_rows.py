"""YeastarCallReportRowsOperator: a call report of a Yeastar PBX as typed rows in a file, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.files.rows import RowsDigest, check_row_format, encoded_rows, require_writer
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.report.parameters import is_open
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.runtime.outcome import Outcome, errors_for_airflow
from airflow_provider_yeastar.tasks.on_empty import refuse_empty_report
from airflow_provider_yeastar.tasks.schema_rows import RowsTask
from airflow_provider_yeastar.tasks.storing import StoringTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.schemas.schema import SchemaRows

__all__ = ["YeastarCallReportRowsOperator"]


class YeastarCallReportRowsOperator(RowsTask, StoringTask):
    """Fetch a call report as typed rows; the XCom return value is the path of their file, a ``str``.

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

    :param report_type: name of a built-in report, for instance ``queueperformance``; docs/reports.md lists them.
        Exactly one of this and ``my_report_id``.
    :param my_report_id: id of a user-created report, an int or a text of digits; :meth:`.YeastarHook.list_my_reports`
        lists them.
    :param period: text ``2026-11-22``, ``2026-11`` or ``2026``: a whole day, month or year by the PBX's clock.
    :param start_time: datetime or ISO 8601 text, inclusive, in place of ``period``; without UTC offset it is by the
        PBX's clock.
    :param end_time: the same, inclusive.
    :param parameters: mapping of further parameters by the vendor's names; lists and bools as Python has them. Where
        ids are wanted, an int is an internal id; a text is a dialled number or a name, else an id. docs/reports.md
        lists all.
    :param check_ids: bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.
    :param api_version: ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's when left out.
    :param file_format: default ``ndjson``, one JSON object a line; or ``parquet``, with the extra ``parquet``.
    :param destination: text or path object of a file, or a text that ends in ``/`` of a directory; a local path or any
        ObjectStoragePath. The file's name in a directory is made from connection and request, so that a re-run replaces
        its own file and no other's.
    :param overwrite: bool, default ``True``; False leaves a file alone that is there already and returns its path. The
        PBX is then not asked, and as nothing is stored there is no XCom ``report`` and nothing in the extra of asset
        events. A file that appears while the task is at work is left alone too.
    :param on_empty: what to do about a report without a row, default ``ok``, which writes a file without rows.
        ``skip`` skips and ``fail`` fails the task, and both leave nothing at the destination.
    :param columns: mapping of keys to ``text``, ``integer``, ``decimal``, ``duration``, ``percent`` or ``timestamp``:
        the columns of a user-created report, or other types than the schema's.
    :param on_schema_change: default ``evolve``, which keeps columns that the schema does not have, typed by their
        names; ``drop`` leaves them out; ``freeze`` fails the task for them, and for a column that vanished. They are
        told in the log and in ``unknown_columns``.
    :param protect: mapping of columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's ``protect_secret``),
        ``mask`` (all but the last three characters) or ``drop``; it covers columns made of them, such as
        ``caller_number`` of ``caller``. Default none.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the rows, default ``1800``.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports, default ``21600``.
    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: for arguments that cannot be meant, when the DAG is parsed. What holds a template or
        another task's output is checked when the task runs, and then ends in ``AirflowFailException``.
    :raises AirflowFailException: when no retry can mend it, with its cause in one sentence: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError``, ``EmptyReportError``
        (``on_empty`` fail), ``SchemaError`` and others.
    :raises AirflowSkipException: for a report without a row, with ``on_empty`` skip.
    :raises YeastarError: for what may pass, after it was asked for again within the time-outs: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``DestinationError`` and others. docs/errors.md lists all
        causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: when the task's ``execution_timeout`` is over, deferred or not.
    """

    template_fields: Sequence[str] = (
        *RowsTask.template_fields,
        *StoringTask.template_fields,
        "file_format",
    )
    ui_color = "#e3f2fb"

    def __init__(self, *, file_format: str = "ndjson", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file_format = file_format
        if not is_open(file_format):
            check_row_format(file_format)

    def execute(self, context: Context) -> str:
        """Ask for the rows and put them at the destination."""
        with errors_for_airflow():
            return self._deliver(context, self.request_of(context))

    def _deliver(self, context: Context, request: ReportRequest) -> str:
        check_row_format(self.file_format)
        require_writer(self.file_format)
        path = storage.resolve_path(self.destination, f"{request.file_stem(self._source)}.{self.file_format}")
        if self.keeps_file(path):
            return path
        storage.prepare(path)
        publish_portal_link(context, self.yeastar_conn_id)
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            rows, report = self.fetch_rows(client, request)
            if not rows.count:
                refuse_empty_report(self.on_empty)
            return self._store(context, Outcome(request, report), rows, path)

    def _store(self, context: Context, outcome: Outcome, rows: SchemaRows, path: str) -> str:
        from airflow_provider_yeastar.tasks.record import ReportRecord  # not needed to parse a DAG file

        chunks = self._until_killed(encoded_rows(rows.columns, rows, self.file_format))
        with storage.receive(chunks, path, RowsDigest()) as received:
            record = ReportRecord.of(outcome, received.stored, time.time())
            if self.keeps_file(path):
                return path
            received.put_in_place()
        told = replace(
            record,
            file=None,
            format=self.file_format,
            rows=rows.count,
            unknown_columns=list(rows.drift.unknown),
            columns=[(column.key, column.type) for column in rows.columns],
        )
        self.tell(context, told)
        return path

    def _until_killed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.killed:
                raise TaskKilledError("The task was killed while it wrote its rows")
            yield chunk
