"""DeliveringTask: a finished report is fetched, checked and put at its destination, in one step."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar import storage
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.on_empty import check_on_empty, refuse_empty_report
from airflow_provider_yeastar.outcome import Outcome, errors_for_airflow, read_event
from airflow_provider_yeastar.pbx.emptiness import is_empty_report
from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    BadFileError,
    InvalidRequestError,
    NetworkError,
    NotAPbxError,
    NotFoundError,
)
from airflow_provider_yeastar.pbx.files import FileCheck, safe_file_name
from airflow_provider_yeastar.pbx.reports import ReportRequest
from airflow_provider_yeastar.report_tasks import WaitingTask
from airflow_provider_yeastar.worker import run_on_worker

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.pbx.client import PbxClient

__all__ = ["DeliveringTask"]

_ATTEMPTS = 2
# What another fetch, or another report, may mend: an answer in the file's place is how the PBX says that it is gone.
_BAD_FETCHES = (BadFileError, AnswerError, NetworkError, NotAPbxError)
_READ_BYTES = 1 << 20
_NO_FILE = (
    "Nothing matches the request, and the PBX made no file that could be kept; check ids and time window, or set "
    "`on_empty` to skip if that is to be expected."
)


class DeliveringTask(WaitingTask):
    """A task that puts a report's file at its destination; its XCom return value is the file's path, a ``str``.

    A second XCom, ``report``, holds path, file, bytes, sha256, format, what was asked for, api_version, requested_at,
    ready_at, downloaded_at and serial_number.

    :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. The file's
        name in a directory is made from the request, so that a re-run replaces its own file.
    :param overwrite: False returns the path of a file that is there already, without asking the PBX.
    :param on_empty: what to do about a report without a row: ``ok`` keeps it, ``skip`` skips and ``fail`` fails the
        task, and both leave nothing at the destination. For pdf and xls only ``ok``. Where the PBX makes no file of an
        empty report (60001), the task fails with ``ok`` too, as there is nothing to keep.
    """

    template_fields: Sequence[str] = (*WaitingTask.template_fields, "destination")

    def __init__(self, *, destination: str, overwrite: bool = True, on_empty: str = "ok", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.destination = destination
        self.overwrite = overwrite
        self.on_empty = on_empty

    def check_delivery(self, file_format: str) -> None:
        """Refuse what cannot be delivered so.

        :param file_format: of the report.
        :raises InvalidRequestError: one sentence.
        """
        check_on_empty(self.on_empty)
        if self.on_empty != "ok" and file_format in ("pdf", "xls"):
            raise InvalidRequestError(
                f"`on_empty={self.on_empty!r}` cannot be judged for {file_format}; it needs csv or html"
            )

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Fetch the report that the trigger's event tells of.

        :param event: what the trigger fired; anything but a success fails the task.
        """
        with errors_for_airflow():
            with self._without_file():
                outcome = read_event(event)
            with YeastarHook(self.yeastar_conn_id).get_conn() as client:
                return self._collect(context, client, outcome)

    def deliver(self, context: Context, request: ReportRequest) -> str:
        """Ask for a report, wait for it here or in the triggerer, and fetch it.

        :param context: of the task.
        :param request: what to ask for.
        :return: the file's path.
        """
        self.check_delivery(request.file_format)
        path = storage.resolve_path(self.destination, request.file_name)
        if not self.overwrite and storage.exists(path):
            self.log.info("%s is there already and `overwrite` is False; the PBX is not asked.", path)
            return path
        storage.prepare(path)
        if self.waits_in_triggerer(request):
            self.defer_wait(request, attempt=1)
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            return self._collect(context, client, self.wait_here(client, request, attempt=1))

    def wait_here(self, client: PbxClient, request: ReportRequest, attempt: int) -> Outcome:
        """Ask for the report and wait for it on the worker; see :meth:`.WaitingTask.wait_here`."""
        with self._without_file():
            return super().wait_here(client, request, attempt)

    @contextmanager
    def _without_file(self) -> Iterator[None]:
        """Take 60001 in answer to the request for what it is: an empty report, of which the PBX made no file.

        With ``on_empty`` ok the task fails too: its path would lead nowhere, and an empty file would be one of ours.
        """
        try:
            yield
        except NotFoundError as absence:
            refuse_empty_report(self.on_empty)
            absence.remedy = _NO_FILE
            raise

    def _collect(self, context: Context, client: PbxClient, outcome: Outcome) -> str:
        """Fetch the file; what stays bad is asked for once more."""
        run_on_worker(client.log_in(time.time() + self.wait_timeout), lambda: self.killed)
        try:
            stored = self._fetch(client, outcome)
        except _BAD_FETCHES as error:
            if outcome.attempt >= _ATTEMPTS:
                raise
            self.log.warning("%s The report is asked for once more.", error)
            if self.waits_in_triggerer(outcome.request):
                self.defer_wait(outcome.request, outcome.attempt + 1)
            return self._collect(context, client, self.wait_here(client, outcome.request, outcome.attempt + 1))
        context["ti"].xcom_push(key="report", value=_record(outcome, stored))
        return stored.path

    def _fetch(self, client: PbxClient, outcome: Outcome) -> storage.StoredFile:
        path = storage.resolve_path(self.destination, outcome.request.file_name)
        try:
            return self._download(client, outcome, path)
        except _BAD_FETCHES as error:
            self.log.warning("%s It is fetched once more.", error)
        return self._download(client, outcome, path)

    def _download(self, client: PbxClient, outcome: Outcome, path: str) -> storage.StoredFile:
        file_format, url = outcome.request.file_format, outcome.report.url
        with client.open_file(url) as stream:
            check = FileCheck(
                file_format,
                announced_bytes=stream.announced_bytes,
                max_bytes=None,
                pbx=client.address,
                endpoint=url.split("?")[0],
            )
            return storage.store(
                self._until_killed(stream.chunks), path, check, accept=lambda file: self._accept(file, file_format)
            )

    def _until_killed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._refuse_to_go_on_when_killed()
            yield chunk

    def _accept(self, file: Path, file_format: str) -> None:
        """The last look at the whole file before it takes its place."""
        self._refuse_to_go_on_when_killed()
        if self.on_empty == "ok":
            return
        with file.open("rb") as opened:
            empty = is_empty_report(iter(lambda: opened.read(_READ_BYTES), b""), file_format)
        if empty:
            refuse_empty_report(self.on_empty)

    def _refuse_to_go_on_when_killed(self) -> None:
        if self.killed:
            raise TaskKilledError("The task was killed while it fetched its report")


def _record(outcome: Outcome, stored: storage.StoredFile) -> dict[str, Any]:
    """What the XCom ``report`` holds: JSON types only, no token, times in ISO 8601 and UTC."""
    request, report = outcome.request, outcome.report
    identity = {
        "report_type": request.report_type,
        "my_report_id": request.my_report_id,
        "scheduled_report_id": request.scheduled_report_id,
    }
    return {
        "path": stored.path,
        "file": safe_file_name(report.file),
        "bytes": stored.bytes,
        "sha256": stored.sha256,
        "format": request.file_format,
        **{name: value for name, value in identity.items() if value is not None},
        **report.window,
        "timezone": report.timezone,
        "api_version": report.api_version,
        "requested_at": _iso(report.requested_at),
        "ready_at": _iso(report.ready_at),
        "downloaded_at": _iso(time.time()),
        "serial_number": report.serial_number,
    }


def _iso(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="seconds")
