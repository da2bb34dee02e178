"""Processes that fetch reports of one PBX, as workers of several hosts and pods do: real ones, with worker slots."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.asking import request
from tests.integration.support import ROOT, settings_for
from tests.patience import PATIENCE_SECONDS

__all__ = ["Ended", "Worker"]

_NAMES = {1: "Sales<6400>", 2: "Support<6401>", 3: "Billing<6402>"}

# Fetches a report for each queue, so many at a time, and writes down which file each task has got, or its error. The
# pauses between attempts are short: a test has no minutes.
_PROGRAM = """
import asyncio, json, sys, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from airflow_provider_yeastar.pbx.client import PbxClient
from airflow_provider_yeastar.pbx.errors import TokenCapError, YeastarError
from airflow_provider_yeastar.pbx.login import record
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.opening import open_state
from airflow_provider_yeastar.pbx.waiting import bounds

settings, state_url, state_dir = PbxSettings(**json.loads(sys.argv[1])), sys.argv[2], Path(sys.argv[3])
record._MEMORIES = record._MEMORIES | {TokenCapError: 0.5}
for delay in ("retry_delay", "busy_delay", "unanswered_delay"):
    setattr(bounds, delay, lambda attempt, chance: 0.1 + chance / 5)

async def fetched(client, request):
    report = await client.wait_for_report(build_request(**request), bounds.Bounds(time.time() + 120, 60))
    await client.log_in(time.time() + 60)  # as the operators do: all tokens may be taken
    with closing(await client.open_file(report.url)) as stream:
        return b"".join(stream.chunks).decode("utf-8-sig"), report.identified_by

def task(request):
    try:
        with PbxClient(settings, state=open_state(state_url, state_dir)) as client:
            return asyncio.run(fetched(client, request))
    except YeastarError as error:
        return str(error), "failed"

with ThreadPoolExecutor(int(sys.argv[4])) as slots:
    print(json.dumps(list(slots.map(task, json.loads(sys.argv[5])))))
"""


@dataclass(frozen=True)
class Ended:
    """How a task has ended.

    :param queue: that it asked for.
    :param text: its file, or why it failed.
    :param way: how the file was identified, or ``failed``.
    """

    queue: int
    text: str
    way: str

    @property
    def is_right(self) -> bool:
        """Whether the file is about the queue that was asked for, and about no other."""
        lines = self.text.splitlines()[1:]
        return self.way != "failed" and len(lines) == 1 and lines[0].startswith(_NAMES[self.queue])


class Worker:
    """A process that fetches reports.

    :param pbx: whose reports.
    :param state_dir: of its host.
    :param queues: for each task the queue that it asks for.
    :param slots: how many tasks it runs at a time.
    :param state_url: of the state that all hosts share, empty without one.
    :param changes: of the connection's settings.
    """

    def __init__(
        self,
        pbx: PbxSimulator,
        state_dir: Path,
        queues: Sequence[int],
        *,
        slots: int = 1,
        state_url: str = "",
        **changes: Any,
    ) -> None:
        settings = json.dumps(asdict(settings_for(pbx, **changes)))
        self._queues = queues
        arguments = [settings, state_url, str(state_dir), str(slots), json.dumps([*map(request, queues)])]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def ends(self) -> list[Ended]:
        """Return how its tasks have ended, as soon as all have and the process has, too."""
        output, _ = self._process.communicate(timeout=PATIENCE_SECONDS)
        assert self._process.returncode == 0
        ends = json.loads(output)
        return [Ended(queue, text, way) for queue, (text, way) in zip(self._queues, ends, strict=True)]
