"""Night after night on the same hosts."""

from __future__ import annotations

import psutil

from tests.e2e.cluster import TRIGGERERS, WORKERS, Cluster
from tests.e2e.deployment import SETTINGS, Night
from tests.e2e.held import growth, held_by

NIGHTS = 4
DAYS = 2
END_SECONDS = 60


def a_night(night: Night) -> None:
    """Have reports of each PBX fetched and loaded."""
    night.start(*SETTINGS, days=DAYS)
    night.must_end_well()


def processes(cluster: Cluster) -> set[psutil.Process]:
    """All processes of the workers and triggerers."""
    return {process for host in (*WORKERS, *TRIGGERERS) for process in cluster.family(host)}


def test_no_process_of_workers_and_triggerers_holds_more_after_further_nights(night: Night) -> None:
    """Memory, sockets, threads and files of those that stay; those that ran a task must be gone."""
    cluster = night.deployment.cluster
    a_night(night)
    before = {process: held_by(process) for process in processes(cluster)}
    for _ in range(NIGHTS):
        a_night(night)

    def only_those_of_before() -> set[psutil.Process] | None:
        there = processes(cluster)
        return there if there <= before.keys() else None

    lasting = cluster.wait_for("The end of the tasks' processes", END_SECONDS, only_those_of_before)

    after = {process: held_by(process) for process in lasting}
    for process in sorted(lasting, key=lambda process: process.pid):
        print(" ".join(process.cmdline()).strip()[-60:], before[process], after[process])  # noqa: T201 - -rP shows it
    assert len(lasting) > len((*WORKERS, *TRIGGERERS))
    assert not [f"{process}, {line}" for process in lasting for line in growth(before[process], after[process])]
