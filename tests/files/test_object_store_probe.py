"""The look at an object store before the PBX is asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_yeastar.exceptions import DestinationError, InvalidDestinationError
from airflow_provider_yeastar.files.paths import temporary_name
from airflow_provider_yeastar.files.storage import exists, prepare, remove, require_store
from tests.files.stores import URL, Bucket
from tests.files.support import CHUNKS, OLD, new_check, store
from tests.ports import reserved_port


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

    @pytest.mark.parametrize("verb", [require_store, prepare, exists, remove])
    @pytest.mark.parametrize("scheme", ["foo", "FOO", "memory"])
    def test_a_scheme_that_no_provider_serves_is_final(self, scheme: str, verb: Callable[[str], object]) -> None:
        with pytest.raises(InvalidDestinationError, match=rf"no provider serves the scheme {scheme.lower()}"):
            verb(f"{scheme}://nobody@bucket/x.csv")

    def test_a_provider_without_its_library_is_final(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "s3fs", None)
        with pytest.raises(InvalidDestinationError, match=r"x.csv cannot be used: .*s3fs"):
            prepare(bucket.url("x.csv"))

    def test_the_words_of_a_store_are_one_printable_line(
        self, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError("no\x1b[31m\nway" + 9_000 * "!")

        monkeypatch.setattr(memory, "pipe_file", refuse)
        with pytest.raises(DestinationError, match=r"cannot be written: no way!+") as caught:
            prepare(URL)
        assert len(str(caught.value)) < 1_000

    def test_a_connection_that_does_not_exist_is_refused(self, bucket: Bucket) -> None:
        """S3's file system would take the machine's own credentials, at the real cloud."""
        with pytest.raises(DestinationError, match=r"names the Airflow connection 'nolake', which cannot be found"):
            prepare("s3://nolake@bucket/x.csv")

    @pytest.mark.parametrize("verb", [exists, remove, lambda url: store(CHUNKS, url, new_check())])
    def test_nothing_at_all_is_done_without_it(self, bucket: Bucket, verb: Callable[[str], object]) -> None:
        """Neither is looked there for a file to keep, nor is one removed or replaced."""
        bucket.client.put_object(Bucket=bucket.name, Key="x.csv", Body=OLD)

        with pytest.raises(DestinationError, match=r"names the Airflow connection 'nolake', which cannot be found"):
            verb(f"s3://nolake@{bucket.name}/x.csv")

        assert bucket.objects() == {"x.csv": OLD}

    @pytest.mark.parametrize("key", ["a?versionId=3", "pbx/x.csv?versionId=null"])
    def test_a_key_that_the_store_would_read_otherwise_is_refused(self, bucket: Bucket, key: str) -> None:
        with pytest.raises(InvalidDestinationError, match=r"without what stands behind it"):
            prepare(bucket.url(key))

    @pytest.mark.parametrize("is_empty", [True, False])
    def test_a_folder_of_that_name_is_refused(self, memory: MemoryFileSystem, is_empty: bool) -> None:
        memory.makedirs("/bucket/pbx/x.csv")
        if not is_empty:
            memory.pipe("/bucket/pbx/x.csv/other", OLD)

        with pytest.raises(DestinationError, match=r"x\.csv is a folder\. End `destination` with"):
            prepare(URL)

    def test_a_dead_endpoint_is_found(self, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("s3fs")
        pytest.importorskip("airflow.providers.amazon")
        with reserved_port() as port:
            extra = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1"}
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
