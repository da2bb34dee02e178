"""YeastarCallReportSensor: succeeds when a call report is ready to be fetched, and says where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.errors import DeadlineError, InvalidRequestError, WaitTimeoutError
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow, read_event
from airflow_provider_yeastar.tasks.arguments import RequestArguments
from airflow_provider_yeastar.tasks.waiting import WaitingTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.runtime.outcome import Outcome

__all__ = ["YeastarCallReportSensor"]


class YeastarCallReportSensor(RequestArguments, WaitingTask, BaseSensorOperator):
    """Request a call report and succeed when its URL is there; :class:`.YeastarDownloadReportOperator` fetches it.

    The XCom return value holds file, download_resource_url (relative, without token), requested_at, ready_at,
    expires_at (ISO 8601, UTC; the URL lives 30 minutes), and what was asked for. Waits in the triggerer with
    ``deferrable=True``, else on the worker, in one poke that listens: ``poke_interval`` does not matter.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    Templated: ``report_type``, ``my_report_id``, ``period``, ``start_time``, ``end_time``, ``parameters``,
    ``api_version``, ``scheduled_report_id``, ``file_format``, ``duration_format``, ``yeastar_conn_id``.

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
    :param asynchronous: bool, default None: by the event if the connection is ``exclusive``, else synchronously. True
        requests asynchronously in any case, False synchronously; docs/whose-report.md explains the ways.
    :param api_version: ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's when left out.
    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the report's URL, default ``1800``.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports, default ``21600``.
    :param deferrable: bool; True waits in the triggerer, False on the worker. ``[operators] default_deferrable`` when
        left out.
    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``.
    :param timeout: seconds or timedelta for the whole wait, in both modes, Airflow's ``[sensors] default_timeout`` when
        left out; within it ``queue_timeout`` and ``wait_timeout`` hold.
    :param soft_fail: bool, default ``False``; True skips, rather than fails, after a time-out, in both modes; any other
        error fails the task.
    :param mode: only ``poke``, the default; see ``deferrable`` for a wait without a worker slot.
    :raises InvalidRequestError: for arguments that cannot be meant, ``mode`` among them, when the DAG is parsed. What
        holds a template or another task's output is checked when the task runs, and then ends in
        ``AirflowFailException``.
    :raises AirflowSensorTimeout: after ``timeout``, ``wait_timeout`` or ``queue_timeout``; with ``soft_fail`` Airflow
        makes ``AirflowSkipException`` of it.
    :raises AirflowFailException: when no retry can mend it, with its cause in one sentence: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError`` and others. With
        ``soft_fail`` these errors leave as they are, since Airflow would skip.
    :raises YeastarError: for what may pass by itself and has not, such as ``ReportFailedError`` or
        ``AmbiguousEventError``. docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: when the task's ``execution_timeout`` is over, deferred or not.
    """

    template_fields: Sequence[str] = (*RequestArguments.template_fields, *WaitingTask.template_fields)
    ui_color = "#e8f5e9"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.mode != "poke":
            raise InvalidRequestError(
                f"`mode={self.mode!r}` would lose the report: the PBX announces it once, and between two pokes nobody "
                "would listen",
                remedy="Use `deferrable=True` to wait without a worker slot.",
            )

    @property
    def own_seconds(self) -> float:
        """The seconds for the whole wait: ``timeout``, or ``execution_timeout`` where that is shorter."""
        return min(self.timeout, super().own_seconds or self.timeout)

    def execute(self, context: Context) -> Any:
        """Ask for the report; wait for it in one poke, or defer."""
        publish_portal_link(context, self.yeastar_conn_id)
        with self._errors():
            request = build_request(**self.request_arguments)
            if self.deferrable:
                self.defer_wait(request)
        return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask for the report and listen until it is ready."""
        with self._errors(), YeastarHook(self.yeastar_conn_id).get_conn() as client:
            outcome = self.wait_here(client, build_request(**self.request_arguments))
            return PokeReturnValue(is_done=True, xcom_value=self._hand_over(outcome))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return where the report is that the trigger's event tells of.

        :param event: what the trigger fired; anything but a success fails the task.
        """
        with self._errors():
            return self._hand_over(read_event(event))

    def _hand_over(self, outcome: Outcome) -> dict[str, Any]:
        from airflow_provider_yeastar.tasks.handover import write_handover  # not needed to parse a DAG file

        return write_handover(outcome, self.yeastar_conn_id)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Let errors leave so that ``soft_fail`` and ``never_fail`` mean the same in both modes.

        The one skips after a time-out alone, the other after whatever went wrong. Left to itself, Airflow skips for
        either on any exception of its own after a deferral, and for ``soft_fail`` on AirflowFailException in a poke.
        """
        try:
            with nullcontext() if self.soft_fail else errors_for_airflow(), self._time_outs():
                yield
        except Exception as error:  # whatever it is: that is what `never_fail` asks for
            if not self.never_fail:
                raise
            raise AirflowSkipException(str(error)) from None

    @contextmanager
    def _time_outs(self) -> Iterator[None]:
        try:
            yield
        except DeadlineError as error:
            # As in a poke that Airflow ends: `soft_fail` skips, else the task may be tried again.
            of_sensor = self.soft_fail or self.own_seconds == self.timeout
            raise (AirflowSensorTimeout if of_sensor else AirflowTaskTimeout)(str(error)) from None
        except WaitTimeoutError as error:
            raise AirflowSensorTimeout(str(error)) from None
