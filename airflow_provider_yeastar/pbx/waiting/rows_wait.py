"""The wait for a report's rows: a synchronous request under the lease on the PBX, retried if its failure may pass."""

from __future__ import annotations

import asyncio
import logging
import time

from airflow_provider_yeastar.pbx.errors import BusyError
from airflow_provider_yeastar.pbx.report.facts import Plan
from airflow_provider_yeastar.pbx.report.rows import Row
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.report_wait import ReportWait

__all__ = ["RowsWait"]

log = logging.getLogger(__name__)


class RowsWait(ReportWait):
    """A wait that ends with the rows themselves, in ``rows``; there is no file, so its ``url`` is empty."""

    rows: list[Row]

    async def _attempt(self, limit: asyncio.Timeout) -> waiting.FinishedReport:
        plan = await self._connection.call(self._plan)
        while True:
            asked_at = time.time()
            log.info(
                "Requesting the rows of %s (%s) from PBX %s.",
                plan.request.label,
                plan.request.window_text,
                self._address,
            )
            try:
                self.rows = await self._connection.call(self._session.request_rows, plan, self._turn_until - asked_at)
            except BusyError:
                await self._wait_for_others(limit)
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
                identified_by="answer",
            )

    def _plan(self) -> Plan:
        return self._session.plan(self._request, as_rows=True)
