"""Operators that download a call report of a Yeastar PBX to its destination; the path is in XCom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow, iso_utc
from airflow_provider_yeastar.tasks.arguments import RequestArguments
from airflow_provider_yeastar.tasks.delivering import DeliveringTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.runtime.outcome import Outcome
    from airflow_provider_yeastar.tasks.handover import Handover

__all__ = ["YeastarCallReportOperator", "YeastarDownloadReportOperator"]


class YeastarCallReportOperator(RequestArguments, DeliveringTask):
    """Request a call report, wait for it and download it; the XCom return value is the file's path, a ``str``.

    Waits in the triggerer with ``deferrable=True``, else on the worker. A second XCom, ``report``, holds path, file,
    bytes, sha256, format, the request, api_version, requested_at, ready_at, downloaded_at, serial_number and
    identified_by. Asset events of the task's ``outlets`` carry report, time window, path, bytes and sha256 in their
    extra. OpenLineage gets the PBX's report as input and the file as output.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    Templated: ``report_type``, ``my_report_id``, ``period``, ``start_time``, ``end_time``, ``parameters``,
    ``api_version``, ``scheduled_report_id``, ``file_format``, ``duration_format``, ``yeastar_conn_id``,
    ``destination``.

    :param report_type: str, the vendor's name of a built-in report, such as ``queueperformance``; docs/reports.md lists
        them. Give exactly one of this, ``my_report_id`` and ``scheduled_report_id``.
    :param my_report_id: int or text of digits, id of a user-created report; :meth:`.YeastarHook.list_my_reports` lists
        them.
    :param scheduled_report_id: int or text of digits, id of a report that the PBX made on a schedule;
        :meth:`.YeastarHook.list_scheduled_reports` lists them. Period and format are those of the schedule.
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
    :param file_format: str, default ``csv``; or ``xls``, ``pdf``, ``html``. A scheduled report has its schedule's
        format, which must be this one.
    :param duration_format: str, how the file writes durations, default ``seconds``; or ``hhmmss``.
    :param destination: str, pathlib path or ObjectStoragePath of a file; or a text that ends in ``/`` for a directory.
        The file name in a directory is made from connection and request, so that a rerun replaces its own file only.
    :param overwrite: bool, default ``True``; False keeps an existing file and returns its path. The task then does not
        ask the PBX, pushes no XCom ``report`` and adds nothing to asset events. A file that appears while the task runs
        is kept too.
    :param on_empty: str, what to do if the report has no rows, default ``ok``: keep it. ``skip`` skips and ``fail``
        fails the task; both leave nothing at the destination. pdf and xls support ``ok`` only. If the PBX makes no file
        of an empty report (60001), the task fails with ``ok`` too.
    :param on_empty_remove: bool, default ``False``; True removes an earlier run's file from the destination if
        ``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.
    :param allow_shrink: bool, default ``False``: fail rather than replace a file by one with fewer rows if the new one
        is empty or the PBX no longer has all calls of the period. True replaces it in any case.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param max_bytes: int, largest accepted file in bytes, default 4 GiB; None for no limit.
    :param write_metadata: bool, default ``False``; True also writes the XCom ``report`` as JSON next to the file, with
        ``.report.json`` appended to its name. It is written after the file; its sha256 tells which file it describes.
    :param asynchronous: bool, default ``None``: request by event if the connection is ``exclusive``, else
        synchronously. True always requests in the background, False synchronously; docs/hosts.md explains when an event
        is believed.
    :param api_version: str, ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's if left out.
    :param wait_timeout: seconds or timedelta from taking the lock on the PBX to the report's URL, default ``1800``.
    :param queue_timeout: seconds or timedelta to wait for the lock on the PBX while other reports run, default
        ``21600``.
    :param deferrable: bool; True waits in the triggerer, False on the worker. Airflow's ``[operators]
        default_deferrable`` if left out.
    :param yeastar_conn_id: str, id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid; raised at DAG-parse time. Templated arguments are validated
        at run time, and raise ``AirflowFailException``.
    :raises AirflowFailException: if a retry cannot help; the message names the cause: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError``, ``NotFoundError``,
        ``FileTooLargeError``, ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: if the report has no rows and ``on_empty`` is ``skip``.
    :raises YeastarError: for a transient error that outlasted the retries within the timeouts: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``BadFileError``, ``DestinationError`` and others.
        docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``, deferred or not.
    """

    template_fields: Sequence[str] = (*RequestArguments.template_fields, *DeliveringTask.template_fields)
    ui_color = "#e3f2fb"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_delivery(self.file_format)

    def execute(self, context: Context) -> str:
        """Request the report, and wait on the worker or defer."""
        with errors_for_airflow():
            return self.deliver(context, self.resolved(self.build_request(), context))


class YeastarDownloadReportOperator(DeliveringTask):
    """Download the report that a :class:`.YeastarCallReportSensor` found; the XCom return value is the file's path.

    The sensor's URL is valid for 30 minutes. If it has expired, or the file is refused or invalid, the task requests
    the report again: in the triggerer with ``deferrable=True``, else on the worker. The second XCom, ``report``, the
    asset events and the lineage are those of :class:`YeastarCallReportOperator`.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    Templated: ``yeastar_conn_id``, ``destination``, ``report``.

    :param report: mapping, the sensor's return value: ``sensor.output``.
    :param destination: str, pathlib path or ObjectStoragePath of a file; or a text that ends in ``/`` for a directory.
        The file name in a directory is made from connection and request, so that a rerun replaces its own file only.
    :param overwrite: bool, default ``True``; False keeps an existing file and returns its path. The task then does not
        ask the PBX, pushes no XCom ``report`` and adds nothing to asset events. A file that appears while the task runs
        is kept too.
    :param on_empty: str, what to do if the report has no rows, default ``ok``: keep it. ``skip`` skips and ``fail``
        fails the task; both leave nothing at the destination. pdf and xls support ``ok`` only. If the PBX makes no file
        of an empty report (60001), the task fails with ``ok`` too.
    :param on_empty_remove: bool, default ``False``; True removes an earlier run's file from the destination if
        ``on_empty`` skips or fails the task. Otherwise the log and the XCom ``earlier_file`` name it.
    :param allow_shrink: bool, default ``False``: fail rather than replace a file by one with fewer rows if the new one
        is empty or the PBX no longer has all calls of the period. True replaces it in any case.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param max_bytes: int, largest accepted file in bytes, default 4 GiB; None for no limit.
    :param write_metadata: bool, default ``False``; True also writes the XCom ``report`` as JSON next to the file, with
        ``.report.json`` appended to its name. It is written after the file; its sha256 tells which file it describes.
    :param wait_timeout: seconds or timedelta from taking the lock on the PBX to the report's URL, if it is requested
        again, and for a login; default ``1800``.
    :param queue_timeout: seconds or timedelta to wait for the lock on the PBX, if the report is requested again;
        default ``21600``.
    :param deferrable: bool; True waits in the triggerer, False on the worker. Airflow's ``[operators]
        default_deferrable`` if left out.
    :param yeastar_conn_id: str, id of the Airflow connection; the sensor's if left out. One in ``default_args`` counts
        as given. It must lead to the sensor's PBX.
    :raises InvalidRequestError: if ``on_empty`` or ``max_bytes`` is invalid; raised at DAG-parse time.
    :raises AirflowFailException: if ``report`` is not a sensor's return value, and if a retry cannot help; the message
        names the cause: ``CredentialsError``, ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``,
        ``CertificateError``, ``FileTooLargeError``, ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: if the report has no rows and ``on_empty`` is ``skip``.
    :raises YeastarError: for a transient error that outlasted the retries within the timeouts: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``BadFileError``, ``DestinationError`` and others.
        docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``, deferred or not.
    """

    template_fields: Sequence[str] = (*DeliveringTask.template_fields, "report")
    template_fields_renderers: ClassVar[dict[str, str]] = {"report": "json"}
    ui_color = "#e3f2fb"

    def __init__(self, *, report: Any, yeastar_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        # After a deferral the task is created from its arguments again, so the sensor's id is not known yet.
        self.yeastar_conn_id = yeastar_conn_id  # type: ignore[assignment]  # a str from `_take_handover` on
        self.check_delivery("csv")

    def execute(self, context: Context) -> str:
        """Download the report; request it again if its URL has expired."""
        with errors_for_airflow():
            handover = self._take_handover()
            ready = handover.outcome if time.time() < handover.expires_at else None
            if ready is None:
                self.log.warning(
                    "The URL of the report expired at %s; requesting the report again.", iso_utc(handover.expires_at)
                )
            return self.deliver(context, handover.outcome.request, ready)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Download the report that was requested again.

        :param event: the trigger's event, a mapping; anything but a success fails the task.
        """
        with errors_for_airflow():
            self._take_handover()
        return super().execute_complete(context, event)

    def collect(self, context: Context, client: PbxClient, outcome: Outcome) -> str:
        """Download a finished report of the sensor's PBX; see :meth:`.DeliveringTask.collect`.

        :param context: the task's context.
        :param client: a client of the PBX.
        :param outcome: the report, and the request that it answers.
        :return: the file's path, a str.
        :raises InvalidRequestError: if the report comes from a different PBX than the sensor's.
        """
        self._refuse_another_pbx(outcome.report.serial_number)
        return super().collect(context, client, outcome)

    def _refuse_another_pbx(self, asked: str) -> None:
        sensed = self._sensed_serial_number
        if sensed and asked and asked != sensed:
            raise InvalidRequestError(
                f"The sensor asked the PBX with serial number {sensed}, and this task, with `yeastar_conn_id` "
                f"{self.yeastar_conn_id}, the one with serial number {asked}",
                remedy="Let `yeastar_conn_id` name the sensor's PBX, or leave it out; `default_args` count as given.",
            )

    def _take_handover(self) -> Handover:
        from airflow_provider_yeastar.tasks.handover import read_handover  # not needed to parse a DAG file

        self.check_templates()
        handover = read_handover(self.report)
        self._sensed_serial_number = handover.outcome.report.serial_number
        # The file is on the sensor's PBX, not on the default one.
        self.yeastar_conn_id = self.yeastar_conn_id or handover.yeastar_conn_id
        return handover
