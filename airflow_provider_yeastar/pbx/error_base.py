"""YeastarError: what a caller does about it, and its form as plain data. Its subclasses stand in `errors`. Pure.

:func:`counted` is how messages and the log count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, ClassVar

from airflow_provider_yeastar.pbx.redaction import clean_text, redact_text

__all__ = ["Reaction", "YeastarError", "counted", "error_from_dict", "error_to_dict", "error_tree"]


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 row``, and ``2 rows`` or ``0 rows``.

    :param number: of things.
    :param noun: one of them.
    :param plural: several; with an ``s`` when left out.
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


class Reaction(Enum):
    """What a caller does about an error."""

    ASK_AGAIN = "ask again"
    LOG_IN_AGAIN = "log in again"
    GIVE_UP = "give up"


class YeastarError(Exception):
    """Something that keeps a report from arriving.

    Retrying is the rule. A class gives up only where no retry can help: refused credentials or permission, a blocked
    address, invalid arguments, an untrusted certificate, an unsafe answer.

    :param what: what happened, one sentence without the final full stop.
    :param pbx: ``host:port`` of the PBX, where one was concerned.
    :param endpoint: the API path that was called, without query.
    :param errcode: the PBX's error code, where it gave one.
    :param remedy: what the reader should do; the class's own remedy when left out.
    :param retry_after: seconds before which a retry of the whole task is pointless; those of the class when left out.
        None where the cause does not tell.
    """

    reaction: ClassVar[Reaction] = Reaction.ASK_AGAIN
    default_remedy: ClassVar[str] = ""
    default_retry_after: ClassVar[float | None] = None
    was_received: bool = True
    """False if the PBX has surely never received the request."""

    def __init__(
        self,
        what: str,
        *,
        pbx: str | None = None,
        endpoint: str | None = None,
        errcode: int | None = None,
        remedy: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.pbx = pbx
        self.endpoint = endpoint
        self.errcode = errcode
        self.remedy = self.default_remedy if remedy is None else remedy
        self.retry_after = self.default_retry_after if retry_after is None else retry_after

    def hide(self, secrets: Iterable[str]) -> None:
        """Take secrets out of every text of the error: a PBX may quote what it was sent.

        :param secrets: tokens and passwords that are in use.
        """
        known = list(secrets)
        self.what, self.remedy = redact_text(self.what, known), redact_text(self.remedy, known)
        self.args = (self.what,)

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".rstrip()

    @property
    def sentence(self) -> str:
        """What happened and where, without what to do."""
        facts = [
            f"PBX {self.pbx}" if self.pbx else "",
            self.endpoint or "",
            f"errcode {self.errcode}" if self.errcode is not None else "",
        ]
        where = ", ".join(fact for fact in facts if fact)
        return f"{self.what} ({where})." if where else f"{self.what}."


def error_tree(base: type[YeastarError] = YeastarError) -> dict[str, type[YeastarError]]:
    """Return the class and all below it, by name, in the order in which they are defined."""
    found = {base.__name__: base}
    for child in base.__subclasses__():
        found.update(error_tree(child))
    return found


_MOST_SIGNS = 4000
"""Longer than any message of ours; it bounds what an event or a state file may hold."""


def error_to_dict(error: YeastarError) -> dict[str, Any]:
    """Return the error as JSON types that any database takes, for the way from a trigger to its task."""
    return {
        "error": type(error).__name__,
        "what": clean_text(error.what, _MOST_SIGNS),
        "pbx": _text(error.pbx),
        "endpoint": _text(error.endpoint),
        "errcode": error.errcode,
        "remedy": clean_text(error.remedy, _MOST_SIGNS),
        "retry_after": error.retry_after,
    }


def error_from_dict(data: Mapping[str, Any]) -> YeastarError:
    """Return the error that :func:`error_to_dict` described, whichever version of this provider wrote it.

    An unknown class becomes :class:`YeastarError`, which is retried; unknown keys and values of other types are left
    out.
    """
    error_class = error_tree().get(str(data.get("error")), YeastarError)
    errcode, retry_after = data.get("errcode"), data.get("retry_after")
    return error_class(
        _text(data.get("what")) or f"{clean_text(data.get('error') or 'An error', 100)} without a description",
        pbx=_text(data.get("pbx")),
        endpoint=_text(data.get("endpoint")),
        errcode=errcode if type(errcode) is int else None,
        remedy=_text(data.get("remedy")),
        retry_after=retry_after if isinstance(retry_after, int | float) and 0 < retry_after < math.inf else None,
    )


def _text(value: object) -> str | None:
    return clean_text(value, _MOST_SIGNS) if isinstance(value, str) else None
