"""The topics that a socket subscribes to, and what an event of each says. Pure.

Vendor's pages: "Event 30027", "Event 30012".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.untrusted import json_object, short_text, whole_number

__all__ = ["ENDED_CALLS", "REPORTS", "EndedCall", "Event", "Frame", "Topic", "decode_frame"]

_ENDED_CALL = 30012
_SECRETS = ("pin_code",)


@dataclass(frozen=True)
class EndedCall:
    """Event 30012: a call ended.

    :param uid: of the call, the same as in its row; empty if the PBX does not tell it.
    :param text: all fields of the event but its PIN code, as JSON. A text, so that equal events compare equal.
    """

    uid: str
    text: str

    @property
    def fields(self) -> dict[str, Any]:
        """The fields by the vendor's names, which are not those of a row of calls."""
        fields: dict[str, Any] = json.loads(self.text)
        return fields


Event = TypeVar("Event", wire.EventFrame, EndedCall)
Frame = wire.EventFrame | EndedCall | wire.SubscribedFrame | wire.HeartbeatFrame | wire.RefusalFrame


@dataclass(frozen=True)
class Topic(Generic[Event]):
    """What a listener wants to hear.

    :param number: the vendor's number of the event.
    :param kind: the class of its events.
    """

    number: int
    kind: type[Event]


REPORTS = Topic(wire.REPORT_EVENT, wire.EventFrame)
ENDED_CALLS = Topic(_ENDED_CALL, EndedCall)


def decode_frame(frame: str | bytes, *, pbx: str, endpoint: str, secrets: Iterable[str] = ()) -> Frame | None:
    """Return what a WebSocket frame says; None for what does not concern us. See :func:`.wire.decode_frame`.

    ``msg`` of an ended call is a JSON text on every firmware seen; an object is taken as well.

    :param frame: as it came.
    :param pbx: ``host:port``, for messages.
    :param endpoint: the path of the socket, for messages.
    :param secrets: tokens and passwords that the PBX may quote; they are redacted in every text.
    """
    known = list(secrets)
    message = wire.decode_frame(frame, pbx=pbx, endpoint=endpoint, secrets=known)
    return _ended_call(frame, known) if message is None else message


def _ended_call(frame: str | bytes, secrets: list[str]) -> EndedCall | None:
    data = json_object(frame.decode("utf-8", "replace") if isinstance(frame, bytes) else frame, secrets)
    if whole_number(data.get("type")) != _ENDED_CALL:
        return None
    message = data.get("msg")
    message = message if isinstance(message, dict) else json_object(message, secrets)
    fields = {name: value for name, value in message.items() if name not in _SECRETS}
    return EndedCall(short_text(fields.get("uid")), json.dumps(fields, sort_keys=True)) if fields else None
