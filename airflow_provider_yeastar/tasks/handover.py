"""What a sensor hands to the operator that fetches its report: one XCom value, of JSON types and without any token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.masking import masked_request
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.waiting.bounds import FILE_LIFE_SECONDS, FinishedReport
from airflow_provider_yeastar.runtime.outcome import Outcome, iso_utc

__all__ = ["Handover", "read_handover", "write_handover"]


@dataclass(frozen=True)
class Handover:
    """A sensed report.

    :param outcome: the report, and the request that it answers.
    :param yeastar_conn_id: the connection that the sensor used.
    :param expires_at: epoch seconds until which the PBX serves the file.
    """

    outcome: Outcome
    yeastar_conn_id: str
    expires_at: float


def write_handover(outcome: Outcome, yeastar_conn_id: str, key: str = "") -> dict[str, Any]:
    """Return a sensor's XCom value; times are ISO 8601, UTC.

    :param outcome: the report, and the request that it answers.
    :param yeastar_conn_id: id of the connection that the sensor used.
    :param key: tells masked parameters apart, for the name of the file; see :func:`.masked_parameters`.
    """
    report = outcome.report
    return {
        "file": report.file,
        "download_resource_url": report.url,
        "requested_at": iso_utc(report.requested_at),
        "ready_at": iso_utc(report.ready_at),
        "expires_at": iso_utc(report.ready_at + FILE_LIFE_SECONDS),
        "request": masked_request(outcome.request.to_dict(), key),
        "window": report.window,
        "timezone": report.timezone,
        "api_version": report.api_version,
        "serial_number": report.serial_number,
        "identified_by": report.identified_by,
        "job": report.job,
        "by_event": report.by_event,
        "yeastar_conn_id": yeastar_conn_id,
    }


def read_handover(value: object) -> Handover:
    """Return what a sensor's XCom value says.

    :param value: whatever an operator was given.
    :raises InvalidRequestError: when it is anything else.
    """
    if not isinstance(value, Mapping):
        raise _no_handover(f"is a {type(value).__name__}, not a mapping")
    try:
        report = FinishedReport(
            file=_text(value, "file"),
            url=_text(value, "download_resource_url"),
            requested_at=_epoch_seconds(value, "requested_at"),
            ready_at=_epoch_seconds(value, "ready_at"),
            api_version=_text(value, "api_version"),
            timezone=_text(value, "timezone"),
            serial_number=_text(value, "serial_number"),
            window=dict(value["window"]),
            identified_by="answer" if value.get("identified_by") == "answer" else "turn",
            job=str(value.get("job", "")),
            by_event=bool(value.get("by_event")),
        )
        request = ReportRequest.from_dict(value["request"])
        return Handover(Outcome(request, report), _text(value, "yeastar_conn_id"), _epoch_seconds(value, "expires_at"))
    except KeyError as error:
        raise _no_handover(f"lacks {error.args[0]}") from None
    except (InvalidRequestError, TypeError, ValueError) as error:
        raise _no_handover(f"has a part that cannot be read: {error}") from None


def _no_handover(what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"`report` {what}; it is no return value of YeastarCallReportSensor",
        remedy="Give it the sensor's output: `report=sensor.output`.",
    )


def _text(value: Mapping[str, Any], key: str) -> str:
    if not isinstance(value[key], str):
        raise TypeError(f"{key} is {value[key]!r}, not a text")
    return str(value[key])


def _epoch_seconds(value: Mapping[str, Any], key: str) -> float:
    moment = datetime.fromisoformat(_text(value, key))
    if moment.tzinfo is None:
        raise ValueError(f"{key} is {value[key]!r}, without UTC offset")
    return moment.timestamp()
