"""YeastarCallReportOperator: a call report of a Yeastar PBX as a file, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator, conf

from airflow_provider_yeastar import storage
from airflow_provider_yeastar.exceptions import EmptyReportError, TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.outcome import Outcome, errors_for_airflow, read_event
from airflow_provider_yeastar.pbx.emptiness import is_empty_report
from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    BadFileError,
    InvalidRequestError,
    NetworkError,
    NotAPbxError,
)
from airflow_provider_yeastar.pbx.files import FileCheck, safe_file_name
from airflow_provider_yeastar.pbx.reports import ReportRequest, build_request, check_arguments
from airflow_provider_yeastar.pbx.waiting import Bounds
from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger
from airflow_provider_yeastar.worker import run_on_worker

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.pbx.client import PbxClient

__all__ = ["YeastarCallReportOperator"]

_ON_EMPTY = ("ok", "skip", "fail")
_ATTEMPTS = 2
# What another fetch, or another report, may mend: an answer in the file's place is how the PBX says that it is gone.
_BAD_FETCHES = (BadFileError, AnswerError, NetworkError, NotAPbxError)
_READ_BYTES = 1 << 20
# Airflow's own time-out of a deferral skips `execute_complete`; it only stands behind the trigger's own bounds.
_BACKSTOP = timedelta(minutes=10)


class YeastarCallReportOperator(BaseOperator):
    """Request a call report, wait for it, fetch it; the XCom return value is the file's path, a ``str``.

    Waits in the triggerer with ``deferrable=True``, else on the worker. A second XCom, ``report``, holds path, file,
    bytes, sha256, format, what was asked for, api_version, requested_at, ready_at, downloaded_at and serial_number.
    Vendor's page: "Download a Call Report".

    :param report_type: a built-in report, for instance ``queueperformance``. Exactly one of this, ``my_report_id`` and
        ``scheduled_report_id``.
    :param my_report_id: id of a user-created report.
    :param scheduled_report_id: id of a scheduled report.
    :param period: ``2026-11-22``, ``2026-11`` or ``2026``: a whole day, month or year by the PBX's clock.
    :param start_time: datetime or ISO 8601 text, inclusive; without UTC offset it is by the PBX's clock.
    :param end_time: the same, inclusive.
    :param parameters: further parameters by the vendor's names; lists and bools as Python has them.
    :param file_format: ``csv``, ``xls``, ``pdf`` or ``html``.
    :param duration_format: ``seconds`` or ``hhmmss``.
    :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. The file's
        name in a directory is made from the request, so that a re-run replaces its own file.
    :param overwrite: False returns the path of a file that is there already, without asking the PBX.
    :param on_empty: what to do about a report without a row: ``ok`` keeps it, ``skip`` skips and ``fail`` fails the
        task, and both leave nothing at the destination. For pdf and xls only ``ok``.
    :param asynchronous: False asks with one long request on the worker, without an event.
    :param api_version: ``auto``, ``v1.0`` or ``v2.0``; the connection's when left out.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the report's URL.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports.
    :param deferrable: wait in the triggerer; default is ``[operators] default_deferrable``.
    :param yeastar_conn_id: id of the Airflow connection.
    :raises InvalidRequestError: at parse time for what holds no template, else when the task runs.
    """

    template_fields: Sequence[str] = (
        "report_type",
        "my_report_id",
        "scheduled_report_id",
        "period",
        "start_time",
        "end_time",
        "parameters",
        "file_format",
        "duration_format",
        "destination",
        "api_version",
        "yeastar_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    ui_color = "#e3f2fb"

    def __init__(
        self,
        *,
        destination: str,
        report_type: str | None = None,
        my_report_id: int | str | None = None,
        scheduled_report_id: int | str | None = None,
        period: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        file_format: str = "csv",
        duration_format: str = "seconds",
        overwrite: bool = True,
        on_empty: str = "ok",
        asynchronous: bool = True,
        api_version: str | None = None,
        wait_timeout: float | timedelta = 1800,
        queue_timeout: float | timedelta = 21600,
        deferrable: bool | None = None,
        yeastar_conn_id: str = YeastarHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.destination = destination
        self.report_type = report_type
        self.my_report_id = my_report_id
        self.scheduled_report_id = scheduled_report_id
        self.period = period
        self.start_time = start_time
        self.end_time = end_time
        self.parameters = parameters
        self.file_format = file_format
        self.duration_format = duration_format
        self.overwrite = overwrite
        self.on_empty = on_empty
        self.asynchronous = asynchronous
        self.api_version = api_version
        self.wait_timeout = _seconds("wait_timeout", wait_timeout)
        self.queue_timeout = _seconds("queue_timeout", queue_timeout)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.yeastar_conn_id = yeastar_conn_id
        self._killed = False
        check_arguments(**self._request_arguments())
        _check_on_empty(on_empty, file_format)

    def execute(self, context: Context) -> str:
        """Ask for the report; wait for it here, or defer."""
        with errors_for_airflow():
            request = build_request(**self._request_arguments())
            _check_on_empty(self.on_empty, request.file_format)
            path = storage.resolve_path(self.destination, request.file_name)
            if not self.overwrite and storage.exists(path):
                self.log.info("%s is there already and `overwrite` is False; the PBX is not asked.", path)
                return path
            storage.prepare(path)
            if self._waits_in_triggerer(request):
                self._defer(request, attempt=1)
            with YeastarHook(self.yeastar_conn_id).get_conn() as client:
                return self._collect(context, client, self._wait_here(client, request, attempt=1))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Fetch the report that the trigger's event tells of.

        :param event: what the trigger fired; anything but a success fails the task.
        """
        with errors_for_airflow():
            outcome = read_event(event)
            with YeastarHook(self.yeastar_conn_id).get_conn() as client:
                return self._collect(context, client, outcome)

    def on_kill(self) -> None:
        """Leave a mark at which every wait and every chunk looks; more is not safe in a signal handler."""
        self._killed = True

    def _request_arguments(self) -> dict[str, Any]:
        return {
            "report_type": self.report_type,
            "my_report_id": self.my_report_id,
            "scheduled_report_id": self.scheduled_report_id,
            "period": self.period,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "parameters": self.parameters,
            "file_format": self.file_format,
            "duration_format": self.duration_format,
            "asynchronous": self.asynchronous,
            "api_version": self.api_version,
        }

    def _waits_in_triggerer(self, request: ReportRequest) -> bool:
        return self.deferrable and request.asynchronous

    def _defer(self, request: ReportRequest, attempt: int) -> None:
        self.log.info("Deferring: the triggerer asks for %s and waits.", request.label)
        self.defer(
            trigger=YeastarCallReportTrigger(
                yeastar_conn_id=self.yeastar_conn_id,
                request=request.to_dict(),
                queue_until=time.time() + self.queue_timeout,
                wait_timeout=self.wait_timeout,
                attempt=attempt,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.queue_timeout + self.wait_timeout) + _BACKSTOP,
        )

    def _wait_here(self, client: PbxClient, request: ReportRequest, attempt: int) -> Outcome:
        bounds = Bounds(queue_until=time.time() + self.queue_timeout, wait_timeout=self.wait_timeout)
        report = run_on_worker(client.wait_for_report(request, bounds), lambda: self._killed)
        return Outcome(request, report, attempt)

    def _collect(self, context: Context, client: PbxClient, outcome: Outcome) -> str:
        """Fetch the file; what stays bad is asked for once more."""
        run_on_worker(client.log_in(time.time() + self.wait_timeout), lambda: self._killed)
        try:
            stored = self._fetch(client, outcome)
        except _BAD_FETCHES as error:
            if outcome.attempt >= _ATTEMPTS:
                raise
            self.log.warning("%s The report is asked for once more.", error)
            if self._waits_in_triggerer(outcome.request):
                self._defer(outcome.request, outcome.attempt + 1)
            return self._collect(context, client, self._wait_here(client, outcome.request, outcome.attempt + 1))
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
        if empty and self.on_empty == "skip":
            raise AirflowSkipException("The report holds no row (`on_empty` is skip).")
        if empty:
            raise EmptyReportError("The report holds no row")

    def _refuse_to_go_on_when_killed(self) -> None:
        if self._killed:
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


def _seconds(name: str, value: object) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise InvalidRequestError(f"`{name}` is {value!r}, neither a number of seconds above 0 nor a timedelta")
    return float(seconds)


def _check_on_empty(on_empty: str, file_format: str) -> None:
    if on_empty not in _ON_EMPTY:
        raise InvalidRequestError(f"`on_empty` is {on_empty!r}, not one of {', '.join(_ON_EMPTY)}")
    if on_empty != "ok" and file_format in ("pdf", "xls"):
        raise InvalidRequestError(f"`on_empty={on_empty!r}` cannot be judged for {file_format}; it needs csv or html")
