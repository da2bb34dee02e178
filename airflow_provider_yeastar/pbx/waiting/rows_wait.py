"""The wait for a report's rows: one synchronous request in one's turn, and again after what may pass."""

from __future__ import annotations

import asyncio
import logging
import time

from airflow_provider_yeastar.pbx.errors import BusyError
from airflow_provider_yeastar.pbx.facts import Plan
from airflow_provider_yeastar.pbx.report.rows import Row
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.report_wait import ReportWait

__all__ = ["RowsWait"]

log = logging.getLogger(__name__)


class RowsWait(ReportWait):
    """A wait that ends with the rows themselves, in ``rows``: nothing is left to be fetched, its ``url`` is empty."""

    rows: list[Row]

    async def _attempt(self, limit: asyncio.Timeout) -> waiting.FinishedReport:
        plan = await self._link.call(self._plan)
        while True:
            asked_at = time.time()
            log.info("Asking PBX %s for the rows of %s (%s).", self._pbx, plan.request.label, plan.request.window_text)
            try:
                self.rows = await self._link.call(self._session.request_rows, plan, self._turn_until - asked_at)
            except BusyError as busy:
                await self._wait_for_others(busy, None, limit)
                continue
            log.info("The PBX gave %d rows.", len(self.rows))
            return waiting.FinishedReport(
                file="",
                url="",
                requested_at=asked_at,
                ready_at=time.time(),
                api_version=plan.api_version,
                timezone=str(plan.facts.zone),
                serial_number=plan.facts.information.serial_number,
                window=plan.request.describe(plan.facts.zone),
            )

    def _plan(self) -> Plan:
        return self._session.plan(self._request, as_rows=True)
