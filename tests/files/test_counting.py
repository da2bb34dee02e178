"""How many rows a stored file holds."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import pytest

from airflow_provider_yeastar.files.counting import earlier_rows, rows_of

CSV = b"Queue,Total,Answered\nSupport,1,1\nSales,2,2\n"
RECORD = {"report_type": "queueperformance", "start_time": "2026-11-20T00:00:00", "format": "csv"}


@pytest.mark.parametrize(
    ("file_format", "content", "rows"),
    [
        ("csv", CSV, 2),
        ("html", b"<table><tr><th>Queue</th><th>Total</th></tr><tr><td>Sales</td><td>2</td></tr></table>", 1),
        ("ndjson", b'{"a":1}\n{"a":2}\n{"a":3}\n', 3),
        ("ndjson", b"", 0),
        ("pdf", b"%PDF-", None),
        ("xls", b"PK", None),
    ],
)
def test_rows_are_counted_where_the_format_tells(file_format: str, content: bytes, rows: int | None) -> None:
    assert rows_of(BytesIO(content), file_format) == rows


def test_rows_of_parquet_are_counted(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": [1, 2, 3]}), tmp_path / "x")

    with (tmp_path / "x").open("rb") as opened:
        assert rows_of(opened, "parquet") == 3
    assert earlier_rows(str(tmp_path / "x"), "parquet", RECORD) == 3


def test_where_there_is_no_file_there_are_no_rows(tmp_path: Path) -> None:
    assert earlier_rows(str(tmp_path / "x.csv"), "csv", RECORD) is None


def test_a_file_that_cannot_be_read_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x").write_bytes(b"no parquet")
    assert earlier_rows(str(tmp_path / "x"), "parquet", RECORD) is None
    assert "cannot be counted" in caplog.text


@pytest.mark.parametrize(
    ("sidecar", "rows"),
    [
        (RECORD, 2),
        ({}, 2),
        (RECORD | {"start_time": "2026-11-19T00:00:00"}, None),
        (RECORD | {"report_type": "ivr"}, None),
        (["no", "mapping"], 2),
    ],
)
def test_another_day_s_file_is_no_measure(tmp_path: Path, sidecar: object, rows: int | None) -> None:
    (tmp_path / "x.csv").write_bytes(CSV)
    told = sidecar | {"sha256": hashlib.sha256(CSV).hexdigest()} if isinstance(sidecar, dict) else sidecar
    (tmp_path / "x.csv.report.json").write_text(json.dumps(told))

    assert earlier_rows(str(tmp_path / "x.csv"), "csv", RECORD) == rows


def test_a_sidecar_of_another_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(CSV)
    (tmp_path / "x.csv.report.json").write_text(json.dumps(RECORD | {"report_type": "ivr", "sha256": "0"}))

    assert earlier_rows(str(tmp_path / "x.csv"), "csv", RECORD) == 2
