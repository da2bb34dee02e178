"""YeastarCallReportSensor: succeeds when a call report is ready for download, and returns its URL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import (
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.errors import DeadlineError, InvalidRequestError, WaitTimeoutError
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow, read_event
from airflow_provider_yeastar.tasks.arguments import RequestArguments
from airflow_provider_yeastar.tasks.waiting import WaitingTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.runtime.outcome import Outcome

__all__ = ["YeastarCallReportSensor"]


class YeastarCallReportSensor(RequestArguments, WaitingTask, BaseSensorOperator):
    """Request a call report and succeed when its URL is known; :class:`.YeastarDownloadReportOperator` downloads it.

    The XCom return value holds file, download_resource_url (relative, without token), requested_at, ready_at,
    expires_at (ISO 8601, UTC; the URL is valid for 30 minutes), and the request. Waits in the triggerer with
    ``deferrable=True``, else on the worker in a single poke that listens, so ``poke_interval`` has no effect.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    Templated: ``report_type``, ``my_report_id``, ``period``, ``start_time``, ``end_time``, ``parameters``,
    ``api_version``, ``scheduled_report_id``, ``file_format``, ``duration_format``, ``yeastar_conn_id``.

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
    :param timeout: seconds or timedelta for the whole wait, in both modes; Airflow's ``[sensors] default_timeout`` if
        left out. ``queue_timeout`` and ``wait_timeout`` hold within it.
    :param soft_fail: bool, default ``False``; True skips the task after a timeout, in both modes. Any other error fails
        it.
    :param mode: str, only ``poke``, the default; use ``deferrable`` to wait without a worker slot.
    :raises InvalidRequestError: if an argument is invalid, ``mode`` included; raised at DAG-parse time. Templated
        arguments are validated at run time, and raise ``AirflowFailException``.
    :raises AirflowSensorTimeout: after ``timeout``, ``wait_timeout`` or ``queue_timeout``; with ``soft_fail`` Airflow
        turns it into ``AirflowSkipException``.
    :raises AirflowFailException: if a retry cannot help; the message names the cause: ``CredentialsError``,
        ``PermissionDeniedError``, ``BlockedError``, ``ParameterError``, ``CertificateError`` and others. With
        ``soft_fail`` these errors are raised unchanged, because Airflow would skip the task.
    :raises YeastarError: for a transient error that outlasted the retries, such as ``ReportFailedError`` or
        ``AmbiguousEventError``. docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``, deferred or not.
    """

    template_fields: Sequence[str] = (*RequestArguments.template_fields, *WaitingTask.template_fields)
    ui_color = "#e8f5e9"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.deferrable:
            self.mode = "poke"  # a deferred sensor has no mode: "reschedule" may come from the DAG's `default_args`
        if self.mode != "poke":
            raise InvalidRequestError(
                f"`mode={self.mode!r}` would lose the report: the PBX announces it once, and between two pokes nothing "
                "listens",
                remedy="Use `deferrable=True` to wait without a worker slot.",
            )

    @property
    def own_seconds(self) -> float:
        """The seconds for the whole wait: ``timeout``, or ``execution_timeout`` where that is shorter."""
        return min(self.timeout, super().own_seconds or self.timeout)

    def execute(self, context: Context) -> Any:
        """Request the report, and wait in one poke or defer."""
        with self._errors():
            self.check_templates()
            publish_portal_link(context, self.yeastar_conn_id)
            request = self.resolved(self.build_request(), context)
            if self.deferrable:
                self.defer_wait(request)
        return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Request the report and listen until it is ready."""
        with self._errors(), YeastarHook(self.yeastar_conn_id).get_conn() as client:
            outcome = self.wait_here(client, self.resolved(self.build_request(), context))
            return PokeReturnValue(is_done=True, xcom_value=self._hand_over(outcome))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return where the report is, from the trigger's event.

        :param event: the trigger's event, a mapping; anything but a success fails the task.
        """
        with self._errors():
            return self._hand_over(read_event(event, self.parameters))

    def _hand_over(self, outcome: Outcome) -> dict[str, Any]:
        from airflow_provider_yeastar.tasks.handover import write_handover  # not needed to parse a DAG file

        return write_handover(outcome, self.yeastar_conn_id, self.name_key(outcome.request))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise errors so that ``soft_fail`` and ``never_fail`` mean the same in both modes.

        ``soft_fail`` skips after a timeout only, ``never_fail`` after any error. Airflow by itself skips for either on
        any of its own exceptions after a deferral, and for ``soft_fail`` on AirflowFailException in a poke.
        """
        try:
            with nullcontext() if self.soft_fail else errors_for_airflow(), self._time_outs():
                yield
        except Exception as error:  # `never_fail` means any error
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
