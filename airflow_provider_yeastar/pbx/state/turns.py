"""The turn at one PBX: a lease in the shared state that one wait of all processes and hosts holds at a time.

No job id ties an event to its request, so two requests must not be under way at once. The rules stand in `line`; this
module carries them out. All waits of an event loop at one PBX are one member of the line: they share one poll and one
lease, and a turn that passes to another wait of the same loop is handed over at once. No file or socket is touched on
the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.errors import StateUnavailableError, YeastarError
from airflow_provider_yeastar.pbx.state.asking import StateCalls
from airflow_provider_yeastar.pbx.state.interface import Entry, SharedState
from airflow_provider_yeastar.pbx.state.line import Line, Ticket

__all__ = ["OUTAGE_SECONDS", "HeldChange", "Turn", "turn"]

log = logging.getLogger(__name__)

_RENEWAL_SECONDS = 5.0
"""Seconds between two renewals of a lease."""
_NEXT_POLL_SECONDS, _POLL_SECONDS = 0.1, 0.5
"""Seconds between two looks at the line: of the process that is next, and of those further back."""
OUTAGE_SECONDS = 600.0
"""A state that cannot be used for so long ends the waits; Airflow's retries then decide."""
_LONGEST_RETRY_SECONDS = 10.0
_LEAVE_SECONDS = 3.0
"""A ticket that cannot be withdrawn so soon lapses: a task that is over or killed waits for no state that hangs."""
_KEEP_SECONDS = 30 * 86400.0

HeldChange = Callable[[Entry | None, float, bool], tuple[Entry | None, bool]]
"""Makes a new entry from the present one, the state's time, and whether the turn has been held without a break; tells
as well whether this ends the turn. Pure, because it may be called several times for one update.
"""


@dataclass(eq=False)
class _Wait:
    """One wait in this process: its ticket's name, and what becomes of it."""

    granted: asyncio.Future[int]
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    fence: int = 0
    is_lost: bool = False
    is_over: bool = False
    is_told: bool = False


class Turn:
    """A held turn. Got from :func:`turn`.

    :param member: who keeps the lease.
    :param wait: the wait that holds the turn.
    """

    def __init__(self, member: _Member, wait: _Wait) -> None:
        self._member = member
        self._wait = wait

    @property
    def fence(self) -> int:
        """A number that grows with every holder of the turn at this PBX."""
        return self._wait.fence

    async def update(self, name: str, change: HeldChange, *, keep_seconds: float) -> None:
        """Renew the lease and change an entry of the same PBX, in one atomic step.

        :param name: of the entry.
        :param change: is told as well whether the lease has never lapsed since the turn was taken, and may end the turn
            in the same step.
        :param keep_seconds: after so many seconds without another update the entry expires.
        :raises YeastarError: see :meth:`SharedState.update_all`.
        """
        await self._member.attend(_Update(self._wait, name, change, keep_seconds))


@asynccontextmanager
async def turn(state: SharedState, pbx: str, until: float) -> AsyncIterator[Turn]:
    """Wait for the turn at a PBX, behind all that came before, and hold it; cancellation leaves no trace.

    :param state: whose users take turns.
    :param pbx: names the PBX.
    :param until: epoch seconds by this host's clock; the wait ends then, the turn itself has no end.
    :raises TimeoutError: when the turn has not come by ``until``.
    :raises StateUnavailableError: when the state could not be used for ten minutes, or at ``until``.
    :raises InvalidSettingsError: when the state cannot be used before a setting is corrected.
    """
    member = _members.get((state, pbx), lambda: _Member(state, pbx))
    wait = member.join()
    try:
        try:
            async with asyncio.timeout(max(0.0, until - time.time())):
                await asyncio.shield(wait.granted)
        except TimeoutError:
            if excuse := member.excuse(wait):
                raise excuse from None
            raise
        yield Turn(member, wait)
    finally:
        await member.leave(wait)


@dataclass(eq=False)
class _Update:
    """What a wait changes together with the line."""

    wait: _Wait
    name: str
    change: HeldChange
    keep_seconds: float
    is_last: bool = False  # set by the change


class _Member:
    """This event loop's place in the line at one PBX.

    :param state: that holds the line.
    :param pbx: names the PBX.
    """

    def __init__(self, state: SharedState, pbx: str) -> None:
        self._outage: StateUnavailableError | None = None  # of the last try
        self._state = state
        self._calls = StateCalls(state, of=(state, pbx))
        self._pbx = pbx
        self._entry = f"{pbx}/turn"
        self._name = uuid.uuid4().hex
        self._waits: list[_Wait] = []
        self._wanted: tuple[str, ...] = ()
        self._line = Line()
        self._attending = asyncio.Lock()
        self._changed = asyncio.Event()
        self._seen_at = self._renewed_at = -_RENEWAL_SECONDS
        self._outage_began_at = 0.0
        self._keeper: asyncio.Task[None] | None = None

    def join(self) -> _Wait:
        """Take a ticket."""
        wait = _Wait(asyncio.get_running_loop().create_future())
        self._waits.append(wait)
        self._want()
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep())
        return wait

    def excuse(self, wait: _Wait) -> StateUnavailableError | None:
        """Return why a turn has not come if the state is to blame, None if others had it."""
        return self._outage or self._calls.silence(_RENEWAL_SECONDS if wait.is_told else 0.0)

    async def leave(self, wait: _Wait) -> None:
        """Withdraw a ticket, and pass the turn on if it was held."""
        wait.granted.cancel()
        self._waits.remove(wait)
        leaving = asyncio.create_task(self._withdraw(wait))
        self._want()  # after that, so that the keeper finds it withdrawn
        try:
            await asyncio.shield(leaving)
        except asyncio.CancelledError:  # the others must not wait until the lease lapses
            await asyncio.wait({leaving})
            raise

    async def _withdraw(self, wait: _Wait) -> None:
        if not wait.is_over:
            with suppress(YeastarError, TimeoutError):  # the lease lapses by itself
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self.attend()
        if not self._waits and self._keeper:
            self._keeper.cancel()

    async def attend(self, update: _Update | None = None) -> None:
        """Renew the lease, join with new tickets, withdraw old ones, and tell the wait whose turn it is.

        :param update: is made in the same step.
        """
        async with self._attending:
            await self._renew(update)

    async def _renew(self, update: _Update | None = None) -> None:
        started = time.monotonic()
        line = await self._calls.make(self._attend, update)
        self._renewed_at = started
        if update and update.is_last:
            update.wait.is_over = True
            self._want()
        self._settle(line, started)

    def _want(self) -> None:
        self._wanted = tuple(wait.name for wait in self._waits if not wait.is_lost and not wait.is_over)
        self._changed.set()

    def _attend(self, update: _Update | None) -> Line:
        def change(entries: Sequence[Entry | None], now: float) -> list[Entry | None]:
            *others, entry = entries
            # Read here and not before: a cancelled caller's thread may come late, and must not join again.
            wanted = self._wanted
            line = Line.from_entry(entry).attended(now, self._name, wanted)
            if update:
                other, update.is_last = update.change(others[0], now, self._has_held(line, update.wait))
                others = [other]
                if update.is_last:
                    left = [name for name in wanted if name != update.wait.name]
                    line = line.attended(now, self._name, left)
            return [*others, line.to_entry(entry)]

        # The line comes last: should this process be killed in between, the turn is given up after what it was for.
        names = {update.name: update.keep_seconds} if update else {}
        *_, entry = self._state.update_all({**names, self._entry: _KEEP_SECONDS}, change)
        return Line.from_entry(entry)

    def _has_held(self, line: Line, wait: _Wait) -> bool:
        return not wait.is_lost and line.holder == Ticket(self._name, wait.name) and line.fence == wait.fence

    def _settle(self, line: Line, seen_at: float) -> None:
        self._line, self._seen_at = line, seen_at
        for wait in self._waits:
            if not wait.granted.done():
                if line.holder == Ticket(self._name, wait.name):
                    wait.fence = line.fence
                    wait.granted.set_result(line.fence)
                elif not wait.is_told:
                    wait.is_told = True
                    log.info("Waiting for the turn at PBX %s: other tasks have reports made there.", self._pbx)
            elif not wait.is_lost and not wait.is_over and not self._has_held(line, wait):
                log.warning("The lease of the turn at PBX %s has lapsed; others may have used the PBX.", self._pbx)
                wait.is_lost = True
                self._want()

    async def _keep(self) -> None:
        """Renew the lease and watch the line as long as there is a wait."""
        failures = 0
        while self._waits:
            self._changed.clear()
            try:
                pause = await self._look()
            except StateUnavailableError as error:
                failures += 1
                self._suffer(error)
                pause = min(_LONGEST_RETRY_SECONDS, 0.5 * 2.0 ** min(failures, 10))
            except Exception as error:  # noqa: BLE001 - this task's boundary: the waits must hear of it
                self._fail(error)
                return
            else:
                failures, self._outage = 0, None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    async def _look(self) -> float:
        """Look at the line if that is due, and return the seconds until the next look."""
        async with self._attending:
            if not await self._is_settled():
                await self._renew()
            next_look = min(self._renewed_at + _RENEWAL_SECONDS, self._seen_at + self._poll_seconds())
            return max(0.0, next_look - time.monotonic())

    async def _is_settled(self) -> bool:
        """Return False if the line has to be changed; read it, without renewing the lease, if that is due."""
        started = time.monotonic()
        if started >= self._renewed_at + _RENEWAL_SECONDS or not self._line.has(self._name, self._wanted):
            return False
        if started < self._seen_at + self._poll_seconds():
            return True
        entry, now = await self._calls.make(self._state.look, self._entry)
        line = Line.from_entry(entry)
        if line.at(now).tickets != line.tickets or not line.has(self._name, self._wanted):
            return False
        self._settle(line, started)
        return True

    def _poll_seconds(self) -> float:
        members = [ticket.member for ticket in self._line.tickets]
        if members[:1] == [self._name]:
            return _RENEWAL_SECONDS
        return _NEXT_POLL_SECONDS if members[1:2] == [self._name] else _POLL_SECONDS

    def _suffer(self, error: StateUnavailableError) -> None:
        now = time.monotonic()
        if self._outage is None:
            self._outage_began_at = now
            log.warning("%s The turn at PBX %s is waited for.", error, self._pbx)
        self._outage = error
        if now - self._outage_began_at >= OUTAGE_SECONDS:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        for wait in self._waits:
            if not wait.granted.done():
                wait.granted.set_exception(error)


_members: PerLoop[_Member] = PerLoop()
