"""Parameters of a report that are secrets by their meaning, masked wherever a request is stored or shown. Pure.

Airflow encrypts a trigger's arguments, but neither its event, XCom nor the rendered fields of a task, and logs the
event. Names of files and selections of rows have to tell masked values apart: there a mask ends in a keyed digest,
because a PIN has so few digits that a digest without a key is as good as the PIN. A mask is never sent to a PBX.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.redaction import HIDDEN

__all__ = [
    "HiddenValue",
    "hidden_parameters",
    "holds_secrets",
    "masked_parameters",
    "masked_request",
    "parameters_to_name",
    "refuse_masked",
    "revealed",
    "shown_value",
    "unmasked_request",
]

_SECRET_PARAMETERS = ("pin_list", "pin_code")
"""A parameter of reports, and a filter of calls."""
_MASKED = re.compile(rf"{re.escape(HIDDEN)}(?:[0-9a-f]{{8}})?")


class HiddenValue(str):
    """A mask that carries what it masks: Airflow stores, shows and logs the mask, :func:`.check_parameters` reads on.

    :param value: the masked value.
    """

    value: Any

    def __new__(cls, value: Any) -> HiddenValue:
        mask = super().__new__(cls, HIDDEN)
        mask.value = value
        return mask


def revealed(value: Any) -> Any:
    """Return what a :class:`HiddenValue` masks; any other value as it is."""
    return value.value if isinstance(value, HiddenValue) else value


def shown_value(name: str, value: Any) -> str:
    """Return a value, or a part of it, as an error quotes it: the mask where the parameter is a secret.

    :param name: of the parameter or filter.
    :param value: whatever was given for it.
    """
    return HIDDEN if name in _SECRET_PARAMETERS else repr(value)


def hidden_parameters(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters whose secrets are hidden from everybody but a request."""
    hidden = {name: HiddenValue(parameters[name]) for name in _secrets_in(parameters)}
    return {**parameters, **hidden} if hidden else parameters


def holds_secrets(parameters: Mapping[str, Any]) -> bool:
    """Return whether secrets are among the parameters that are not masked yet."""
    return bool(_secrets_in(parameters))


def masked_request(request: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """Return a request's JSON form without the secrets among its parameters; see :func:`masked_parameters`."""
    return {**request, "parameters": masked_parameters(request.get("parameters") or {}, key)}


def parameters_to_name(parameters: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return parameters as a file's name or a selection of rows is made from them.

    :param parameters: by name.
    :param key: text, a secret; see :func:`masked_parameters`.
    :raises ValueError: without a key, where secrets are among them: different ones would have the same name.
    """
    if holds_secrets(parameters) and not key:
        raise ValueError("A request with secrets among its parameters cannot be named without a key")
    return masked_parameters(parameters, key)


def masked_parameters(parameters: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """Return parameters without the secrets among them; what is masked stays as it is.

    :param parameters: by name.
    :param key: text, a secret; masks of different values then differ. Without it all masks are the same.
    """
    return {**parameters, **{name: _mask(parameters[name], key) for name in _secrets_in(parameters)}}


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


def _secrets_in(parameters: Mapping[str, Any]) -> list[str]:
    return [name for name in _SECRET_PARAMETERS if name in parameters and not _is_masked(parameters[name])]


def _mask(value: object, key: str) -> str:
    if not key:
        return HIDDEN
    return f"{HIDDEN}{hmac.new(key.encode(), _text(value).encode('utf-8', 'replace'), hashlib.sha256).hexdigest()[:8]}"


def _is_masked(value: object) -> bool:
    return value is not None and _MASKED.fullmatch(_text(value)) is not None


def _text(value: object) -> str:
    """One spelling for a list and for a text with commas, in whatever order."""
    items = value if isinstance(value, list | tuple) else str(value).split(",")
    return ",".join(sorted(str(item).strip() for item in items))
