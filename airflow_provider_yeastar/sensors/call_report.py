"""YeastarCallReportSensor: succeeds when a call report is ready to be fetched, and says where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links import publish_portal_link
from airflow_provider_yeastar.outcome import errors_for_airflow, read_event
from airflow_provider_yeastar.pbx.errors import DeadlineError, InvalidRequestError, WaitTimeoutError
from airflow_provider_yeastar.pbx.reports import build_request
from airflow_provider_yeastar.report_tasks import RequestArguments, WaitingTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_yeastar.outcome import Outcome

__all__ = ["YeastarCallReportSensor"]


class YeastarCallReportSensor(RequestArguments, WaitingTask, BaseSensorOperator):
    """Request a call report and succeed when its URL is there; :class:`.YeastarDownloadReportOperator` fetches it.

    The XCom return value holds file, download_resource_url (relative, without token), requested_at, ready_at,
    expires_at (ISO 8601, UTC; the URL lives 30 minutes), and what was asked for. Waits in the triggerer with
    ``deferrable=True``, else on the worker, in one poke that listens: ``poke_interval`` does not matter.
    Vendor's page: "Download a Call Report".

    :param report_type: as the further arguments of the request those of :class:`.YeastarCallReportOperator`.
    :param timeout: seconds or timedelta for the whole wait, in both modes; within it ``queue_timeout`` and
        ``wait_timeout`` hold. Each of the three ends in ``AirflowSensorTimeout``.
    :param soft_fail: skip, rather than fail, after a time-out, in both modes; any other error fails the task.
    :param mode: only ``poke``; see ``deferrable`` for a wait without a worker slot.
    :raises InvalidRequestError: at parse time for what holds no template, else when the task runs.
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
            if self.waits_in_triggerer(request):
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
        from airflow_provider_yeastar.handover import write_handover  # not needed to parse a DAG file

        return write_handover(outcome, self.yeastar_conn_id)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Let errors leave so that ``soft_fail`` means the same in both modes: it skips after a time-out alone.

        Left to itself, Airflow skips on any exception of its own after a deferral, and on AirflowFailException in a
        poke as well.
        """
        with nullcontext() if self.soft_fail else errors_for_airflow():
            try:
                yield
            except DeadlineError as error:
                # As in a poke that Airflow ends: `soft_fail` skips, else the task may be tried again.
                of_sensor = self.soft_fail or self.own_seconds == self.timeout
                raise (AirflowSensorTimeout if of_sensor else AirflowTaskTimeout)(str(error)) from None
            except WaitTimeoutError as error:
                raise AirflowSensorTimeout(str(error)) from None
