"""What can be made to go wrong: a fault says what, where and how often.

pbx.faults.add(Fault("status", "call_report/download", value=502))       the next such call, once
pbx.faults.add(Fault("no event", times=3))                              the next three reports
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

__all__ = ["Fault", "FaultKind", "Faults"]

FaultKind = Literal[
    # Any call: value is the HTTP status, seconds, or the errcode.
    "status",
    "json without errcode",
    "reset before",
    "reset after",
    "delay",
    "errcode",
    # Any call, value is the errcode: a refusal that quotes all it was sent, token and credentials among it.
    "quote",
    # A WebSocket, at the time it is opened: value is how many messages it still answers.
    "silent socket",
    # A report, at the time it is asked for: value is another file's name, an error text, a URL or a name.
    "event before answer",
    "duplicate event",
    "foreign event",
    "no event",
    "failure event",
    "drop sockets",
    "restart",
    "expire tokens",
    "url",
    "file name",
    # A file, at the time it is fetched: value is the errcode, the bytes, or status and location.
    "empty",
    "json body",
    "html body",
    "other bytes",
    "longer",
    "no length",
    "other range",
    "redirect",
    # The same: value is how many bytes come before it, half of them when left out.
    "truncated",
    "reset half-way",
    "stall half-way",
]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    :param kind: what.
    :param where: end of the path it strikes at; any when empty.
    :param value: what the kind needs to know.
    :param times: how often.
    :param after: how many chances are let pass first.
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
        """Let these happen."""
        self._pending.extend(faults)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._pending.clear()

    def take(self, kind: FaultKind, path: str = "") -> Fault | None:
        """Return the fault of that kind that strikes here and now, and use it up; None without one."""
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
