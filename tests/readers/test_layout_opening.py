"""The file of a CSV report: where it is read from, and in which encoding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_yeastar.compat import ObjectStoragePath
from airflow_provider_yeastar.pbx.errors import BadFileError, Reaction
from airflow_provider_yeastar.readers import ReportLayoutError, parse_report, read_report
from tests.readers.support import PLAIN, cells


def test_a_local_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(PLAIN, encoding="utf-8")
    table = read_report(str(path))
    assert table.header == ("Queue", "Total", "Answered")
    assert cells(table) == [("Sales<6400>", "5", "3"), ("Support<6401>", "6", "6")]
    assert table.totals is None


def test_a_url_is_read_through_object_storage(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(PLAIN, encoding="utf-8")
    assert read_report(f"file://{path}") == read_report(str(path))
    assert read_report(ObjectStoragePath(f"file://{path}")) == read_report(path) == read_report(str(path))


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(PLAIN, encoding="utf-8-sig")
    assert read_report(str(path)).header[0] == "Queue"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_read_by_its_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(("\ufeff" * (encoding != "utf-16") + PLAIN).encode(encoding))
    assert read_report(str(path)) == parse_report(PLAIN)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReportLayoutError, match=r"report\.csv is no UTF-16 text"):
        read_report(str(path))


def test_what_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes("Größe,Zahl,Rest\n".encode("latin-1"))
    with pytest.raises(ReportLayoutError, match=r"report\.csv is no UTF-8 text, from byte 2"):
        read_report(str(path))


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_report(str(tmp_path / "none.csv"))


def test_an_unknown_layout_is_an_error_that_names_the_file_and_shows_the_row(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("1,2,3\n4,5,6\n", encoding="utf-8")
    with pytest.raises(BadFileError, match=r"report\.csv .* line 1: \['1', '2', '3'\]") as caught:
        read_report(str(path))
    assert caught.value.reaction is Reaction.GIVE_UP


def test_reading_a_local_file_needs_no_airflow() -> None:
    code = (
        "import sys; from airflow_provider_yeastar.readers import read_report; sys.exit('airflow.sdk' in sys.modules "
        "or 'airflow.models' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
