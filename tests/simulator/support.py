"""Speaks to a simulated PBX as the vendor's pages say; no code of the provider's client is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings

__all__ = ["QUEUES", "RANGE", "SECONDS", "Caller", "calling"]

SECONDS = 60
RANGE = {"start_time": "2026/11/20 00:00:00", "end_time": "2026/11/20 23:59:59"}
QUEUES = {"type": "queueperformance", "queue_id_list": "1,2,3", **RANGE}


class Caller:
    """Speaks to a PBX as its pages say."""

    def __init__(self, pbx: PbxSimulator) -> None:
        self.pbx = pbx
        self.token = ""

    def log_in(self, **changes: str) -> dict[str, Any]:
        body = {"username": self.pbx.client_id, "password": self.pbx.client_secret} | changes
        answer = self.post("get_token", body)
        self.token = answer.get("access_token", self.token)
        return answer

    def post(self, endpoint: str, body: object) -> dict[str, Any]:
        return requests.post(self.url(endpoint), json=body, timeout=SECONDS).json()  # type: ignore[no-any-return]

    def get(self, endpoint: str, version: str = "v1.0", **query: str) -> dict[str, Any]:
        parameters = {"access_token": self.token, **query}
        return requests.get(self.url(endpoint, version), params=parameters, timeout=SECONDS).json()  # type: ignore[no-any-return]

    def report(self, version: str = "v2.0", **query: str) -> dict[str, Any]:
        return self.get("call_report/download", version, **query)

    def fetch(self, answer: dict[str, Any]) -> requests.Response:
        url = f"{self.pbx.base_url}{answer['download_resource_url']}"
        return requests.get(url, params={"access_token": self.token}, timeout=SECONDS)

    def rows(self, answer: dict[str, Any]) -> int:
        """How many rows a CSV report has."""
        return len(self.fetch(answer).content.splitlines()) - 1

    def url(self, endpoint: str, version: str = "v1.0") -> str:
        return f"{self.pbx.base_url}/openapi/{version}/{endpoint}"


@contextmanager
def calling(**settings: Any) -> Iterator[Caller]:
    with PbxSimulator(SimulatorSettings(**settings)) as pbx:
        caller = Caller(pbx)
        caller.log_in()
        yield caller
