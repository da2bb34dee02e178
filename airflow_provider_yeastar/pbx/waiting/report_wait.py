"""One report, from the request to its URL: subscribe, ask, wait for the event, and again after a loss.

The subscription is confirmed before the request is sent, since an event is never replayed. Whatever breaks, the way
back is the same: subscribe again, ask again, within the bounds. The rules stand in `waiting`, what waiters share in
`links`; this module only does what they say. A cancelled wait leaves no lock.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import AsyncExitStack, suppress

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import (
    BusyError,
    DeadlineError,
    ReportFailedError,
    TokenCapError,
    WaitTimeoutError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.events.shared import Listener, PbxLink
from airflow_provider_yeastar.pbx.facts import Plan
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.state.turns import turn
from airflow_provider_yeastar.pbx.waiting import bounds as waiting

__all__ = ["ReportWait"]

log = logging.getLogger(__name__)

# Our own job still runs on the PBX (70082 after it was accepted): its event is waited for, but should that have been
# lost with a rebooted PBX, asking again after so long finds out.
_OWN_JOB_PATIENCE = 60.0


class ReportWait:
    """The wait for one report.

    :param link: to the PBX, shared with its other waiters.
    :param request: what to ask for.
    :param bounds: how long.
    :param state: that holds whose turn it is.
    """

    def __init__(self, link: PbxLink, request: ReportRequest, bounds: waiting.Bounds, state: SharedState) -> None:
        self._link = link
        self._session = link.session
        self._request = request
        self._bounds = bounds
        self._state = state
        self._pbx = link.session.settings.address
        self._setbacks = waiting.Setbacks()
        self._accepted: wire.Processing | None = None
        self._requested_at = 0.0
        self._turn_until = 0.0

    async def run(self) -> waiting.FinishedReport:
        """Return the finished report.

        :raises WaitTimeoutError: when one of the bounds has passed; its text says what was seen meanwhile.
        :raises YeastarError: for what asking again does not mend.
        """
        async with AsyncExitStack() as held:
            try:
                # A wait that comes late, for instance in a restarted trigger, gets a second for one look.
                until = max(time.time() + 1.0, self._bounds.queue_end)
                await held.enter_async_context(turn(self._state, self._session.settings.pbx_key, until))
            except TimeoutError:
                raise self._queue_timeout() from None
            return await self._take_turn()

    async def _take_turn(self) -> waiting.FinishedReport:
        self._begin_turn()
        while True:
            try:
                async with asyncio.timeout(self._turn_until - time.time()) as limit:
                    with self._session.hiding_secrets():
                        return await self._attempt(limit)
            except TimeoutError:
                break
            except WaitTimeoutError:
                raise
            except YeastarError as error:
                self._setbacks.add(error)
                delay = waiting.retry_delay(self._setbacks.in_a_row, random.random())
                # That all tokens are taken may last for half an hour; saying so once is enough.
                if not isinstance(error, TokenCapError) or self._setbacks.count[TokenCapError] == 1:
                    log.warning("%s Trying again in %.0f s.", error, delay)
            if time.time() + delay >= self._turn_until:
                break
            await asyncio.sleep(delay)
        raise self._timeout(f"No report within {self._bounds.wait_timeout:.0f} s (`wait_timeout`)")

    def _begin_turn(self) -> None:
        self._turn_until = self._bounds.turn_until(time.time())

    def _queue_timeout(self) -> WaitTimeoutError:
        return self._timeout("Other reports kept the PBX busy until `queue_timeout` had passed")

    def _timeout(self, what: str) -> WaitTimeoutError:
        seen = self._setbacks.summary()
        # A pause that would outlast the end is not begun, so the end may be a little ahead.
        if self._bounds.until is not None and self._bounds.until <= max(time.time(), self._turn_until):
            return DeadlineError(f"No report before the task's own time was over; {seen}", pbx=self._pbx)
        return WaitTimeoutError(
            f"{what}; {seen}",
            pbx=self._pbx,
            remedy=self._setbacks.remedy,
            retry_after=self._setbacks.retry_after,
        )

    async def _attempt(self, limit: asyncio.Timeout) -> waiting.FinishedReport:
        plan = await self._link.call(self._session.plan, self._request)
        if not self._request.asynchronous:
            return await self._ask_synchronously(plan, limit)
        async with self._link.listen() as events:
            return await self._ask(events, plan, limit)

    async def _ask_synchronously(self, plan: Plan, limit: asyncio.Timeout) -> waiting.FinishedReport:
        """One long request; it is bounded by the turn, not by the connection's ``timeout``."""
        while True:
            asked_at = time.time()
            log.info("Asking PBX %s for %s, synchronously.", self._pbx, self._request.label)
            try:
                answer = await self._link.call(self._session.request_report, plan, self._turn_until - asked_at)
            except BusyError as busy:
                await self._wait_for_others(busy, None, limit)
                continue
            if isinstance(answer, wire.Processing):
                raise ReportFailedError(
                    "The PBX makes this report in the background only",
                    pbx=self._pbx,
                    endpoint=plan.endpoint,
                    remedy="Leave `asynchronous` at True.",
                )
            return self._finished(plan, answer, asked_at)

    async def _ask(self, events: Listener, plan: Plan, limit: asyncio.Timeout) -> waiting.FinishedReport:
        while True:
            self._setbacks.foreign += events.discard_pending()
            asked_at = time.time()
            log.info("Asking PBX %s for %s (%s).", self._pbx, self._request.label, self._request.window_text)
            patience: float | None = None
            try:
                answer = await self._link.call(self._session.request_report, plan)
            except BusyError as busy:
                if self._accepted is None:
                    await self._wait_for_others(busy, events, limit)
                    continue
                log.info("The PBX is still busy with the report that it accepted before; waiting for its event.")
                patience = _OWN_JOB_PATIENCE
            else:
                if isinstance(answer, wire.ReportFile):
                    return self._finished(plan, answer, asked_at)
                self._accepted, self._requested_at = answer, asked_at
                self._setbacks.accept()
                log.info("The PBX accepted the request and is making the report; waiting for its event.")
            event = await self._own_event(events, self._accepted, patience)
            if event:
                return self._finished(plan, wire.ReportFile(event.file, event.url), self._requested_at)

    async def _wait_for_others(self, busy: BusyError, events: Listener | None, limit: asyncio.Timeout) -> None:
        """Somebody else's report runs on the PBX. Return when it may be over; its event is not ours.

        This time belongs to the queue, so the turn begins anew after it.
        """
        if time.time() >= self._bounds.queue_end:
            raise self._queue_timeout()
        self._setbacks.in_a_row += 1
        delay = waiting.retry_delay(self._setbacks.in_a_row, random.random())
        log.info("%s Asking again when it is over, or after %.0f s.", busy.what, delay)
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await (events.next_event() if events else asyncio.Event().wait())
                self._setbacks.foreign += 1
        self._begin_turn()
        limit.reschedule(asyncio.get_running_loop().time() + self._turn_until - time.time())

    async def _own_event(
        self, events: Listener, asked: wire.Processing, patience: float | None
    ) -> wire.EventFrame | None:
        """Return the event that announces our report; None when none came within ``patience`` seconds."""
        try:
            async with asyncio.timeout(patience):
                candidates = [await self._next_candidate(events, asked)]
        except TimeoutError:
            return None
        # Until all is quiet; should the link break now, what arrived before is as good as it was.
        if not waiting.is_certain(candidates[0], asked):
            with suppress(TimeoutError, YeastarError):
                async with asyncio.timeout_at(events.last_event_at + waiting.SETTLE_SECONDS):
                    while True:
                        candidates.append(await self._next_candidate(events, asked))
        event = waiting.choose_event(candidates, pbx=self._pbx)
        log.info("Event received: %s is ready.", event.file or "the report")
        return event

    async def _next_candidate(self, events: Listener, asked: wire.Processing) -> wire.EventFrame:
        scheduled = self._request.scheduled_report_id is not None
        file_format = None if scheduled else self._request.file_format
        while True:
            event = await events.next_event()
            if waiting.could_be_ours(event, file_format, asked):
                return event
            self._setbacks.foreign += 1
            log.info("Event passed over, it is not ours: %r.", event.file)

    def _finished(self, plan: Plan, report: wire.ReportFile, requested_at: float) -> waiting.FinishedReport:
        settings = self._session.settings
        # Checked here already: a URL that leads away from the PBX must not travel on.
        url = wire.file_url_path(report.url, settings.base_url, pbx=settings.address)
        now = time.time()
        return waiting.FinishedReport(
            file=report.file,
            url=url,
            requested_at=requested_at,
            ready_at=now,
            api_version=plan.api_version,
            timezone=str(plan.facts.zone),
            serial_number=plan.facts.information.serial_number,
            window=self._request.describe(plan.facts.zone),
        )
