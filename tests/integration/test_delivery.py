"""The file arrives whole or not at all: each thing that can go wrong on its way, over real sockets."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from airflow_provider_yeastar.compat import (
    AirflowFailException,
    AirflowSkipException,
    Asset,
    ObjectStoragePath,
)
from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileExpiredError,
    NetworkError,
    NotAPbxError,
    PbxInternalError,
    TokenExpiredError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.readers import ReportLayoutError, read_report, typed_columns
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout
from tests.integration.support import QUEUE_REPORT, connect, connection_to, outlet_events, run_task
from tests.integration.test_operator import WAYS, operator

CHUNK = 256 * 1024
BIG = b"Queue,Total\r\n" + b"Support<6401>,12\r\n" * 200_000
"""A report of 3.6 MB: a file in many chunks."""


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None = None, **settings: Any
) -> Iterator[PbxSimulator]:
    """A PBX that is `yeastar_default`, whose reports are all of the given bytes."""
    with PbxSimulator(SimulatorSettings(**settings)) as pbx:
        connect(pbx, monkeypatch)
        monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
        if content is not None:
            keep = pbx.state.keep
            monkeypatch.setattr(pbx.state, "keep", lambda name, _, now: keep(name, content, now))
        yield pbx


@pytest.fixture(params=[True, False], ids=["ranges", "no ranges"])
def big(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PbxSimulator]:
    """A PBX with a big report, with and without ranges."""
    with serving(monkeypatch, tmp_path, BIG, serves_ranges=request.param) as pbx:
        yield pbx


@pytest.fixture
def pbx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PbxSimulator]:
    with serving(monkeypatch, tmp_path) as simulator:
        yield simulator


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WAYS[request.param]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A directory for the report, empty, and nothing else in it."""
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def fetches(pbx: PbxSimulator) -> list[str]:
    """The ranges that were asked for, one for each GET of a file; empty for the whole."""
    return [call.headers.get("Range", "") for call in pbx.requests if call.path.startswith("/api/download/")]


def change_before_the_second_fetch(pbx: PbxSimulator, content: bytes) -> None:
    """Let the files be of other bytes from the second GET of one on."""

    def change(call: Any) -> None:
        if len(fetches(pbx)) == 2:
            pbx.state.files.update({name: type(file)(content, file.until) for name, file in pbx.state.files.items()})

    pbx._on_call = change


@pytest.mark.usefixtures("no_pauses")
class TestAConnectionThatBreaksOff:
    @pytest.mark.parametrize("cut_at", [0, 1, CHUNK, 600_000, len(BIG) - 1])
    def test_the_download_goes_on_and_the_file_is_whole(self, big: PbxSimulator, out: Path, cut_at: int) -> None:
        big.faults.add(Fault("truncated", value=cut_at))

        path, xcoms = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG
        assert xcoms["report"]["sha256"] == sha256(BIG).hexdigest()
        assert fetches(big) == ["", f"bytes={cut_at}-" if cut_at and big.settings.serves_ranges else ""]
        assert len(big.calls("call_report/download")) == 1
        assert names(out) == ["x.csv"]

    def test_it_goes_on_five_times(self, big: PbxSimulator, out: Path, way: dict[str, Any]) -> None:
        big.faults.add(Fault("truncated", value=500_000, times=5))

        path, _ = run_task(operator(out / "x.csv", **way))

        assert Path(path).read_bytes() == BIG
        assert len(fetches(big)) == 6

    def test_the_sixth_time_fails_the_task_and_the_old_file_stays(
        self, big: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        (out / "x.csv").write_text("old")
        big.faults.add(Fault("truncated", value=1000, times=9))

        with pytest.raises(NetworkError, match="broke off"):
            run_task(operator(out / "x.csv", **way))

        assert len(fetches(big)) == 6
        assert names(out) == ["x.csv"]
        assert (out / "x.csv").read_text() == "old"

    def test_a_reset_is_no_other_than_an_end(self, big: PbxSimulator, out: Path) -> None:
        big.faults.add(Fault("reset half-way", times=2))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG

    def test_a_pbx_that_is_not_there_for_a_while_is_asked_again(self, big: PbxSimulator, out: Path) -> None:
        big.faults.add(Fault("reset before", ".csv", times=2), Fault("truncated", value=700_000))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG

    def test_a_file_without_a_length_is_compared_from_its_beginning(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, BIG) as pbx:
            pbx.faults.add(Fault("no length"))
            path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG

    def test_more_than_the_rest_is_refused(self, big: PbxSimulator, out: Path) -> None:
        big.faults.add(Fault("truncated", value=600_000), Fault("longer", value=b"more"))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        # The rest, or the whole once more, was too long; the file is fetched anew.
        assert Path(path).read_bytes() == BIG
        assert len(fetches(big)) == 3

    def test_another_file_under_the_same_url_is_never_mixed_with_the_first(self, big: PbxSimulator, out: Path) -> None:
        other = BIG.replace(b"6401", b"6402")

        change_before_the_second_fetch(big, other)
        big.faults.add(Fault("truncated", value=600_000))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        # The second answer is compared with what had come, and the file is then fetched once more.
        assert Path(path).read_bytes() == other
        assert len(fetches(big)) == 3

    def test_two_files_that_nothing_tells_apart_are_never_mixed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        other = BIG.replace(b"6401", b"6402")
        with serving(monkeypatch, tmp_path, BIG, serves_ranges=True, serves_etags=False) as pbx:
            change_before_the_second_fetch(pbx, other)
            pbx.faults.add(Fault("truncated", value=600_000))

            path, _ = run_task(operator(out / "x.csv", deferrable=False))

            assert Path(path).read_bytes() == other
            assert fetches(pbx) == ["", "", ""]

    def test_another_part_than_the_one_asked_for_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, BIG, serves_ranges=True) as pbx:
            pbx.faults.add(Fault("truncated", value=600_000), Fault("other range"))
            path, _ = run_task(operator(out / "x.csv", deferrable=False))

            assert Path(path).read_bytes() == BIG
            assert fetches(pbx) == ["", "bytes=600000-", ""]


class TestWhatIsNoReport:
    NOT_SAVED = (
        pytest.param(Fault("json body", value=-2), PbxInternalError, id="JSON error"),
        pytest.param(Fault("html body"), BadFileError, id="HTML"),
        pytest.param(Fault("empty"), BadFileError, id="empty body"),
        pytest.param(Fault("longer", value=b"more"), BadFileError, id="more bytes than announced"),
        pytest.param(Fault("other bytes", value=b"%PDF-1.7\n"), BadFileError, id="PDF for CSV"),
        pytest.param(Fault("status", ".csv", 500), NotAPbxError, id="HTTP status 500"),
    )

    @pytest.mark.parametrize(("fault", "error"), NOT_SAVED)
    def test_it_is_refused_and_the_old_file_stays(
        self, pbx: PbxSimulator, out: Path, fault: Fault, error: type[Exception]
    ) -> None:
        (out / "x.csv").write_text("old")
        pbx.faults.add(*[fault] * 4)

        with pytest.raises(error):
            run_task(operator(out / "x.csv", deferrable=False))

        assert len(fetches(pbx)) == 4
        assert len(pbx.calls("call_report/download")) == 2
        assert names(out) == ["x.csv"]
        assert (out / "x.csv").read_text() == "old"

    def test_a_dead_token_is_replaced_and_the_file_fetched(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", ".csv", 10004))

        run_task(operator(out / "x.csv", deferrable=False))

        assert len(fetches(pbx)) == 2
        assert len({call.query["access_token"] for call in pbx.requests if call.path.startswith("/api/download/")}) == 2

    def test_two_dead_tokens_are_the_end(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", ".csv", 10004, times=9))

        with pytest.raises(TokenExpiredError):
            run_task(operator(out / "x.csv", deferrable=False))

        assert (len(fetches(pbx)), len(pbx.calls("call_report/download"))) == (2, 1)

    def test_a_token_that_dies_while_the_download_breaks_off_is_replaced(
        self, big: PbxSimulator, out: Path, no_pauses: None
    ) -> None:
        def die(call: Any) -> None:
            if len(fetches(big)) == 2:
                big.faults.add(Fault("errcode", ".csv", 10004, times=2))

        big._on_call = die
        big.faults.add(Fault("truncated", value=600_000))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == BIG
        assert len(big.calls("call_report/download")) == 1

    @pytest.mark.parametrize("errcode", [10005, 70004, 70087, 70123])
    def test_what_only_a_person_can_mend_fails_at_once(
        self, pbx: PbxSimulator, out: Path, errcode: int, way: dict[str, Any]
    ) -> None:
        pbx.faults.add(Fault("json body", value=errcode, times=9))

        with pytest.raises(AirflowFailException, match=f"errcode {errcode}"):
            run_task(operator(out / "x.csv", **way))

        assert (len(fetches(pbx)), len(pbx.calls("call_report/download"))) == (1, 1)

    @pytest.mark.parametrize("errcode", [60001, 10001, 40002])
    def test_a_file_that_is_gone_may_be_tried_again_by_airflow(
        self, pbx: PbxSimulator, out: Path, errcode: int, way: dict[str, Any]
    ) -> None:
        pbx.faults.add(Fault("json body", value=errcode, times=9))

        with pytest.raises(FileExpiredError, match=f"errcode {errcode}.*ask for the report again") as raised:
            run_task(operator(out / "x.csv", **way))

        assert "api_version" not in str(raised.value)
        assert (len(fetches(pbx)), len(pbx.calls("call_report/download"))) == (4, 2)

    @pytest.mark.parametrize("fault", [Fault("no length"), None], ids=["not announced", "announced"])
    def test_more_than_max_bytes_fails_at_once(self, pbx: PbxSimulator, out: Path, fault: Fault | None) -> None:
        if fault:
            pbx.faults.add(fault)

        with pytest.raises(AirflowFailException, match="`max_bytes`, 100 bytes"):
            run_task(operator(out / "x.csv", deferrable=False, max_bytes=100))

        assert len(fetches(pbx)) == 1
        assert names(out) == []

    def test_a_mad_server_is_left_after_max_bytes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, BIG * 20) as pbx:
            pbx.faults.add(Fault("no length"))
            with pytest.raises(AirflowFailException, match="`max_bytes`, 100000 bytes"):
                run_task(operator(out / "x.csv", deferrable=False, max_bytes=100_000))

        assert names(out) == []


class TestALengthThatIsNotKept:
    ANNOUNCED = b"Queue,Total\r\nSales<1>,2\r\n"
    SURPLUS = b"Support<2>,3\r\n"

    @pytest.fixture
    def pbx(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PbxSimulator]:
        with serving(monkeypatch, tmp_path, self.ANNOUNCED) as simulator:
            yield simulator

    def test_more_than_was_announced_is_no_shorter_report(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("longer", value=self.SURPLUS, times=4))

        with pytest.raises(BadFileError, match="more than the 25 bytes it announced"):
            run_task(operator(out / "x.csv", deferrable=False))

        assert names(out) == []

    @pytest.mark.parametrize("kind", ["stall half-way", "reset half-way"])
    def test_how_a_connection_ends_after_the_whole_file_does_not_matter(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
    ) -> None:
        connect(pbx, monkeypatch, extra={"timezone": pbx.settings.timezone, "timeout": 1})
        pbx.faults.add(Fault(kind, value=len(self.ANNOUNCED)))

        path, _ = run_task(operator(out / "x.csv", deferrable=False))

        assert Path(path).read_bytes() == self.ANNOUNCED
        assert len(fetches(pbx)) == 1


def age(task: Any, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a task resume so long after its first report was ready."""
    resume = task.execute_complete

    def resume_late(context: Any, event: dict[str, Any]) -> str:
        if event["attempt"] == 1:
            event["report"]["ready_at"] -= seconds
        return resume(context, event)  # type: ignore[no-any-return]

    monkeypatch.setattr(task, "execute_complete", resume_late)


class TestAnOldUrl:
    def test_one_new_request_and_no_second_fetch(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = operator(out / "x.csv", deferrable=True)
        age(task, 1801, monkeypatch)
        pbx.faults.add(Fault("json body", value=60001))

        path, _ = run_task(task)

        assert Path(path).exists()
        assert len(fetches(pbx)) == 2
        assert len(pbx.calls("call_report/download")) == 2

    def test_a_url_that_is_old_and_still_served_is_fetched(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = operator(out / "x.csv", deferrable=True)
        age(task, 1700, monkeypatch)

        run_task(task)

        assert len(fetches(pbx)) == 1

    def test_the_error_says_how_old_it_was(self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.files.fetch_rules.URL_MINUTES", -1)
        pbx.faults.add(Fault("html body", times=2))

        with pytest.raises(FileExpiredError, match=r"refused the file 0 minutes after it was ready: .*HTML"):
            run_task(operator(out / "x.csv", deferrable=False))

        assert len(fetches(pbx)) == 2
        assert len(pbx.calls("call_report/download")) == 2


class Listener:
    """Somebody else's web server on this machine, to whom no token must come."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                self.send_error(404)

            def log_message(self, *arguments: Any) -> None:
                """Not to the tests' output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as there:
        yield there


class TestHostileUrls:
    URLS = (
        "http://127.0.0.1:{port}/x.csv",
        "http://localhost:{port}/x.csv",
        "//127.0.0.1:{port}/x.csv",
        "///127.0.0.1:{port}/x.csv",
        "http:\\\\127.0.0.1:{port}\\x.csv",
        "/\\127.0.0.1:{port}/x.csv",
        "http://{pbx}@127.0.0.1:{port}/x.csv",
        "http://user:password@{pbx}/x.csv",
        "@127.0.0.1:{port}/x.csv",
        "/@127.0.0.1:{port}/x.csv",
        ":{port}/x.csv",
        "http://{pbx}#@127.0.0.1:{port}/x.csv",
        "http://{pbx}/../../../x.csv?next=http://127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/x.csv",
        "\thttp://127.0.0.1:{port}/x.csv",
        "http://127.0.0.1:{port}%2f@{pbx}/x.csv",
        "/api/download/x.csv\r\nHost: 127.0.0.1:{port}",
    )

    @pytest.mark.parametrize("url", URLS)
    def test_the_token_goes_nowhere_else(
        self, pbx: PbxSimulator, listener: Listener, out: Path, url: str, way: dict[str, Any]
    ) -> None:
        hostile = url.format(port=listener.port, pbx=f"127.0.0.1:{pbx.port}")
        pbx.faults.add(*[Fault("url", value=hostile)] * 2)

        with pytest.raises((AirflowFailException, YeastarError), match=r"URL|60001|10001"):
            run_task(operator(out / "x.csv", **way))

        assert listener.seen == []
        assert names(out) == []

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, pbx: PbxSimulator, listener: Listener, out: Path, status: int) -> None:
        pbx.faults.add(*[Fault("redirect", value=(status, f"http://127.0.0.1:{listener.port}/x.csv"))] * 4)

        with pytest.raises(NotAPbxError, match="redirect"):
            run_task(operator(out / "x.csv", deferrable=False))

        assert listener.seen == []
        assert len(fetches(pbx)) == 4

    def test_the_listener_would_have_seen_it(self, listener: Listener) -> None:
        with socket.create_connection(("127.0.0.1", listener.port)) as connection:
            connection.sendall(b"GET /x.csv?access_token=t HTTP/1.0\r\n\r\n")
            connection.recv(1000)

        assert listener.seen == ["/x.csv?access_token=t"]


class TestHostileNames:
    NAMES = (
        "../../../../etc/cron.d/x.csv",
        "/etc/passwd.csv",
        "..\\..\\x.csv",
        "a\0b.csv",
        "x" * 4096 + ".csv",
        "\uff0e\uff0e\uff0fx.csv",
        "report\u202evsc.csv",
        "",
    )

    @pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
    def test_a_name_decides_no_path(self, pbx: PbxSimulator, out: Path, name: str, way: dict[str, Any]) -> None:
        pbx.faults.add(Fault("file name", value=name))

        path, xcoms = run_task(operator(f"{out}/", **way))

        assert names(out) == [Path(path).name]
        assert Path(path).name.startswith("queueperformance_2026-11-20_")
        assert "/" not in xcoms["report"]["file"]
        assert len(xcoms["report"]["file"].encode()) <= 200


class TestTheDestination:
    def test_overwrite_false_leaves_a_file_and_asks_nobody(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        (out / "x.csv").write_text("old")

        path, _ = run_task(operator(out / "x.csv", overwrite=False, **way))

        assert Path(path).read_text() == "old"
        assert pbx.requests == []

    @pytest.mark.parametrize(("moment", "fetched"), [("keep", 0), ("file", 1)], ids=["waited", "fetched"])
    def test_overwrite_false_leaves_a_file_that_came_while_the_task(
        self,
        pbx: PbxSimulator,
        out: Path,
        way: dict[str, Any],
        moment: str,
        fetched: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        real = getattr(pbx.state, moment)

        def meanwhile(*arguments: Any) -> Any:
            (out / "x.csv").write_text("another task's")
            return real(*arguments)

        monkeypatch.setattr(pbx.state, moment, meanwhile)

        path, xcoms = run_task(operator(out / "x.csv", overwrite=False, **way))

        assert Path(path).read_text() == "another task's"
        assert names(out) == ["x.csv"]
        assert len(fetches(pbx)) == fetched
        assert "report" not in xcoms

    def test_two_pbxs_fill_one_directory(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with PbxSimulator(SimulatorSettings(seed=2)) as other:
            monkeypatch.setenv("AIRFLOW_CONN_BERLIN", connection_to(pbx))
            monkeypatch.setenv("AIRFLOW_CONN_SHANGHAI", connection_to(other))

            paths = [run_task(operator(f"{out}/", yeastar_conn_id=name, **way))[0] for name in ("berlin", "shanghai")]

        assert names(out) == sorted(Path(path).name for path in paths)
        assert len({Path(path).read_bytes() for path in paths}) == 2

    @pytest.mark.parametrize("kind", [Path, ObjectStoragePath])
    def test_a_path_object_is_taken_as_its_text(self, pbx: PbxSimulator, out: Path, kind: Any) -> None:
        task = operator("", deferrable=False)
        task.destination = kind(out / "x.csv")

        path, _ = run_task(task)

        assert path == str(out / "x.csv")
        assert names(out) == ["x.csv"]

    def test_what_is_no_path_is_refused_with_one_sentence(self, pbx: PbxSimulator) -> None:
        task = operator("", deferrable=False)
        task.destination = {}

        with pytest.raises(DestinationError, match="`destination` is a dict, neither a text nor a path"):
            run_task(task)

        assert pbx.requests == []

    def test_a_directory_is_refused_before_the_pbx_is_asked(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        with pytest.raises(DestinationError, match="Is a directory"):
            run_task(operator(out, **way))

        assert pbx.requests == []
        assert names(out) == []

    def test_a_disk_that_fills_up_fails_the_task_and_leaves_nothing(
        self, big: PbxSimulator, out: Path, limited_file_size: None
    ) -> None:
        with pytest.raises(DestinationError, match="cannot be written"):
            run_task(operator(out / "x.csv", asynchronous=False))

        assert names(out) == []

    def test_two_tasks_with_one_destination_both_succeed_and_the_last_wins(self, pbx: PbxSimulator, out: Path) -> None:
        target = out / "x.csv"
        queues = ([1], [1, 2])
        whole = {b"old"}
        for ids in queues:
            run_task(operator(target, parameters={"queue_id_list": ids}, asynchronous=False, allow_shrink=True))
            whole.add(target.read_bytes())
        target.write_bytes(b"old")
        seen: set[bytes] = set()
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.add(target.read_bytes())

        reader = threading.Thread(target=read)
        reader.start()
        paths: list[str] = []

        def fetch(ids: list[int]) -> None:
            # Not `execute`, which Airflow 2 lets run in the main thread only.
            request = build_request(**QUEUE_REPORT | {"parameters": {"queue_id_list": ids}}, asynchronous=False)
            context: Any = {"ti": Mock()}
            paths.append(operator(target, allow_shrink=True).deliver(context, request))

        tasks = [threading.Thread(target=fetch, args=(ids,)) for ids in queues]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join(60)
        done.set()
        reader.join(10)

        assert paths == [str(target)] * 2
        assert len(whole) == 3
        assert seen <= whole
        assert target.read_bytes() in whole - {b"old"}
        assert names(out) == ["x.csv"]


def test_the_log_tells_how_far_it_is(
    big: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow_provider_yeastar.files.progress._PERIOD_SECONDS", 0.0)
    caplog.set_level(logging.INFO)

    path, _ = run_task(operator(out / "x.csv", asynchronous=False))

    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Downloaded")]
    line = re.compile(rf"Downloaded \d+ of {len(BIG)} bytes \((\d+) %\) for {re.escape(path)}, \d+\.\d MiB/s")
    shares = [int(found[1]) for found in map(line.fullmatch, told) if found]
    assert len(shares) == len(told) > 2
    assert shares == sorted(shares)
    assert shares[-1] == 100


class TestTheRecord:
    def test_the_sidecar_holds_what_xcom_holds(self, pbx: PbxSimulator, out: Path, way: dict[str, Any]) -> None:
        path, xcoms = run_task(operator(f"{out}/", write_metadata=True, **way))

        assert json.loads(Path(f"{path}.report.json").read_text()) == xcoms["report"]
        assert names(out) == [Path(path).name, f"{Path(path).name}.report.json"]

    def test_an_asset_event_tells_which_report_and_which_bytes(
        self, pbx: PbxSimulator, out: Path, way: dict[str, Any]
    ) -> None:
        asset, other = Asset("yeastar-report://queues"), Asset("yeastar-report://other")
        events = outlet_events()
        events[asset].extra["of the DAG's author"] = True

        path, xcoms = run_task(operator(out / "x.csv", outlets=[asset], **way), outlet_events=events)

        report = xcoms["report"]
        assert events[asset].extra == {
            "of the DAG's author": True,
            "report_type": "queueperformance",
            "start_time": "2026-11-20T00:00:00",
            "end_time": "2026-11-20T23:59:59",
            "timezone": "Europe/Berlin",
            "serial_number": pbx.settings.serial_number,
            "path": path,
            "bytes": report["bytes"],
            "sha256": report["sha256"],
            "format": "csv",
        }
        assert events[other].extra == {}

    def test_a_refused_file_leaves_no_sidecar(self, pbx: PbxSimulator, out: Path) -> None:
        with pytest.raises(AirflowSkipException):
            run_task(
                operator(
                    out / "x.csv",
                    write_metadata=True,
                    on_empty="skip",
                    parameters={"queue_id_list": [99]},
                    check_ids=False,
                    deferrable=False,
                )
            )

        assert names(out) == []


class TestReadingWhatWasDelivered:
    """Every variant of CSV that is known of a PBX (reference, section 7): from the PBX to the reader's values."""

    LAYOUTS = (
        pytest.param(CsvLayout(), {}, id="byte order mark"),
        pytest.param(CsvLayout(bom=False), {}, id="no byte order mark"),
        pytest.param(CsvLayout(preamble=True), {}, id="preamble"),
        pytest.param(CsvLayout(delimiter=";"), {}, id="semicolons"),
        pytest.param(CsvLayout(delimiter="\t"), {}, id="tabs between cells"),
        pytest.param(CsvLayout(tabs=True), {}, id="tabs in cells"),
        pytest.param(CsvLayout(total_row=True), {}, id="total row"),
        pytest.param(CsvLayout(label_style="number-name"), {}, id="labels 1021-Name"),
        pytest.param(CsvLayout(), {"duration_format": "hhmmss"}, id="hh:mm:ss"),
        pytest.param(
            CsvLayout(preamble=True, delimiter=";", total_row=True, tabs=True, label_style="number-name"),
            {"duration_format": "hhmmss"},
            id="all at once",
        ),
    )

    @pytest.mark.parametrize(("layout", "changes"), LAYOUTS)
    @pytest.mark.parametrize("need_detail", [False, True], ids=["", "with calls"])
    def test_it_is_read_with_the_figures_of_the_listing(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        out: Path,
        layout: CsvLayout,
        changes: dict[str, Any],
        need_detail: bool,
    ) -> None:
        parameters = {"queue_id_list": [1, 2, 3], "need_detail": need_detail}
        with serving(monkeypatch, tmp_path, csv_layout=layout):
            path, _ = run_task(operator(out / "x.csv", parameters=parameters, asynchronous=False, **changes))

        table = read_report(path)
        columns = {column.name: column for column in table.columns}
        assert columns["queue"].values == ("Sales", "Support", "Billing")
        assert columns["queue_number"].values == ("6400", "6401", "6402")
        assert columns["answered_rate"].kind == "percent"
        assert columns["average_waiting_time"].kind == ("duration" if changes else "integer")
        assert (table.totals is not None) is layout.total_row
        assert len(table.preamble) == (3 if layout.preamble else 0)
        total_calls = columns["total_calls"].values
        assert all(isinstance(value, int) for value in total_calls)
        # Each row has its calls under it, as many as it counts.
        assert bool(table.call_header) is need_detail
        assert [len(row.calls) for row in table.rows] == (list(total_calls) if need_detail else [0, 0, 0])

    def test_calls_are_values_too(self, pbx: PbxSimulator, out: Path) -> None:
        parameters = {"queue_id_list": [1, 2, 3], "need_detail": True}
        path, _ = run_task(operator(out / "x.csv", parameters=parameters, asynchronous=False))

        table = read_report(path)
        calls = typed_columns(table.call_header, [call for row in table.rows for call in row.calls])

        assert {column.kind for column in calls} >= {"integer", "text"}
        assert all(len(column.values) == sum(len(row.calls) for row in table.rows) for column in calls)

    def test_an_unknown_layout_is_an_error_that_shows_the_header(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
    ) -> None:
        with serving(monkeypatch, tmp_path, b"Queue,Total,Total\r\nSales<6400>,1,2\r\n"):
            path, _ = run_task(operator(out / "x.csv", asynchronous=False))

        with pytest.raises(ReportLayoutError, match=r"unknown way.*'Queue', 'Total', 'Total'"):
            read_report(path)
