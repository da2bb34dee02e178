"""Many reports of many PBXs with faults, on two hosts: ``python -m tests.e2e.soak --reports 2000 --pbxs 40``.

Hosts are processes that share Redis and nothing else; one of them is killed now and then. A report that fails, or whose
host was killed, is asked for again, as Airflow and people do. At the end every report must be the right file, whole,
and nothing else may be there; no token and no secret in any file or log; and the other host holds no more than after
the first quarter. A printed seed draws the same faults again.
"""

# ruff: noqa: T201 - a program prints
from __future__ import annotations

import argparse
import base64
import json
import os
import queue
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from airflow_provider_yeastar.files.paths import is_temporary
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.e2e.held import Held, growth
from tests.e2e.leaks import files_with
from tests.e2e.soak_plan import Job, Plan, draw
from tests.e2e.warehouse import file_of
from tests.integration.support import ROOT, connection_to
from tests.pbx.state.redis_server import redis_server

HOSTS = 2
AT_ONCE = 120
TRIES = 4
LOOK_SECONDS = 60
PORTAL = {"type": "queueperformance", "queue_id_list": "1,2", "format": "csv"}

Answers: TypeAlias = "queue.Queue[tuple[Host, dict[str, Any]]]"


class Host:
    """A host's process, started again when it is killed.

    :param home: its directory.
    :param answers: is given what it prints, each with the host.
    """

    def __init__(self, home: Path, environment: dict[str, str], answers: Answers) -> None:
        self.home = home
        self.jobs: dict[int, Job] = {}
        self._environment = {**environment, "AIRFLOW_HOME": str(home), "TMPDIR": str(home / "tmp")}
        self._answers = answers
        (home / "tmp").mkdir(parents=True)
        self.start()

    def start(self) -> None:
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.soak_host"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, args=(self.process,))
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            if line.endswith("\n"):
                self._answers.put((self, json.loads(line)))

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def kill(self) -> list[Job]:
        """End it at once and start it again; the reports that it had are to be asked for again."""
        self.end()
        lost, self.jobs = list(self.jobs.values()), {}
        self.start()
        return lost

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@dataclass
class Soak:
    """A soak as it goes on.

    :param until: when it has to be over, by the monotonic clock.
    """

    pbxs: dict[str, PbxSimulator]
    hosts: list[Host]
    lake: Path
    answers: Answers
    until: float
    tries: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    unmended: list[str] = field(default_factory=list)
    kills: int = 0

    def fetch(self, jobs: Iterable[Job]) -> None:
        """Ask for reports until none is outstanding."""
        pending = deque(jobs)
        while pending or any(host.jobs for host in self.hosts):
            while pending and sum(len(host.jobs) for host in self.hosts) < AT_ONCE:
                self._ask(pending.popleft(), pending)
            host, answer = self._next()
            job = host.jobs.pop(answer["number"], None)
            if job and "error" in answer:
                self._failed(job, answer["error"], pending)

    def _next(self) -> tuple[Host, dict[str, Any]]:
        try:
            return self.answers.get(timeout=max(0.0, self.until - time.monotonic()))
        except queue.Empty:
            late = [job for host in self.hosts for job in host.jobs.values()]
            raise TimeoutError(f"time is over, and these reports are not there: {late}") from None

    def _ask(self, job: Job, pending: deque[Job]) -> None:
        pbx = self.pbxs[job.pbx]
        self.tries[job.number] += 1
        if self.tries[job.number] == 1:
            if job.fault:
                pbx.faults.add(job.fault)
            if job.portal:
                pbx.download_in_portal(**PORTAL)
            if job.kills:
                self.kills += 1
                pending.extend(self.hosts[-1].kill())
        host = self.hosts[job.number % len(self.hosts)]
        host.jobs[job.number] = job
        line = {"number": job.number, "try": self.tries[job.number], "pbx": job.pbx, "day": job.day.isoformat()}
        host.say(json.dumps(line | {"path": str(self.path(job))}))

    def _failed(self, job: Job, error: str, pending: deque[Job]) -> None:
        self.failures[error.partition(":")[0]] += 1
        if self.tries[job.number] < TRIES:
            pending.append(job)
        else:
            self.unmended.append(f"report {job.number} of {job.pbx}, {job.fault}: {error}")

    def held(self) -> Held:
        """What the host that is never killed holds, while nothing is outstanding."""
        host = self.hosts[0]
        host.say("look")
        _, answer = self.answers.get(timeout=LOOK_SECONDS)
        held: Held = answer["held"]
        return held

    def path(self, job: Job) -> Path:
        """Where a report is put."""
        return self.lake / job.pbx / f"{job.day.isoformat()}.csv"

    def wrong(self, jobs: Iterable[Job]) -> list[str]:
        """What is not as it must be: files that are wrong or missing, and what else is there."""
        expected = {self.path(job): job for job in jobs}
        there = {path for path in self.lake.rglob("*") if path.is_file()}
        # A killed process leaves hidden temporary files behind, which a later task removes.
        left = {path for path in there if is_temporary(path.name)} if self.kills else set()
        bad = [f"{path}: nobody asked for it" for path in there - left - set(expected)]
        bad += [f"{path}: missing" for path in set(expected) - there]
        for path in there & set(expected):
            job = expected[path]
            if path.read_bytes() != file_of(self.pbxs[job.pbx], job.day):
                bad.append(f"{path}: wrong, {job}")
        return bad

    def leaks(self, home: Path) -> list[str]:
        """Files below a directory that hold a token or a secret."""
        pbxs = self.pbxs.values()
        tokens = {call.query.get("access_token", "") for pbx in pbxs for call in pbx.requests} - {""}
        refresh_tokens = {token.refresh for pbx in pbxs for token in pbx.state.tokens.values()}
        return files_with(tokens | refresh_tokens | {pbx.client_secret for pbx in pbxs}, home)


def soak(home: Path, plan: Plan, minutes: float) -> list[str]:
    """Run a plan; what went wrong, which must be nothing.

    :param home: an empty directory.
    """
    with ExitStack() as stack:
        pbxs = {name: stack.enter_context(PbxSimulator(each)) for name, each in plan.pbxs.items()}
        state = stack.enter_context(redis_server("--appendonly", "yes"))
        answers: Answers = queue.Queue()
        environment = environment_of(plan, pbxs, state.url)
        hosts = [Host(home / f"host-{number}", environment, answers) for number in range(HOSTS)]
        for host in hosts:
            stack.callback(host.end)
        lake = home / "lake"
        running = Soak(pbxs, hosts, lake, answers, time.monotonic() + 60 * minutes)
        quarter = len(plan.jobs) // 4
        running.fetch(plan.jobs[:quarter])
        before = running.held()
        running.fetch(plan.jobs[quarter:])
        after = running.held()
        wrong = running.unmended + running.wrong(plan.jobs) + running.leaks(home)
        tell(running, before, after)
        return wrong + growth(before, after)


def environment_of(plan: Plan, pbxs: dict[str, PbxSimulator], state_url: str) -> dict[str, str]:
    """The environment of a host, without another Airflow's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    connections = {
        f"AIRFLOW_CONN_{name.upper()}": connection_to(
            pbx, extra={"timezone": pbx.settings.timezone, "exclusive": name not in plan.shared, "timeout": 5}
        )
        for name, pbx in pbxs.items()
    }
    settings = {
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "0",
        "AIRFLOW__YEASTAR__STATE_URL": state_url,
    }
    return kept | settings | connections


def tell(running: Soak, before: Held, after: Held) -> None:
    """Print what was measured."""
    again = Counter(running.tries.values())
    print("tries: " + ", ".join(f"{count} reports {tries}" for tries, count in sorted(again.items())))
    print("failures that a further try mended:", dict(running.failures.most_common()) or "none")
    print(f"hosts killed: {running.kills}")
    print(
        "held, at a quarter and at the end: " + ", ".join(f"{name} {before[name]} and {after[name]}" for name in before)
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--reports", type=int, default=2000, help="default %(default)s")
    parser.add_argument("--pbxs", type=int, default=40, help="default %(default)s")
    parser.add_argument("--minutes", type=float, default=20, help="the longest it may take (default %(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help="default: drawn")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended in any case
    print(f"seed {options.seed}: {options.reports} reports of {options.pbxs} PBXs on {HOSTS} hosts", flush=True)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="yeastar-soak-") as home:
            wrong = soak(Path(home), draw(options.seed, options.reports, options.pbxs), options.minutes)
    except pytest.skip.Exception as reason:
        print(f"skipped: {reason}")
        return 0
    for line in wrong:
        print(line)
    print(f"{time.monotonic() - started:.0f} s; {len(wrong)} wrong, missing, doubled, unmended, leaked or grown")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
