"""What happened in one call, as values: every report is a view of these.

Durations are whole seconds. Times are naive and PBX-local. Ids are the directory's internal ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = [
    "Call",
    "Callback",
    "Communication",
    "Disposition",
    "IvrVisit",
    "Offer",
    "Quality",
    "QueueResult",
    "QueueVisit",
]

Communication = Literal["Inbound", "Outbound", "Internal"]
Disposition = Literal["answered", "no_answer", "busy", "failed", "voicemail", "abandoned"]
QueueResult = Literal["answered", "missed", "abandoned"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One extension that was rung for a call.

    :param began: when it began to ring.
    :param result: how the call ended for this extension, whatever became of it elsewhere.
    """

    extension_id: int
    began: datetime
    ring_seconds: int
    result: Disposition


@dataclass(frozen=True, slots=True)
class Callback:
    """A caller's wish to be rung back instead of waiting in the queue.

    :param called_at: when an agent tried, None when nobody did on that day.
    """

    requested_at: datetime
    called_at: datetime | None = None
    agent_id: int | None = None
    succeeded: bool = False


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """A call's stay in a queue.

    :param wait_seconds: from entering the queue to an agent's answer, or to leaving it without one.
    :param result: ``missed`` when the queue gave up, ``abandoned`` when the caller did.
    :param agent_id: who answered.
    :param satisfaction: 1 to 5 as pressed after the call, None without an answer.
    """

    queue_id: int
    wait_seconds: int
    result: QueueResult
    agent_id: int | None = None
    satisfaction: int | None = None
    callback: Callback | None = None


@dataclass(frozen=True, slots=True)
class IvrVisit:
    """A call's stay in a voice menu.

    :param key: the key that led on, empty when the caller hung up or timed out without one.
    :param invalid_presses: presses of keys that lead nowhere, before that.
    """

    ivr_id: int
    key: str
    invalid_presses: int


@dataclass(frozen=True, slots=True)
class Quality:
    """How well the voice came through.

    :param loss_percent: lost packets, per cent.
    :param mos: mean opinion score, 1 to 5.
    """

    jitter_ms: int
    latency_ms: int
    loss_percent: float
    mos: float


@dataclass(frozen=True, slots=True)
class Call:
    """One call from its first ring to its end.

    :param caller: number it came from.
    :param callee: number it reached: an extension, queue, ring group, IVR or, outbound, an outside number.
    :param extension_id: the extension that placed an outbound or internal call.
    :param offers: the extensions it rang, in order; the last one answered, if any did.
    :param ring_seconds: from the start to the answer, or to the end without one; waiting in a queue included.
    :param talk_seconds: from the answer to the end, hold included.
    """

    started: datetime
    communication: Communication
    caller: str
    callee: str
    disposition: Disposition = "failed"
    id: str = ""
    extension_id: int | None = None
    trunk_id: int | None = None
    did: str = ""
    dod: str = ""
    ring_seconds: int = 0
    talk_seconds: int = 0
    hold_seconds: int = 0
    offers: tuple[Offer, ...] = ()
    queue: QueueVisit | None = None
    ivr: IvrVisit | None = None
    ring_group_id: int | None = None
    ai_receptionist_id: int | None = None
    pin: str = ""
    transcribed: bool = False
    quality: Quality | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the two sides talked."""
        return self.disposition == "answered"

    @property
    def duration_seconds(self) -> int:
        """From the start to the end."""
        return self.ring_seconds + self.talk_seconds
