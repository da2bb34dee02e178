"""What the tests of recordings share: the operator, and looks at folders, manifests and the PBX."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.simulator import PbxSimulator

DAY = "2026-11-20"


def operator(out: Path, **changes: Any) -> YeastarRecordingsOperator:
    arguments = {"task_id": "recordings", "period": DAY, "destination": f"{out}/", "wait_timeout": 60}
    return YeastarRecordingsOperator(**arguments | changes)


def lines_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def recordings_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".wav"}


def asked_for(pbx: PbxSimulator) -> list[str]:
    return [call.query["id"] for call in pbx.calls("recording/download")]


def listing(pbx: PbxSimulator) -> list[dict[str, Any]]:
    """What the PBX has of that day, as it lists it."""
    login = {"username": pbx.client_id, "password": pbx.client_secret}
    token = requests.post(f"{pbx.base_url}/openapi/v1.0/get_token", json=login, timeout=10).json()["access_token"]
    day = datetime(2026, 11, 19, 23, tzinfo=UTC).timestamp()
    query = {"start_time": str(int(day)), "end_time": str(int(day) + 86399), "access_token": token}
    answer = requests.get(f"{pbx.base_url}/openapi/v1.0/recording/search", params=query, timeout=10).json()
    del pbx.requests[:]
    return list(answer["data"])


Serve = Callable[..., AbstractContextManager[PbxSimulator]]
