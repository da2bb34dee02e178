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
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request, check_arguments
from airflow_provider_yeastar.runtime.outcome import Outcome, errors_for_airflow
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.tasks.arguments import ReportArguments
from airflow_provider_yeastar.tasks.storing import StoringTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.rows import Row

__all__ = ["YeastarCallReportRowsOperator"]


class YeastarCallReportRowsOperator(ReportArguments, StoringTask):
    """Fetch a call report as typed rows; the XCom return value is the path of their file, a ``str``.

    The rows have the PBX's own keys and types: whole numbers are numbers, durations are seconds. Agents within a
    queue and members within a ring group become one row each with the keys around them repeated; an inner key that
    is an outer one too follows its list's, as in ``detail_total_calls``. The PBX answers with the rows themselves,
    so the task stays on the worker, and all rows are in memory for a moment. A second XCom, ``report``, holds path,
    bytes, sha256, format, rows, what was asked for, api_version, requested_at, ready_at, downloaded_at and
    serial_number. Asset events of the task's ``outlets`` and OpenLineage tell the same.
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
    :param on_empty: what to do about a report without a row, default ``ok``, which writes a file without rows (Parquet:
        or columns). ``skip`` skips and ``fail`` fails the task, and both leave nothing at the destination.
    :param on_empty_remove: bool, default ``False``, which keeps the file of an earlier run where ``skip`` and ``fail``
        store none, and names it in the log and in the XCom ``earlier_file``; True removes it, with its metadata.
    :param allow_shrink: bool, default ``False``; True replaces a file by one with fewer rows in any case. With False
        the task fails and the file stays if the new one is empty, or if the PBX no longer has all calls of the period.
    :param shrink_tolerance: number from 0 to 1, the share of the rows that may go; a greater one fails the task. None,
        the default, for any.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the rows, default ``1800``.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports, default ``21600``.
    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: for arguments that cannot be meant, when the DAG is parsed. What holds a template or
        another task's output is checked when the task runs, and then ends in ``AirflowFailException``.
    :raises AirflowFailException: when no retry can mend it, with its cause in one sentence: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError``, ``EmptyReportError``
        (``on_empty`` fail) and others.
    :raises AirflowSkipException: for a report without a row, with ``on_empty`` skip.
    :raises YeastarError: for what may pass, after it was asked for again within the time-outs: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``DestinationError`` and others. docs/errors.md lists all
        causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: when the task's ``execution_timeout`` is over, deferred or not.
    """

    template_fields: Sequence[str] = (
        *ReportArguments.template_fields,
        *StoringTask.template_fields,
        "file_format",
    )
    ui_color = "#e3f2fb"

    def __init__(self, *, file_format: str = "ndjson", **kwargs: Any) -> None:
        super().__init__(deferrable=False, **kwargs)
        self.file_format = file_format
        if not is_open(file_format):
            check_row_format(file_format)
        check_arguments(**self.request_arguments)

    def execute(self, context: Context) -> str:
        """Ask for the rows and put them at the destination."""
        with errors_for_airflow():
            return self._deliver(context, build_request(**self.request_arguments))

    def _deliver(self, context: Context, request: ReportRequest) -> str:
        check_row_format(self.file_format)
        require_writer(self.file_format)
        path = storage.resolve_path(self.destination, f"{request.file_stem(self._source)}.{self.file_format}")
        if self.keeps_file(path):
            return path
        storage.prepare(path)
        publish_portal_link(context, self.yeastar_conn_id)
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            rows, report = run_on_worker(client.fetch_rows(request, self.new_bounds()), lambda: self.killed)
            return self._store(context, client, Outcome(request, report), rows, path)

    def _store(self, context: Context, client: PbxClient, outcome: Outcome, rows: list[Row], path: str) -> str:
        from airflow_provider_yeastar.tasks.record import ReportRecord  # not needed to parse a DAG file

        if not rows:
            self.end_without_rows(context, path)
        chunks = self._until_killed(encoded_rows(rows, self.file_format))
        with storage.receive(chunks, path, RowsDigest()) as received:
            record = ReportRecord.of(outcome, received.stored, time.time())
            record = replace(record, file=None, format=self.file_format, rows=len(rows))
            if self.keeps_file(path):
                return path
            self.refuse_fewer_rows(client, path, record)
            self.publish(received)
        self.tell(context, record)
        return path

    def _until_killed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.killed:
                raise TaskKilledError("The task was killed while it wrote its rows")
            yield chunk
