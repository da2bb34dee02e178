"""The wait for a report's rows: a synchronous request under the lease on the PBX, retried if its failure may pass."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Protocol

from airflow_provider_yeastar.pbx.calls.reading import cap_doubt
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import BusyError, YeastarError
from airflow_provider_yeastar.pbx.events.shared import SharedConnection
from airflow_provider_yeastar.pbx.report.facts import Plan
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.report.rows import Row
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.report_wait import ReportWait

__all__ = ["RowStore", "RowsWait"]

log = logging.getLogger(__name__)


class RowStore(Protocol):
    """Takes rows page by page: a list, or a file where memory must not grow with them."""

    def clear(self) -> None:
        """Forget all rows: they are requested again from the first page on."""

    def extend(self, rows: Iterable[Row], /) -> None:
        """Add the rows of a page."""


class _StoreError(Exception):
    """Carries an error of the store past the retries, which are for the PBX alone."""

    def __init__(self, error: YeastarError) -> None:
        super().__init__()
        self.error = error


class RowsWait(ReportWait):
    """A wait that ends with the rows themselves; there is no file, so its ``url`` is empty.

    :param connection: of the PBX.
    :param request: what to ask for.
    :param bounds: until when to wait.
    :param rows: takes the rows; it holds all of them when :meth:`run` returns.
    """

    def __init__(
        self, connection: SharedConnection, request: ReportRequest, bounds: waiting.Bounds, rows: RowStore
    ) -> None:
        super().__init__(connection, request, bounds)
        self._rows = rows

    async def run(self) -> waiting.FinishedReport:
        """Return what is known of the request.

        :raises YeastarError: see :meth:`.ReportWait.run`; or what the store raises.
        """
        try:
            return await super().run()
        except _StoreError as failure:
            raise failure.error from failure.error.__cause__

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
                count = await self._take_pages(plan)
            except BusyError:
                await self._wait_for_others(limit)
                continue
            log.info("The PBX gave %s.", counted(count, "row"))
            if doubt := cap_doubt(count):
                log.warning(
                    "%s, %s: %s. Compare with two halves of it.", plan.request.label, plan.request.window_text, doubt
                )
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

    async def _take_pages(self, plan: Plan) -> int:
        """Store all pages and return how many rows they hold.

        Pages are requested in a thread and stored here, so that a thread that outlives its call stores nothing.
        """
        count = 0
        self._rows.clear()
        pages = self._session.request_rows(plan, self._turn_until - time.time())
        while (page := await self._connection.call(next, pages, None)) is not None:
            count += len(page)
            try:
                self._rows.extend(page)
            except YeastarError as error:
                raise _StoreError(error) from error
        return count

    def _plan(self) -> Plan:
        return self._session.plan(self._request, as_rows=True)
