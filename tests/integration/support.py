"""What the integration tests share: settings for a simulated PBX, and a wait at it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.reports import build_request
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.waiting import Bounds, FinishedReport
from airflow_provider_yeastar.simulator import PbxSimulator

QUEUE_REPORT: dict[str, Any] = {
    "report_type": "queueperformance",
    "period": "2026-11-20",
    "parameters": {"queue_id_list": "1,2,3"},
}


def settings_for(pbx: PbxSimulator, **changes: Any) -> PbxSettings:
    """Return the settings with which a client reaches a simulated PBX."""
    settings = PbxSettings(
        pbx.host,
        pbx.client_id,
        pbx.client_secret,
        port=pbx.port,
        scheme=pbx.scheme,
        timezone=pbx.settings.timezone,
        timeout=10,
    )
    return replace(settings, **changes)


@dataclass
class Wait:
    """One wait for a report, as a trigger or an operator does it."""

    pbx: PbxSimulator
    state_dir: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def client(self, **changes: Any) -> PbxClient:
        return PbxClient(settings_for(self.pbx, **self.settings | changes), state_dir=self.state_dir)

    async def start(
        self, *, wait_timeout: float = 60, queue_timeout: float = 60, request: dict[str, Any] | None = None
    ) -> FinishedReport:
        with self.client() as client:
            return await client.wait_for_report(
                build_request(**request or QUEUE_REPORT), Bounds(time.time() + queue_timeout, wait_timeout)
            )

    def run(self, **options: Any) -> FinishedReport:
        return asyncio.run(self.start(**options))

    def fetch(self, report: FinishedReport) -> bytes:
        with self.client() as client, client.open_file(report.url) as stream:
            return b"".join(stream.chunks)
