"""``on_empty``: what a task does about a report without a row; one rule for files and rows."""

from __future__ import annotations

from airflow_provider_yeastar.compat import AirflowSkipException
from airflow_provider_yeastar.exceptions import EmptyReportError
from airflow_provider_yeastar.pbx.errors import InvalidRequestError

__all__ = ["check_on_empty", "refuse_empty_report"]

_ON_EMPTY = ("ok", "skip", "fail")


def check_on_empty(on_empty: str) -> None:
    """Refuse a value that is none.

    :raises InvalidRequestError: one sentence.
    """
    if on_empty not in _ON_EMPTY:
        raise InvalidRequestError(f"`on_empty` is {on_empty!r}, not one of {', '.join(_ON_EMPTY)}")


def refuse_empty_report(on_empty: str) -> None:
    """End the task of a report without a row, unless that is ok.

    :raises AirflowSkipException: for skip.
    :raises EmptyReportError: for fail.
    """
    if on_empty == "skip":
        raise AirflowSkipException("The report holds no row (`on_empty` is skip).")
    if on_empty == "fail":
        raise EmptyReportError("The report holds no row")
