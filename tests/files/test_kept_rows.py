"""Rows between two tries: found again, or as good as never kept."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from airflow_provider_yeastar.files.kept_rows import KeptRows

ROWS = [{"uid": "1", "note": "ä\n"}, {"uid": "2", "events": [{"a": None}]}]


def test_rows_are_found_again_by_another_object(tmp_path: Path) -> None:
    target = str(tmp_path / "legs.ndjson")
    KeptRows(target).keep(ROWS)

    assert list(KeptRows(target)) == ROWS
    assert [path.name for path in tmp_path.iterdir()] == [".legs.ndjson.kept"]


def test_rows_take_the_place_of_earlier_ones_and_can_be_removed(tmp_path: Path) -> None:
    kept = KeptRows(str(tmp_path / "legs.ndjson"))
    kept.keep(ROWS)
    kept.keep(ROWS[:1])
    assert list(kept) == ROWS[:1]

    kept.remove()
    kept.remove()

    assert list(kept) == []
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_as_good_as_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = KeptRows(str(tmp_path / "legs.ndjson"))
    (tmp_path / ".legs.ndjson.kept").write_bytes(b'{"uid": "1"}\n{"uid": "2\n')

    assert list(kept) == [{"uid": "1"}]
    assert "cannot be read (JSONDecodeError)" in caplog.text


def test_what_cannot_be_kept_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()

    KeptRows(str(tmp_path / "file" / "legs.ndjson")).keep(ROWS)

    assert "are not kept" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


def test_nothing_is_kept_without_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = KeptRows(None)
    kept.keep(ROWS)
    kept.remove()

    assert list(kept) == []
    assert list(tmp_path.iterdir()) == []
