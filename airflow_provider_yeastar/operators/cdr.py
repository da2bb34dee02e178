"""YeastarCdrOperator: the calls (CDR) of a time window as typed rows in a file, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.calls.request import CallRequest
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow
from airflow_provider_yeastar.schemas.calls import LEG_SCHEMA
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows
from airflow_provider_yeastar.tasks.calls import CallAnswer, CallsTask
from airflow_provider_yeastar.tasks.schema_rows import connection_protection
from airflow_provider_yeastar.tasks.storing import RowsFileTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.files.storage import ReceivedFile, StoredFile

__all__ = ["YeastarCdrOperator"]

_LEGS_ALREADY = "`legs` belongs to the CDR interface v2.0: rows of v1.0 are legs already"


class YeastarCdrOperator(CallsTask, RowsFileTask):
    """Read the calls of a time window, each once; the XCom return value is the path of their file, a ``str``.

    The interface is chosen by the firmware: v2.0 from x.23.0.123 on, where a row is a call with the key ``uid``, else
    v1.0, where a row is a leg with the key ``new_id``. A window that holds calls of older firmware, which v2.0 does not
    list, fails the task. Rows are counted by key and held against the count of the PBX, before and after: calls that
    cannot be shown to be complete fail the task. Columns and types are in docs/calls.md; an absent value is null, never
    0. A second XCom, ``report``, holds path, bytes, sha256, format, rows, ``complete`` (False if the window had not
    ended), unknown_columns, the window, api_version, requested_at, downloaded_at and serial_number; with ``legs`` also
    ``legs_path``. Vendor's pages: "Search CDR" of both versions, "Query CDR Details".

    Templated: ``yeastar_conn_id``, ``period``, ``start_time``, ``end_time``, ``filters``, ``api_version``,
    ``destination``, ``file_format``.

    :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in words,
        counted from the DAG run: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
        ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
    :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
        offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
    :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
        ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
        ``data_interval_end``, the request ends one second earlier: the next window begins there.
    :param filters: mapping of the vendor's filters to texts, numbers or lists of them, such as ``{"call_from":
        "1001"}``; docs/calls.md lists them. Of ids, names and dialled numbers do.
    :param api_version: str, ``auto``, ``v1.0`` or ``v2.0`` of the CDR interface; the connection's if left out.
    :param legs: bool, default ``False``; True writes the legs of the calls of v2.0 to a second file beside the first,
        ``_legs`` behind its name. That is one request for each call; a try that was stopped is gone on with, unless
        ``protect`` hides columns. Rows of v1.0 are legs already.
    :param file_format: str, default ``ndjson``, one JSON object a line; or ``parquet``, with the extra ``parquet``.
    :param destination: str, pathlib path or ObjectStoragePath of a file; or a text that ends in ``/`` for a directory.
        The file name in a directory is made from connection and request, so that a rerun replaces its own file only.
    :param overwrite: bool, default ``True``; False keeps an existing file and returns its path, without asking the PBX
        for calls.
    :param on_empty: str, what to do if there are no calls, default ``ok``: write a file without rows. ``skip`` skips
        and ``fail`` fails the task; both leave nothing at the destination.
    :param on_empty_remove: bool, default ``False``; True removes an earlier run's file from the destination if
        ``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.
    :param allow_shrink: bool, default ``False``: fail rather than replace a file by one with fewer rows if the new one
        is empty or the PBX no longer has all calls of the period. True replaces it in any case.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param on_schema_change: str, default ``evolve``: keep columns that the schema does not have, typed by their names;
        ``drop`` leaves them out; ``freeze`` fails the task for a new or vanished column. The log and
        ``unknown_columns`` in XCom ``report`` name them.
    :param protect: mapping of columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's ``protect_secret``),
        ``mask`` (all but the last three characters) or ``drop``, default none. Covers columns derived from them, such
        as ``caller_number`` from ``caller``.
    :param wait_timeout: seconds or timedelta within which transient errors are retried, default ``1800``.
    :param yeastar_conn_id: str, id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid; raised at DAG-parse time. Templated arguments are validated
        at run time, and raise ``AirflowFailException``.
    :raises AirflowFailException: if a retry cannot help; the message names the cause: ``OlderCallsError``,
        ``PermissionDeniedError``, ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: if there are no calls and ``on_empty`` is ``skip``.
    :raises YeastarError: for a transient error that outlasted the retries, such as ``IncompleteCallsError`` or
        ``NetworkError``. docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``.
    """

    template_fields: Sequence[str] = (*CallsTask.template_fields, *RowsFileTask.template_fields[1:])
    schemas: ClassVar[Mapping[str, Schema]] = {**CallsTask.schemas, "legs": LEG_SCHEMA}
    ui_color = "#e3f2fb"

    def __init__(self, *, legs: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.legs = legs
        if legs and self.api_version == "v1.0":
            raise InvalidRequestError(_LEGS_ALREADY)

    def execute(self, context: Context) -> str:
        """Read the calls and write them to the destination."""
        with errors_for_airflow():
            return self._deliver(context, self.call_request(context))

    def _deliver(self, context: Context, request: CallRequest) -> str:
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files import storage
        from airflow_provider_yeastar.tasks.record import ReportRecord

        self.check_writer()
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            dated = self.until_killed(client.dated(request, time.time() + self.wait_timeout))
            path = self.rows_path(dated.file_stem("calls", self._source, self.name_key(dated)))
            if self.keeps_file(path):
                return path
            storage.prepare(path)
            publish_portal_link(context, self.yeastar_conn_id)
            with self.fetched_calls(client, dated) as answer:
                if not answer.rows.count:
                    self._remove_earlier_legs(path)
                    self.end_without_rows(context, path)
                with self._received_legs(answer, path) as legs:

                    def record_of(stored: StoredFile) -> ReportRecord:
                        record = ReportRecord.of_calls(answer.calls, stored, answer.rows, self.file_format, time.time())
                        return replace(record, legs_path=legs.stored.path if legs else None)

                    return self.store_rows(context, client, answer.rows, path, record_of, first=legs)

    def _remove_earlier_legs(self, path: str) -> None:
        """Remove the legs of an earlier run if its calls are about to go."""
        if self.legs and self.on_empty != "ok" and self.on_empty_remove:
            from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file
            from airflow_provider_yeastar.operators.call_legs import legs_path

            storage.remove(legs_path(path))

    @contextmanager
    def _received_legs(self, answer: CallAnswer, path: str) -> Iterator[ReceivedFile | None]:
        """Read the legs of all calls into a temporary file, None without ``legs``."""
        if not self.legs:
            yield None
            return
        if answer.calls.query.api.version == "v1.0":
            raise InvalidRequestError(_LEGS_ALREADY, remedy="Leave `legs` out, or update the PBX's firmware.")
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files.kept_rows import KeptRows
        from airflow_provider_yeastar.files.spool import Spool
        from airflow_provider_yeastar.operators.call_legs import kept_if_stopped, legs_path, read_legs

        target = legs_path(path)
        hidden = connection_protection(self.yeastar_conn_id, self.protect)
        kept = KeptRows(None if hidden.ways else target)
        with Spool() as legs, kept_if_stopped(legs, kept):
            read_legs(answer.raw, lambda uids: self.until_killed(answer.reader.legs(uids)), kept, legs)
            rows = SchemaRows(legs, LEG_SCHEMA, on_schema_change=self.on_schema_change, protection=hidden)
            with self.received_rows(rows, target) as received:
                yield received
