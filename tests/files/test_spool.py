"""Rows in a temporary file."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.exceptions import DestinationError, TaskKilledError
from airflow_provider_yeastar.files.spool import Spool

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5), max_size=5))
def test_rows_come_back_as_they_went_in_as_often_as_they_are_read(batches: list[list[dict[str, Any]]]) -> None:
    with Spool() as spool:
        for batch in batches:
            spool.extend(batch)
        rows = [row for batch in batches for row in batch]

        assert list(spool) == rows
        assert list(spool) == rows
        assert spool.count == len(rows)
        assert list(spool.keys) == list(dict.fromkeys(key for row in rows for key in row))


def test_rows_may_be_added_after_they_were_read() -> None:
    with Spool() as spool:
        spool.extend([{"a": 1}])
        assert len(list(spool)) == 1
        spool.extend([{"a": 2}])

        assert list(spool) == [{"a": 1}, {"a": 2}]


def test_rows_that_are_forgotten_do_not_come_back() -> None:
    with Spool() as spool:
        spool.extend([{"a": 1, "b": 2}, {"a": 3}])
        spool.clear()
        spool.extend([{"c": 4}])

        assert list(spool) == [{"c": 4}]
        assert (spool.count, list(spool.keys)) == (1, ["c"])


def test_a_killed_task_goes_over_no_more_rows() -> None:
    killed = False
    with Spool(lambda: killed) as spool:
        spool.extend({"a": number} for number in range(5_000))
        rows = iter(spool)
        next(rows)
        killed = True

        with pytest.raises(TaskKilledError):
            list(rows)


def test_a_disk_that_is_full_is_one_sentence(limited_file_size: None) -> None:
    rows = [{"text": f"{number:0100000}"} for number in range(100)]

    with Spool() as spool, pytest.raises(DestinationError, match="temporary file in"):
        spool.extend(rows)


class FullDisk(tempfile.SpooledTemporaryFile[bytes]):
    """Takes what does not fit on the disk, as a buffer does: only what writes the buffer fails."""

    def seek(self, *args: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        super().close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("use", [list, Spool.clear])
def test_a_disk_that_turns_out_to_be_full_later_is_one_as_well(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[Spool], object]
) -> None:
    monkeypatch.setattr("tempfile.SpooledTemporaryFile", FullDisk)

    with Spool() as spool:
        spool.extend([{"a": 1}])
        with pytest.raises(DestinationError, match=r"temporary file in .* cannot be written: No space left on device"):
            use(spool)


def test_without_a_directory_for_temporary_files_it_says_so(no_temporary_directory: None) -> None:
    with Spool() as spool, pytest.raises(DestinationError, match=r"No usable temporary directory found in .* TMPDIR"):
        spool.extend([{"text": "a" * 2_000_000}])


def test_a_directory_that_was_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))

    with (
        Spool() as spool,
        pytest.raises(DestinationError, match=r"temporary file in .*/gone cannot be written: No such"),
    ):
        spool.extend([{"text": "a" * 2_000_000}])
