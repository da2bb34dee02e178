"""What can be made to go wrong: a fault says what, where and how often.

pbx.faults.add(Fault("status", "call_report/download", value=502))       the next such call, once
pbx.faults.add(Fault("no event", times=3))                              the next three reports
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

__all__ = ["FAULT_KINDS", "Fault", "FaultKind", "Faults", "Meaning"]

FaultKind = Literal[
    "status",
    "json without errcode",
    "reset before",
    "reset after",
    "delay",
    "errcode",
    "quote",
    "without",
    "silent socket",
    "refused subscription",
    "event before answer",
    "duplicate event",
    "foreign event",
    "late event",
    "no event",
    "failure event",
    "drop sockets",
    "restart",
    "expire tokens",
    "processing",
    "cut answer",
    "url",
    "file name",
    "page ignored",
    "other order",
    "total number",
    "new calls",
    "empty",
    "json body",
    "html body",
    "other bytes",
    "longer",
    "no length",
    "other range",
    "redirect",
    "truncated",
    "reset half-way",
    "stall half-way",
]


class Meaning(NamedTuple):
    """What a kind of fault means.

    :param strikes: ``call`` (any), ``socket`` (a WebSocket as it is opened), ``report`` (as it is asked for; ``where``
        stays empty), ``page`` (of calls or recordings) or ``file`` (as it is fetched).
    :param value: what the fault's ``value`` has to be; empty where the kind needs none.
    :param what: what goes wrong.
    """

    strikes: Literal["call", "socket", "report", "page", "file"]
    value: str
    what: str


FAULT_KINDS: Mapping[FaultKind, Meaning] = MappingProxyType(
    {
        "status": Meaning("call", "the HTTP status", "a web page with that status in place of the answer"),
        "json without errcode": Meaning("call", "", "a JSON answer that no PBX gives"),
        "reset before": Meaning("call", "", "the connection is cut before the call is carried out"),
        "reset after": Meaning("call", "", "the connection is cut after the call was carried out, before its answer"),
        "delay": Meaning("call", "seconds", "the call is carried out that much later"),
        "errcode": Meaning("call", "the errcode", "the PBX refuses"),
        "quote": Meaning("call", "the errcode", "the same, and it quotes all that was sent, secrets included"),
        "without": Meaning("call", "names of keys", "the answer lacks these keys"),
        "silent socket": Meaning("socket", "how many messages are answered", "after these the PBX says nothing more"),
        "refused subscription": Meaning(
            "socket", "", "the first subscription is confirmed, and TOKEN EXPIRED follows at once"
        ),
        "event before answer": Meaning("report", "", "the event comes before the answer to the request"),
        "duplicate event": Meaning("report", "", "the event comes twice"),
        "foreign event": Meaning("report", "a file's name", "somebody else's report with that name is announced first"),
        "late event": Meaning("report", "seconds", "the event comes that long after the job's end"),
        "no event": Meaning("report", "", "the report is made, and nobody is told"),
        "failure event": Meaning("report", "the PBX's words", "the event says that the report could not be made"),
        "drop sockets": Meaning("report", "", "all WebSockets are cut before the event"),
        "restart": Meaning("report", "", "the PBX reboots before the event: tokens, files and sockets are gone"),
        "expire tokens": Meaning("report", "", "all tokens expire before the event"),
        "processing": Meaning("report", "", "a synchronous request is answered PROCESSING, and an event follows"),
        "cut answer": Meaning("report", "", "the connection of a synchronous request is cut; its job goes on"),
        "url": Meaning("report", "the URL", "the event names that URL"),
        "file name": Meaning("report", "the name", "the event names a file of that name"),
        "page ignored": Meaning("page", "", "the first page comes, whichever is asked for"),
        "other order": Meaning("page", "", "its rows come the other way round"),
        "total number": Meaning("page", "any value", "``total_number`` is that"),
        "new calls": Meaning(
            "page", "their beginnings, PBX-local", "after it further calls are written that began then"
        ),
        "empty": Meaning("file", "", "a body without a byte"),
        "json body": Meaning("file", "the errcode", "a refusal in the file's place"),
        "html body": Meaning("file", "", "a web page in the file's place"),
        "other bytes": Meaning("file", "the bytes", "these bytes in the file's place"),
        "longer": Meaning("file", "bytes", "more than was announced: these follow the file"),
        "no length": Meaning("file", "", "the length is not announced"),
        "other range": Meaning("file", "", "another part than was asked for (with ``serves_ranges``)"),
        "redirect": Meaning("file", "status and URL, a pair", "a redirect to that URL"),
        "truncated": Meaning("file", "bytes before it; None for half of them", "the connection ends, in good order"),
        "reset half-way": Meaning("file", "bytes before it; None for half of them", "the connection is cut"),
        "stall half-way": Meaning("file", "bytes before it; None for half of them", "nothing more comes"),
    }
)
"""All kinds there are."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    :param kind: what, one of ``FAULT_KINDS``; docs/simulator.md shows them in a table.
    :param where: end of the path of the calls that it strikes, for instance ``call_report/download``, default any. It
        stays empty for what strikes a report.
    :param value: what the kind needs to know.
    :param times: how often, default ``1``.
    :param after: how many chances are let pass first, default ``0``.
    """

    kind: FaultKind
    where: str = ""
    value: Any = None
    times: int = 1
    after: int = 0


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Let these happen, each when its chance comes.

        :param faults: several of one kind strike in this order.
        """
        self._pending.extend(faults)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._pending.clear()

    def take(self, kind: FaultKind, path: str = "") -> Fault | None:
        """Return the fault of that kind that strikes here and now, and use it up; None without one.

        :param kind: of the fault.
        :param path: of the call, default empty.
        """
        for index, fault in enumerate(self._pending):
            if fault.kind == kind and path.endswith(fault.where):
                if fault.after:
                    self._pending[index] = replace(fault, after=fault.after - 1)
                    continue
                if fault.times > 1:
                    self._pending[index] = replace(fault, times=fault.times - 1)
                else:
                    del self._pending[index]
                return fault
        return None
