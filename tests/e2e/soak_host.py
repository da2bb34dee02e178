"""One host of the soak: a triggerer's event loop and a worker's slots, without a scheduler. A program of its own.

It reads a report per line from its input, fetches it as Airflow's operator does, by way of a trigger, and prints what
became of it. ``look`` prints what the process holds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from typing import Any

import psutil

from airflow_provider_yeastar.compat import TaskDeferred
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
from tests.e2e.held import held_by
from tests.integration.support import Run, fire

WAIT_SECONDS = 60
QUEUE_SECONDS = 1200


# Airflow logs to the standard output, which is for answers here.
ANSWERS = os.fdopen(os.dup(sys.stdout.fileno()), "w")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


async def fetch(job: dict[str, Any]) -> dict[str, Any]:
    """Fetch a report; what came of it, which is an error or the path."""
    task = YeastarCallReportOperator(
        task_id=f"report_{job['number']}",
        report_type="queueperformance",
        parameters={"queue_id_list": "1,2"},
        period=job["day"],
        yeastar_conn_id=job["pbx"],
        destination=job["path"],
        deferrable=True,
        wait_timeout=WAIT_SECONDS,
        queue_timeout=QUEUE_SECONDS,
    )
    run = Run(task)
    run.try_number = job["try"]
    context: Any = {"ti": run}
    method, arguments = task.execute, (context,)
    while True:
        try:
            return {"path": await asyncio.to_thread(method, *arguments)}
        except TaskDeferred as deferred:
            event = {"event": await fire(deferred.trigger)}
            method, arguments = task.resume_execution, (deferred.method_name, event, context)
        except Exception as error:  # noqa: BLE001 - Airflow's boundary: whatever a task raises is its failure
            return {"error": f"{type(error).__name__}: {error}"}


def tell(what: dict[str, Any]) -> None:
    """Print a line of JSON."""
    ANSWERS.write(f"{json.dumps(what)}\n")
    ANSWERS.flush()


async def answer(job: dict[str, Any]) -> None:
    """Fetch a report and tell what came of it."""
    tell(job | await fetch(job))


async def main() -> None:
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).strip():
        if line == b"look":
            gc.collect()
            tell({"held": held_by(psutil.Process())})
            continue
        task = loop.create_task(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(main())
