"""Download throughput and peak memory: this provider against curl and Airflow's HttpOperator, one server, one run.

Each download is a process of its own. The provider's figure covers the way from the URL to the file in its place: read,
counted, checked at both ends, hashed, written, synced to the disk, renamed. The contender for equal work is
``curl | tee FILE | sha256sum``, which reads, writes and hashes; plain curl and the HttpOperator only write.
"""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MIB = 1024 * 1024
SIZES_MIB = (1, 16, 64, 256, 1024)
ROUNDS = int(os.environ.get("ROUNDS", "3"))
EQUAL_WORK = "curl+sha256"
GOAL_AGAINST_EQUAL_WORK, GOAL_FROM_MIB = 1.0, 16
GOAL_MEMORY_MIB = 16
SECONDS = 600


@dataclass(frozen=True)
class Run:
    """One download: seconds, and the peak memory of its process."""

    seconds: float
    peak_mib: float


# -- the server, in a process of its own -------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """A login, and files of any length by the kernel's own copying."""

    protocol_version = "HTTP/1.1"
    body: Path

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        lives = {"access_token_expire_time": 1800, "refresh_token_expire_time": 86400}
        self._answer({"errcode": 0, "access_token": "a" * 32, "refresh_token": "b" * 32, **lives})

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if not path.startswith("/api/download/"):
            self._answer({"errcode": 0})
            return
        length = int(Path(path).stem.partition("-")[0])
        self._begin(length, "application/octet-stream")
        with self.body.open("rb") as file:
            sent = 0
            while sent < length:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, min(length - sent, 16 * MIB))

    def _answer(self, answer: dict[str, object]) -> None:
        content = json.dumps(answer).encode()
        self._begin(len(content), "application/json")
        self.wfile.write(content)

    def _begin(self, length: int, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")  # as a PBX does
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Not to the table."""


def serve(body: str) -> None:
    Handler.body = Path(body)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown())).start()
    server.serve_forever()


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    body = folder / "body.csv"
    # Rows of a length that divides every size: a file that ended within a row would be refused.
    line = b"Support<6401>,00:01:02,12,9,75.00".ljust(62, b"0") + b"\r\n"
    block = line * (MIB // len(line))
    with body.open("wb") as file:
        for _ in range(max(SIZES_MIB)):
            file.write(block)
    command = [sys.executable, __file__, "serve", str(body)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


# -- the contenders, each in a process of its own ----------------------------------------------------------------------


def provider(port: int, size: int, target: str) -> float:
    # Loaded before the clock starts, as the others' code is: a DAG file that is parsed does without these two.
    import airflow_provider_yeastar.files.counting
    import airflow_provider_yeastar.files.fetching
    import airflow_provider_yeastar.tasks.record  # noqa: F401 - for what it loads
    from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.request import build_request
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
    from airflow_provider_yeastar.runtime.outcome import Outcome

    request = build_request(report_type="queueperformance", period="2026-11-20", parameters={"queue_id_list": "1"})
    task = YeastarCallReportOperator(
        task_id="bench",
        report_type="queueperformance",
        period="2026-11-20",
        parameters={"queue_id_list": "1"},
        destination=target,
    )
    now = time.time()
    name = f"{size}-download-20261121060000-ejP6Z6htIfhsCQbP.csv"  # as the vendor's sample of an answer
    report = FinishedReport(name, f"/api/download/{name}", now, now, "v2.0", "UTC", "1", {})
    settings = PbxSettings("127.0.0.1", "id", "secret", port=port, scheme="http")
    with tempfile.TemporaryDirectory() as state, PbxClient(settings, state=open_state("", Path(state))) as client:
        # The wait for the report has logged in; the others are handed a token, too.
        asyncio.run(client.log_in(now + SECONDS))
        context: dict[str, object] = {"ti": XComs()}
        started = time.perf_counter()
        task.collect(context, client, Outcome(request, report, 1))  # type: ignore[arg-type]  # all it needs of one
        return time.perf_counter() - started


class XComs:
    def xcom_push(self, key: str, value: object) -> None:
        """Airflow's own part is not measured."""


def http_operator(port: int, size: int, target: str) -> float:
    os.environ["AIRFLOW_CONN_BENCH"] = f"http://127.0.0.1:{port}"
    from airflow.providers.http.operators.http import HttpOperator

    task = HttpOperator(
        task_id="bench",
        http_conn_id="bench",
        method="GET",
        endpoint=f"/api/download/{size}.csv?access_token=t",
        response_filter=lambda response: Path(target).write_bytes(response.content),
    )
    started = time.perf_counter()
    task.execute({})
    return time.perf_counter() - started


def in_child(contender: str, port: int, size: int, target: Path) -> Run:
    command = [sys.executable, __file__, contender, str(port), str(size), str(target)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Run(*map(float, output.splitlines()[-1].split()))


def curl(port: int, size: int, target: Path) -> Run:
    url = f"http://127.0.0.1:{port}/api/download/{size}.csv?access_token=t"
    command = ["curl", "--silent", "--fail", "--output", str(target), "--write-out", "%{time_total}", url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout as output:
        seconds = float(output.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"curl ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss / 1024)


def curl_with_hash(port: int, size: int, target: Path) -> Run:
    """Let the shell's own tools do the same work: receive, write, hash."""
    url = f"http://127.0.0.1:{port}/api/download/{size}.csv?access_token=t"
    pipeline = 'curl --silent --fail "$0" | tee "$1" | sha256sum'
    started = time.perf_counter()
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", pipeline, url, str(target)], stdout=subprocess.PIPE)
    assert process.stdout
    with process.stdout as output:
        digest = output.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or len(digest.split()[0]) != 64:
        raise SystemExit(f"curl | tee | sha256sum ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss / 1024)


# -- the table ---------------------------------------------------------------------------------------------------------

CONTENDERS: dict[str, Callable[[int, int, Path], Run]] = {
    "provider": lambda port, size, target: in_child("provider", port, size, target),
    EQUAL_WORK: curl_with_hash,
    "curl": curl,
    "HttpOperator": lambda port, size, target: in_child("http_operator", port, size, target),
}


def race(port: int, folder: Path, contenders: list[str]) -> dict[tuple[str, int], Run]:
    """Let all contenders run in turn, several rounds; the median of the times and of the memory."""
    runs: dict[tuple[str, int], list[Run]] = {}
    for number in range(1, ROUNDS + 1):
        for size_mib in SIZES_MIB:
            for name in contenders:
                target = folder / "out.csv"
                run = CONTENDERS[name](port, size_mib * MIB, target)
                assert target.stat().st_size == size_mib * MIB
                target.unlink()
                runs.setdefault((name, size_mib), []).append(run)
                print(f"round {number}, {size_mib} MiB: {name} {run.seconds:.3f} s", file=sys.stderr, flush=True)
    return {
        key: Run(statistics.median(run.seconds for run in some), statistics.median(run.peak_mib for run in some))
        for key, some in runs.items()
    }


def show(runs: dict[tuple[str, int], Run], contenders: list[str]) -> None:
    print(f"{'size':>9}  {'':12} {'seconds':>8} {'MiB/s':>8} {'peak MiB':>9} {'grown by':>9}  provider is")
    for size_mib in SIZES_MIB:
        for name in contenders:
            run, ours = runs[name, size_mib], runs["provider", size_mib]
            grown = run.peak_mib - runs[name, SIZES_MIB[0]].peak_mib
            ratio = "" if name == "provider" else f"{run.seconds / ours.seconds:.2f} x {name}"
            print(
                f"{size_mib:>5} MiB  {name:12} {run.seconds:8.3f} {size_mib / run.seconds:8.0f} "
                f"{run.peak_mib:9.1f} {grown:9.1f}  {ratio}"
            )
    print()
    for text, met in goals(runs, contenders):
        print(f"{'met   ' if met else 'MISSED'} {text}")


def goals(runs: dict[tuple[str, int], Run], contenders: list[str]) -> Iterator[tuple[str, bool]]:
    def ratio(name: str, size_mib: int) -> float:
        return runs[name, size_mib].seconds / runs["provider", size_mib].seconds

    if EQUAL_WORK in contenders:
        worst = min(ratio(EQUAL_WORK, size_mib) for size_mib in SIZES_MIB if size_mib >= GOAL_FROM_MIB)
        text = f"at least {GOAL_AGAINST_EQUAL_WORK} x {EQUAL_WORK} from {GOAL_FROM_MIB} MiB up"
        yield f"{text}: {worst:.2f}", worst >= GOAL_AGAINST_EQUAL_WORK
    worst = min(ratio("HttpOperator", size_mib) for size_mib in SIZES_MIB)
    yield f"faster than HttpOperator everywhere: {worst:.2f}", worst > 1
    first, last = SIZES_MIB[0], SIZES_MIB[-1]
    grown = {name: runs[name, last].peak_mib - runs[name, first].peak_mib for name in contenders}
    text = f"{last} MiB take less than {GOAL_MEMORY_MIB} MiB more memory than {first} MiB"
    yield (
        f"{text}: {grown['provider']:.1f} (HttpOperator: {grown['HttpOperator']:.0f})",
        grown["provider"] < GOAL_MEMORY_MIB,
    )


def main() -> None:
    contenders = list(CONTENDERS)
    if not shutil.which("curl"):
        print("curl is not installed; going on without it")
        contenders = [name for name in contenders if "curl" not in name]
    # The server's file and the destination share one disk; a busy one is what the figures then tell of.
    with tempfile.TemporaryDirectory(prefix="yeastar-bench-") as name:
        os.environ["AIRFLOW_HOME"] = f"{name}/airflow"
        os.environ["PYTHONPATH"] = str(ROOT)
        with serving(Path(name)) as port:
            show(race(port, Path(name), contenders), contenders)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    elif sys.argv[1:]:
        contender = {"provider": provider, "http_operator": http_operator}[sys.argv[1]]
        seconds = contender(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
        # Not ru_maxrss, which begins with what the process that forked this one held.
        print(seconds, int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024)
    else:
        main()
