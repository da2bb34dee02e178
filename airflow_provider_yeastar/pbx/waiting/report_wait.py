"""One report, from the request to its URL: hold the lease on the PBX, request, find out which file is ours, retry.

The I/O is here; `attribution` decides what may be believed, `bounds` how long and how often, `job_ledger` keeps what
other tasks have to know. A wait that is cancelled, killed or times out leaves its job open in the ledger, because the
PBX goes on with it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, nullcontext, suppress
from dataclasses import replace
from typing import TypeVar

from tenacity import RetryError

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import (
    AmbiguousEventError,
    AnswerError,
    BusyError,
    DeadlineError,
    PbxInternalError,
    ReportFailedError,
    WaitTimeoutError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.events.shared import Listener, SharedConnection
from airflow_provider_yeastar.pbx.report.facts import Plan
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.state.interface import shared_name
from airflow_provider_yeastar.pbx.state.turns import Turn, turn
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.attribution import BUSY, Busy, Observations, Step, Verdict
from airflow_provider_yeastar.pbx.waiting.job_ledger import JobLedger
from airflow_provider_yeastar.pbx.waiting.retrying import retrying

__all__ = ["ReportWait"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class _TurnLostError(Exception):
    """There is no turn at the PBX before a request was sent, for the reason in the text: queue for it again."""


class ReportWait:
    """The wait for one report.

    :param connection: to the PBX, shared with its other waiters.
    :param request: what to ask for.
    :param bounds: how long.
    """

    def __init__(self, connection: SharedConnection, request: ReportRequest, bounds: waiting.Bounds) -> None:
        self._connection = connection
        self._session = connection.session
        self._request = request
        self._bounds = bounds
        self._address = connection.session.settings.address
        self._setbacks = waiting.Setbacks()
        self._turn_began_at = self._turn_until = 0.0
        self._ids_are_given = False
        self._numbers: tuple[list[str], list[str]] = ([], [])
        self._queue = ""
        self._turn: Turn
        self._ledger: JobLedger

    async def run(self) -> waiting.FinishedReport:
        """Return the finished report.

        :raises WaitTimeoutError: after one of the deadlines; its text says what was seen meanwhile.
        :raises AmbiguousEventError: if the PBX may have made the report, but nothing said for certain which file it is.
        :raises YeastarError: for what a retry does not fix.
        """
        self._begin_turn()  # the time to reach the PBX at all
        while True:
            pbx = await self._retrying(self._name_pbx, lambda: self._turn_until, self._turn_timeout)
            self._ledger, self._queue = JobLedger(self._connection, pbx), shared_name(pbx)
            # Even a wait that comes late looks once: one in a restarted trigger, or after a slow login.
            queue_end = max(time.time() + 1.0, self._bounds.queue_end)
            async with AsyncExitStack() as held:
                try:
                    self._turn = await held.enter_async_context(turn(self._connection.state, self._queue, queue_end))
                except TimeoutError:
                    raise self._queue_timeout() from None
                self._begin_turn()
                try:
                    return await self._retrying(self._attempt, lambda: self._turn_until, self._turn_timeout)
                except _TurnLostError as lost:
                    log.warning("%s at PBX %s; queueing for the turn again.", lost, self._address)

    async def _name_pbx(self, limit: asyncio.Timeout) -> str:
        return await self._connection.pbx_id()

    async def _retrying(
        self,
        work: Callable[[asyncio.Timeout], Awaitable[Result]],
        end: Callable[[], float],
        timed_out: Callable[[], YeastarError],
    ) -> Result:
        """Return what the work returns; retries errors that may pass, with back-off until the end."""
        try:
            async for attempt in retrying(self._setbacks, until=end, reraise=False):
                with attempt, self._session.hiding_secrets():
                    async with asyncio.timeout(end() - time.time()) as limit:
                        result = await work(limit)
        except (TimeoutError, RetryError):
            raise timed_out() from None
        return result

    def _begin_turn(self) -> None:
        self._turn_began_at = time.time()
        self._turn_until = self._bounds.turn_until(self._turn_began_at)

    def _restart_turn(self, limit: asyncio.Timeout) -> None:
        self._begin_turn()
        limit.reschedule(asyncio.get_running_loop().time() + self._turn_until - time.time())

    def _queue_timeout(self) -> WaitTimeoutError:
        return self._timeout("Other reports kept the PBX busy until `queue_timeout` had passed")

    def _turn_timeout(self) -> YeastarError:
        timeout = self._timeout(f"No report within {self._bounds.wait_timeout:.0f} s (`wait_timeout`)")
        if not self._setbacks.unanswered or isinstance(timeout, DeadlineError):
            return timeout
        return AmbiguousEventError(
            f"{timeout.what}; no answer of the PBX named the file, and no event was believed"
            + (f" because {self._setbacks.doubt}" if self._setbacks.doubt else ""),
            pbx=self._address,
        )

    def _timeout(self, what: str) -> WaitTimeoutError:
        seen = self._setbacks.summary()
        # A pause that would outlast the deadline is not begun, so the deadline may be a little ahead.
        if self._bounds.until is not None and self._bounds.until <= max(time.time(), self._turn_until):
            return DeadlineError(f"No report before the task's own time was over; {seen}", pbx=self._address)
        remedy, retry_after = self._setbacks.remedy, self._setbacks.retry_after
        return WaitTimeoutError(f"{what}; {seen}", pbx=self._address, remedy=remedy, retry_after=retry_after)

    async def _attempt(self, limit: asyncio.Timeout) -> waiting.FinishedReport:
        plan, self._numbers = await self._connection.call(self._plan_and_numbers)
        if shared_name(await self._connection.pbx_id()) != self._queue:
            raise _TurnLostError("Another serial number is told")
        while True:
            async for seconds in self._ledger.others_fetch():
                await asyncio.sleep(seconds)
                self._restart_turn(limit)
            seen = self._new_observations(plan.request)
            listens = await self._ledger.choose(seen) is Step.ASK_FOR_EVENT or self._ids_are_given
            async with self._connection.listen() if listens else nullcontext() as events:
                if report := await self._ask(plan, seen, events, limit):
                    return report

    def _plan_and_numbers(self) -> tuple[Plan, tuple[list[str], list[str]]]:
        plan = self._session.plan(self._request)
        # Looked up before the request: nothing is in the way of a report that is ready.
        return plan, self._session.directory.numbers(plan.request)

    def _new_observations(self, request: ReportRequest) -> Observations:
        return Observations(
            asynchronous=request.asynchronous,
            exclusive=self._session.settings.exclusive,
            file_format=request.file_format if request.scheduled_report_id is None else None,
            doubt=self._setbacks.doubt,
            report=self._request.identity or request.identity,
            kind=request.kind,
        )

    async def _ask(
        self, plan: Plan, seen: Observations, events: Listener[wire.EventFrame] | None, limit: asyncio.Timeout
    ) -> waiting.FinishedReport | None:
        """Request the report once; None if it has to be requested again at once."""
        if events:
            seen = replace(seen, events=events.take_pending())
        opened = await self._ledger.open(seen, self._turn, can_listen=events is not None)
        if opened is None:
            raise _TurnLostError("The lease lapsed")
        seen, reason = opened
        asked_at = time.time()
        what, way = f"{self._request.label} ({self._request.window_text})", "a" * seen.for_event + "synchronously"
        log.info("Requesting %s from PBX %s %s, because %s.", what, self._address, way, reason)
        seen, verdict = await self._settle(await self._send(plan, seen), events)
        if isinstance(seen.answer, Busy):
            await self._wait_for_others(limit)
            return None
        if verdict.step is Step.BELIEVE_ANSWER and isinstance(seen.answer, wire.ReportFile):
            return self._finished(plan, seen, seen.answer, asked_at)
        if verdict.step is Step.BELIEVE_EVENT and verdict.event:
            return self._announced(plan, seen, verdict.event, asked_at)
        self._doubt(verdict.reason)
        if not seen.for_event:
            raise AmbiguousEventError("The PBX took a synchronous request without naming the file", pbx=self._address)
        log.info("No event is believed, because %s.", verdict.reason)
        return None

    async def _send(self, plan: Plan, seen: Observations) -> Observations:
        """Send the request and return the observations with its answer.

        :raises YeastarError: if no usable answer came. The job is closed only if the PBX has certainly not begun it.
        """
        plan = replace(plan, request=replace(plan.request, asynchronous=seen.for_event))
        seconds = () if seen.for_event else (self._turn_until - time.time(),)
        self._setbacks.unanswered += 1  # until there is an answer, whatever ends the call
        try:
            answer = await self._connection.call(self._session.request_report, plan, *seconds)
        except BusyError:
            self._setbacks.unanswered -= 1
            return replace(seen, answer=BUSY)
        except PbxInternalError:
            self._doubt("the PBX failed while it took a request")
            raise
        except AnswerError:
            self._setbacks.unanswered -= 1
            await self._ledger.close(seen)
            raise
        except YeastarError as error:
            if error.was_received:
                self._doubt("the answer to a request was lost")
            else:
                self._setbacks.unanswered -= 1
                await self._ledger.close(seen)
            raise
        if isinstance(answer, wire.Processing):
            self._setbacks.accepted += 1
            self._ids_are_given = self._ids_are_given or answer.download_id is not None
        if seen.for_event:
            self._setbacks.unanswered -= 1
        return replace(seen, answer=answer)

    def _doubt(self, reason: str) -> None:
        self._setbacks.doubt = self._setbacks.doubt or reason

    async def _settle(
        self, seen: Observations, events: Listener[wire.EventFrame] | None
    ) -> tuple[Observations, Verdict]:
        """Return the first verdict that is not to wait, or that one without a subscription."""
        overdue_at = (self._turn_began_at + self._turn_until) / 2
        while True:
            if events:
                seen = replace(seen, events=(*seen.events, *events.take_pending()), is_subscribed=not events.is_lost)
            seen = replace(seen, is_overdue=time.time() >= overdue_at)
            verdict = await self._ledger.conclude(seen, self._turn)
            if verdict.step is not Step.WAIT or events is None:
                return seen, verdict
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, overdue_at - time.time())):
                    await events.wait()

    async def _wait_for_others(self, limit: asyncio.Timeout) -> None:
        """Another job runs on the PBX. Return when it is time to request again.

        Its event is no sign to request at once: its owner may still be looking for it. The time belongs to the queue,
        unless this wait may have a job at the PBX itself.
        """
        may_be_ours = bool(self._setbacks.doubt)
        if not may_be_ours and time.time() >= self._bounds.queue_end:
            raise self._queue_timeout()
        self._setbacks.in_a_row += 1
        delay = waiting.busy_delay(self._setbacks.in_a_row, random.random())
        log.info("PBX %s is busy with another job; requesting again in %.0f s.", self._address, delay)
        await asyncio.sleep(delay)
        if not may_be_ours:
            self._restart_turn(limit)

    def _announced(
        self, plan: Plan, seen: Observations, event: wire.EventFrame, asked_at: float
    ) -> waiting.FinishedReport:
        if not event.succeeded:
            what = f"The PBX could not make the report: {event.error or 'it gave no reason'}"
            raise ReportFailedError(what, pbx=self._address)
        log.info("Event received: %s is ready.", event.file or "the report")
        return replace(self._finished(plan, seen, wire.ReportFile(event.file, event.url), asked_at), by_event=True)

    def _finished(
        self, plan: Plan, seen: Observations, report: wire.ReportFile, requested_at: float
    ) -> waiting.FinishedReport:
        is_by_turn = isinstance(seen.answer, wire.Processing) and seen.answer.download_id is None
        # Checked here already: a URL that leads away from the PBX must not travel on.
        url = wire.file_url_path(report.url, self._session.settings.base_url, pbx=self._address)
        return waiting.FinishedReport(
            file=report.file,
            url=url,
            requested_at=requested_at,
            ready_at=time.time(),
            api_version=plan.api_version,
            timezone=str(plan.facts.zone),
            serial_number=plan.facts.information.serial_number,
            window=plan.request.describe(plan.facts.zone),
            identified_by="turn" if is_by_turn else "answer",
            asked_numbers=self._numbers[0],
            other_numbers=self._numbers[1],
            job=seen.job or "",
        )
