"""The wait for a report, as operators and sensors share it: on the worker, or deferred to the triggerer."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import conf
from airflow_provider_yeastar.exceptions import DestinationError, TaskKilledError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import YeastarPortalLink
from airflow_provider_yeastar.pbx.errors import (
    InvalidRequestError,
    NetworkError,
    ResourceError,
    StateUnavailableError,
    TokenCapError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.report.masking import holds_secrets, masked_request
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.settings import check_seconds
from airflow_provider_yeastar.runtime.outcome import Outcome, iso_utc
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.tasks.run_moment import run_moment
from airflow_provider_yeastar.tasks.templates import TemplatedTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import BaseOperatorLink, Context
    from airflow_provider_yeastar.pbx.calls.request import CallRequest
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.waiting.bounds import Bounds

__all__ = ["WaitingTask", "on_worker"]

# Airflow's own timeout of a deferral skips `execute_complete`; it is a backstop behind the trigger's own deadlines.
_BACKSTOP = timedelta(minutes=10)
_NO_FAULT_OF_THE_REPORT = (DestinationError, NetworkError, ResourceError, StateUnavailableError, TokenCapError)


class WaitingTask(TemplatedTask):
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

    def check_templates(self) -> None:
        """Reject arguments that rendered to nothing, and a connection id that is no text.

        :raises InvalidRequestError: with the argument and what it rendered to.
        """
        super().check_templates()
        conn_id: object = self.yeastar_conn_id
        if not isinstance(conn_id, str | None):  # None in a download operator that takes the sensor's connection
            raise InvalidRequestError(f"`yeastar_conn_id` was rendered to {conn_id!r}, which is no text")

    def on_kill(self) -> None:
        """Set a flag that waits and downloads poll. A signal handler must not do more."""
        self.killed = True

    @property
    def _source(self) -> str | None:
        """What distinguishes this task's PBX in a file's name: the connection, unless it is the default."""
        return None if self.yeastar_conn_id == YeastarHook.default_conn_name else self.yeastar_conn_id

    def file_stem(self, request: ReportRequest) -> str:
        """Return the name, without extension, of a request's file in a directory.

        :param request: what the file answers.
        """
        return request.file_stem(self._source, self.name_key(request))

    def name_key(self, request: ReportRequest | CallRequest) -> str:
        """Return the secret that tells lists of PINs apart in names, empty for a request without PINs.

        :param request: what is to be named.
        :raises YeastarError: if it is needed, and the connection cannot be had or used.
        """
        if not holds_secrets(request.filters):
            return ""
        from airflow_provider_yeastar.hooks.connection import naming_key, read_connection  # not needed to parse a DAG

        return naming_key(read_connection(self.yeastar_conn_id))

    def resolved(self, request: ReportRequest, context: Context) -> ReportRequest:
        """Return the request with a period that is no longer in words, counted from the moment of the DAG run.

        The PBX is only asked, for its present UTC offset, where the connection names no ``timezone``.

        :param request: what to ask for.
        :param context: of the task.
        :raises YeastarError: when the PBX's offset cannot be had, or does not tell what is asked for.
        """
        if not request.is_relative:
            return request
        counted = replace(request, frame=replace(request.frame, as_of=run_moment(context)))
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            found = run_on_worker(client.resolve(counted, time.time() + self.wait_timeout), lambda: self.killed)
        frame = counted.frame
        self.log.info("The period %s, counted from %s, is %s.", frame.period, frame.as_of, found.window_text)
        return found

    def defer_wait(self, request: ReportRequest, *, attempt: int = 1, until: float | None = None) -> None:
        """Defer the request and the wait to the triggerer; the task resumes in ``execute_complete``.

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

    @contextmanager
    def keeping(self, context: Context, client: PbxClient, outcome: Outcome) -> Iterator[None]:
        """Keep a report that cannot be stored for the next try of this task, where the report is not to blame.

        :param context: of the task.
        :param client: of the PBX.
        :param outcome: the report, and the request that it answers.
        """
        try:
            yield
        except _NO_FAULT_OF_THE_REPORT:
            if not self.killed:  # else a user may have cleared the task, who wants a new report
                self._keep(context, client, outcome)
            raise

    def _keep(self, context: Context, client: PbxClient, outcome: Outcome) -> None:
        owner = self._owner(context, outcome.request)
        try:
            kept = run_on_worker(client.kept_reports(), lambda: self.killed)
            run_on_worker(kept.keep(owner, outcome.report), lambda: self.killed)
        except YeastarError as error:
            self.log.warning("The next try has to ask for the report again: %s", error)

    def kept_report(self, context: Context, request: ReportRequest) -> Outcome | None:
        """Return the report that an earlier try of this task could not store, if the PBX still serves its file.

        :param context: of the task.
        :param request: what to ask for.
        """
        if context["ti"].try_number == 1:
            return None
        owner = self._owner(context, request)
        with YeastarHook(self.yeastar_conn_id).get_conn() as client:
            try:
                kept = run_on_worker(client.kept_reports(), lambda: self.killed)
                report = run_on_worker(kept.take(owner), lambda: self.killed)
            except TaskKilledError:
                raise
            except YeastarError as error:
                self.log.warning("Whether an earlier try has left its report cannot be told: %s", error)
                return None
        if report is None:
            return None
        self.log.info("An earlier try could not store the report of %s; it is fetched again.", iso_utc(report.ready_at))
        return Outcome(request, report)

    def _owner(self, context: Context, request: ReportRequest) -> str:
        """Name this task instance and its request. A clear changes ``max_tries``, so that it gets a new report."""
        from airflow_provider_yeastar.pbx.waiting.kept_reports import owner_of  # not needed to parse a DAG file

        ti = context["ti"]
        of_tries = (ti.dag_id, ti.task_id, ti.run_id, ti.map_index, ti.max_tries)
        return owner_of(of_tries, masked_request(request.to_dict(), self.name_key(request)))

    def new_bounds(self, until: float | None = None) -> Bounds:
        """Return until when a wait that begins now may last.

        :param until: epoch seconds at which the task's own time is over, where that is known from an earlier attempt.
        """
        from airflow_provider_yeastar.pbx.waiting.bounds import Bounds  # not needed to parse a DAG file

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


def on_worker(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments without ``deferrable``, for a task that always stays on the worker.

    :param arguments: that are passed on to :class:`WaitingTask`.
    :raises InvalidRequestError: if they ask for the triggerer.
    """
    if arguments.get("deferrable"):
        raise InvalidRequestError(
            "`deferrable` is True, but this task cannot be deferred: it reads row by row, on the worker",
            remedy="Leave `deferrable` out.",
        )
    return {name: value for name, value in arguments.items() if name != "deferrable"}


def _seconds(name: str, value: object) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return check_seconds(f"`{name}`", seconds, InvalidRequestError)
