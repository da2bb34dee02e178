"""Operators that put a call report of a Yeastar PBX at its destination, as a file, its path in XCom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.delivery import DeliveringTask
from airflow_provider_yeastar.outcome import errors_for_airflow, iso_utc
from airflow_provider_yeastar.pbx.reports import build_request
from airflow_provider_yeastar.report_tasks import RequestArguments

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.handover import Handover

__all__ = ["YeastarCallReportOperator", "YeastarDownloadReportOperator"]


class YeastarCallReportOperator(RequestArguments, DeliveringTask):
    """Request a call report, wait for it, fetch it; the XCom return value is the file's path, a ``str``.

    Waits in the triggerer with ``deferrable=True``, else on the worker. A second XCom, ``report``, holds path, file,
    bytes, sha256, format, what was asked for, api_version, requested_at, ready_at, downloaded_at and serial_number.
    Asset events of the task's ``outlets`` tell report, window, path, bytes and sha256 in their extra, and OpenLineage
    hears of the PBX's report as input and of the file as output. Vendor's page: "Download a Call Report".

    :param report_type: a built-in report, for instance ``queueperformance``. Exactly one of this, ``my_report_id`` and
        ``scheduled_report_id``.
    :param my_report_id: id of a user-created report.
    :param scheduled_report_id: id of a scheduled report.
    :param period: ``2026-11-22``, ``2026-11`` or ``2026``: a whole day, month or year by the PBX's clock.
    :param start_time: datetime or ISO 8601 text, inclusive; without UTC offset it is by the PBX's clock.
    :param end_time: the same, inclusive.
    :param parameters: further parameters by the vendor's names; lists and bools as Python has them. Where ids are
        wanted, an int is an internal id; a text is a dialled number or a name, else an id. docs/reports.md lists all.
    :param check_ids: False sends ids as they are given, without looking them up on the PBX.
    :param file_format: ``csv``, ``xls``, ``pdf`` or ``html``.
    :param duration_format: ``seconds`` or ``hhmmss``.
    :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. The file's
        name in a directory is made from the request, so that a re-run replaces its own file.
    :param overwrite: False returns the path of a file that is there already, without asking the PBX.
    :param on_empty: what to do about a report without a row: ``ok`` keeps it, ``skip`` skips and ``fail`` fails the
        task, and both leave nothing at the destination. For pdf and xls only ``ok``. Where the PBX makes no file of an
        empty report (60001), the task fails with ``ok`` too, as there is nothing to keep.
    :param max_bytes: the greatest file that is accepted, 4 GiB when left out; None for any.
    :param write_metadata: also write what the XCom ``report`` holds, as JSON, beside the file: its name with
        ``.report.json`` behind it. It follows the file in a step of its own; its sha256 says of which file it tells.
    :param asynchronous: False asks with one long request on the worker, without an event.
    :param api_version: ``auto``, ``v1.0`` or ``v2.0``; the connection's when left out.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the report's URL.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports.
    :param deferrable: wait in the triggerer; default is ``[operators] default_deferrable``.
    :param yeastar_conn_id: id of the Airflow connection.
    :raises InvalidRequestError: at parse time for what holds no template, else when the task runs.
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
    of :class:`YeastarCallReportOperator`.

    :param report: the sensor's return value, ``sensor.output``.
    :param destination: as the further arguments those of :class:`YeastarCallReportOperator`.
    :param yeastar_conn_id: id of the Airflow connection; the sensor's when left out.
    :raises InvalidRequestError: when ``report`` is no sensor's return value.
    """

    template_fields: Sequence[str] = (*DeliveringTask.template_fields, "report")
    template_fields_renderers: ClassVar[dict[str, str]] = {"report": "json"}
    ui_color = "#e3f2fb"

    def __init__(self, *, report: Any, yeastar_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report = report
        # What a task is started with again after a deferral is made of its arguments: the sensor's id is not known yet.
        self.yeastar_conn_id = yeastar_conn_id  # type: ignore[assignment]
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

    def _take_handover(self) -> Handover:
        from airflow_provider_yeastar.handover import read_handover  # not needed to parse a DAG file

        handover = read_handover(self.report)
        # A file of one PBX is not to be looked for on another.
        self.yeastar_conn_id = self.yeastar_conn_id or handover.yeastar_conn_id
        return handover
