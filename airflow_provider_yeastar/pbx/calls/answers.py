"""What the PBX answers about calls: rows and their count. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_yeastar.pbx.calls.reading import Page
from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.pbx.report.rows import check_says_something

__all__ = ["decode_page"]

_MOST = 10**12


def decode_page(answer: Mapping[str, Any], *, pbx: str, endpoint: str) -> Page:
    """Return the rows of a successful answer, and how many there are in all.

    :param answer: a successful one; ``data`` may be null where nothing is found.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that was called, for the message.
    :raises NotAPbxError: when ``data`` is no list of rows, and for an answer without ``data`` and without a count.
    """
    check_says_something(answer, "data" in answer, pbx=pbx, endpoint=endpoint)
    data = answer.get("data")
    rows = [] if data is None else data
    if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
        raise NotAPbxError("The answer's `data` is no list of rows", pbx=pbx, endpoint=endpoint)
    return Page(rows, _total(answer.get("total_number")))


def _total(value: object) -> int | None:
    """Return a count; None for what is none, which is then as good as missing."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value.strip(), re.ASCII):
        value = int(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST else None
