"""What is no whole file, or cannot be put in place on a disk: nothing is left behind, and the old file stays."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from io import FileIO
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_yeastar.exceptions import DestinationError, EmptyReportError
from airflow_provider_yeastar.files.storage import exists, prepare, receive
from airflow_provider_yeastar.pbx.errors import BadFileError
from tests.files.stores import URL
from tests.files.support import CHUNKS, NEW, OLD, broken_off, names, new_check, refuse, store


class TestLocalRefusals:
    @pytest.mark.parametrize(
        ("chunks", "accept", "expected"),
        [
            pytest.param(
                lambda: broken_off(ConnectionResetError("reset")), None, ConnectionResetError, id="broken stream"
            ),
            pytest.param(lambda: broken_off(KeyboardInterrupt()), None, KeyboardInterrupt, id="interrupt"),
            pytest.param(lambda: broken_off(SystemExit(1)), None, SystemExit, id="exit"),
            pytest.param(lambda: [b"<html>", b"</html>"], None, BadFileError, id="another body"),
            pytest.param(lambda: CHUNKS[:-1], None, BadFileError, id="too few bytes"),
            pytest.param(lambda: [*CHUNKS, b"more"], None, BadFileError, id="too many bytes"),
            pytest.param(list, None, BadFileError, id="no bytes"),
            pytest.param(lambda: CHUNKS, refuse, EmptyReportError, id="refused by accept"),
        ],
    )
    @pytest.mark.parametrize("before", [pytest.param(None, id="no file before"), pytest.param(OLD, id="a file before")])
    def test_nothing_is_left_behind_and_the_old_file_stays(
        self,
        tmp_path: Path,
        before: bytes | None,
        chunks: Callable[[], Iterable[bytes]],
        accept: Callable[[Path], None] | None,
        expected: type[BaseException],
    ) -> None:
        target = tmp_path / "x.csv"
        if before is not None:
            target.write_bytes(before)
        with pytest.raises(expected):
            store(chunks(), str(target), new_check(len(NEW)), accept=accept)
        assert names(tmp_path) == ([] if before is None else ["x.csv"])
        assert before is None or target.read_bytes() == before

    def test_a_disk_that_takes_no_more_is_a_clear_error(self, tmp_path: Path, limited_file_size: None) -> None:
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: File too large"):
            store((b"a" * 8192 for _ in range(100)), str(tmp_path / "x.csv"), new_check())
        assert names(tmp_path) == []

    def test_a_full_disk_has_its_own_remedy(self, tmp_path: Path, small_disk: Path) -> None:
        with pytest.raises(DestinationError, match=r"No space left on device\. Free space"):
            store((b"a" * 65_536 for _ in range(100)), str(small_disk / "x.csv"), new_check())
        assert names(small_disk) == []

    @pytest.mark.parametrize("step", [prepare, lambda path: store(CHUNKS, path, new_check())], ids=["prepare", "store"])
    class TestDestinations:
        def test_a_directory_is_no_file(self, tmp_path: Path, step: Callable[[str], object]) -> None:
            with pytest.raises(DestinationError, match=r'Is a directory. End `destination` with "/"'):
                step(str(tmp_path))
            assert names(tmp_path) == []

        def test_a_file_is_no_directory(self, tmp_path: Path, step: Callable[[str], object]) -> None:
            (tmp_path / "file").write_bytes(OLD)
            with pytest.raises(DestinationError, match=r"Not a directory\. Choose a destination"):
                step(str(tmp_path / "file" / "x.csv"))
            assert names(tmp_path) == ["file"]

        def test_a_pipe_is_no_file(self, tmp_path: Path, step: Callable[[str], object]) -> None:
            os.mkfifo(tmp_path / "x.csv")
            with pytest.raises(DestinationError, match="device, socket or pipe"):
                step(str(tmp_path / "x.csv"))

        def test_a_directory_without_permission_is_a_clear_error(
            self, closed_directory: Path, step: Callable[[str], object]
        ) -> None:
            with pytest.raises(DestinationError, match=r"Permission denied\. Let the worker's user write there\."):
                step(str(closed_directory / "x.csv"))
            assert names(closed_directory) == []

    def test_prepare_leaves_no_trace(self, tmp_path: Path) -> None:
        prepare(str(tmp_path / "a" / "b" / "x.csv"))
        assert names(tmp_path) == []

    def test_only_a_file_exists(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_bytes(OLD)
        assert exists(str(tmp_path / "x.csv"))
        assert not exists(str(tmp_path))
        assert not exists(str(tmp_path / "y.csv"))

    def test_a_file_system_that_tells_at_the_close_is_believed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A network file system tells there that what was written is over the quota."""
        monkeypatch.setattr(Path, "open", lambda path, mode, buffering: LateFile(path, mode))

        with pytest.raises(DestinationError, match=r"x.csv cannot be written: Disk quota exceeded"):
            store(CHUNKS, str(tmp_path / "x.csv"), new_check(len(NEW)))
        with pytest.raises(ConnectionResetError):
            store(broken_off(ConnectionResetError("reset")), str(tmp_path / "x.csv"), new_check(len(NEW)))

        assert names(tmp_path) == []


class LateFile(FileIO):
    def close(self) -> None:
        was_open = not self.closed
        super().close()
        if was_open:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


class TestTemporaryFiles:
    """What goes into an object store lies in a temporary file first."""

    @pytest.mark.parametrize("step", [prepare, lambda url: store(CHUNKS, url, new_check())], ids=["prepare", "store"])
    def test_without_a_directory_for_them_it_says_so(
        self, memory: MemoryFileSystem, no_temporary_directory: None, step: Callable[[str], object]
    ) -> None:
        with pytest.raises(DestinationError, match=r"for memory://.*No usable temporary directory found in .* TMPDIR"):
            step(URL)

    @pytest.mark.parametrize("step", [prepare, lambda url: store(CHUNKS, url, new_check())], ids=["prepare", "store"])
    def test_a_directory_that_cannot_be_written_is_named(
        self,
        memory: MemoryFileSystem,
        closed_directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        step: Callable[[str], object],
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(closed_directory))

        with pytest.raises(DestinationError, match=rf"A temporary file in {closed_directory} .*denied\. .* TMPDIR"):
            step(URL)

    def test_one_that_a_clean_up_removed_cannot_be_read(self, memory: MemoryFileSystem) -> None:
        with receive(CHUNKS, URL, new_check()) as received:
            received.temporary.unlink()
            with pytest.raises(DestinationError, match=r"temporary file in .* cannot be read: No such file"):
                received.opened().__enter__()


@pytest.fixture
def closed_directory() -> Iterator[Path]:
    """A directory in which this process may look but not write; root may write everywhere, so it becomes nobody."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o555)
        us = os.geteuid()
        if us == 0:
            os.seteuid(65534)
        try:
            yield directory
        finally:
            os.seteuid(us)
            directory.chmod(0o755)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
