"""Operators that put a call report of a Yeastar PBX at its destination, as a file, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow, iso_utc
from airflow_provider_yeastar.tasks.arguments import RequestArguments
from airflow_provider_yeastar.tasks.delivering import DeliveringTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.runtime.outcome import Outcome
    from airflow_provider_yeastar.tasks.handover import Handover

__all__ = ["YeastarCallReportOperator", "YeastarDownloadReportOperator"]


class YeastarCallReportOperator(RequestArguments, DeliveringTask):
    """Request a call report, wait for it, fetch it; the XCom return value is the file's path, a ``str``.

    Waits in the triggerer with ``deferrable=True``, else on the worker. A second XCom, ``report``, holds path, file,
    bytes, sha256, format, what was asked for, api_version, requested_at, ready_at, downloaded_at and serial_number.
    Asset events of the task's ``outlets`` tell report, window, path, bytes and sha256 in their extra, and OpenLineage
    hears of the PBX's report as input and of the file as output.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    Templated: ``report_type``, ``my_report_id``, ``period``, ``start_time``, ``end_time``, ``parameters``,
    ``api_version``, ``scheduled_report_id``, ``file_format``, ``duration_format``, ``yeastar_conn_id``,
    ``destination``.

    :param report_type: name of a built-in report, for instance ``queueperformance``; docs/reports.md lists them.
        Exactly one of this, ``my_report_id`` and ``scheduled_report_id``.
    :param my_report_id: id of a user-created report, an int or a text of digits; :meth:`.YeastarHook.list_my_reports`
        lists them.
    :param scheduled_report_id: id of a report that the PBX made by schedule, an int or a text of digits;
        :meth:`.YeastarHook.list_scheduled_reports` lists them. Its period and format are the schedule's.
    :param period: text ``2026-11-22``, ``2026-11`` or ``2026``: a whole day, month or year by the PBX's clock.
    :param start_time: datetime or ISO 8601 text, inclusive, in place of ``period``; without UTC offset it is by the
        PBX's clock.
    :param end_time: the same, inclusive.
    :param parameters: mapping of further parameters by the vendor's names; lists and bools as Python has them. Where
        ids are wanted, an int is an internal id; a text is a dialled number or a name, else an id. docs/reports.md
        lists all.
    :param check_ids: bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.
    :param file_format: default ``csv``; or ``xls``, ``pdf``, ``html``. The format of a scheduled report is the
        schedule's, and checked against this.
    :param duration_format: how the file writes durations, default ``seconds``; or ``hhmmss``.
    :param destination: text or path object of a file, or a text that ends in ``/`` of a directory; a local path or any
        ObjectStoragePath. The file's name in a directory is made from connection and request, so that a re-run replaces
        its own file and no other's.
    :param overwrite: bool, default ``True``; False leaves a file alone that is there already and returns its path. The
        PBX is then not asked, and as nothing is stored there is no XCom ``report`` and nothing in the extra of asset
        events. A file that appears while the task is at work is left alone too.
    :param on_empty: what to do about a report without a row, default ``ok``, which keeps it. ``skip`` skips and
        ``fail`` fails the task, and both leave nothing at the destination. For pdf and xls only ``ok``. Where the PBX
        makes no file of an empty report (60001), the task fails with ``ok`` too, as there is nothing to keep.
    :param on_empty_remove: bool, default ``False``, which keeps the file of an earlier run where ``skip`` and ``fail``
        store none, and names it in the log and in the XCom ``earlier_file``; True removes it, with its metadata.
    :param allow_shrink: bool, default ``False``; True replaces a file by one with fewer rows in any case. With False
        the task fails and the file stays if the new one is empty, or if the PBX no longer has all calls of the period.
    :param shrink_tolerance: number from 0 to 1, the share of the rows that may go; a greater one fails the task. None,
        the default, for any.
    :param max_bytes: the greatest file that is accepted, in bytes, default 4 GiB; None for any.
    :param write_metadata: bool, default ``False``; True also writes what the XCom ``report`` holds, as JSON, beside the
        file: its name with ``.report.json`` behind it. It follows the file in a step of its own; its sha256 says of
        which file it tells.
    :param asynchronous: bool, default ``True``; False asks with one long request on the worker, without event or
        triggerer.
    :param api_version: ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's when left out.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the report's URL, default ``1800``.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports, default ``21600``.
    :param deferrable: bool; True waits in the triggerer, False on the worker. ``[operators] default_deferrable`` when
        left out.
    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: for arguments that cannot be meant, when the DAG is parsed. What holds a template or
        another task's output is checked when the task runs, and then ends in ``AirflowFailException``.
    :raises AirflowFailException: when no retry can mend it, with its cause in one sentence: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError``, ``NotFoundError``,
        ``FileTooLargeError``, ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: for a report without a row, with ``on_empty`` skip.
    :raises YeastarError: for what may pass, after it was asked for again within the time-outs: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``BadFileError``, ``DestinationError`` and others.
        docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: when the task's ``execution_timeout`` is over, deferred or not.
    """

    template_fields: Sequence[str] = (*RequestArguments.template_fields, *DeliveringTask.template_fields)
    ui_color = "#e3f2fb"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_delivery(self.file_format)

    def execute(self, context: Context) -> str:
        """Ask for the report; wait for it here, or defer."""
        with errors_for_airflow():
            return self.deliver(context, build_request(**self.request_arguments))


class YeastarDownloadReportOperator(DeliveringTask):
    """Fetch the report that a :class:`.YeastarCallReportSensor` found; the XCom return value is the file's path.

    The URL that the sensor found lives 30 minutes. When they have passed, or the file is refused or bad, the report is
    asked for again: in the triggerer with ``deferrable=True``, else on the worker. The second XCom, ``report``, is that
    of :class:`YeastarCallReportOperator`, and so are asset events and lineage.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    Templated: ``yeastar_conn_id``, ``destination``, ``report``.

    :param report: the sensor's return value, ``sensor.output``.
    :param destination: text or path object of a file, or a text that ends in ``/`` of a directory; a local path or any
        ObjectStoragePath. The file's name in a directory is made from connection and request, so that a re-run replaces
        its own file and no other's.
    :param overwrite: bool, default ``True``; False leaves a file alone that is there already and returns its path. The
        PBX is then not asked, and as nothing is stored there is no XCom ``report`` and nothing in the extra of asset
        events. A file that appears while the task is at work is left alone too.
    :param on_empty: what to do about a report without a row, default ``ok``, which keeps it. ``skip`` skips and
        ``fail`` fails the task, and both leave nothing at the destination. For pdf and xls only ``ok``. Where the PBX
        makes no file of an empty report (60001), the task fails with ``ok`` too, as there is nothing to keep.
    :param on_empty_remove: bool, default ``False``, which keeps the file of an earlier run where ``skip`` and ``fail``
        store none, and names it in the log and in the XCom ``earlier_file``; True removes it, with its metadata.
    :param allow_shrink: bool, default ``False``; True replaces a file by one with fewer rows in any case. With False
        the task fails and the file stays if the new one is empty, or if the PBX no longer has all calls of the period.
    :param shrink_tolerance: number from 0 to 1, the share of the rows that may go; a greater one fails the task. None,
        the default, for any.
    :param max_bytes: the greatest file that is accepted, in bytes, default 4 GiB; None for any.
    :param write_metadata: bool, default ``False``; True also writes what the XCom ``report`` holds, as JSON, beside the
        file: its name with ``.report.json`` behind it. It follows the file in a step of its own; its sha256 says of
        which file it tells.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the report's URL, where it is asked for
        again, and for a login; default ``1800``.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports, where it is asked for
        again; default ``21600``.
    :param deferrable: bool; True waits in the triggerer, False on the worker. ``[operators] default_deferrable`` when
        left out.
    :param yeastar_conn_id: id of the Airflow connection; the sensor's when left out. One in ``default_args`` counts as
        given. It has to lead to the sensor's PBX.
    :raises InvalidRequestError: for ``on_empty`` or ``max_bytes`` that cannot be meant, when the DAG is parsed.
    :raises AirflowFailException: when ``report`` is no sensor's return value, and when no retry can mend it, with its
        cause in one sentence: ``CredentialsError``, ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``,
        ``CertificateError``, ``FileTooLargeError``, ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: for a report without a row, with ``on_empty`` skip.
    :raises YeastarError: for what may pass, after it was asked for again within the time-outs: ``WaitTimeoutError``,
        ``NetworkError``, ``BusyError``, ``TokenCapError``, ``BadFileError``, ``DestinationError`` and others.
        docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: when the task's ``execution_timeout`` is over, deferred or not.
    """

    template_fields: Sequence[str] = (*DeliveringTask.template_fields, "report")
    template_fields_renderers: ClassVar[dict[str, str]] = {"report": "json"}
    ui_color = "#e3f2fb"

    def __init__(self, *, report: Any, yeastar_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        # What a task is started with again after a deferral is made of its arguments: the sensor's id is not known yet.
        self.yeastar_conn_id = yeastar_conn_id  # type: ignore[assignment]  # a str from `_take_handover` on
        self.check_delivery("csv")

    def execute(self, context: Context) -> str:
        """Fetch the report; ask for it again where its URL is no more."""
        with errors_for_airflow():
            handover = self._take_handover()
            ready = handover.outcome if time.time() < handover.expires_at else None
            if ready is None:
                self.log.warning(
                    "The URL of the report lived until %s; the report is asked for again.", iso_utc(handover.expires_at)
                )
            return self.deliver(context, handover.outcome.request, ready)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Fetch the report that was asked for again.

        :param event: what the trigger fired; anything but a success fails the task.
        """
        with errors_for_airflow():
            self._take_handover()
        return super().execute_complete(context, event)

    def collect(self, context: Context, client: PbxClient, outcome: Outcome) -> str:
        """Fetch a finished report of the PBX that the sensor asked; see :meth:`.DeliveringTask.collect`.

        :param context: of the task.
        :param client: of the PBX.
        :param outcome: the report, and the request that it answers.
        :return: the file's path.
        :raises InvalidRequestError: when the report was asked for again, and of another PBX.
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

        handover = read_handover(self.report)
        self._sensed_serial_number = handover.outcome.report.serial_number
        # A file of one PBX is not to be looked for on another.
        self.yeastar_conn_id = self.yeastar_conn_id or handover.yeastar_conn_id
        return handover
