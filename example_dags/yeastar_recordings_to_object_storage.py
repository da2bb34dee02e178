"""Every night: yesterday's recordings into an object store, with a manifest that another task reads.

A recording that is there already is not fetched again, so a run that failed half-way goes on where it ended. The
manifest is written last: as long as there is none, the day is not complete.

Needs the connections ``yeastar_default`` and ``aws_default``, and
``pip install airflow-provider-yeastar 'apache-airflow-providers-amazon[s3fs]'``. Recordings are personal data: see "Law
and retention" in docs/recordings.md before you schedule this.

Set ``timezone`` in the PBX's connection to its time zone, an IANA name such as ``Europe/Berlin``: the day is counted by
the PBX's clock.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator

LAKE = os.environ.get("YEASTAR_LAKE", "s3://aws_default@call-reports/raw")


@dag(
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_recordings_to_object_storage() -> None:
    """Store the recordings, then read their manifest."""
    store = YeastarRecordingsOperator(
        task_id="store",
        period="yesterday",
        destination=f"{LAKE}/recordings/",
        concurrency=2,
        max_bytes=500_000_000,
        protect={"call_from": "mask", "call_to": "mask"},
    )

    @task
    def count_bytes(manifest: str) -> int:
        """Add up the bytes of a day's recordings."""
        import json

        from airflow_provider_yeastar.compat import ObjectStoragePath

        lines = ObjectStoragePath(manifest).read_text().splitlines()
        return sum(json.loads(line)["bytes"] for line in lines)

    count_bytes(store.output)


yeastar_recordings_to_object_storage()
