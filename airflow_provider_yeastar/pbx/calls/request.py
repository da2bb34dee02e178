"""CallRequest: the calls of a time frame, before it is known how this PBX is asked for them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_yeastar.pbx.calls.query import CALL_APIS, CallApi, call_filters, check_filter_name, filter_value
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.frame import TimeFrame, check_time_frame, time_frame
from airflow_provider_yeastar.pbx.report.masking import parameters_to_name, revealed
from airflow_provider_yeastar.pbx.report.parameters import is_open

__all__ = ["CallRequest", "call_request", "check_call_arguments"]

_VERSIONS = ("auto", *CALL_APIS)


@dataclass(frozen=True)
class CallRequest:
    """Which calls are asked for. Made by :func:`call_request`.

    :param frame: when they began.
    :param filters: the vendor's names and their values, as they were given.
    :param api_version: ``auto``, ``v1.0`` or ``v2.0``; None for the connection's.
    """

    frame: TimeFrame
    filters: Mapping[str, Any]
    api_version: str | None = None

    def file_stem(self, name: str, source: str | None = None, key: str = "") -> str:
        """Return a file's name without its extension, so that a re-run replaces its own file and no other's.

        :param name: what the file holds, such as ``calls``.
        :param source: tells the PBX from others whose files may go to the same directory; None counts as the one.
        :param key: for :func:`.parameters_to_name`.
        """
        # The frame's text is without offsets; windows that differ in them alone are not the same.
        ends = [moment.isoformat() for moment in (self.frame.start, self.frame.end) if moment and moment.tzinfo]
        filters = parameters_to_name(self.filters, key)
        asked = {"filters": filters, "api_version": self.api_version, "source": source, "aware": ends}
        given = {key: value for key, value in asked.items() if value}
        digest = hashlib.sha256(json.dumps(given, sort_keys=True, default=_json_value).encode()).hexdigest()[:8]
        return f"{name}_{self.frame.text}_{digest}"


def call_request(
    *,
    period: Any = None,
    start_time: Any = None,
    end_time: Any = None,
    filters: Any = None,
    api_version: Any = None,
    as_of: datetime | None = None,
) -> CallRequest:
    """Return a request for calls.

    :param period: see :func:`.time_frame`, as for the next two.
    :param start_time: first second.
    :param end_time: last second.
    :param filters: mapping of the vendor's names to texts, numbers or lists of them.
    :param api_version: ``auto``, ``v1.0``, ``v2.0``; None for the connection's.
    :param as_of: the moment that a period in words is counted from, aware.
    :raises InvalidRequestError: one sentence: what is wrong, where, what to do.
    """
    _check_version(api_version)
    return CallRequest(time_frame(period, start_time, end_time, as_of), _checked_filters(filters), api_version)


def check_call_arguments(
    *,
    period: Any,
    start_time: Any,
    end_time: Any,
    filters: Any = None,
    api_version: Any = None,
    api: CallApi | None = None,
) -> None:
    """Check the arguments of :func:`call_request` as far as they are known when a DAG is parsed.

    :param api: which interface will be asked; None for that of ``api_version``.
    :raises InvalidRequestError: as :func:`call_request`.
    """
    if not is_open(api_version):
        _check_version(api_version)
    if filters is not None and not is_open(filters):
        for name in _mapping(filters):
            check_filter_name(name)
        known = _checked_filters({name: value for name, value in filters.items() if not is_open(value)})
        if api or api_version in CALL_APIS:
            call_filters(known, api or CALL_APIS[api_version])
    check_time_frame(period, start_time, end_time)


def _json_value(value: Any) -> Any:
    """Return a set as a list in an order that does not change from one process to the next."""
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else str(value)


def _check_version(api_version: Any) -> None:
    if api_version is not None and api_version not in _VERSIONS:
        raise InvalidRequestError(f"`api_version` is {api_version!r}, not one of {', '.join(_VERSIONS)}")


def _mapping(filters: Any) -> Mapping[str, Any]:
    if not isinstance(filters, Mapping):
        raise InvalidRequestError(f'`filters` is {filters!r}, not a mapping such as {{"call_from": "1001"}}')
    return filters


def _checked_filters(filters: Any) -> dict[str, Any]:
    """Refuse a filter without a value, which would widen the request to all calls, and what is no filter at all."""
    if filters is None:
        return {}
    for name, value in _mapping(filters).items():
        check_filter_name(name)
        filter_value(name, value)
    return {name: revealed(value) for name, value in filters.items()}
