"""Answers the endpoints of calls and recordings."""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from airflow_provider_yeastar.simulator.api.cdr.recordings import Recordings
from airflow_provider_yeastar.simulator.api.cdr.search import find_call, found_rows, search_calls
from airflow_provider_yeastar.simulator.api.cdr.teller import Teller
from airflow_provider_yeastar.simulator.api.listings import local_time
from airflow_provider_yeastar.simulator.faults import Faults
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import PbxState, Refusal

__all__ = ["CDR_V1", "CDR_V2", "CallEndpoints"]

Entry = dict[str, Any]

CDR_V1 = frozenset({"cdr/list", "cdr/search", "cdr/download"}).union(
    ("recording/list", "recording/search", "recording/download")
)
CDR_V2 = frozenset({"cdr/list", "cdr/search", "cdr/detail", "cdr/download", "cdr/getdownloadoption"})


class CallEndpoints:
    """Answers questions about calls and recordings.

    :param settings: the PBX's.
    :param state: its calls and files.
    :param faults: what is to go wrong with pages.
    :param now: epoch seconds by the PBX's clock.
    """

    def __init__(self, settings: SimulatorSettings, state: PbxState, faults: Faults, now: Callable[[], float]) -> None:
        self._settings = settings
        self._state = state
        self._faults = faults
        self._now = now
        self._converting = False

    async def answer(self, endpoint: str, version: str, query: dict[str, str]) -> Entry:
        """Answer one of :data:`CDR_V1` or :data:`CDR_V2`.

        :raises Refusal: when the PBX refuses.
        """
        if endpoint == "recording/download":
            return await self._download_recording(query)
        if endpoint == "cdr/getdownloadoption":
            return {"data": _DOWNLOAD_OPTION | {"range": self._settings.cdr_download_range}}
        if endpoint == "cdr/download":
            return await asyncio.to_thread(self._download, version, query)
        if endpoint == "cdr/detail":
            return await asyncio.to_thread(self._detail, version, query)
        return await self._page(endpoint, version, query)

    async def _page(self, endpoint: str, version: str, query: dict[str, str]) -> Entry:
        path = f"/openapi/{version}/{endpoint}"
        if self._faults.take("page ignored", path):
            query = query | {"page": "1"}
        answer = await asyncio.to_thread(self._search, endpoint, version, query)
        if self._faults.take("other order", path) and answer["data"]:
            answer["data"].reverse()
        if fault := self._faults.take("total number", path):
            answer["total_number"] = fault.value
        if fault := self._faults.take("new calls", path):
            for started in fault.value:
                self._state.add_call(started, self._clock())
        return answer

    def _search(self, endpoint: str, version: str, query: Mapping[str, str]) -> Entry:
        now = self._clock()
        log = self._state.call_log(now)
        if endpoint.startswith("recording/"):
            recordings = Recordings(self._settings, log, _midnight(now))
            return recordings.search(query, by_time=endpoint == "recording/search")
        return search_calls(endpoint, version, query, self._settings, log, _midnight(now))

    def _detail(self, version: str, query: Mapping[str, str]) -> Entry:
        now = self._clock()
        log = self._state.call_log(now)
        call = find_call(query.get("uid", ""), version, self._settings, log)
        recording_id = Recordings(self._settings, log, _midnight(now)).id_of(call)
        return {"data": Teller(self._settings).detail(call, recording_id)}

    def _download(self, version: str, query: Mapping[str, str]) -> Entry:
        """Make a CSV file of the rows; its shape is unknown [U]."""
        now = self._clock()
        log = self._state.call_log(now)
        rows = found_rows("cdr/search", version, {**query, "order_by": "asc"}, self._settings, log, _midnight(now))
        kind = self._settings.cdr_download_range if version == "v2.0" else "list"
        tables = [] if kind == "transaction" else [list(rows)]
        tables += [] if kind == "list" else [list(rows.legs())]
        name = f"CDR-download-{now:%Y%m%d%H%M%S}-{secrets.token_hex(8)}.csv"
        self._state.keep(name, b"".join(_csv(table) for table in tables), self._now())
        return {"file": name, "download_resource_url": f"/api/download/{name}"}

    async def _download_recording(self, query: Mapping[str, str]) -> Entry:
        if self._converting:
            raise Refusal(70651)
        now = self._clock()
        recordings = Recordings(self._settings, self._state.call_log(now), _midnight(now))
        # What is stored as mp3 is made on demand, one at a time.
        self._converting = self._settings.recordings_as_mp3
        try:
            if self._converting:
                await asyncio.sleep(self._settings.report_seconds)
            name, content = await asyncio.to_thread(recordings.fetch, query)
        finally:
            self._converting = False
        self._state.keep(name, content, self._now())
        return {"file": name, "download_resource_url": recordings.url_of(name)}

    def _clock(self) -> datetime:
        return local_time(self._settings, self._now())


_DOWNLOAD_OPTION = {"format": "csv", "duration_format": "seconds", "export_column": "all"}


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _csv(rows: Iterable[Entry]) -> bytes:
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue().encode("utf-8-sig")
