"""What the tests of secrets share: a secret that is found in any encoding, and the search for it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from tests.integration.delivering import WAYS
from tests.integration.support import QUEUE_REPORT, Run

# A part that no encoding changes stands at the end of the secret, as at the end of the simulator's awkward tokens.
SECRET_TAIL = "9d41c7e05ab2"
SECRET = f"the secret/+%&=ü{SECRET_TAIL}"
TAIL = len(SECRET_TAIL)
LOGGERS = ("urllib3", "requests", "websockets", "asyncio", "airflow", "airflow_provider_yeastar")


class Evidence:
    """All that a run leaves, and the search in it."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.caplog = caplog
        self.secrets = [SECRET_TAIL]
        self.found: list[str] = []

    def add(self, *things: Any) -> None:
        self.found += [text for thing in things for text in (str(thing), repr(thing))]

    def add_error(self, error: BaseException) -> None:
        self.found += traceback.format_exception(error)
        pending, seen = [error], set[int]()
        while pending:
            current = pending.pop()
            if id(current) not in seen:
                seen.add(id(current))
                self.add(current, current.args, vars(current))
                pending += [link for link in (current.__cause__, current.__context__) if link]

    def run(self, task: YeastarCallReportOperator | YeastarRecordingsOperator) -> None:
        """Run a task that may succeed or fail."""
        ran = Run(task)
        try:
            self.add(ran.to_the_end())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is searched
            self.add_error(error)
        self.add(ran.xcoms, ran.triggers, ran.events, task, vars(task))

    def assert_clean(self) -> None:
        logged = [repr(vars(record)) + record.getMessage() for record in self.caplog.records]
        everything = "\n".join([*self.found, *logged, self.caplog.text])
        assert len(self.secrets) > 1, "no token was issued"
        for secret in self.secrets:
            at = everything.find(secret[-TAIL:])
            assert at < 0, f"it got out: …{everything[max(0, at - 300) : at + 100]}…"


def report(tmp_path: Path, way: str = "deferred") -> YeastarCallReportOperator:
    arguments: dict[str, Any] = {**QUEUE_REPORT, "wait_timeout": 20, "queue_timeout": 20, **WAYS[way]}
    return YeastarCallReportOperator(task_id="report", destination=f"{tmp_path}/out/", **arguments)
