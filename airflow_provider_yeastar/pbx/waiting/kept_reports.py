"""Reports that a try of a task got and could not store, kept in the shared state for the task's next try.

Only a report whose file was told for certain is handed to a task at all, and it is kept under the request and the task
instance that it was for, so no other task and no other run can take it. It is kept while the PBX serves its file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from airflow_provider_yeastar.pbx.files.fetch_rules import URL_MINUTES
from airflow_provider_yeastar.pbx.state.asking import ask_state
from airflow_provider_yeastar.pbx.state.interface import Change, Entry, SharedState, number
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport

__all__ = ["KeptReports", "kept_report", "owner_of"]

_KEPT_SECONDS = 60.0 * URL_MINUTES


def owner_of(of_tries: Sequence[str | int | None], request: Mapping[str, Any]) -> str:
    """Return the name under which a report is kept.

    :param of_tries: what the tries of one task instance have in common, and nothing else has.
    :param request: JSON form of the request, without secrets.
    """
    return hashlib.sha256(json.dumps([*of_tries, request], sort_keys=True).encode()).hexdigest()


def kept_report(entry: Entry | None, now: float, *, is_contested: bool) -> FinishedReport | None:
    """Return the report of an entry, None if its file is no longer served or may be somebody else's.

    :param entry: of the shared state, None without one.
    :param now: epoch seconds by the state's clock.
    :param is_contested: whether events of this PBX are in doubt by now.
    """
    try:
        report = FinishedReport(**(entry or {})["report"])
    except (KeyError, TypeError):
        return None
    ready_at = number(report.ready_at)
    if ready_at is None or now >= ready_at + _KEPT_SECONDS:
        return None
    return None if is_contested and report.identified_by != "answer" else report


class KeptReports:
    """The kept reports of one PBX.

    :param state: the shared state.
    :param pbx: the PBX's name in it.
    """

    def __init__(self, state: SharedState, pbx: str) -> None:
        self._state = state
        self._pbx = pbx

    async def keep(self, owner: str, report: FinishedReport) -> None:
        """Keep a report for the next try.

        :param owner: see :func:`owner_of`.
        :param report: whose file could not be stored.
        """
        entry = {"report": asdict(report)}
        await self._update(owner, lambda old, now: entry)

    async def take(self, owner: str) -> FinishedReport | None:
        """Return a report that is kept, and keep it no longer.

        :param owner: see :func:`owner_of`.
        """
        found: list[FinishedReport | None] = []
        contest = Ledger.read(*await ask_state(self._state, self._state.look, ledger_name(self._pbx))).contest

        def take(entry: Entry | None, now: float) -> None:
            found.append(kept_report(entry, now, is_contested=contest is not None))

        await self._update(owner, take)
        return found[-1]

    async def _update(self, owner: str, change: Change) -> None:
        await ask_state(
            self._state, partial(self._state.update, f"{self._pbx}/report-{owner}", change, keep_seconds=_KEPT_SECONDS)
        )
