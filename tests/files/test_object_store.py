"""Files in object stores, whole or not at all: fsspec's memory store."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_yeastar.exceptions import DestinationError, EmptyReportError
from airflow_provider_yeastar.files.inventory import facts_of, sizes_in
from airflow_provider_yeastar.files.kept_rows import KeptRows
from airflow_provider_yeastar.files.paths import temporary_name
from airflow_provider_yeastar.files.storage import exists, prepare
from airflow_provider_yeastar.pbx.errors import BadFileError
from airflow_provider_yeastar.pbx.files.body import FileFacts
from tests.files.stores import URL, BreakingFileSystem
from tests.files.support import CHUNKS, NEW, OLD, broken_off, names, new_check, refuse, store, stored


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

    @pytest.mark.parametrize("folder", ["day*", "a?b", "[2026]", "[a", "{a}", "x y#1", "**"])
    def test_signs_of_a_pattern_are_part_of_a_name(self, memory: MemoryFileSystem, folder: str) -> None:
        memory.pipe("/bucket/day1/a.csv", OLD)
        memory.pipe("/bucket/axb/a.csv", OLD)
        url = f"memory://lake@bucket/{folder}/x.csv"

        prepare(url)
        store(CHUNKS, url, new_check())

        assert exists(url)
        assert memory.cat_file(f"/bucket/{folder}/x.csv") == NEW
        assert len(memory.find("/")) == 3

    def test_a_file_that_arrives_elsewhere_is_no_success(
        self, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As where somebody made a folder of that name meanwhile: the file is moved into it."""
        move = memory.mv
        monkeypatch.setattr(memory, "mv", lambda source, target: move(source, f"{target}/{source.rpartition('/')[2]}"))

        with pytest.raises(DestinationError, match=r"x\.csv cannot be written|after the file was moved there"):
            store(CHUNKS, URL, new_check())

        assert not exists(URL)

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
