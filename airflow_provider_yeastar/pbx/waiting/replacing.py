"""May a file that was fetched be another report's, which the PBX has named alike? Pure.

A name that no other file gets (:func:`.has_own_name`) leaves no doubt. Any other one may come again: then the file of a
later report takes the place of the earlier one under its URL, whoever has requested it. So such a file is certain only
if whoever makes reports here is known: on the user's word (``exclusive``), which nothing contradicts. Besides that

1. names of its kind were seen to differ, see :func:`.tells_apart`; or
2. no other report was outstanding since its request, and the ledger has recorded all jobs that may still end.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_yeastar.pbx.state.ledger import Ledger
from airflow_provider_yeastar.pbx.state.records import REPLACING_SECONDS

__all__ = ["doubt_of_file"]


def doubt_of_file(ledger: Ledger, mark: str, job: str, kind: str, now: float, *, exclusive: bool) -> str:
    """Return why a file may be another report's, as a clause; empty if it cannot be.

    :param ledger: of the PBX, after the file was fetched.
    :param mark: of the file.
    :param job: id of the job whose file it is to be, empty where that is not told.
    :param kind: of the file, see :func:`.kind_of_file`.
    :param now: epoch seconds by the state's clock.
    :param exclusive: the user's word for this PBX.
    """
    alike = [file for file in ledger.files if file.mark == mark]
    if any(file.job != job for file in alike):
        return "another report's file has had this name"
    if not exclusive:
        return "its name is not one that no other file gets, and without `exclusive` others may make reports"
    if ledger.contest:
        return f"this PBX is contested: {ledger.contest.why}"
    if kind in ledger.own_names:
        return ""
    if not job or not any(file.is_intact for file in alike):  # none in a state that was lost, or is another host's
        return "another report, whose file may get this name, may have been outstanding before it was fetched"
    if ledger.known_since is not None and now - ledger.known_since < REPLACING_SECONDS:
        since = f"{datetime.fromtimestamp(ledger.known_since, UTC):%Y-%m-%d %H:%M} UTC"
        return f"the shared state knows this PBX only since {since}; an earlier report's file may get this name"
    return ""
