"""Recordings of a simulated PBX over real sockets: each once and whole, a manifest at the end, or a red task."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_yeastar.compat import AirflowFailException, AirflowSkipException
from airflow_provider_yeastar.exceptions import FewerRowsError, TaskKilledError
from airflow_provider_yeastar.files.inventory import facts_of
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
from airflow_provider_yeastar.pbx.errors import (
    BadFileError,
    FileExpiredError,
    IncompleteCallsError,
    InvalidRequestError,
    NetworkError,
    RecordingBusyError,
)
from airflow_provider_yeastar.pbx.files.body import FileFacts
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from tests.integration.support import ROOT, connect, connection_to, run_task

DAY = "2026-11-20"
START_SECONDS = 120
RETRY_DELAY = "airflow_provider_yeastar.pbx.waiting.bounds.retry_delay"
WAVE = b"RIFF\x78\x00\x00\x00WAVEfmt " + bytes(112)
"""A wave file of the length that it names."""
PROGRAM = """
import sys
from unittest.mock import Mock
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
task = YeastarRecordingsOperator(task_id="recordings", period="2026-11-20", destination=sys.argv[1])
type(task).execute.__wrapped__(task, {"ti": Mock()})
"""


pytestmark = pytest.mark.usefixtures("no_pauses")


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


def environment(pbx: PbxSimulator, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(pbx),
        "AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path / "state"),
        "PYTHONPATH": str(ROOT),
    }


Serve = Callable[..., AbstractContextManager[PbxSimulator]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """Start a PBX that is `yeastar_default`."""

    @contextmanager
    def serving(**settings: Any) -> Iterator[PbxSimulator]:
        with PbxSimulator(SimulatorSettings(**settings)) as pbx:
            connect(pbx, monkeypatch)
            monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
            yield pbx

    return serving


class TestTheOperator:
    def test_stores_each_recording_once_and_tells_of_it_in_the_manifest(self, pbx: PbxSimulator, out: Path) -> None:
        path, xcoms = run_task(operator(out))

        lines, files = lines_of(path), recordings_in(out)
        assert len({line["id"] for line in lines}) == len(lines) > 10
        assert {line["path"] for line in lines if line["size"]} == {str(out / name) for name in files}
        for line in lines:
            content = Path(line["path"]).read_bytes() if line["path"] else b""
            assert len(content) == line["bytes"] == line["size"]
            assert line["sha256"] == (hashlib.sha256(content).hexdigest() if content else None)
            assert content[:4] in (b"RIFF", b"")
        assert sorted(asked_for(pbx)) == sorted(line["id"] for line in lines if line["size"])
        report = xcoms["report"]
        assert (report["rows"], report["complete"], report["report_type"]) == (len(lines), True, "recording")
        assert (report["start_time"], report["end_time"]) == (f"{DAY}T00:00:00", f"{DAY}T23:59:59")
        assert report["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()

    def test_a_rerun_fetches_what_is_missing_or_of_another_size(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))
        manifest, files = Path(path).read_bytes(), recordings_in(out)
        gone, cut, *_ = files
        (out / gone).unlink()
        (out / cut).write_bytes(files[cut][:-1])
        ids = {Path(line["path"]).name: line["id"] for line in lines_of(path) if line["path"]}
        del pbx.requests[:]

        again, _ = run_task(operator(out))

        assert sorted(asked_for(pbx)) == sorted([ids[gone], ids[cut]])
        assert (again, Path(again).read_bytes(), recordings_in(out)) == (path, manifest, files)

    def test_a_rerun_hashes_what_is_there_as_it_stands(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))
        line = next(line for line in lines_of(path) if line["path"])
        Path(line["path"]).write_bytes(bytes(line["size"]))

        again, _ = run_task(operator(out))

        told = next(found for found in lines_of(again) if found["id"] == line["id"])
        assert told["sha256"] == hashlib.sha256(bytes(line["size"])).hexdigest()

    def test_what_is_there_and_cannot_be_read_is_fetched_again(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, _ = run_task(operator(out))
        line = next(line for line in lines_of(path) if line["path"])

        def refuse_one(path: str, look: Callable[[], None]) -> FileFacts:
            if path == line["path"]:
                raise PermissionError("write only")
            return facts_of(path, look)

        monkeypatch.setattr("airflow_provider_yeastar.files.gathering.facts_of", refuse_one)
        del pbx.requests[:]

        again, _ = run_task(operator(out))

        assert asked_for(pbx) == [line["id"]]
        assert line in lines_of(again)

    def test_names_are_made_of_time_call_recording_and_pbx(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))

        for line in lines_of(path):
            if line["path"]:
                started = datetime.strptime(line["time"], "%Y/%m/%d %H:%M:%S")
                parts = (f"{started:%Y%m%dT%H%M%S}", line["uid"], line["id"], pbx.settings.serial_number)
                assert Path(line["path"]).name == "_".join(parts) + ".wav"

    def test_names_stay_when_the_display_format_changes(self, serve: Serve, out: Path) -> None:
        names = []
        for display in ({}, {"date_format": "DD/MM/YYYY"}, {"date_format": "MM-DD-YYYY", "twelve_hour": True}):
            with serve(**display) as pbx:
                run_task(operator(out))
                names.append((recordings_in(out).keys(), bool(asked_for(pbx))))

        assert [fetched for _, fetched in names] == [True, False, False]
        assert names[0][0] == names[1][0] == names[2][0]

    def test_times_are_told_in_unix_seconds_too(self, pbx: PbxSimulator, out: Path) -> None:
        for line in lines_of(run_task(operator(out))[0]):
            local = datetime.strptime(line["time"], "%Y/%m/%d %H:%M:%S")
            assert datetime.fromtimestamp(line["timestamp"], UTC).hour == (local.hour - 1) % 24  # Berlin in November

    def test_two_pbxs_share_a_folder(self, serve: Serve, out: Path) -> None:
        paths = []
        for serial_number in ("3692A0000001", "3692A0000002"):
            with serve(serial_number=serial_number) as pbx:
                run_task(operator(out))
                paths.append({name for name in recordings_in(out) if serial_number in name})
                assert len(paths[-1]) == len(asked_for(pbx))

    def test_recordings_without_a_file_are_in_the_manifest(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))

        empty = [line for line in lines_of(path) if not line["size"]]
        assert [(line["path"], line["sha256"], line["bytes"]) for line in empty] == [(None, None, 0)] * len(empty) != []
        assert not {line["id"] for line in empty} & set(asked_for(pbx))

    def test_a_manifest_in_parquet_has_the_same_lines(self, pbx: PbxSimulator, out: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")

        path, _ = run_task(operator(out, file_format="parquet"))

        assert parquet.read_table(path).to_pylist() == lines_of(run_task(operator(out))[0])

    @pytest.mark.parametrize("filters", [{"caller": "1000"}, {"callee": "1001"}, {"ids": []}], ids=str)
    def test_filters_are_the_pbx_s(self, pbx: PbxSimulator, out: Path, filters: dict[str, Any]) -> None:
        everything = lines_of(run_task(operator(out, period="2026-11-16"))[0])
        if "ids" in filters:
            filters = {"ids": [everything[0]["id"], int(everything[-1]["id"])]}

        some = lines_of(run_task(operator(out, period="2026-11-16", filters=filters))[0])

        keys = {"caller": "call_from_number", "callee": "call_to_number", "ids": "id"}
        ((name, value),) = filters.items()
        wanted = {str(each) for each in (value if isinstance(value, list) else [value])}
        assert some == [line for line in everything if line[keys[name]] in wanted]
        assert 0 < len(some) < len(everything)

    def test_its_own_tokens_are_given_back(self, serve: Serve, monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
        with serve() as pbx:
            connect(pbx, monkeypatch, extra={"timezone": "Europe/Berlin", "login_sharing": "none"})

            run_task(operator(out, concurrency=3))

            assert (pbx.state.logins, pbx.state.tokens) == (4, {})

    def test_the_tokens_of_all_threads_are_masked_from_the_task_s_own(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, out: Path
    ) -> None:
        """Airflow's secrets masker is not for other threads."""
        masked: dict[str, bool] = {}

        def mask(token: str) -> None:
            masked[token] = threading.current_thread() is threading.main_thread()

        monkeypatch.setattr("airflow_provider_yeastar.hooks.connection.mask_token", mask)
        with serve() as pbx:
            connect(pbx, monkeypatch, extra={"timezone": "Europe/Berlin", "login_sharing": "none"})

            run_task(operator(out, concurrency=3))

            used = {call.query["access_token"] for call in pbx.requests if "access_token" in call.query}
        assert len(used) > 1
        assert used <= masked.keys()
        assert all(masked.values())


class TestAllThatIsNeeded:
    """How many recordings are asked for, whatever ends the task."""

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_no_more_are_on_their_way_than_asked_for_and_a_kill_ends_them(
        self, pbx: PbxSimulator, out: Path, concurrency: int
    ) -> None:
        pbx.faults.add(Fault("stall half-way", times=100))
        task = operator(out, concurrency=concurrency)

        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(run_task, task)
            pbx.wait_until(lambda pbx: pbx.stalled == concurrency)
            asked = len(asked_for(pbx))
            task.on_kill()
            with pytest.raises(TaskKilledError, match="Those that are stored stay"):
                running.result()

        assert asked == concurrency
        assert list(out.iterdir()) == []
        pbx.wait_until(lambda pbx: pbx.stalled == 0)

    def test_killed_outright_and_run_again_three_times_each_is_there_once_and_whole(
        self, pbx: PbxSimulator, out: Path, tmp_path: Path
    ) -> None:
        stored = []
        for _ in range(3):
            pbx.faults.add(Fault("stall half-way", after=4))
            with subprocess.Popen([sys.executable, "-c", PROGRAM, str(out)], env=environment(pbx, tmp_path)) as process:
                pbx.wait_until(lambda pbx: pbx.stalled == 1, START_SECONDS)
                process.kill()
            pbx.wait_until(lambda pbx: pbx.stalled == 0)
            stored.append(len(recordings_in(out)))

        path, _ = run_task(operator(out))

        lines = [line for line in lines_of(path) if line["path"]]
        assert stored == [4, 8, 12]
        assert {name: len(content) for name, content in recordings_in(out).items()} == {
            Path(line["path"]).name: line["size"] for line in lines
        }
        assert all(hashlib.sha256(Path(line["path"]).read_bytes()).hexdigest() == line["sha256"] for line in lines)
        # Each once, and the three that were on their way once more.
        assert len(asked_for(pbx)) == len(lines) + 3
        assert len(set(asked_for(pbx))) == len(lines)

    def test_a_manifest_that_stays_asks_for_nothing(self, pbx: PbxSimulator, out: Path) -> None:
        path, _ = run_task(operator(out))
        del pbx.requests[:]

        assert run_task(operator(out, overwrite=False)) == (path, {})
        assert pbx.calls("recording/search") == []


class TestADownload:
    @pytest.mark.parametrize("encodes", [True, False], ids=["encoded", "raw"])
    @pytest.mark.parametrize("attachments", [True, False], ids=["attachment", "download"])
    def test_urls_come_in_each_way(self, serve: Serve, out: Path, encodes: bool, attachments: bool) -> None:
        settings = {"encodes_recording_urls": encodes, "recordings_as_attachments": attachments}
        with serve(awkward_recording_names=True, **settings):
            lines = lines_of(run_task(operator(out))[0])

        assert len(recordings_in(out)) == sum(line["size"] > 0 for line in lines) > 10
        assert all(" " in line["file"] and "+" in line["file"] for line in lines)

    def test_a_busy_pbx_is_waited_for(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", "recording/download", 70651, times=3))

        lines = lines_of(run_task(operator(out))[0])

        assert len(asked_for(pbx)) == sum(line["size"] > 0 for line in lines) + 3

    def test_a_pbx_that_stays_busy_is_waited_for_within_the_timeout(
        self, pbx: PbxSimulator, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(RETRY_DELAY, lambda attempt, chance: 61.0)
        pbx.faults.add(Fault("errcode", "recording/download", 70651, after=2))

        with pytest.raises(RecordingBusyError, match="RECORDING BUSY"):
            run_task(operator(out))

        assert len(recordings_in(out)) == len(list(out.iterdir())) == 2

    def test_a_pbx_that_prepares_one_at_a_time_is_never_asked_for_a_second(
        self, serve: Serve, out: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with serve(recordings_as_mp3=True) as pbx:
            lines = lines_of(run_task(operator(out, concurrency=4))[0])

            assert len(asked_for(pbx)) == sum(line["size"] > 0 for line in lines)
        assert "RECORDING BUSY" not in caplog.text

    def test_a_pbx_that_is_still_at_work_is_asked_again(self, pbx: PbxSimulator, out: Path) -> None:
        """That a PBX answers so is unknown."""
        pbx.faults.add(Fault("errcode", "recording/download", 2, times=2))

        lines = lines_of(run_task(operator(out))[0])

        assert len(asked_for(pbx)) == sum(line["size"] > 0 for line in lines) + 2

    def test_an_expired_url_is_asked_for_again(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("json body", value=60001, times=2))

        run_task(operator(out))

        first, again, *others = asked_for(pbx)
        assert first == again
        assert first not in others

    def test_urls_that_are_never_served_fail_the_task(self, serve: Serve, out: Path) -> None:
        with serve(file_life=-1) as pbx:
            with pytest.raises(FileExpiredError, match=r"The others are stored"):
                run_task(operator(out))

            assert set(Counter(asked_for(pbx)).values()) == {2}

    @pytest.mark.parametrize("kind", ["html body", "empty", "truncated", "reset half-way", "longer", "no length"])
    def test_a_file_that_arrives_broken_is_fetched_once_more(self, pbx: PbxSimulator, out: Path, kind: Any) -> None:
        value = b"and more" if kind == "longer" else None
        pbx.faults.add(Fault(kind, value=value, times=1, after=1))

        lines = lines_of(run_task(operator(out))[0])

        assert all(line["bytes"] == line["size"] for line in lines)
        assert len(asked_for(pbx)) == sum(line["size"] > 0 for line in lines)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (WAVE[:-10], "of a wave file"),
            (b"ID3\x04\x00" + bytes(500), "and sent 505"),
            (b"<html><body><h1>Sorry</h1></body></html>", "an HTML page"),
            (b"Sorry, later", "plain text"),
            (b"%PDF-1.4 \x00", "a PDF document"),
        ],
        ids=["cut", "another-size", "page", "text", "document"],
    )
    def test_what_is_no_whole_recording_fails_the_task_after_the_others(
        self, pbx: PbxSimulator, out: Path, body: bytes, words: str
    ) -> None:
        listed = listing(pbx)
        pbx.faults.add(Fault("other bytes", listed[3]["file"], body, times=4))

        with pytest.raises(BadFileError, match=words) as failure:
            run_task(operator(out))

        assert f"1 of {len(listed)} recordings" in str(failure.value)
        assert f"recording {listed[3]['id']}" in str(failure.value)
        assert len(recordings_in(out)) == len(list(out.iterdir())) == sum(row["size"] > 0 for row in listed) - 1

    def test_a_whole_wave_file_of_another_size_than_listed_is_one(self, pbx: PbxSimulator, out: Path) -> None:
        """Where a PBX keeps MP3, it may list the size of that, and hand out WAV."""
        listed = listing(pbx)
        pbx.faults.add(Fault("other bytes", listed[3]["file"], WAVE))

        lines = {line["id"]: line for line in lines_of(run_task(operator(out))[0])}

        told = lines[str(listed[3]["id"])]
        assert (told["size"], told["bytes"]) == (listed[3]["size"], len(WAVE))

    def test_a_file_above_max_bytes_fails_the_task_after_the_others_are_stored(
        self, pbx: PbxSimulator, out: Path
    ) -> None:
        sizes = sorted(row["size"] for row in listing(pbx))

        with pytest.raises(AirflowFailException, match=r"1 of \d+ recordings .*Raise the task's `max_bytes`"):
            run_task(operator(out, max_bytes=sizes[-2]))

        assert len(recordings_in(out)) == len(list(out.iterdir())) == sum(size > 0 for size in sizes) - 1
        del pbx.requests[:]
        run_task(operator(out, max_bytes=sizes[-1]))
        assert len(asked_for(pbx)) == 1

    def test_one_that_is_listed_and_gone_fails_the_task_after_the_others(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("errcode", "recording/download", 60001, after=1))

        with pytest.raises(AirflowFailException, match="1 of"):
            run_task(operator(out))

        assert len(recordings_in(out)) == len(set(asked_for(pbx))) - 1

    def test_a_connection_that_is_gone_ends_the_task_at_once(self, pbx: PbxSimulator, out: Path) -> None:
        pbx.faults.add(Fault("reset half-way", value=0, after=2, times=6))

        with pytest.raises(NetworkError):
            run_task(operator(out))

        assert len(asked_for(pbx)) == 3


class TestRefusals:
    @pytest.mark.parametrize("endpoint", ["recording/search", "recording/download"])
    @pytest.mark.parametrize(
        ("errcode", "words"),
        [(70131, "Switch call recording on"), (70656, "Switch call recording on"), (80010, "Grant"), (10005, "Grant")],
    )
    def test_what_only_a_person_can_mend_ends_the_task_at_once(
        self, pbx: PbxSimulator, out: Path, endpoint: str, errcode: int, words: str
    ) -> None:
        pbx.faults.add(Fault("errcode", endpoint, errcode))

        with pytest.raises(AirflowFailException, match=f"errcode {errcode}.*{words}"):
            run_task(operator(out))

        assert list(out.iterdir()) == []
        assert len(asked_for(pbx)) <= 1

    def test_a_list_that_is_not_complete_ends_the_task_before_anything_is_fetched(
        self, pbx: PbxSimulator, out: Path
    ) -> None:
        pbx.faults.add(Fault("total number", "recording/search", 10_001, times=1000))

        with pytest.raises(IncompleteCallsError, match="recordings from"):
            run_task(operator(out))

        assert asked_for(pbx) == []

    @pytest.mark.parametrize(("on_empty", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)])
    def test_on_empty_decides_about_a_window_without_recordings(
        self, pbx: PbxSimulator, out: Path, on_empty: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            run_task(operator(out, filters={"caller": "nobody"}, on_empty=on_empty))

        assert list(out.iterdir()) == []

    def test_a_manifest_is_not_replaced_by_one_of_what_the_pbx_has_not_yet_forgotten(
        self, serve: Serve, out: Path
    ) -> None:
        with serve():
            path, _ = run_task(operator(out))
        before = {file.name: file.read_bytes() for file in out.iterdir()}

        with serve(kept_calls=10), pytest.raises(FewerRowsError):
            run_task(operator(out))

        assert {file.name: file.read_bytes() for file in out.iterdir()} == before
        assert Path(path).name in before

    @pytest.mark.parametrize(
        "arguments",
        [
            {"period": None},
            {"period": "2026-11-31"},
            {"concurrency": 0},
            {"concurrency": 5},
            {"concurrency": True},
            {"concurrency": "2"},
            {"max_bytes": 0},
            {"filters": {"call_from": "1"}},
            {"filters": {"caller": None}},
            {"file_format": "csv"},
            {"on_empty": "never"},
            {"protect": {"no_such": "drop"}},
            {"protect": {"call_from_number": "drop"}},
        ],
        ids=str,
    )
    def test_when_the_dag_is_parsed(self, out: Path, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError):
            operator(out, **arguments)


class TestProtect:
    @pytest.mark.parametrize("way", ["mask", "drop", "hmac"])
    def test_no_number_is_in_the_folder_or_in_the_log(
        self,
        pbx: PbxSimulator,
        out: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        way: str,
    ) -> None:
        caplog.set_level(logging.INFO)
        extra = {"timezone": "Europe/Berlin", "protect_secret": "sixteen characters"}
        connect(pbx, monkeypatch, extra=extra)
        numbers = {row[key] for row in listing(pbx) for key in ("call_from_number", "call_to_number")}
        pbx.faults.add(Fault("html body", times=2), Fault("json body", value=60001))

        path, _ = run_task(operator(out, protect={"call_from": way, "call_to": way}))

        lines = lines_of(path)
        assert all("file" not in line for line in lines)
        assert ("call_from_number" in lines[0]) is (way != "drop")
        long_enough = {number for number in numbers if len(number) > 6}
        told = "\n".join([*(file.name for file in out.iterdir()), Path(path).read_text(encoding="utf-8"), caplog.text])
        assert long_enough
        assert [number for number in long_enough if number in told] == []

    def test_hmac_without_a_secret_is_refused_before_the_pbx_is_asked(self, pbx: PbxSimulator, out: Path) -> None:
        with pytest.raises(AirflowFailException, match="protect_secret"):
            run_task(operator(out, protect={"call_from": "hmac"}))

        assert pbx.requests == []
