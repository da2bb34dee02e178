"""The manifest of recordings: its lines, and what `protect` hides in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.schemas.recordings import RECORDING_SCHEMA, Listing, Manifest, hiding_file
from airflow_provider_yeastar.schemas.schema import SchemaRows

ROW = {"id": 12, "uid": "u", "time": "2026/11/20 10:00:00", "size": 804, "file": "a.wav", "call_from": "Alice<1000>"}


@dataclass(frozen=True)
class File:
    path: str = "/data/a.wav"
    bytes: int = 804
    sha256: str = "ab"


def lines(*rows: dict[str, Any], **stored: File) -> list[dict[str, Any]]:
    listing = Listing(rows, DisplayFormat("YYYY/MM/DD", "hh:mm:ss"), "pbx:8088")
    return list(SchemaRows(Manifest(listing, stored, ZoneInfo("Europe/Berlin")), RECORDING_SCHEMA))


def test_a_line_tells_what_the_pbx_said_and_where_the_file_is() -> None:
    (line,) = lines(ROW, **{"12": File()})

    assert list(line) == [column.key for column in RECORDING_SCHEMA.columns]
    assert line == dict.fromkeys(line) | ROW | {
        "id": "12",
        "timestamp": 1795165200,
        "path": "/data/a.wav",
        "bytes": 804,
        "sha256": "ab",
    }


def test_a_recording_without_a_file_has_a_line() -> None:
    (line,) = lines(ROW | {"size": 0})

    assert (line["id"], line["path"], line["bytes"], line["sha256"]) == ("12", None, 0, None)


def test_what_the_pbx_calls_path_is_not_ours() -> None:
    (line,) = lines(ROW | {"path": "/etc/passwd", "sha256": "x", "bytes": 3, "timestamp": 5, "size": 0})

    assert (line["path"], line["sha256"], line["bytes"], line["timestamp"]) == (None, None, 0, 5)


@pytest.mark.parametrize(
    ("protect", "expected"),
    [
        (None, {}),
        ({"uid": "hmac"}, {"uid": "hmac"}),
        ({"call_from": "mask"}, {"file": "drop", "call_from": "mask"}),
        ({"call_to_name": "drop"}, {"file": "drop", "call_to_name": "drop"}),
        ({"call_to": "mask", "file": "hmac"}, {"call_to": "mask", "file": "hmac"}),
    ],
)
def test_a_hidden_number_is_hidden_in_the_pbx_s_name_of_the_file_too(
    protect: dict[str, str] | None, expected: dict[str, str]
) -> None:
    assert hiding_file(protect) == expected


def test_the_name_in_a_call_is_hidden_alike() -> None:
    assert hiding_file({"call_to": "hmac"}, "record_file") == {"record_file": "drop", "call_to": "hmac"}
