"""Serialises results and errors between triggerer and worker.

Events are neither encrypted nor redacted, so they hold JSON types only and never a token. Anything but a well-formed
success is an error, never a success by default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.exceptions import InvalidEventError
from airflow_provider_yeastar.pbx.errors import (
    DeadlineError,
    InvalidRequestError,
    Reaction,
    WaitTimeoutError,
    YeastarError,
    error_from_dict,
    error_to_dict,
)
from airflow_provider_yeastar.pbx.report.masking import masked_request, unmasked_request
from airflow_provider_yeastar.pbx.report.request import ReportRequest

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport

__all__ = ["Outcome", "errors_for_airflow", "failure_event", "iso_utc", "read_event", "read_request", "success_event"]


@dataclass(frozen=True)
class Outcome:
    """A finished report to be downloaded, and its request.

    :param attempt: how often this request has been asked for, from 1; a bad file is asked for once more.
    :param until: epoch seconds at which the task's own time is over, None without such a bound.
    """

    request: ReportRequest
    report: FinishedReport
    attempt: int = 1
    until: float | None = None


def success_event(outcome: Outcome) -> dict[str, Any]:
    """Return the event with the report's URL."""
    return {
        "status": "success",
        "request": masked_request(outcome.request.to_dict()),
        "report": asdict(outcome.report),
        "attempt": outcome.attempt,
        "until": outcome.until,
    }


def failure_event(error: YeastarError, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with the cause of a failure; its status is ``timeout`` or ``error``.

    :param error: the cause.
    :param request: JSON form of what was asked for.
    """
    status = "timeout" if isinstance(error, WaitTimeoutError) else "error"
    return {"status": status, "request": masked_request(request)} | error_to_dict(error)


def read_event(event: Mapping[str, Any] | None, parameters: object = None) -> Outcome:
    """Return the outcome in an event.

    :param event: what Airflow passes to ``execute_complete``.
    :param parameters: the task's own, which replace those that are masked in an event.
    :raises YeastarError: the error in the event; :class:`InvalidEventError` for anything else.
    """
    status = event.get("status") if isinstance(event, Mapping) else None
    if event is not None and status in ("error", "timeout"):
        raise error_from_dict(event)
    if event is None or status != "success":
        raise InvalidEventError(f"The trigger came back with status {status!r}, which is no outcome")
    from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport  # not needed to parse a DAG file

    try:
        return Outcome(
            request=read_request(event, parameters),
            report=FinishedReport(**event["report"]),
            attempt=int(event["attempt"]),
            until=event.get("until"),
        )
    except (AttributeError, InvalidRequestError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise InvalidEventError(f"The trigger's success lacks or garbles a part: {type(error).__name__}") from None


def read_request(event: Mapping[str, Any], parameters: object = None) -> ReportRequest:
    """Return the request in an event, with the task's own parameters in place of masks; see :func:`read_event`.

    :raises InvalidRequestError: if it is invalid; KeyError, TypeError or ValueError if it is none.
    """
    return ReportRequest.from_dict(unmasked_request(event["request"], parameters))


def iso_utc(epoch_seconds: float) -> str:
    """Return a moment as XCom shows it: ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="seconds")


@contextmanager
def errors_for_airflow() -> Iterator[None]:
    """Raise errors so that Airflow retries what may pass, and fails at once what no retry can fix.

    :raises AirflowFailException: for an error whose reaction is to give up; other errors leave as they are.
    :raises AirflowTaskTimeout: if the task's own time was over while it was deferred; on a worker Airflow raises it.
    """
    try:
        yield
    except DeadlineError as error:
        from airflow_provider_yeastar.compat import AirflowTaskTimeout

        raise AirflowTaskTimeout(str(error)) from None
    except YeastarError as error:
        if error.reaction is not Reaction.GIVE_UP:
            raise
        from airflow_provider_yeastar.compat import AirflowFailException

        # The sentence is the whole story: a chain would print it twice.
        raise AirflowFailException(str(error)) from None
