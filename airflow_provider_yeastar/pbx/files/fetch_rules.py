"""What to do about a file that did not arrive: fetch it once more, have another made, or give up. Pure.

Fetching costs the PBX nothing; another report keeps it busy for minutes. Neither helps against what a person has to
mend, and what is not about the file (a broken connection, a full disk) has rules of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    BadFileError,
    FileExpiredError,
    FileReplacedError,
    InterfaceError,
    InvalidRequestError,
    NotAPbxError,
    NotFoundError,
    ParameterError,
    Reaction,
    TokenExpiredError,
    WrongReportError,
    YeastarError,
)

__all__ = [
    "MAX_FILE_BYTES",
    "URL_MINUTES",
    "NextStep",
    "another_report_may_help",
    "as_final",
    "check_max_bytes",
    "event_complaint",
    "next_step",
]

MAX_FILE_BYTES = 4 * 1024**3
"""Far above any report; it only keeps a server gone mad from filling the disk."""

URL_MINUTES = 25
"""The PBX serves a file for 30; clocks differ, and the wait may have ended a while before it was told."""

# Complaints of what was asked for. The PBX itself had announced the URL: in the file's place they say that it is gone.
_GONE = (NotFoundError, InterfaceError, ParameterError)


class NextStep(Enum):
    """What follows upon a fetch that failed."""

    FETCH_AGAIN = "fetch again"
    FETCH_WITH_NEW_TOKEN = "fetch with a new token"
    ASK_FOR_ANOTHER = "ask for another report"
    GIVE_UP = "give up"


def next_step(error: YeastarError, minutes: float, tried: Collection[NextStep] = ()) -> NextStep:
    """Return what to do about a fetch that failed.

    :param error: for which it failed.
    :param minutes: since the PBX has the file.
    :param tried: the steps that were taken for this file already; each is taken once.
    """
    if isinstance(error, TokenExpiredError) and NextStep.FETCH_WITH_NEW_TOKEN not in tried:
        return NextStep.FETCH_WITH_NEW_TOKEN
    if not another_report_may_help(error):
        return NextStep.GIVE_UP
    is_gone = isinstance(error, FileReplacedError) or minutes > URL_MINUTES
    if is_gone or NextStep.FETCH_AGAIN in tried:
        return NextStep.ASK_FOR_ANOTHER
    return NextStep.FETCH_AGAIN


def another_report_may_help(error: YeastarError) -> bool:
    """Return whether a report that is made anew may arrive where this one did not."""
    if not isinstance(error, BadFileError | NotAPbxError | AnswerError):
        return False
    return error.reaction is Reaction.ASK_AGAIN or isinstance(error, _GONE)


def as_final(error: YeastarError, minutes: float) -> YeastarError:
    """Return what there is to say when fetching has come to its end and only another report may help.

    :param error: for which the last fetch failed.
    :param minutes: since the PBX has the file.
    """
    if minutes > URL_MINUTES:
        what = f"The PBX refused the file {minutes:.0f} minutes after it was ready: {error.what}"
    elif isinstance(error, _GONE):
        what = f"The PBX does not have the file that it announced: {error.what}"
    else:
        return error
    return FileExpiredError(what, pbx=error.pbx, endpoint=error.endpoint, errcode=error.errcode)


def event_complaint(error: YeastarError, minutes: float) -> str:
    """Return how a failed fetch shows that the event was about somebody else's report, empty if it does not.

    :param error: as :func:`as_final` has it.
    :param minutes: since the event.
    """
    if isinstance(error, WrongReportError):
        return "an event led to another report's file"
    if isinstance(error, FileExpiredError) and minutes <= URL_MINUTES:
        return "an event named a file that the PBX does not have"
    return ""


def check_max_bytes(max_bytes: int | None) -> None:
    """Refuse what bounds no file.

    :raises InvalidRequestError: one sentence.
    """
    if max_bytes is not None and (type(max_bytes) is not int or max_bytes < 1):
        raise InvalidRequestError(f"`max_bytes` is {max_bytes!r}, neither a whole number above 0 nor None")
