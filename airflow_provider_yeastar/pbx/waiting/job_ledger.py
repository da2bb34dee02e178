"""The ledger of one PBX in the shared state, as a wait uses it: every verdict is given inside an atomic update.

That update renews the lease on the PBX as well, and tells whether it has held: nothing can come between the two.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import uuid4

from airflow_provider_yeastar.pbx.events.shared import SharedConnection
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.state.asking import ask_state
from airflow_provider_yeastar.pbx.state.interface import Entry, SharedState, proven_name
from airflow_provider_yeastar.pbx.state.ledger import LEDGER_LIFE_SECONDS, Ledger, ledger_name
from airflow_provider_yeastar.pbx.state.records import KnownFile, file_mark, has_own_name, kind_of_file
from airflow_provider_yeastar.pbx.state.turns import OUTAGE_SECONDS, Turn
from airflow_provider_yeastar.pbx.waiting.attribution import Observations, Step, Verdict, conclude, judge
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport, Setbacks
from airflow_provider_yeastar.pbx.waiting.replacing import doubt_of_file
from airflow_provider_yeastar.pbx.waiting.retrying import retrying

__all__ = ["JobLedger", "doubt_after_fetch", "vouch_for_past"]

log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
"""Between two looks whether another task, perhaps on another host, has fetched its file."""

Result = TypeVar("Result")
Judged = TypeVar("Judged", bound=Verdict | None)


def vouch_for_past(state: SharedState, pbx: str) -> None:
    """Begin the ledger of a PBX at which nobody has requested a report yet, as a simulated one; leave an existing one.

    Without that a new ledger's past is unknown, and no event is believed for six hours.

    :param state: that will hold the ledger.
    :param pbx: the PBX's name in the state: its serial number.
    """
    state.update(ledger_name(pbx), lambda entry, now: entry or Ledger().to_entry(), keep_seconds=LEDGER_LIFE_SECONDS)


async def doubt_after_fetch(
    state: SharedState, report: FinishedReport, request: ReportRequest, unproven: str, *, exclusive: bool
) -> str:
    """Return why another report's file may have been served as a report's; note that its task has fetched it.

    :param state: that holds the ledger of the report's PBX.
    :param report: whose file has just been fetched.
    :param request: that it answers.
    :param unproven: name of a PBX whose serial number is not told.
    :param exclusive: the user's word for this PBX.
    :return: a clause, empty without a doubt.
    :raises StateUnavailableError: when the state does not tell for ten minutes: the file is there, and waits for it.
    """
    if has_own_name(report.url):
        return ""
    mark, found = file_mark(report.url), list[str]()
    kind = kind_of_file(request.kind, by_event=report.by_event)

    def change(entry: Entry | None, now: float) -> Entry:
        ledger = Ledger.read(entry, now)
        found.append(doubt_of_file(ledger, mark, report.job, kind, now, exclusive=exclusive))
        fetched = KnownFile(
            mark, now, job=report.job, kind=kind, is_intact=False, is_fetched=True, report=request.identity
        )
        return ledger.with_fetched(fetched).to_entry()

    name = ledger_name(proven_name(report.serial_number) or unproven)
    until = time.time() + OUTAGE_SECONDS
    async for attempt in retrying(Setbacks(), until=lambda: until):
        with attempt:
            await ask_state(state, partial(state.update, name, change, keep_seconds=LEDGER_LIFE_SECONDS))
    return found[-1]


class JobLedger:
    """The jobs of all tasks at one PBX.

    :param connection: to the PBX; its ``state`` holds the ledger.
    :param pbx: the PBX's proven name in the state.
    """

    def __init__(self, connection: SharedConnection, pbx: str) -> None:
        self._connection = connection
        self._state = connection.state
        self._pbx = pbx
        self._name = ledger_name(pbx)
        self._address = connection.session.settings.address

    async def choose(self, seen: Observations) -> Step:
        """Return how a request would be sent now, before anything is opened for it.

        Jobs that a restart of the PBX has ended are closed first, where it can have ended any.

        :param seen: observations before a request.
        """
        if judge(seen, Ledger(), 0.0).step is Step.ASK_FOR_ANSWER:
            return Step.ASK_FOR_ANSWER  # whatever the ledger says
        ledger, now = await ask_state(self._state, self._read)
        if seen.exclusive and ledger.gains_by_restart(self._pbx, now):
            ledger = await self._after_restart(ledger, now)
        return judge(seen, ledger, now).step

    async def others_fetch(self) -> AsyncIterator[float]:
        """Yield the seconds to the next look while this report's file might replace one that is not fetched yet.

        The next report waits for that only at a PBX that was seen to name files alike, and for a minute at the most.
        """
        has_waited = False
        while True:
            ledger, now = await ask_state(self._state, self._read)
            seconds = ledger.fetch_seconds(now)
            if not seconds:
                return
            if not has_waited:
                log.info("PBX %s names files alike; waiting until the last one is fetched.", self._address)
            has_waited = True
            yield min(seconds, _POLL_SECONDS)

    async def open(self, seen: Observations, turn: Turn, *, can_listen: bool) -> tuple[Observations, str] | None:
        """Write a new job into the ledger and choose how to ask, in one step; to be called before the request is sent.

        :param seen: observations before the request, with the events that came until now.
        :param turn: at this PBX.
        :param can_listen: whether there is a subscription.
        :return: the observations of the job, and why it is asked for in this way; None, and nothing is written, if the
            turn was lost.
        """
        job = uuid4().hex

        def change(ledger: Ledger, now: float, has_held: bool) -> tuple[Verdict | None, Ledger]:
            if not has_held:
                return None, ledger
            verdict, ledger = conclude(seen, ledger, now)
            return verdict, ledger.with_job(job, now, self._pbx, seen.report)

        verdict = await self._update_in_turn(turn, change)
        if verdict is None:
            return None
        self._warn(verdict.contest)
        for_event = verdict.step is Step.ASK_FOR_EVENT and can_listen
        # What was announced before the request cannot be its report.
        return replace(seen, job=job, for_event=for_event, events=()), verdict.reason

    async def conclude(self, seen: Observations, turn: Turn) -> Verdict:
        """Return the verdict on a job; the ledger follows it in the same step. A verdict with the file ends the turn.

        :param seen: observations of the job.
        :param turn: in which it was requested.
        """

        def change(ledger: Ledger, now: float, has_held: bool) -> tuple[Verdict, Ledger]:
            return conclude(replace(seen, holds_turn=has_held), ledger, now)

        verdict = await self._update_in_turn(turn, change)
        self._warn(verdict.contest)
        return verdict

    async def close(self, seen: Observations) -> None:
        """Close a job that the PBX has certainly not begun."""
        await self._update(lambda ledger, now: (None, ledger.without_job(seen.job or "")))

    async def contest(self, why: str) -> None:
        """Remember that somebody else makes reports at this PBX."""
        await self._update(lambda ledger, now: (None, ledger.contested(why, now)))
        self._warn(why)

    def _read(self) -> tuple[Ledger, float]:
        """Return the ledger and the state's time; both may take a call to another host."""
        entry, now = self._state.look(self._name)
        return Ledger.read(entry, now), now

    async def _after_restart(self, ledger: Ledger, asked_at: float) -> Ledger:
        up_time = (await self._connection.call(self._connection.session.information)).up_time
        if up_time is None:
            return ledger
        seconds = float(up_time)

        def change(ledger: Ledger, now: float) -> tuple[Ledger, Ledger]:
            ledger = ledger.without_jobs_before_boot(self._pbx, seconds, asked_at)
            return ledger, ledger

        return await self._update(change)

    async def _update(self, change: Callable[[Ledger, float], tuple[Result, Ledger]]) -> Result:
        """Change the ledger in one atomic step; ``change`` may be called more than once, its last result counts."""
        results: list[Result] = []

        def on_entry(entry: Entry | None, now: float) -> Entry:
            result, ledger = change(Ledger.read(entry, now), now)
            results.append(result)
            return ledger.to_entry()

        await ask_state(
            self._state, partial(self._state.update, self._name, on_entry, keep_seconds=LEDGER_LIFE_SECONDS)
        )
        return results[-1]

    async def _update_in_turn(
        self, turn: Turn, change: Callable[[Ledger, float, bool], tuple[Judged, Ledger]]
    ) -> Judged:
        """Change the ledger in one atomic step with the lease; see :meth:`_update`."""
        results: list[Judged] = []

        def on_entry(entry: Entry | None, now: float, has_held: bool) -> tuple[Entry, bool]:
            verdict, ledger = change(Ledger.read(entry, now), now, has_held)
            results.append(verdict)
            return ledger.to_entry(), verdict is not None and verdict.has_file

        await turn.update(self._name, on_entry, keep_seconds=LEDGER_LIFE_SECONDS)
        return results[-1]

    def _warn(self, contest: str) -> None:
        if contest:
            log.warning(
                "PBX %s is contested: %s. Its reports are requested synchronously for a day. Remove `exclusive` from "
                "the connection if other programs, hosts or people make reports there.",
                self._address,
                contest,
            )
