"""YeastarRecordingsOperator: the recordings of a time window as files, and a manifest of them, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.calls.query import CallApi
from airflow_provider_yeastar.pbx.calls.recordings import RECORDING_API
from airflow_provider_yeastar.pbx.calls.request import CallRequest
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, YeastarError
from airflow_provider_yeastar.pbx.files.fetch_rules import MAX_FILE_BYTES, check_max_bytes
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow
from airflow_provider_yeastar.schemas.protection import Protection
from airflow_provider_yeastar.schemas.recordings import RECORDING_SCHEMA, Listing, Manifest, hiding_file
from airflow_provider_yeastar.schemas.schema import Schema
from airflow_provider_yeastar.tasks.calls import CallsTask, ListedRows
from airflow_provider_yeastar.tasks.schema_rows import connection_protection
from airflow_provider_yeastar.tasks.storing import RowsFileTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.files.gathering import Target
    from airflow_provider_yeastar.files.storage import StoredFile
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.tasks.record import ReportRecord

__all__ = ["YeastarRecordingsOperator"]

_MOST_AT_ONCE = 4
_API_VERSION = "api_version"


class YeastarRecordingsOperator(CallsTask, RowsFileTask):
    """Store the recordings of a time window; the XCom return value is the path of their manifest, a ``str``.

    Each file is checked and put in place in one step; its name is made of the time, the call's key, the recording's id
    and the PBX's serial number, so that a rerun fetches only what is missing or differs in size, from the list or from
    what the earlier manifest says of the same listed size. The manifest is written last, when every recording is there:
    one row each, with the PBX's columns, path, bytes and sha256 (docs/recordings.md). A recording without a file (size
    0) has a row without a path. A recording that cannot be had fails the task after the others are stored. A second
    XCom, ``report``, holds path, bytes, sha256, format and rows of the manifest, ``complete`` (False if the window had
    not ended), unknown_columns, the window, api_version, requested_at, downloaded_at and serial_number. The task stays
    on the worker, as it is busy with the files.
    Vendor's pages: "Search Recordings", "Download a Recording".

    Templated: ``yeastar_conn_id``, ``period``, ``start_time``, ``end_time``, ``filters``, ``destination``,
    ``file_format``.

    :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in words,
        counted from the DAG run: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
        ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
    :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
        offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
    :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
        ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
        ``data_interval_end``, the request ends one second earlier: the next window begins there.
    :param filters: mapping of ``caller`` and ``callee``, numbers, and ``ids``, recordings' ids, to texts, numbers or
        lists of them, default none.
    :param destination: str, pathlib path or ObjectStoragePath of the directory for recordings and manifest, with or
        without ``/`` at its end.
    :param file_format: str, of the manifest, default ``ndjson``, one JSON object a line; or ``parquet``, with the extra
        ``parquet``.
    :param concurrency: int from 1 to 4, default ``1``: how many files to fetch at a time. Their URLs are asked for one
        at a time in any case.
    :param max_bytes: int, largest accepted recording in bytes, default 4 GiB; None for no limit. A larger one fails the
        task after the others are stored.
    :param overwrite: bool, default ``True``; False returns the path of a manifest that is there, without asking the PBX
        for recordings.
    :param on_empty: str, what to do if there are no recordings, default ``ok``: write a manifest without rows. ``skip``
        skips and ``fail`` fails the task; both leave nothing at the destination.
    :param on_empty_remove: bool, default ``False``; True removes an earlier run's manifest, not its recordings, if
        ``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.
    :param allow_shrink: bool, default ``False``: fail rather than replace a manifest by one with fewer rows if the new
        one is empty or the PBX no longer has all calls of the period. True replaces it in any case. Recordings are
        never removed.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param on_schema_change: str, default ``evolve``: keep columns that the schema does not have, typed by their names;
        ``drop`` leaves them out; ``freeze`` fails the task for a new or vanished column. The log and
        ``unknown_columns`` in XCom ``report`` name them.
    :param protect: mapping of the manifest's columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's
        ``protect_secret``), ``mask`` (all but the last three characters) or ``drop``, default none. Covers columns
        derived from them, such as ``call_from_number`` from ``call_from``; either of ``call_from`` and ``call_to`` also
        drops ``file``, unless that is named. Names of files hold no telephone numbers in any case.
    :param wait_timeout: seconds or timedelta for which transient errors are retried, from the start for the list and
        anew for each recording, a PBX that is busy with another one (70651) among them; default ``1800``.
    :param yeastar_conn_id: str, id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid; raised at DAG-parse time. Templated arguments are validated
        at run time, and raise ``AirflowFailException``.
    :raises AirflowFailException: if a retry cannot help; the message names the cause: ``PermissionDeniedError``,
        ``RecordingDisabledError``, ``FileTooLargeError``, ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: if there are no recordings and ``on_empty`` is ``skip``.
    :raises YeastarError: for a transient error that outlasted the retries, such as ``RecordingBusyError``,
        ``IncompleteCallsError`` or ``BadFileError``. docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``.
    """

    template_fields: Sequence[str] = (
        *(name for name in CallsTask.template_fields if name != _API_VERSION),
        *RowsFileTask.template_fields[1:],
    )
    ui_color = "#e3f2fb"
    api: ClassVar[CallApi | None] = RECORDING_API
    schemas: ClassVar[Mapping[str, Schema]] = {RECORDING_API.version: RECORDING_SCHEMA}

    def __init__(
        self,
        *,
        max_bytes: int | None = MAX_FILE_BYTES,
        concurrency: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(api_version=None, **kwargs)
        self.max_bytes = max_bytes
        self.concurrency = concurrency
        check_max_bytes(max_bytes)
        if type(concurrency) is not int or not 1 <= concurrency <= _MOST_AT_ONCE:
            raise InvalidRequestError(
                f"`concurrency` is {concurrency!r}, not a whole number from 1 to {_MOST_AT_ONCE}",
            )

    def execute(self, context: Context) -> str:
        """List the recordings, fetch what is missing, write the manifest."""
        with errors_for_airflow():
            return self._deliver(context, self.call_request(context))

    def _deliver(self, context: Context, request: CallRequest) -> str:
        from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

        self.check_writer()
        hidden = connection_protection(self.yeastar_conn_id, hiding_file(self.protect))
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            dated = self.until_killed(client.dated(request, time.time() + self.wait_timeout))
            path = self.rows_path(dated.file_stem("recordings", self._source))
            if self.keeps_file(path):
                return path
            storage.prepare(path)
            publish_portal_link(context, self.yeastar_conn_id)
            with self.listed_rows(client, dated) as listed:
                return self._store(context, client, listed, hidden, path)

    def path_of(self, file_name: str) -> str:
        """Return where a file goes: the destination is a directory in any case.

        :param file_name: its name there.
        """
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files import storage
        from airflow_provider_yeastar.files.paths import as_folder

        return storage.resolve_path(as_folder(self.destination), file_name)

    def _store(self, context: Context, client: PbxClient, listed: ListedRows, hidden: Protection, path: str) -> str:
        from airflow_provider_yeastar.tasks.record import ReportRecord  # not needed to parse a DAG file

        calls = listed.calls
        listing = Listing(listed.rows, calls.query.display, client.address)
        stored = self._gather(client, self._targets(listing, calls.serial_number, path), listed.rows.count)
        rows = self.in_schema(calls, Manifest(listing, stored, calls.zone), hidden)

        def record_of(file: StoredFile) -> ReportRecord:
            return ReportRecord.of_calls(calls, file, rows, self.file_format, time.time())

        return self.store_rows(context, client, rows, path, record_of)

    def _targets(self, listing: Listing, serial_number: str, manifest: str) -> Iterator[Target]:
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files.counting import sizes_in_manifest
        from airflow_provider_yeastar.files.gathering import Target
        from airflow_provider_yeastar.files.inventory import sizes_in

        folder, _, manifest_name = manifest.rpartition("/")
        there = sizes_in(folder)
        before = sizes_in_manifest(manifest, self.file_format) if manifest_name in there else {}
        for recording in listing:
            if recording.has_file:
                name = recording.file_name(serial_number)
                whole = (recording.size, before.get((name, recording.size)))
                yield Target(recording, f"{folder}/{name}", name in there and there[name] in whole)

    def _gather(self, client: PbxClient, targets: Iterator[Target], count: int) -> dict[str, StoredFile]:
        """Store what is missing; return all files by the ids of their recordings.

        :raises YeastarError: when one of them cannot be had, after the others are stored.
        """
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files.gathering import Gatherer, failure_of
        from airflow_provider_yeastar.hooks.connection import mask_token

        gatherer = Gatherer(
            client,
            at_once=self.concurrency,
            max_bytes=self.max_bytes,
            wait_timeout=self.wait_timeout,
            killed=lambda: self.killed,
            publish=self.publish,
            announce_secret=mask_token,
        )
        stored: dict[str, StoredFile] = {}
        failures: list[YeastarError] = []
        fetched = 0
        with closing(gatherer.gather(targets)) as ended:
            for gathered in ended:
                if isinstance(gathered.result, YeastarError):
                    self.log.error("%s The others are fetched all the same.", gathered.result.sentence)
                    failures.append(gathered.result)
                else:
                    stored[gathered.target.recording.id] = gathered.result
                    fetched += not gathered.target.is_there
        self.log.info(
            "%s: %d fetched, %d there already, %d without a file, %d failed.",
            counted(count, "recording"),
            fetched,
            len(stored) - fetched,
            count - len(stored) - len(failures),
            len(failures),
        )
        if failures:
            raise failure_of(failures, count)
        return stored
