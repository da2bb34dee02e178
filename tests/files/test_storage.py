"""Files at their destination on a disk, whole or not at all."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files.storage import sidecar_path
from tests.files.support import CHUNKS, MIB, NEW, OLD, names, new_check, store, stored


class TestLocalFile:
    def test_the_bytes_are_on_the_disk_before_the_file_has_its_name_and_the_name_after_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[tuple[str, int]] = []
        sync, move = os.fsync, os.replace

        def noted_sync(descriptor: int) -> None:
            inode = os.fstat(descriptor).st_ino
            steps.append(("sync", inode))
            sync(descriptor)

        def noted_move(source: Path, target: str) -> None:
            steps.append(("move", source.stat().st_ino))
            move(source, target)

        monkeypatch.setattr(os, "fsync", noted_sync)
        monkeypatch.setattr(os, "replace", noted_move)

        store(CHUNKS, str(tmp_path / "x.csv"), new_check())

        file = (tmp_path / "x.csv").stat().st_ino
        assert steps == [("sync", file), ("move", file), ("sync", tmp_path.stat().st_ino)]

    def test_a_new_file_is_stored_whole_and_its_directories_are_made(self, tmp_path: Path) -> None:
        path = str(tmp_path / "a" / "b" / "x.csv")
        assert store(CHUNKS, path, new_check(len(NEW))) == stored(path, NEW)
        assert Path(path).read_bytes() == NEW
        assert names(tmp_path / "a" / "b") == ["x.csv"]

    def test_the_old_file_is_seen_until_the_new_one_is_whole(self, tmp_path: Path) -> None:
        target = tmp_path / "x.csv"
        target.write_bytes(OLD)
        seen = []

        def chunks() -> Iterator[bytes]:
            for chunk in CHUNKS:
                seen.append(target.read_bytes())
                yield chunk

        store(chunks(), str(target), new_check(), accept=lambda _: seen.append(target.read_bytes()))
        assert set(seen) == {OLD}
        assert target.read_bytes() == NEW

    def test_accept_sees_the_whole_file(self, tmp_path: Path) -> None:
        seen = []
        store(CHUNKS, str(tmp_path / "x.csv"), new_check(), accept=lambda path: seen.append(path.read_bytes()))
        assert seen == [NEW]

    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
    def test_the_file_has_the_mode_that_the_umask_gives(self, tmp_path: Path, mask: int) -> None:
        before = os.umask(mask)
        try:
            store(CHUNKS, str(tmp_path / "x.csv"), new_check())
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "x.csv").stat().st_mode) == 0o666 & ~mask

    def test_a_name_as_long_as_the_file_system_takes_can_be_stored(self, tmp_path: Path) -> None:
        path = tmp_path / ("x" * 255)
        store(CHUNKS, str(path), new_check())
        assert path.read_bytes() == NEW

    def test_a_link_is_replaced_and_its_target_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").write_bytes(OLD)
        (tmp_path / "x.csv").symlink_to(tmp_path / "elsewhere")
        store(CHUNKS, str(tmp_path / "x.csv"), new_check())
        assert (tmp_path / "elsewhere").read_bytes() == OLD
        assert not (tmp_path / "x.csv").is_symlink()

    def test_of_two_writers_the_last_to_finish_wins(self, tmp_path: Path) -> None:
        path = str(tmp_path / "x.csv")

        def chunks() -> Iterator[bytes]:
            yield CHUNKS[0]
            store([OLD], path, new_check())
            assert Path(path).read_bytes() == OLD
            yield from CHUNKS[1:]

        store(chunks(), path, new_check())
        assert Path(path).read_bytes() == NEW
        assert names(tmp_path) == ["x.csv"]

    def test_writers_in_many_threads_leave_one_whole_file(self, tmp_path: Path) -> None:
        path = str(tmp_path / "x.csv")
        contents = [bytes([65 + number]) * 200_000 for number in range(8)]

        def write(content: bytes) -> None:
            store((content[at : at + 1000] for at in range(0, len(content), 1000)), path, new_check(len(content)))

        threads = [threading.Thread(target=write, args=(content,)) for content in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Path(path).read_bytes() in contents
        assert names(tmp_path) == ["x.csv"]

    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        chunk = b"a" * (64 * 1024)
        tracemalloc.start()
        try:
            store((chunk for _ in range(64 * 16)), str(tmp_path / "x.csv"), new_check(64 * MIB))
            assert tracemalloc.get_traced_memory()[1] < MIB
        finally:
            tracemalloc.stop()


class TestSidecar:
    def test_it_stands_beside_the_file_under_its_whole_name(self, tmp_path: Path) -> None:
        path = str(tmp_path / "x.csv")
        store(CHUNKS, path, new_check(), metadata='{"a": 1}')
        assert sidecar_path(path) == f"{path}.report.json"
        assert Path(sidecar_path(path)).read_text() == '{"a": 1}'
        assert names(tmp_path) == ["x.csv", "x.csv.report.json"]

    def test_a_re_run_replaces_both(self, tmp_path: Path) -> None:
        for content, metadata in ((OLD, "old"), (NEW, "new")):
            store([content], str(tmp_path / "x.csv"), new_check(), metadata=metadata)
        assert [(tmp_path / name).read_bytes() for name in names(tmp_path)] == [NEW, b"new"]

    def test_it_follows_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        moved = []
        replace = os.replace
        monkeypatch.setattr(os, "replace", lambda source, target: (moved.append(target), replace(source, target)))
        store(CHUNKS, str(tmp_path / "x.csv"), new_check(), metadata="new")
        assert moved == [str(tmp_path / "x.csv"), str(tmp_path / "x.csv.report.json")]

    @pytest.mark.parametrize("name", ["x.csv", "x" * 255], ids=["a directory in its place", "too long a name"])
    def test_where_it_cannot_be_written_the_old_file_stays(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(OLD)
        if name == "x.csv":
            (tmp_path / "x.csv.report.json").mkdir()
        before = names(tmp_path)
        with pytest.raises(DestinationError, match=r"report\.json cannot be written"):
            store(CHUNKS, str(tmp_path / name), new_check(), metadata="new")
        assert (tmp_path / name).read_bytes() == OLD
        assert names(tmp_path) == before

    def test_a_full_disk_is_met_before_the_file_is_moved(self, tmp_path: Path, limited_file_size: None) -> None:
        (tmp_path / "x.csv").write_bytes(OLD)
        with pytest.raises(DestinationError, match="File too large"):
            store(CHUNKS, str(tmp_path / "x.csv"), new_check(), metadata="a" * 200_000)
        assert (tmp_path / "x.csv").read_bytes() == OLD
        assert names(tmp_path) == ["x.csv"]


class TestProgress:
    def run(self, path: Path, announced: int | None, seconds: Iterable[float]) -> None:
        ticks = iter(seconds)
        store([b"a" * MIB] * 4, str(path), new_check(announced), clock=lambda: next(ticks))

    def messages(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [record.getMessage() for record in caplog.records if "Downloaded" in record.getMessage()]

    def test_a_line_comes_every_ten_seconds_with_bytes_percent_and_rate(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        self.run(tmp_path / "x.csv", 4 * MIB, [0, 5, 10, 19.9, 22])
        assert self.messages(caplog) == [
            f"Downloaded 2097152 of 4194304 bytes (50 %) for {tmp_path}/x.csv, 0.2 MiB/s",
            f"Downloaded 4194304 of 4194304 bytes (100 %) for {tmp_path}/x.csv, 0.2 MiB/s",
        ]

    def test_without_a_length_there_is_no_percentage(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self.run(tmp_path / "x.csv", None, [0, 1, 2, 3, 14])
        assert self.messages(caplog) == [f"Downloaded 4194304 bytes for {tmp_path}/x.csv, 0.3 MiB/s"]


def test_importing_the_module_loads_no_airflow() -> None:
    module = "airflow_provider_yeastar.files.storage"
    code = f"import sys, {module}; sys.exit('airflow' in sys.modules or 'fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
