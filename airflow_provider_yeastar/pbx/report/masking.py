"""Parameters of a report that are secrets by their meaning, masked wherever a request is stored or shown. Pure.

Airflow encrypts a trigger's arguments, but neither its event nor XCom, and logs the event. A masked value is told apart
from another by a hash, so that file names still differ; it is never sent to a PBX.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.redaction import HIDDEN

__all__ = ["masked_parameters", "masked_request", "refuse_masked", "unmasked_request"]

_SECRET_PARAMETERS = ("pin_list",)
_MASKED = re.compile(rf"{re.escape(HIDDEN)}[0-9a-f]{{8}}")


def masked_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's JSON form without the secrets among its parameters."""
    return {**request, "parameters": masked_parameters(request.get("parameters") or {})}


def masked_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters without the secrets among them; what is masked stays as it is."""
    return {name: _mask(value) if name in _SECRET_PARAMETERS else value for name, value in parameters.items()}


def unmasked_request(request: Mapping[str, Any], parameters: object) -> dict[str, Any]:
    """Return a request's JSON form with the secrets of the task's own parameters in place of masks.

    :param request: what an event holds.
    :param parameters: the task's own, rendered; anything but a mapping gives nothing.
    """
    own = parameters if isinstance(parameters, Mapping) else {}
    found = request.get("parameters")
    held: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    secrets = {name: own[name] for name in _SECRET_PARAMETERS if name in own and _is_masked(held.get(name))}
    return {**request, "parameters": {**held, **secrets}} if secrets else dict(request)


def refuse_masked(parameters: Mapping[str, Any]) -> None:
    """Refuse to send a mask to a PBX, which would answer it with an empty report.

    :raises InvalidRequestError: when one of the parameters is masked.
    """
    for name in _SECRET_PARAMETERS:
        if _is_masked(parameters.get(name)):
            raise InvalidRequestError(
                f"`{name}` was masked on its way through XCom, so the report cannot be requested again",
                remedy="Run the sensor again, or use YeastarCallReportOperator, which holds its own parameters.",
            )


def _mask(value: object) -> str:
    if _is_masked(value):
        return _text(value)
    return f"{HIDDEN}{hashlib.sha256(_text(value).encode('utf-8', 'replace')).hexdigest()[:8]}"


def _is_masked(value: object) -> bool:
    return value is not None and _MASKED.fullmatch(_text(value)) is not None


def _text(value: object) -> str:
    """One spelling for a list and for a text with commas."""
    if isinstance(value, list | tuple):
        return ",".join(str(item).strip() for item in value)
    return ",".join(item.strip() for item in str(value).split(","))
