"""The line of waiters at one PBX, as a rule: who holds the turn, who is next, whose lease has lapsed. Pure.

Rules of this file:

1. The first ticket of the line holds the turn; every change of it raises the fence.
2. Tickets are served in order of arrival, whichever process or host they come from.
3. A process (a member of the line) renews one lease for all of its tickets. When that lease lapses, its tickets are
   gone: a renewal that comes too late finds none of them, and what it held is held no more.
4. Time comes in as epoch seconds by the shared state's clock. A lease that ends later than one can have been granted
   was written by a clock that was ahead, and counts as lapsed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_yeastar.pbx.state.interface import Entry, number

__all__ = ["LEASE_SECONDS", "Line", "Ticket"]

LEASE_SECONDS = 25.0
"""Seconds for which a member's tickets outlive its last renewal; a dead holder's turn ends by then."""
_CLOCK_TOLERANCE = 1.0


@dataclass(frozen=True)
class Ticket:
    """A place in the line: the member that it belongs to, and that member's own name for it."""

    member: str
    name: str


@dataclass(frozen=True)
class Line:
    """The line at one PBX.

    :param fence: grows with every new holder.
    :param tickets: in order of arrival; the first holds the turn.
    :param leases: for each member, until when (epoch seconds) its tickets count.
    """

    fence: int = 0
    tickets: tuple[Ticket, ...] = ()
    leases: Mapping[str, float] = field(default_factory=dict)

    @property
    def holder(self) -> Ticket | None:
        return self.tickets[0] if self.tickets else None

    @classmethod
    def from_entry(cls, entry: Entry | None) -> Line:
        """Return the line that :meth:`to_entry` described; what is of no use in it counts as not there."""
        entry = entry or {}
        leases = entry.get("leases")
        known = {str(m): number(until) for m, until in leases.items()} if isinstance(leases, dict) else {}
        fence, tickets = entry.get("fence"), entry.get("tickets")
        return cls(
            fence=fence if type(fence) is int else 0,
            tickets=tuple(Ticket(*pair) for pair in tickets if _is_pair(pair)) if isinstance(tickets, list) else (),
            leases={member: until for member, until in known.items() if until is not None},
        )

    def to_entry(self, entry: Entry | None) -> dict[str, Any]:
        """Return the line as JSON.

        :param entry: the present entry, whose further fields are kept.
        """
        tickets = [[ticket.member, ticket.name] for ticket in self.tickets]
        return {**(entry or {}), "fence": self.fence, "tickets": tickets, "leases": dict(self.leases)}

    def has(self, member: str, names: Sequence[str]) -> bool:
        """Tell whether the line holds these tickets of a member, and no others of it."""
        return {ticket.name for ticket in self.tickets if ticket.member == member} == set(names)

    def at(self, now: float) -> Line:
        """Return the line without the members whose lease has lapsed.

        :param now: epoch seconds.
        """
        latest = now + LEASE_SECONDS + _CLOCK_TOLERANCE
        leases = {member: until for member, until in self.leases.items() if now < until <= latest}
        tickets = tuple(ticket for ticket in self.tickets if ticket.member in leases)
        return replace(_passed_on(self, tickets, now), leases=leases)

    def attended(self, now: float, member: str, names: Sequence[str]) -> Line:
        """Return the line after a member has renewed its lease, joined with new tickets and withdrawn all others.

        :param now: epoch seconds.
        :param member: who attends.
        :param names: the tickets that the member wants to keep or to get, in order of arrival; none to leave the line.
        """
        present = self.at(now)
        kept = tuple(ticket for ticket in present.tickets if ticket.member != member or ticket.name in names)
        new = tuple(Ticket(member, name) for name in names if Ticket(member, name) not in kept)
        leases = {other: until for other, until in present.leases.items() if other != member}
        if names:
            leases[member] = now + LEASE_SECONDS
        return replace(_passed_on(_passed_on(present, kept, now), kept + new, now), leases=leases)


def _passed_on(line: Line, tickets: tuple[Ticket, ...], now: float) -> Line:
    """Return the line with these tickets, and with a new fence if the first of them did not hold the turn before.

    A fence is at least the time in microseconds, so that it grows even if the state has lost the line meanwhile.
    """
    if not tickets or tickets[0] == line.holder:
        return replace(line, tickets=tickets)
    return replace(line, tickets=tickets, fence=max(line.fence + 1, int(now * 1e6)))


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)
