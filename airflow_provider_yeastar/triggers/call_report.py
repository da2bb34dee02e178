"""YeastarCallReportTrigger: the wait for a report, in the triggerer, ending in exactly one event."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_yeastar.compat import conf
from airflow_provider_yeastar.exceptions import InvalidEventError
from airflow_provider_yeastar.hooks.connection import connect
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, YeastarError
from airflow_provider_yeastar.pbx.redaction import drop_controls, redact_text
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds
from airflow_provider_yeastar.runtime.outcome import Outcome, failure_event, success_event

__all__ = ["YeastarCallReportTrigger"]

_SCHEDULER_SECONDS = 3.0


class YeastarCallReportTrigger(BaseTrigger):
    """Requests a report from a PBX and fires once: with the report's URL, with an error, or after a timeout.

    Safe to restart: a second run requests the report again. It raises nothing: every error becomes the one event, from
    which the task raises its own error, see docs/errors.md.
    Vendor's pages: "Download a Call Report", "Download a Scheduled Report", "Event 30027".

    :param yeastar_conn_id: id of the Airflow connection; resolved once.
    :param request: mapping that :meth:`ReportRequest.to_dict` makes of what to ask for.
    :param queue_until: epoch seconds until which to wait behind the PBX's other reports.
    :param wait_timeout: seconds from then to the URL.
    :param attempt: how often this report has been requested, default ``1``; returned in the event.
    :param until: epoch seconds at which the task's own time is over, None without such a deadline; returned too.
    """

    def __init__(
        self,
        *,
        yeastar_conn_id: str,
        request: dict[str, Any],
        queue_until: float,
        wait_timeout: float,
        attempt: int = 1,
        until: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.yeastar_conn_id = yeastar_conn_id
        self.request = request
        self.queue_until = queue_until
        self.wait_timeout = wait_timeout
        self.attempt = attempt
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, JSON types only."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "yeastar_conn_id": self.yeastar_conn_id,
                "request": self.request,
                "queue_until": self.queue_until,
                "wait_timeout": self.wait_timeout,
                "attempt": self.attempt,
                "until": self.until,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then yield the one event."""
        started = time.monotonic()
        async with AsyncExitStack() as held:
            payload = await self._payload(held)
            too_early = started + _earliest_event_seconds() - time.monotonic()
            if too_early > 0:
                await asyncio.sleep(too_early)
            # Closing a socket takes time, for which the event need not wait. `dag.test()` abandons the generator after
            # the event; the event loop then closes the socket.
            closing = asyncio.create_task(held.pop_all().aclose())
            await asyncio.sleep(0)  # a task that is cancelled before its first step would close nothing
        yield TriggerEvent(payload)
        await closing

    async def on_kill(self) -> None:
        """Log what becomes of the report when a user ends the task (Airflow 3.3 calls this).

        The wait was cancelled by then, and has released its lease and its share of the socket. The PBX has no call to
        stop a report, so its job stays open in the ledger. :meth:`cleanup`, which also runs when a triggerer restarts,
        has nothing left to do.
        """
        self.log.info("The task was ended; the PBX goes on with its report, which nobody will download.")

    async def _payload(self, held: AsyncExitStack) -> dict[str, Any]:
        try:
            return success_event(await self._wait(held))
        except YeastarError as error:
            return failure_event(error, self.request)
        except Exception as error:  # noqa: BLE001 - the trigger's boundary: a crash must reach the task, without texts
            # Airflow's secrets masker does not run in the triggerer, so redact here.
            trace = "".join(traceback.format_exception(error))
            self.log.error("The wait for the report crashed.\n%s", drop_controls(redact_text(trace)))
            crash = YeastarError(
                f"The wait for the report crashed with {type(error).__name__}; see the triggerer's log"
            )
            return failure_event(crash, self.request)

    async def _wait(self, held: AsyncExitStack) -> Outcome:
        try:
            request = ReportRequest.from_dict(self.request)
        except InvalidRequestError as error:
            # The worker has taken it, so this triggerer is of an older version, which an upgrade is about to end.
            raise InvalidEventError(f"This triggerer does not know what the task asks for: {error.what}") from None
        client = await connect(self.yeastar_conn_id)
        await held.enter_async_context(client.connected())
        report = await client.wait_for_report(request, Bounds(self.queue_until, self.wait_timeout, self.until))
        return Outcome(request, report, self.attempt, self.until)


def _earliest_event_seconds() -> float:
    """How old a trigger must be to fire.

    An event that overtakes the executor's word that the deferring process has ended makes the scheduler see a
    contradiction and fail the task. A worker of Airflow 3 may notice that end as late as its heartbeat interval, and
    the scheduler queues tasks before it reads such words, once in its loop of about a second.
    """
    return _SCHEDULER_SECONDS + int(conf.getint("workers", "min_heartbeat_interval", fallback=0))
