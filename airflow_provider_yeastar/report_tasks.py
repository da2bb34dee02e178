"""What tasks that ask a PBX for a report have in common: what is asked for, and how it is waited for.

Each of the classes here is one concern, and takes its own arguments: an operator or a sensor is put together from them.
They derive from ``BaseOperator`` all the same, since Airflow applies ``default_args`` and checks the arguments of
``partial`` and ``expand`` only for such classes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links import YeastarPortalLink
from airflow_provider_yeastar.outcome import Outcome
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.reports import TIME_FRAME, ReportRequest, check_arguments
from airflow_provider_yeastar.worker import run_on_worker

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperatorLink

    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.waiting import Bounds

__all__ = ["ReportArguments", "RequestArguments", "WaitingTask"]

# Airflow's own time-out of a deferral skips `execute_complete`; it only stands behind the trigger's own bounds.
_BACKSTOP = timedelta(minutes=10)


class ReportArguments(BaseOperator):
    """The arguments that say which report is wanted, as file or as rows.

    Each operator and sensor explains them in its own docstring, for those who use it.
    """

    template_fields: Sequence[str] = (
        "report_type",
        "my_report_id",
        "period",
        "start_time",
        "end_time",
        "parameters",
        "api_version",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}

    def __init__(
        self,
        *,
        report_type: str | None = None,
        my_report_id: int | str | None = None,
        period: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        check_ids: bool = True,
        api_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.report_type = report_type
        self.my_report_id = my_report_id
        self.period = period
        self.start_time = start_time
        self.end_time = end_time
        self.parameters = parameters
        self.check_ids = check_ids
        self.api_version = api_version
        self._time_frame = tuple(name for name in TIME_FRAME if getattr(self, name) is not None)

    @property
    def request_arguments(self) -> dict[str, Any]:
        """The arguments of :func:`.build_request`, as they stand now: templates are rendered when the task runs.

        :raises InvalidRequestError: when nothing came of a time frame that was given: without one, a PBX reports on all
            that it has.
        """
        for name in self._time_frame:
            if getattr(self, name) is None:
                raise InvalidRequestError(f"`{name}` was rendered to None; give it a value or leave it out")
        return {
            "report_type": self.report_type,
            "my_report_id": self.my_report_id,
            "period": self.period,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "parameters": self.parameters,
            "check_ids": self.check_ids,
            "api_version": self.api_version,
        }


class RequestArguments(ReportArguments):
    """The arguments that say which report's file is wanted; explained as above."""

    template_fields: Sequence[str] = (
        *ReportArguments.template_fields,
        "scheduled_report_id",
        "file_format",
        "duration_format",
    )

    def __init__(
        self,
        *,
        scheduled_report_id: int | str | None = None,
        file_format: str = "csv",
        duration_format: str = "seconds",
        asynchronous: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scheduled_report_id = scheduled_report_id
        self.file_format = file_format
        self.duration_format = duration_format
        self.asynchronous = asynchronous
        check_arguments(**self.request_arguments)

    @property
    def request_arguments(self) -> dict[str, Any]:
        """The arguments of :func:`.build_request`, as they stand now: templates are rendered when the task runs."""
        return super().request_arguments | {
            "scheduled_report_id": self.scheduled_report_id,
            "file_format": self.file_format,
            "duration_format": self.duration_format,
            "asynchronous": self.asynchronous,
        }


class WaitingTask(BaseOperator):
    """A task that waits for a report, on the worker or in the triggerer, and ends when it is killed.

    :param wait_timeout: seconds or timedelta from one's turn at the PBX to the report's URL, default ``1800``.
    :param queue_timeout: seconds or timedelta until one's turn, behind the PBX's other reports, default ``21600``.
    :param deferrable: bool; True waits in the triggerer, False on the worker. ``[operators] default_deferrable`` when
        left out.
    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``.
    """

    template_fields: Sequence[str] = ("yeastar_conn_id",)
    operator_extra_links: Collection[BaseOperatorLink] = (YeastarPortalLink(),)

    def __init__(
        self,
        *,
        wait_timeout: float | timedelta = 1800,
        queue_timeout: float | timedelta = 21600,
        deferrable: bool | None = None,
        yeastar_conn_id: str = YeastarHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_timeout = _seconds("wait_timeout", wait_timeout)
        self.queue_timeout = _seconds("queue_timeout", queue_timeout)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.yeastar_conn_id = yeastar_conn_id
        self.killed = False

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """Leave a text that holds no template as it is.

        Where a DAG renders to native types, Jinja would make an int of a connection's id, a year or a dialled number.
        """
        if isinstance(content, str) and "{" not in content:
            return content
        return super().render_template(content, *args, **kwargs)

    def on_kill(self) -> None:
        """Leave a mark at which every wait and every chunk looks; more is not safe in a signal handler."""
        self.killed = True

    @property
    def _source(self) -> str | None:
        """What tells this task's PBX from others in the name of a file: the connection, unless it is the default."""
        return None if self.yeastar_conn_id == YeastarHook.default_conn_name else self.yeastar_conn_id

    def waits_in_triggerer(self, request: ReportRequest) -> bool:
        """Whether the wait for this report is deferred: a synchronous request is one call of the worker."""
        return self.deferrable and request.asynchronous

    def defer_wait(self, request: ReportRequest, *, attempt: int = 1, until: float | None = None) -> None:
        """Hand the request and the wait to the triggerer; the task goes on in ``execute_complete``.

        :param request: what to ask for.
        :param attempt: how often it has been asked for, this time included.
        :param until: epoch seconds at which the task's own time is over, where that is known from an earlier attempt.
        :raises TaskDeferred: always.
        """
        # It loads Airflow's machinery of triggers, a third of what a DAG file would have to load otherwise.
        from airflow_provider_yeastar.triggers.call_report import YeastarCallReportTrigger

        bounds = self.new_bounds(until)
        self.log.info("Deferring: the triggerer asks for %s and waits.", request.label)
        self.defer(
            trigger=YeastarCallReportTrigger(
                yeastar_conn_id=self.yeastar_conn_id,
                request=request.to_dict(),
                queue_until=bounds.queue_until,
                wait_timeout=bounds.wait_timeout,
                attempt=attempt,
                until=bounds.until,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.queue_timeout + self.wait_timeout) + _BACKSTOP,
        )

    def wait_here(
        self, client: PbxClient, request: ReportRequest, *, attempt: int = 1, until: float | None = None
    ) -> Outcome:
        """Ask for the report and wait for it on the worker.

        :param client: of the PBX.
        :param request: what to ask for.
        :param attempt: how often it has been asked for, this time included.
        :param until: epoch seconds at which the task's own time is over, where that is known from an earlier attempt.
        :raises TaskKilledError: when the task was killed meanwhile.
        """
        bounds = self.new_bounds(until)
        report = run_on_worker(client.wait_for_report(request, bounds), lambda: self.killed)
        return Outcome(request, report, attempt, bounds.until)

    def new_bounds(self, until: float | None = None) -> Bounds:
        """Return until when a wait that begins now may last.

        :param until: epoch seconds at which the task's own time is over, where that is known from an earlier attempt.
        """
        from airflow_provider_yeastar.pbx.waiting import Bounds  # not needed to parse a DAG file

        now = time.time()
        seconds = self.own_seconds
        if until is None and seconds is not None:
            until = now + seconds
        return Bounds(queue_until=now + self.queue_timeout, wait_timeout=self.wait_timeout, until=until)

    @property
    def own_seconds(self) -> float | None:
        """The seconds that Airflow gives the task as a whole, None without such a bound.

        It is kept here too, because Airflow does not look at ``execution_timeout`` while a task is deferred.
        """
        return self.execution_timeout.total_seconds() if self.execution_timeout else None


def _seconds(name: str, value: object) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise InvalidRequestError(f"`{name}` is {value!r}, neither a number of seconds above 0 nor a timedelta")
    return float(seconds)
