"""Files at their destination, whole or not at all: real files, fsspec's memory store, S3 as moto's server speaks it."""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_yeastar.exceptions import DestinationError, EmptyReportError
from airflow_provider_yeastar.files.storage import StoredFile, exists, prepare, receive, resolve_path, sidecar_path
from airflow_provider_yeastar.pbx.errors import BadFileError
from airflow_provider_yeastar.pbx.files.body import FileCheck

OLD = b"Queue,Total\nold,1\n"
NEW = b"Queue,Total\nSupport<6401>,12\nSales<6402>,7\n"
CHUNKS = [NEW[:10], NEW[10:30], NEW[30:]]
MIB = 1024 * 1024


def new_check(announced: int | None = None) -> FileCheck:
    return FileCheck(
        "csv", announced_bytes=announced, max_bytes=None, pbx="pbx.example:8088", endpoint="/api/download/x.csv"
    )


def store(
    chunks: Iterable[bytes],
    path: str,
    check: FileCheck,
    *,
    accept: Callable[[Path], object] | None = None,
    metadata: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> StoredFile:
    """Receive a file, look at it and put it in place, as a task does."""
    with receive(chunks, path, check, clock=clock) as received:
        if accept is not None:
            accept(received.temporary)
        received.put_in_place(metadata)
    return received.stored


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def stored(path: str, content: bytes) -> StoredFile:
    return StoredFile(path=path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def broken_off(error: BaseException) -> Iterator[bytes]:
    yield CHUNKS[0]
    raise error


def refuse(path: Path) -> None:
    raise EmptyReportError(f"{path.stat().st_size} bytes and no row")


class TestResolvePath:
    @pytest.mark.parametrize(
        ("destination", "expected"),
        [
            pytest.param("/data/x.csv", "/data/x.csv", id="a file"),
            pytest.param("/data/", "/data/name.csv", id="a directory"),
            pytest.param("/data/a/../x.csv", "/data/x.csv", id="a path with dots"),
            pytest.param("file:///data/", "/data/name.csv", id="a file URL"),
            pytest.param("file://localhost/data/x.csv", "/data/x.csv", id="a file URL with localhost"),
            pytest.param("s3://conn@lake/pbx/", "s3://conn@lake/pbx/name.csv", id="a directory in a bucket"),
            pytest.param("s3://conn@lake/pbx/x.csv", "s3://conn@lake/pbx/x.csv", id="an object"),
            pytest.param("gs://lake/", "gs://lake/name.csv", id="a bucket's root"),
            pytest.param("s3://conn@lake/x@1.csv", "s3://conn@lake/x@1.csv", id="an object with an at sign"),
            pytest.param("s3://lake/me@home/", "s3://lake/me@home/name.csv", id="a directory with an at sign"),
        ],
    )
    def test_a_destination_gives_the_path_of_the_file(self, destination: str, expected: str) -> None:
        assert resolve_path(destination, "name.csv") == expected

    def test_a_relative_destination_becomes_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert resolve_path("out/", "name.csv") == f"{tmp_path}/out/name.csv"

    @pytest.mark.parametrize(
        ("destination", "words"),
        [
            pytest.param("", "empty", id="empty"),
            pytest.param("/data/x\0.csv", "NUL", id="NUL"),
            pytest.param("~/x.csv", "another directory for each worker", id="home"),
            pytest.param("~airflow/", "another directory for each worker", id="another's home"),
            pytest.param("file://data/x.csv", "lacks a slash", id="file URL with two slashes"),
            pytest.param("s3://conn@lake", "names a bucket but no file", id="bucket alone"),
            pytest.param("simplecache::s3://lake/x.csv", "no URL that ObjectStoragePath knows", id="chained URL"),
        ],
    )
    def test_what_names_no_file_is_refused(self, destination: str, words: str) -> None:
        with pytest.raises(DestinationError, match=words):
            resolve_path(destination, "name.csv")


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


# -- Object storage ----------------------------------------------------------------------------------------------------


class BreakingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A store that takes part of an upload, keeps it, and then fails: what several back-ends do."""

    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's own way of sharing
    pseudo_dirs = [""]  # noqa: RUF012
    error: BaseException = OSError("the store went away")

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes()[:10])
        raise self.error


def register(protocol: str, conn_id: str | None, fs: Any) -> None:
    try:
        store_module = importlib.import_module("airflow.sdk.io")
    except ImportError:  # Airflow 2
        store_module = importlib.import_module("airflow.io.store")
    store_module.attach(protocol, conn_id, fs=fs)


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to be looked at afterwards."""
    directory = tmp_path / "staging"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    return directory


@pytest.fixture
def memory(staging: Path) -> Iterator[MemoryFileSystem]:
    fs = MemoryFileSystem()
    fs.store.clear()
    register("memory", "lake", fs)
    register("memory", "breaking", BreakingFileSystem())
    BreakingFileSystem.store.clear()
    yield fs
    fs.store.clear()
    BreakingFileSystem.store.clear()


URL = "memory://lake@bucket/pbx/x.csv"


class TestObjectStore:
    def test_a_file_is_uploaded_whole_and_its_path_keeps_the_connection(
        self, memory: MemoryFileSystem, staging: Path
    ) -> None:
        assert not exists(URL)
        prepare(URL)
        assert store(CHUNKS, URL, new_check()) == stored(URL, NEW)
        assert memory.find("/") == ["/bucket/pbx/x.csv"]
        assert memory.cat("/bucket/pbx/x.csv") == NEW
        assert exists(URL)
        assert names(staging) == []

    def test_the_path_reads_back_through_airflow(self, memory: MemoryFileSystem) -> None:
        from airflow_provider_yeastar.compat import ObjectStoragePath

        assert ObjectStoragePath(store(CHUNKS, URL, new_check()).path).read_bytes() == NEW

    def test_an_old_object_is_replaced(self, memory: MemoryFileSystem) -> None:
        memory.pipe("/bucket/pbx/x.csv", OLD)
        store(CHUNKS, URL, new_check())
        assert memory.cat("/bucket/pbx/x.csv") == NEW

    def test_a_sidecar_is_an_object_beside_it(self, memory: MemoryFileSystem, staging: Path) -> None:
        store(CHUNKS, URL, new_check(), metadata="{}")
        assert memory.find("/") == ["/bucket/pbx/x.csv", "/bucket/pbx/x.csv.report.json"]
        assert memory.cat("/bucket/pbx/x.csv.report.json") == b"{}"
        assert names(staging) == []

    @pytest.mark.parametrize(
        ("before", "after"), [(None, []), (OLD, ["/bucket/pbx/x.csv"])], ids=["no file before", "a file before"]
    )
    def test_a_sidecar_that_is_refused_takes_a_new_file_with_it(
        self,
        memory: MemoryFileSystem,
        staging: Path,
        monkeypatch: pytest.MonkeyPatch,
        before: bytes | None,
        after: list[str],
    ) -> None:
        """Else a re-run with `overwrite=False` would find the file, and there would never be a sidecar."""
        if before is not None:
            memory.pipe("/bucket/pbx/x.csv", before)
        move = memory.mv

        def refusing(source: str, target: str) -> None:
            if target.endswith(".report.json"):
                raise OSError("no room")
            move(source, target)

        monkeypatch.setattr(memory, "mv", refusing)

        with pytest.raises(DestinationError, match=r"x\.csv\.report\.json cannot be written: no room"):
            store(CHUNKS, URL, new_check(), metadata="{}")

        assert memory.find("/") == after
        assert before is None or memory.cat("/bucket/pbx/x.csv") == NEW
        assert names(staging) == []

    def test_a_directory_of_objects_is_no_file(self, memory: MemoryFileSystem) -> None:
        memory.pipe("/bucket/pbx/x.csv", OLD)
        assert not exists("memory://lake@bucket/pbx")

    @pytest.mark.parametrize(
        ("chunks", "accept", "expected"),
        [
            pytest.param(lambda: broken_off(KeyboardInterrupt()), None, KeyboardInterrupt, id="interrupt"),
            pytest.param(lambda: [b"<html>"], None, BadFileError, id="another body"),
            pytest.param(lambda: CHUNKS, refuse, EmptyReportError, id="refused by accept"),
        ],
    )
    def test_what_is_not_verified_is_not_uploaded(
        self,
        memory: MemoryFileSystem,
        staging: Path,
        chunks: Callable[[], Iterable[bytes]],
        accept: Callable[[Path], None] | None,
        expected: type[BaseException],
    ) -> None:
        memory.pipe("/bucket/pbx/x.csv", OLD)
        with pytest.raises(expected):
            store(chunks(), URL, new_check(), accept=accept)
        assert memory.find("/") == ["/bucket/pbx/x.csv"]
        assert memory.cat("/bucket/pbx/x.csv") == OLD
        assert names(staging) == []

    @pytest.mark.parametrize("before", [pytest.param(None, id="no file before"), pytest.param(OLD, id="a file before")])
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            pytest.param(OSError("the store went away"), DestinationError, id="error"),
            pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="interrupt"),
        ],
    )
    def test_an_upload_broken_half_way_leaves_what_was_there(
        self,
        memory: MemoryFileSystem,
        staging: Path,
        monkeypatch: pytest.MonkeyPatch,
        before: bytes | None,
        error: BaseException,
        expected: type[BaseException],
    ) -> None:
        fs = BreakingFileSystem()
        monkeypatch.setattr(BreakingFileSystem, "error", error)
        if before is not None:
            fs.pipe("/bucket/x.csv", before)
        with pytest.raises(expected) as caught:
            store(CHUNKS, "memory://breaking@bucket/x.csv", new_check())
        assert fs.find("/") == ([] if before is None else ["/bucket/x.csv"])
        assert before is None or fs.cat("/bucket/x.csv") == before
        assert names(staging) == []
        if expected is DestinationError:
            assert str(caught.value).startswith(
                "memory://breaking@bucket/x.csv cannot be written: the store went away. "
            )

    def test_a_full_staging_disk_is_named(
        self, memory: MemoryFileSystem, staging: Path, limited_file_size: None
    ) -> None:
        with pytest.raises(DestinationError, match=rf"A temporary file in {staging} for {URL} cannot be written"):
            store((b"a" * 8192 for _ in range(100)), URL, new_check())
        assert names(staging) == []
        assert memory.find("/") == []

    def test_an_unknown_scheme_is_refused_early(self) -> None:
        with pytest.raises(DestinationError, match=r"nosuch://bucket/x.csv cannot be used: .*nosuch"):
            prepare("nosuch://bucket/x.csv")


class RefusingGate:
    """In front of a WSGI application: answers 403 to the second part of every multipart upload when closed."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application
        self.closed = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.closed and "partNumber=2" in environ.get("QUERY_STRING", ""):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        return self.application(environ, start_response)


@contextmanager
def s3_server() -> Iterator[tuple[str, RefusingGate]]:
    moto_server = pytest.importorskip("moto.server")
    serving = pytest.importorskip("werkzeug.serving")
    gate = RefusingGate(moto_server.DomainDispatcherApplication(moto_server.create_backend_app))
    server = serving.make_server("127.0.0.1", 0, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", gate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[tuple[str, RefusingGate]]:
    pytest.importorskip("s3fs")
    pytest.importorskip("airflow.providers.amazon")
    with s3_server() as endpoint:
        yield endpoint


class Bucket:
    """A fresh bucket, looked at with AWS's own client."""

    def __init__(self, url: str, gate: RefusingGate, connection: str) -> None:
        boto3 = pytest.importorskip("boto3")
        self.gate = gate
        self.name = f"lake-{uuid.uuid4().hex}"
        self.connection = connection
        self.client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.client.create_bucket(Bucket=self.name)

    def url(self, key: str) -> str:
        return f"s3://{self.connection}@{self.name}/{key}"

    def objects(self) -> dict[str, bytes]:
        listing = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {
            entry["Key"]: self.client.get_object(Bucket=self.name, Key=entry["Key"])["Body"].read() for entry in listing
        }

    def unfinished_uploads(self) -> list[Any]:
        return list(self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", []))


@pytest.fixture
def bucket(s3_endpoint: tuple[str, RefusingGate], staging: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    url, gate = s3_endpoint
    connection = f"lake{uuid.uuid4().hex}"  # Airflow remembers file systems by connection
    monkeypatch.setenv(
        f"AIRFLOW_CONN_{connection.upper()}",
        '{"conn_type": "aws", "login": "test", "password": "test",'
        f' "extra": {{"endpoint_url": "{url}", "region_name": "us-east-1"}}}}',
    )
    gate.closed = False
    yield Bucket(url, gate, connection)
    gate.closed = False


LARGE = b"Queue,Total\n" + b"Support<6401>,12\n" * (12 * MIB // 17)


class TestS3:
    def test_a_small_and_a_large_file_arrive_whole(self, bucket: Bucket, staging: Path) -> None:
        for key, content in (("pbx/small.csv", NEW), ("pbx/large.csv", LARGE)):
            prepare(bucket.url(key))
            assert not exists(bucket.url(key))
            assert store([content], bucket.url(key), new_check(len(content))) == stored(bucket.url(key), content)
            assert exists(bucket.url(key))
        assert bucket.objects() == {"pbx/small.csv": NEW, "pbx/large.csv": LARGE}
        assert not exists(bucket.url("pbx"))
        assert names(staging) == []

    def test_a_sidecar_is_an_object_beside_it(self, bucket: Bucket, staging: Path) -> None:
        store(CHUNKS, bucket.url("x.csv"), new_check(), metadata="{}")
        assert bucket.objects() == {"x.csv": NEW, "x.csv.report.json": b"{}"}
        assert names(staging) == []

    def test_the_path_is_the_one_that_airflow_writes(self, bucket: Bucket) -> None:
        from airflow_provider_yeastar.compat import ObjectStoragePath

        stored_file = store(CHUNKS, bucket.url("pbx/x.csv"), new_check())
        assert str(ObjectStoragePath(stored_file.path)) == stored_file.path

    def test_an_upload_refused_half_way_leaves_the_old_object_and_no_parts(self, bucket: Bucket, staging: Path) -> None:
        store([OLD], bucket.url("x.csv"), new_check())
        bucket.gate.closed = True
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: Access Denied"):
            store([LARGE], bucket.url("x.csv"), new_check())
        assert bucket.objects() == {"x.csv": OLD}
        assert bucket.unfinished_uploads() == []
        assert names(staging) == []

    def test_a_missing_bucket_is_a_clear_error(self, bucket: Bucket) -> None:
        path = f"s3://{bucket.connection}@no-such-bucket/x.csv"
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: The specified bucket does not exist"):
            store(CHUNKS, path, new_check())
