"""YeastarReportEventTrigger: an event for every report that is finished on a PBX, to schedule DAGs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.waiting.bounds import FILE_LIFE_SECONDS, AnnouncedReport
from airflow_provider_yeastar.runtime.outcome import iso_utc
from airflow_provider_yeastar.triggers.watching import WatchingTrigger

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.client import PbxClient

__all__ = ["YeastarReportEventTrigger"]


class YeastarReportEventTrigger(WatchingTrigger):
    """Fires for every report that a PBX announces, whoever requested it; for ``AssetWatcher`` (Airflow 3).

    The payload holds ``file``, ``download_resource_url`` (relative, without token), ``ready_at``, ``expires_at``
    (ISO 8601, UTC) and ``yeastar_conn_id``. After a loss it connects again, for ever, with exponential back-off; a PBX
    does not repeat what it announced meanwhile. Triggers of one connection share one socket; from Airflow 3.3 on, one
    stream as well. A connection that is missing or refused is logged by the triggerer, and retried after a minute.
    Vendor's page: "Event 30027".

    :param yeastar_conn_id: id of the Airflow connection, default ``yeastar_default``; resolved once.
    :raises InvalidRequestError: on Airflow 2.11.
    """

    def __init__(self, *, yeastar_conn_id: str = YeastarHook.default_conn_name) -> None:
        super().__init__(yeastar_conn_id=yeastar_conn_id)

    @classmethod
    async def watch(cls, client: PbxClient, conn_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Yield the payload for each report; never ends.

        :param client: of the PBX.
        :param conn_id: id of its Airflow connection.
        """
        async with aclosing(client.watch_reports()) as reports:
            async for report in reports:
                yield _payload(report, conn_id)


def _payload(report: AnnouncedReport, conn_id: str) -> dict[str, Any]:
    return {
        "file": report.file,
        "download_resource_url": report.url,
        "ready_at": iso_utc(report.ready_at),
        "expires_at": iso_utc(report.ready_at + FILE_LIFE_SECONDS),
        "yeastar_conn_id": conn_id,
    }
