"""The price of certainty: reports per minute and requests by the event, by an event in doubt, and synchronously."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fleet import know_the_past

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measures the checkout that it lies in

REQUEST = {"report_type": "queueperformance", "period": "2026-11-20", "parameters": {"queue_id_list": "1,2"}}
REPORTS, REPORT_SECONDS = 30, 0.5
WAYS: dict[str, dict[str, Any]] = {
    "by the event": {"exclusive": True, "asynchronous": None},
    "by an event in doubt": {"exclusive": False, "asynchronous": True},
    "synchronously": {"exclusive": False, "asynchronous": None},
}


async def reports_of(pbx: Any, folder: Path, exclusive: bool, asynchronous: bool | None) -> set[str]:
    """Have so many reports made by one PBX, as fast as it goes; return how they were identified."""
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.request import build_request
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting.bounds import Bounds

    settings = PbxSettings(
        pbx.host, pbx.client_id, pbx.client_secret, pbx.port, pbx.scheme, timezone="Europe/Berlin", exclusive=exclusive
    )
    request = build_request(**REQUEST, asynchronous=asynchronous)
    with PbxClient(settings, state=open_state("", folder)) as client:
        waits = (client.wait_for_report(request, Bounds(time.time() + 3600, 1800)) for _ in range(REPORTS))
        return {report.identified_by for report in await asyncio.gather(*waits)}


def main() -> None:
    from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings

    print(f"The price of certainty: {REPORTS} reports of {REPORT_SECONDS} s, one at a time, on one PBX")
    for name, way in WAYS.items():
        with (
            PbxSimulator(SimulatorSettings(report_seconds=REPORT_SECONDS)) as pbx,
            tempfile.TemporaryDirectory(prefix="yeastar-bench-") as folder,
        ):
            know_the_past("", Path(folder), [pbx.settings.serial_number])
            started = time.perf_counter()
            identified_by = asyncio.run(reports_of(pbx, Path(folder), **way))
            minutes = (time.perf_counter() - started) / 60
            requests = len(pbx.calls("call_report/download"))
        print(
            f"  {name:22} {REPORTS / minutes:6.1f} reports per minute  "
            f"{requests / REPORTS:4.2f} requests per report  identified by {', '.join(sorted(identified_by))}"
        )


if __name__ == "__main__":
    main()
