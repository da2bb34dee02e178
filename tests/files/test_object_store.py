"""Files in object stores, whole or not at all: fsspec's memory store, S3 as moto's server speaks it."""

from __future__ import annotations

import importlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_yeastar.exceptions import DestinationError, EmptyReportError
from airflow_provider_yeastar.files.inventory import facts_of, sizes_in
from airflow_provider_yeastar.files.kept_rows import KeptRows
from airflow_provider_yeastar.files.paths import temporary_name
from airflow_provider_yeastar.files.storage import exists, open_stored, prepare, remove
from airflow_provider_yeastar.pbx.errors import BadFileError
from airflow_provider_yeastar.pbx.files.body import FileFacts
from tests.files.support import CHUNKS, MIB, NEW, OLD, broken_off, names, new_check, refuse, store, stored


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

    def test_a_folder_s_files_are_told_by_size(self, memory: MemoryFileSystem) -> None:
        memory.pipe({"/bucket/pbx/a.wav": b"12", "/bucket/pbx/b.wav": b"", "/bucket/pbx/deeper/c.wav": b"1"})

        assert sizes_in("memory://lake@bucket/pbx") == {"a.wav": 2, "b.wav": 0}
        assert sizes_in("memory://lake@bucket/elsewhere") == {}

    def test_a_folder_that_cannot_be_listed_is_told(
        self, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse_to_list(*_: Any, **__: Any) -> None:
            raise PermissionError("no ListBucket")

        monkeypatch.setattr(MemoryFileSystem, "ls", refuse_to_list)

        with pytest.raises(DestinationError, match="cannot be listed: no ListBucket"):
            sizes_in("memory://lake@bucket/pbx")

    def test_the_path_reads_back_through_airflow(self, memory: MemoryFileSystem) -> None:
        from airflow_provider_yeastar.compat import ObjectStoragePath

        assert ObjectStoragePath(store(CHUNKS, URL, new_check()).path).read_bytes() == NEW

    def test_a_stored_file_is_hashed_where_it_is(self, memory: MemoryFileSystem) -> None:
        file = store(CHUNKS, URL, new_check())

        assert facts_of(URL) == FileFacts(file.bytes, file.sha256)

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
    """In front of a WSGI application: answers 403 to the second part of an upload, or to all but reading."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application
        self.closed = False
        self.read_only = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_refused = self.read_only and environ["REQUEST_METHOD"] != "GET"
        if is_refused or (self.closed and "partNumber=2" in environ.get("QUERY_STRING", "")):
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
    yield Bucket(url, gate, connection)
    gate.closed = gate.read_only = False


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


class TestProbe:
    """Before the PBX is asked: what would fail an upload is found, and nothing is left behind."""

    def test_it_leaves_no_trace(self, bucket: Bucket) -> None:
        prepare(bucket.url("pbx/x.csv"))
        assert bucket.objects() == {}
        assert bucket.unfinished_uploads() == []

    def test_a_missing_bucket_is_found(self, bucket: Bucket) -> None:
        with pytest.raises(DestinationError, match=r"cannot be written: The specified bucket does not exist"):
            prepare(f"s3://{bucket.connection}@no-such-bucket/x.csv")

    def test_that_nothing_may_be_written_is_found(self, bucket: Bucket) -> None:
        bucket.gate.read_only = True
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: Access Denied"):
            prepare(bucket.url("x.csv"))

    def test_a_connection_that_does_not_exist_is_refused(self, bucket: Bucket) -> None:
        """S3's file system would take the machine's own credentials, at the real cloud."""
        with pytest.raises(DestinationError, match=r"names the Airflow connection 'nolake', which cannot be found"):
            prepare("s3://nolake@bucket/x.csv")

    def test_a_dead_endpoint_is_found(self, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("s3fs")
        pytest.importorskip("airflow.providers.amazon")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # and nobody listens
            extra = {"endpoint_url": f"http://127.0.0.1:{closed.getsockname()[1]}", "region_name": "us-east-1"}
            extra |= {"config_kwargs": {"retries": {"max_attempts": 1}}}  # type: ignore[dict-item]
            connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
            monkeypatch.setenv("AIRFLOW_CONN_DEADLAKE", json.dumps(connection))
            with pytest.raises(DestinationError, match=r"x.csv cannot be written: .*(connect|Connect)"):
                prepare("s3://deadlake@bucket/x.csv")

    @pytest.mark.parametrize("days", [0, 2])
    def test_an_upload_that_a_killed_task_left_is_abandoned_after_a_day(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, days: int
    ) -> None:
        for key in ("x.csv", "x.csv.report.json", "x.csv.other", "y/x.csv"):
            bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)
        # Of the store's clock: moto's stands still.
        now = bucket.unfinished_uploads()[0]["Initiated"].timestamp() + days * 86_400 + 1
        monkeypatch.setattr("airflow_provider_yeastar.files.object_store.time.time", lambda: now)

        prepare(bucket.url("x.csv"))

        left = {"x.csv.other", "y/x.csv"} if days else {"x.csv", "x.csv.report.json", "x.csv.other", "y/x.csv"}
        assert {upload["Key"] for upload in bucket.unfinished_uploads()} == left

    def test_other_file_systems_have_to_take_an_empty_file(self, memory: MemoryFileSystem) -> None:
        prepare(URL)
        assert memory.find("/") == []

    def test_one_that_takes_none_is_found(self, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse_all(path: str, value: bytes, **kwargs: Any) -> None:
            raise PermissionError("read-only")

        monkeypatch.setattr(memory, "pipe_file", refuse_all)
        with pytest.raises(DestinationError, match=r"x.csv cannot be written: read-only"):
            prepare(URL)

    def test_one_that_removes_none_is_taken_with_a_warning(
        self, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse_all(path: str) -> None:
            raise PermissionError("append-only")

        monkeypatch.setattr(memory, "rm_file", refuse_all)
        prepare(URL)
        assert "could not be removed: PermissionError" in caplog.text

    @pytest.mark.parametrize("days", [0, 2])
    def test_temporary_files_that_a_killed_task_left_are_removed_after_a_day(
        self, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, days: int
    ) -> None:
        ours, others = f"/bucket/pbx/{temporary_name()}", ["/bucket/pbx/.yeastar-notes.part", "/bucket/pbx/y.csv"]
        for path in (ours, *others):
            memory.pipe(path, OLD)
        now = time.time() + days * 86_400
        monkeypatch.setattr("airflow_provider_yeastar.files.object_store.time.time", lambda: now)

        prepare(URL)

        assert set(memory.find("/")) == {*others, *([] if days else [ours])}


def test_a_file_can_be_read_and_removed(bucket: Bucket) -> None:
    store(CHUNKS, bucket.url("x.csv"), new_check())
    with open_stored(bucket.url("x.csv")) as file:
        assert file.read() == NEW
    for _ in range(2):
        remove(bucket.url("x.csv"))
    assert bucket.objects() == {}


@pytest.mark.parametrize(("hours", "is_left"), [(23, True), (25, False)])
def test_the_directory_of_a_killed_upload_is_removed_after_a_day(
    memory: MemoryFileSystem, staging: Path, hours: float, is_left: bool
) -> None:
    left = staging / "yeastar-abcdefgh"
    left.mkdir()
    (left / temporary_name()).write_bytes(OLD)
    (staging / "other").mkdir()
    moment = time.time() - hours * 3600
    for path in (*left.iterdir(), left, staging / "other"):
        os.utime(path, (moment, moment))

    store(CHUNKS, URL, new_check())

    assert names(staging) == ["other", *(["yeastar-abcdefgh"] if is_left else [])]


def test_rows_are_kept_where_their_destination_is(memory: MemoryFileSystem) -> None:
    kept = KeptRows(URL)
    kept.keep([{"uid": "1"}])

    assert memory.ls("/bucket/pbx", detail=False) == ["/bucket/pbx/.x.csv.kept"]
    assert list(KeptRows(URL)) == [{"uid": "1"}]
    kept.remove()
    assert list(kept) == []
