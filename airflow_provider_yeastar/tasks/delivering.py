"""DeliveringTask: a finished report is fetched, checked and put at its destination, in one step."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileReplacedError,
    InvalidRequestError,
    NotFoundError,
    WrongReportError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.files.fetch_rules import (
    MAX_FILE_BYTES,
    another_report_may_help,
    check_max_bytes,
    event_complaint,
)
from airflow_provider_yeastar.pbx.redaction import clean_text
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.runtime.outcome import Outcome, errors_for_airflow, read_event, read_request
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.tasks.on_empty import refuse_empty_report
from airflow_provider_yeastar.tasks.storing import StoringTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.files.storage import ReceivedFile
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.tasks.record import ReportRecord

__all__ = ["DeliveringTask"]

log = logging.getLogger(__name__)

_ATTEMPTS = 2
_ATTEMPTS_FOR_NAMES = 3
"""Three names of one report show whether names differ."""
_NO_FILE = (
    "Nothing matches the request, and the PBX made no file that could be kept; check ids and time window, or set "
    "`on_empty` to skip if that is to be expected."
)


class DeliveringTask(StoringTask):
    """A task that puts a report's file at its destination; its XCom return value is the file's path, a ``str``.

    A second XCom, ``report``, holds path, file, bytes, sha256, format, what was asked for, api_version, requested_at,
    ready_at, downloaded_at and serial_number. Asset events of the task's ``outlets`` and OpenLineage tell the same.

    It takes the arguments of :class:`.StoringTask`, ``on_empty`` only as ``ok`` for pdf and xls. Where the PBX makes no
    file of an empty report (60001), the task fails with ``ok`` too, as there is nothing to keep.

    :param max_bytes: the greatest file that is accepted, 4 GiB when left out; None for any.
    :param write_metadata: also write what the XCom ``report`` holds, as JSON, beside the file: its name with
        ``.report.json`` behind it. It follows the file in a step of its own; its sha256 says of which file it tells.
    """

    def __init__(self, *, max_bytes: int | None = MAX_FILE_BYTES, write_metadata: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_bytes = max_bytes
        self.write_metadata = write_metadata

    def check_delivery(self, file_format: str) -> None:
        """Refuse what cannot be delivered so.

        :param file_format: of the report.
        :raises InvalidRequestError: one sentence.
        """
        if self.on_empty != "ok" and file_format in ("pdf", "xls"):
            raise InvalidRequestError(
                f"`on_empty={self.on_empty!r}` cannot be judged for {file_format}; it needs csv or html"
            )
        check_max_bytes(self.max_bytes)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Fetch the report that the trigger's event tells of.

        :param event: what the trigger fired; anything but a success fails the task.
        """
        with errors_for_airflow():
            with self._without_file(context, self._path_in(event)):
                outcome = read_event(event, self._own_parameters)
            with YeastarHook(self.yeastar_conn_id).get_conn() as client:
                return self.collect(context, client, outcome)

    def deliver(self, context: Context, request: ReportRequest, ready: Outcome | None = None) -> str:
        """Ask for a report, wait for it here or in the triggerer, and fetch it.

        :param context: of the task.
        :param request: what to ask for.
        :param ready: where it waits already; None asks for it.
        :return: the file's path.
        """
        from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

        self.check_delivery(request.file_format)
        path = self._path_of(request)
        if self.keeps_file(path):
            return path
        storage.prepare(path)
        if self.write_metadata:
            storage.prepare(storage.sidecar_path(path))
        publish_portal_link(context, self.yeastar_conn_id)
        ready = ready or self.kept_report(context, request)
        if ready is None and self.deferrable:
            self.defer_wait(request)
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            if ready is None:
                with self._without_file(context, path):
                    ready = self.wait_here(client, request)
            return self.collect(context, client, ready)

    def _path_in(self, event: Mapping[str, Any] | None) -> str | None:
        """Return where the file of a failed wait would have gone, None where the event does not tell."""
        try:
            request = read_request(event, self._own_parameters) if event else None
        except (InvalidRequestError, AttributeError, KeyError, TypeError, ValueError):
            return None
        return self._path_of(request) if request else None

    def _path_of(self, request: ReportRequest) -> str:
        return self.path_of(f"{self.file_stem(request)}.{request.file_format}")

    @property
    def _own_parameters(self) -> object:
        """The task's own parameters, which hold the PINs that events lack; a download operator has none."""
        return getattr(self, "parameters", None)

    @contextmanager
    def _without_file(self, context: Context, path: str | None) -> Iterator[None]:
        """Take 60001 in answer to the request for what it is: an empty report, of which the PBX made no file.

        With ``on_empty`` ok the task fails too: its path would lead nowhere, and an empty file would be one of ours.
        """
        try:
            yield
        except NotFoundError as absence:
            if path is not None:
                self.end_without_rows(context, path)
            refuse_empty_report(self.on_empty)
            absence.remedy = _NO_FILE
            raise

    def collect(self, context: Context, client: PbxClient, outcome: Outcome) -> str:
        """Fetch a finished report to its destination; what stays bad is asked for again, here or in the triggerer.

        That is no retry with back-off: the second report is requested at once, and may arrive in another process.

        :param context: of the task.
        :param client: of the PBX.
        :param outcome: the report, and the request that it answers.
        :return: the file's path.
        """
        path = self._path_of(outcome.request)
        if self.keeps_file(path):  # another task may have been quicker
            return path
        with self.keeping(context, client, outcome):
            run_on_worker(client.log_in(time.time() + self.wait_timeout), lambda: self.killed)
        try:
            with self.keeping(context, client, outcome):
                record = self._fetch(context, client, outcome, path)
        except YeastarError as error:
            self._contest(client, outcome, error)
            most = _ATTEMPTS_FOR_NAMES if isinstance(error, FileReplacedError) else _ATTEMPTS
            if outcome.attempt >= most or not another_report_may_help(error):
                raise
            self.log.warning("%s The report is asked for once more.", error)
            again: dict[str, Any] = {"attempt": outcome.attempt + 1, "until": outcome.until}
            # A file that may be replaced has to be fetched at once, and a task that resumes may come late.
            if self.deferrable and not isinstance(error, FileReplacedError):
                self.defer_wait(outcome.request, **again)
            with self._without_file(context, path):
                outcome = self.wait_here(client, outcome.request, **again)
            return self.collect(context, client, outcome)
        if record:
            self.tell(context, record)
        return path

    def _contest(self, client: PbxClient, outcome: Outcome, error: YeastarError) -> None:
        """Believe no event of this PBX for now where a file shows that one was about somebody else's report."""
        minutes = (time.time() - outcome.report.ready_at) / 60
        complaint = event_complaint(error, minutes) if outcome.report.identified_by == "turn" else ""
        if complaint:
            run_on_worker(client.contest(complaint), lambda: self.killed)

    def _fetch(self, context: Context, client: PbxClient, outcome: Outcome, path: str) -> ReportRecord | None:
        from airflow_provider_yeastar.files.fetching import fetch_report  # not needed to parse a DAG file

        def download(new_token: bool) -> ReportRecord | None:
            return self._download(context, client, outcome, path, new_token=new_token)

        return fetch_report(download, outcome.report.ready_at)

    def _download(
        self, context: Context, client: PbxClient, outcome: Outcome, path: str, *, new_token: bool
    ) -> ReportRecord | None:
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.files import storage
        from airflow_provider_yeastar.files.counting import rows_of
        from airflow_provider_yeastar.files.fetching import FileFetch
        from airflow_provider_yeastar.pbx.calls.reading import cap_doubt
        from airflow_provider_yeastar.tasks.record import ReportRecord

        file_format, url = outcome.request.file_format, outcome.report.url
        fetching = FileFetch(client, url, killed=lambda: self.killed, new_token=new_token)
        receiving = fetching.receive(path, file_format, self.max_bytes)
        with client.hiding_secrets(), fetching, receiving as received:
            self._refuse_another_report(client, received, outcome)
            if self._holds_no_row(received, file_format):
                self.end_without_rows(context, path)
            record = ReportRecord.of(outcome, received.stored, time.time())
            if self.write_metadata or (not self.allow_shrink and storage.exists(path)):
                with received.opened() as opened:
                    record = replace(record, rows=rows_of(opened, file_format))
                if doubt := cap_doubt(record.rows):
                    log.warning("%s: %s. Compare with two halves of the time frame.", outcome.report.file, doubt)
            self._refuse_to_go_on_when_killed()
            if self.keeps_file(path):
                return None
            self.refuse_fewer_rows(client, path, record)
            self.publish(received, record.to_json() if self.write_metadata else None)
        # An upload cannot be broken off; the file is whole then, but the task was to end.
        self._refuse_to_go_on_when_killed()
        return record

    def _refuse_another_report(self, client: PbxClient, received: ReceivedFile, outcome: Outcome) -> None:
        """Hold a file against what has been asked for since, and the content of a CSV file against the request.

        :raises FileReplacedError: or AmbiguousFileError, if it may be another report's, which the PBX names alike.
        :raises WrongReportError: if it contradicts the request.
        """
        run_on_worker(client.refuse_replaced(outcome.report, outcome.request), lambda: self.killed)
        if outcome.request.file_format != "csv":
            return
        from airflow_provider_yeastar.pbx.files.contradiction import Expected, contradiction, stray_row
        from airflow_provider_yeastar.pbx.files.delimited import decoded, lines_of
        from airflow_provider_yeastar.pbx.files.whole import pieces_of

        report = outcome.report
        made_on = datetime.fromtimestamp(report.ready_at, UTC).date()
        expected = Expected.of(report.window, made_on, report.asked_numbers, report.other_numbers)
        with received.opened() as opened:
            contradicts = contradiction(lines_of(decoded(pieces_of(opened))), expected)
            stray = stray_row(lines_of(decoded(pieces_of(opened))), report.window)
        if contradicts:
            raise WrongReportError(f"The file {report.file!r} is another report's: {contradicts}")
        if stray:
            asked = report.window["time"]
            log.warning("%s was asked for, and the PBX's file has a row of %s too.", asked, clean_text(stray, 40))

    def _holds_no_row(self, received: ReceivedFile, file_format: str) -> bool:
        """Look at the temporary file, before it is published, if ``on_empty`` has to be applied to it."""
        if self.on_empty == "ok":
            return False
        from airflow_provider_yeastar.pbx.files.emptiness import Content, content_of
        from airflow_provider_yeastar.pbx.files.whole import pieces_of

        with received.opened() as opened:
            content = content_of(pieces_of(opened, self._refuse_to_go_on_when_killed), file_format)
        if content is Content.UNCLEAR:
            raise BadFileError(
                f"Whether the {file_format} report holds rows cannot be told from its file",
                remedy="Ask for csv, or set `on_empty` to ok to keep any file. Nothing was written to the destination.",
            )
        return content is Content.EMPTY

    def _refuse_to_go_on_when_killed(self) -> None:
        if self.killed:
            raise TaskKilledError("The task was killed while it fetched its report")
