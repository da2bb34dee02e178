"""Recordings on their way over real sockets: no more at a time than asked for, and each whole, whatever goes wrong."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.pbx.errors import BadFileError, FileExpiredError, NetworkError, RecordingBusyError
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.recordings import Serve, asked_for, lines_of, listing, operator, recordings_in
from tests.integration.support import ROOT, connection_to, run_task
from tests.patience import PATIENCE_SECONDS

RETRY_DELAY = "airflow_provider_yeastar.pbx.waiting.bounds.retry_delay"
WAVE = b"RIFF\x78\x00\x00\x00WAVEfmt " + bytes(112)
"""A wave file of the length that it names."""
PROGRAM = """
import sys
from unittest.mock import Mock
from airflow_provider_yeastar.operators.recordings import YeastarRecordingsOperator
task = YeastarRecordingsOperator(task_id="recordings", period="2026-11-20", destination=sys.argv[1])
type(task).execute.__wrapped__(task, {"ti": Mock(try_number=1)})
"""

pytestmark = pytest.mark.usefixtures("no_pauses")


def environment(pbx: PbxSimulator, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_CONN_YEASTAR_DEFAULT": connection_to(pbx),
        "AIRFLOW__YEASTAR__STATE_DIR": str(tmp_path / "state"),
        "PYTHONPATH": str(ROOT),
    }


class TestAllThatIsNeeded:
    """How many recordings are asked for, whatever ends the task."""

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_no_more_are_on_their_way_than_asked_for_and_a_kill_ends_them(
        self, pbx: PbxSimulator, out: Path, concurrency: int
    ) -> None:
        pbx.faults.add(Fault("stall half-way", times=100))
        task = operator(out, concurrency=concurrency)

        def kill() -> int:
            try:
                pbx.wait_until(lambda pbx: pbx.stalled == concurrency)
                return len(asked_for(pbx))
            finally:
                task.on_kill()

        # The kill comes from another thread: Airflow 2 lets `execute` run in the main thread only.
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(kill)
            with pytest.raises(TaskKilledError, match="Those that are stored stay"):
                run_task(task)

        assert asked.result() == concurrency
        assert list(out.iterdir()) == []
        pbx.wait_until(lambda pbx: pbx.stalled == 0)

    def test_killed_outright_and_run_again_three_times_each_is_there_once_and_whole(
        self, pbx: PbxSimulator, out: Path, tmp_path: Path
    ) -> None:
        stored = []
        for _ in range(3):
            pbx.faults.add(Fault("stall half-way", after=4))
            with subprocess.Popen([sys.executable, "-c", PROGRAM, str(out)], env=environment(pbx, tmp_path)) as process:
                pbx.wait_until(lambda pbx: pbx.stalled == 1, PATIENCE_SECONDS)
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

    @pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
    def test_one_of_another_size_than_listed_is_fetched_once(
        self, pbx: PbxSimulator, out: Path, file_format: str
    ) -> None:
        listed = listing(pbx)
        pbx.faults.add(Fault("other bytes", listed[3]["file"], WAVE, times=2))
        path, _ = run_task(operator(out, file_format=file_format))
        manifest = Path(path).read_bytes()
        stored = next(file for file in out.iterdir() if file.read_bytes() == WAVE)
        del pbx.requests[:]

        run_task(operator(out, file_format=file_format))
        assert (asked_for(pbx), Path(path).read_bytes()) == ([], manifest)

        stored.write_bytes(WAVE[:-1])
        run_task(operator(out, file_format=file_format))
        assert (asked_for(pbx), stored.read_bytes()) == ([str(listed[3]["id"])], WAVE)

    def test_one_that_is_listed_at_a_new_size_is_fetched_again(self, pbx: PbxSimulator, out: Path) -> None:
        listed = listing(pbx)
        pbx.faults.add(Fault("other bytes", listed[3]["file"], WAVE))
        path, _ = run_task(operator(out))
        before = f'"size":{listed[3]["size"]}'
        text = Path(path).read_text(encoding="utf-8").replace(" ", "")
        assert before in text
        Path(path).write_text(text.replace(before, f"{before}0"), encoding="utf-8")
        del pbx.requests[:]

        run_task(operator(out))

        assert asked_for(pbx) == [str(listed[3]["id"])]

    def test_a_manifest_that_cannot_be_read_is_as_good_as_none(self, pbx: PbxSimulator, out: Path) -> None:
        listed = listing(pbx)
        pbx.faults.add(Fault("other bytes", listed[3]["file"], WAVE))
        path, _ = run_task(operator(out))
        Path(path).write_bytes(b"\xff\n")
        del pbx.requests[:]

        run_task(operator(out))

        assert asked_for(pbx) == [str(listed[3]["id"])]

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
